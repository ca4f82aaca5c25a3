import { type Entry, type Operation, type Revision, type Store, isStoreError } from '@nodeless/store/store';
import { typeOf } from '@nodeless/store/keys';
import fc from 'fast-check';
import { expect } from 'vitest';
import type { StoreCases } from './store.ts';
import {
  type StoreHarness,
  type Watched,
  attributes,
  check,
  pages,
  put,
  remove,
  settle,
  shown,
  shownEvent,
  watch,
} from './store-harness.ts';

/** Few keys and triggers, so that operations meet; two types, so that nothing may compare across them. */
const keys = ['/pods/a/x', '/pods/a/y', '/pods/b/x', '/pods/b/z', '/nodes//x', '/nodes//y'];
const types = ['/pods/', '/nodes/'];
const ranges = ['/pods/', '/pods/a/', '/pods/b/', '/pods/a/x', '/nodes/', '/nodes//y'];
const triggers = [undefined, 'n1', 'n2'];

type Expectation = 'any' | 'absent' | 'current' | 'stale';

interface OperationStep {
  readonly key: string;
  readonly type: 'put' | 'delete' | 'check';
  readonly expected: Expectation;
  readonly trigger: string | undefined;
}

type Step =
  /** Commits that are all begun before the first is awaited. */
  | { readonly do: 'commit'; readonly commits: readonly (readonly OperationStep[])[] }
  | {
      readonly do: 'list';
      readonly range: string;
      readonly trigger: string | undefined;
      readonly limit: number;
      readonly back: number;
    }
  | { readonly do: 'watch'; readonly range: string; readonly trigger: string | undefined; readonly back: number }
  | { readonly do: 'stop' }
  | { readonly do: 'compact'; readonly type: string; readonly back: number }
  | { readonly do: 'advance'; readonly share: number }
  | { readonly do: 'reopen' };

const operation: fc.Arbitrary<OperationStep> = fc.record({
  key: fc.constantFrom(...keys),
  type: fc.constantFrom('put', 'put', 'put', 'delete', 'check'),
  expected: fc.constantFrom('any', 'any', 'absent', 'current', 'current', 'stale'),
  trigger: fc.constantFrom(...triggers),
});
const commitOf = fc.uniqueArray(operation, { minLength: 1, maxLength: 3, selector: ({ key }) => key });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('commit' as const),
      commits: fc.array(commitOf, { minLength: 1, maxLength: 4 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('list' as const),
      range: fc.constantFrom(...ranges),
      trigger: fc.constantFrom(...triggers),
      limit: fc.integer({ min: 1, max: 4 }),
      back: fc.nat(6),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('watch' as const),
      range: fc.constantFrom(...ranges),
      trigger: fc.constantFrom(...triggers),
      back: fc.nat(8),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('stop' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('compact' as const), type: fc.constantFrom(...types), back: fc.nat(4) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('advance' as const), share: fc.constantFrom(0.01, 0.6, 1.2) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reopen' as const) }) },
);

interface Change {
  readonly type: 'put' | 'delete';
  readonly entry: Entry;
  readonly previous: Entry | undefined;
  readonly time: number;
}

/** What the store should hold: every change there ever was, in order. Reading is looking through them. */
class Model {
  readonly changes: Change[] = [];
  readonly starts = new Map<string, Revision>();
  readonly compacted = new Map<string, Revision>();
  /** When the store was first opened again: its revisions may jump then, as a change of some type would. */
  reopened: number | undefined;

  of(type: string): Change[] {
    return this.changes.filter(({ entry }) => typeOf(entry.key) === type);
  }

  get(key: string): Entry | undefined {
    const last = this.changes.findLast(({ entry }) => entry.key === key);
    return last?.type === 'put' ? last.entry : undefined;
  }

  state(range: string, trigger: string | undefined, at: Revision): Entry[] {
    const state = new Map<string, Entry>();
    for (const { type, entry } of this.of(typeOf(range))) {
      if (entry.revision > at || !matches(range, entry.key)) continue;
      if (type === 'put') state.set(entry.key, entry);
      else state.delete(entry.key);
    }
    const wanted = [...state.values()].filter((entry) => trigger === undefined || entry.attributes.trigger === trigger);
    return wanted.sort((x, y) => (x.key < y.key ? -1 : 1));
  }

  events(range: string, trigger: string | undefined, after: Revision): Change[] {
    return this.of(typeOf(range)).filter(
      ({ entry, previous }) =>
        entry.revision > after &&
        matches(range, entry.key) &&
        (trigger === undefined || entry.attributes.trigger === trigger || previous?.attributes.trigger === trigger),
    );
  }

  /** The revision `back` changes before the newest of its type. */
  revision(type: string, back: number): Revision {
    const revisions = [this.starts.get(type)!, ...this.of(type).map(({ entry }) => entry.revision)];
    return revisions[Math.max(0, revisions.length - 1 - back)]!;
  }

  /** Whether the history must reach back to a revision, must not, or may do either. */
  kept(type: string, revision: Revision, now: number, historyMs: number): 'yes' | 'no' | 'either' {
    if (revision < (this.compacted.get(type) ?? 0)) return 'no';
    const replaced = this.of(type).find(({ entry }) => entry.revision > revision);
    if (replaced && now - replaced.time > 2 * historyMs) return 'no';
    // A store with one counter for all types may let a revision age from the next change of any type on.
    const index = this.changes.findIndex(({ entry }) => typeOf(entry.key) === type && entry.revision === revision);
    const next = this.changes[index + 1];
    const aged = Math.min(next?.time ?? Infinity, this.reopened ?? Infinity);
    return now - aged < historyMs || aged === Infinity ? 'yes' : 'either';
  }
}

function matches(range: string, key: string): boolean {
  return key === range || (range.endsWith('/') && key.startsWith(range));
}

async function run(harness: StoreHarness, steps: readonly Step[]): Promise<void> {
  await harness.wipe();
  let store = await harness.open();
  const model = new Model();
  for (const type of types) model.starts.set(type, await store.revision(type));
  let watches: { range: string; trigger: string | undefined; after: Revision; watched: Watched }[] = [];
  const verifyWatches = (): void => {
    for (const { range, trigger, after, watched } of watches) {
      expect(watched.ended(), `the watch of ${range}`).toBeUndefined();
      expect(watched.events.map(shownEvent)).toEqual(model.events(range, trigger, after).map(shownChange));
    }
  };

  for (const [number, now] of steps.entries()) {
    switch (now.do) {
      case 'commit':
        await commitAll(store, model, now.commits, number, harness.clock.now());
        break;
      case 'list':
        await compareList(store, model, now, harness);
        break;
      case 'watch': {
        const type = typeOf(now.range);
        const after = model.revision(type, now.back);
        const kept = model.kept(type, after, harness.clock.now(), harness.historyMs);
        const watched = watch(store, { prefix: now.range, trigger: now.trigger }, after);
        await settle();
        const ended = watched.ended();
        if (ended) {
          expect([ended.error?.code, kept]).toEqual(['compacted', kept === 'either' ? 'either' : 'no']);
          expect(watched.events).toEqual([]);
        } else {
          expect(kept).not.toBe('no');
          watches.push({ ...now, after, watched });
        }
        break;
      }
      case 'stop':
        watches.shift()?.watched.subscription.stop();
        break;
      case 'compact': {
        const before = model.revision(now.type, now.back);
        await store.compact(now.type, before);
        model.compacted.set(now.type, Math.max(before, model.compacted.get(now.type) ?? 0));
        break;
      }
      case 'advance':
        await harness.clock.advance(harness.historyMs * now.share);
        break;
      case 'reopen':
        if (!harness.persistent) break;
        model.reopened ??= harness.clock.now();
        verifyWatches();
        await store.close();
        for (const { watched } of watches) expect(watched.ended()).toEqual({ error: undefined });
        watches = [];
        store = await harness.open();
        break;
    }
    verifyWatches();
  }
  for (const key of keys) expect(shown(await store.get(key))).toEqual(shown(model.get(key)));
  await store.close();
}

function shownChange({ type, entry, previous }: Change): unknown {
  return { type, key: entry.key, revision: entry.revision, entry: shown(entry), previous: shown(previous) };
}

async function compareList(
  store: Store,
  model: Model,
  step: Step & { do: 'list' },
  { clock, historyMs }: StoreHarness,
): Promise<void> {
  const { range, trigger, limit, back } = step;
  const type = typeOf(range);
  const at = back === 0 ? undefined : model.revision(type, back);
  const kept = at === undefined ? 'yes' : model.kept(type, at, clock.now(), historyMs);
  const entries = await pages(store, { prefix: range, trigger }, limit, at).catch((error: unknown) => {
    if (isStoreError(error, 'compacted')) return undefined;
    throw error;
  });
  if (!entries) {
    expect(kept).not.toBe('yes');
    return;
  }
  expect(kept).not.toBe('no');
  expect(entries.map(shown)).toEqual(model.state(range, trigger, at ?? Number.MAX_SAFE_INTEGER).map(shown));
}

/** Begins all commits, predicts each in the order of their beginning, then compares. */
async function commitAll(
  store: Store,
  model: Model,
  commits: readonly (readonly OperationStep[])[],
  step: number,
  time: number,
): Promise<void> {
  const before = new Map(keys.map((key) => [key, model.get(key)]));
  const begun = commits.map((steps, c) => {
    const operations = steps.map((one) => operationOf(one, before.get(one.key), `${step}.${c}`));
    return {
      steps,
      operations,
      outcome: store.commit(operations).then(
        (entries) => ({ entries, error: undefined }),
        (error: unknown) => ({ entries: undefined, error }),
      ),
    };
  });
  for (const { operations, outcome } of begun) {
    const { entries, error } = await outcome;
    const predicted = predict(model, operations);
    if (predicted) {
      if (!isStoreError(error)) throw error ?? new Error(`expected ${predicted.code} of ${predicted.key}`);
      expect([error.code, error.key]).toEqual([predicted.code, predicted.key]);
      continue;
    }
    if (!entries) throw error;
    for (const [i, one] of operations.entries()) {
      const entry = entries[i];
      if (one.type === 'check') {
        expect(entry).toBeUndefined();
        continue;
      }
      expect(entry!.key).toBe(one.key);
      expect(entry!.revision).toBeGreaterThan(model.revision(typeOf(one.key), 0));
      model.changes.push({ type: one.type, entry: entry!, previous: model.get(one.key), time });
    }
  }
}

function operationOf(
  { key, type, expected, trigger }: OperationStep,
  current: Entry | undefined,
  text: string,
): Operation {
  const revision = expected === 'current' ? (current?.revision ?? 'absent') : expected === 'stale' ? 17 : expected;
  const of = attributes({ trigger, labels: { text } });
  if (type === 'check') return check(key, revision === 'any' ? 'present' : revision);
  if (type === 'delete')
    return remove(key, { expected: revision === 'absent' ? 'any' : revision, text, attributes: of });
  return put(key, { expected: revision, text, attributes: of });
}

function predict(model: Model, operations: readonly Operation[]): { code: string; key: string } | undefined {
  for (const { key, type, expected } of operations) {
    const entry = model.get(key);
    if (expected === 'absent') {
      if (entry) return { code: 'exists', key };
    } else if (!entry) {
      if (expected !== 'any' || type !== 'put') return { code: 'missing', key };
    } else if (typeof expected === 'number' && expected !== entry.revision) return { code: 'conflict', key };
  }
  return undefined;
}

export const modelCases: StoreCases = {
  'any sequence of commits, lists, watches, compactions and restarts': async (harness) => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), (steps) => run(harness, steps)),
      { numRuns: harness.runs ?? (harness.persistent ? 60 : 250) },
    );
  },
};
