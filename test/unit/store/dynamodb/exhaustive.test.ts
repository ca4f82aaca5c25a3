import { createManualClock } from '@nodeless/component-base/manual-clock';
import { createDynamoDbStore } from '@nodeless/store/dynamodb/dynamodb-store';
import type { Condition, Table } from '@nodeless/store/dynamodb/table';
import { type Operation, type Precondition, type Store, isStoreError } from '@nodeless/store/store';
import { describe, expect, it } from 'vitest';
import { type Budget, type Explored, type Gate, type Scene, explore } from './explorer.ts';
import { type MemoryTable, createMemoryTable } from './memory-table.ts';
import { type Attempt, type Heard, type Listed, readBack, verifyHistory } from './verify-history.ts';

/**
 * Every order of the steps of a few processes, with every place where one may die, an answer may be lost, a transaction may
 * be refused for another, and time may pass: no acknowledged write is lost, updates are linearizable, watches and lists are
 * whole and exact.
 */
const pods = '/pods/';
const roles = 'rbac.authorization.k8s.io/roles/';
const podKey = '/pods/a/x';
const attributes = { labels: undefined, fields: undefined, owners: undefined, trigger: undefined };
const none: Budget = { deaths: 0, losses: 0, conflicts: 0, waits: 0 };

/** One commit: an expectation by key, or what to make of the revision that the object has at the beginning. */
type Step = Readonly<Record<string, Precondition | 'current'>>;
interface Case {
  readonly budget: Partial<Budget>;
  /** The commits of each writer, one after the other. */
  readonly writers: readonly (readonly Step[])[];
  /** What each reader lists, one after the other; the first one watches from the beginning. */
  readonly readers: readonly (readonly string[])[];
  /** The others begin cold, and have to load. */
  readonly warm?: boolean;
  /** The same with a type that shares its generation with others. */
  readonly quiet?: boolean;
  /** A table that does not keep what the protocol relies upon. */
  readonly spoil?: (table: MemoryTable) => Partial<Table>;
}

const begin =
  ({ writers, readers, warm = true, quiet = false, spoil }: Case) =>
  async (gate: Gate): Promise<Scene> => {
    const named = (text: string): string => (quiet ? text.replace(pods, roles) : text);
    const type = named(pods);
    const key = named(podKey);
    const clock = createManualClock();
    const waiting = createManualClock();
    const table = createMemoryTable();
    const dead = new Set<number>();
    const finished = new Set<number>();
    const attempts: Attempt[] = [];
    const heard: Heard[] = [];
    const lists: Listed[] = [];
    const problems: unknown[] = [];
    let moment = 0;
    const open = (process: number, on: Table): Store => {
      let ids = 0;
      const newId = (): string => `${process}.${ids++}`;
      return createDynamoDbStore({
        table: on,
        clock,
        waitClock: waiting,
        historyMs: 3_600_000,
        pollMs: 1e12,
        newId,
        random: () => 0.5,
      });
    };

    const first = open(99, table);
    const start = await first.revision(type);
    const value = (text: string) => (revision: number) => ({ bytes: Buffer.from(`${text}@${revision}`) });
    const [made] = await first.commit([{ type: 'put', key, expected: 'any', attributes, value: value('first') }]);
    attempts.push({
      text: 'first',
      operations: [{} as Operation],
      began: -2,
      ended: -1,
      outcome: 'done',
      entries: [made],
    });

    const shared: Table = { ...table, ...spoil?.(table) };
    const processes: { store: Store; run: (store: Store) => Promise<void> }[] = [];
    /** What a process does to prepare itself goes past the gate. */
    const add = async (
      prepare: (store: Store) => Promise<void>,
      run: (store: Store) => Promise<void>,
    ): Promise<void> => {
      const behind = gate(processes.length, shared);
      let on = shared;
      const switched = Object.keys(shared).map((name) => {
        const step = name as keyof Table;
        return [name, (...args: never[]) => (on[step] as (...all: never[]) => unknown)(...args)];
      });
      const store = open(processes.length, Object.fromEntries(switched) as unknown as Table);
      await prepare(store);
      on = behind;
      processes.push({ store, run });
    };
    for (const [writer, steps] of writers.entries()) {
      await add(
        async (store) => (warm ? void (await store.revision(type)) : undefined),
        async (store) => {
          for (const [n, step] of steps.entries()) {
            const text = `${writer}.${n}`;
            const operations = Object.entries(step).map(([name, wanted]): Operation => {
              const at = named(name);
              const expected = wanted === 'current' ? made!.revision : wanted;
              return { type: 'put', key: at, expected, attributes, value: value(text) };
            });
            const attempt: Attempt = {
              text,
              operations,
              began: moment++,
              ended: Infinity,
              outcome: 'open',
              entries: [],
            };
            attempts.push(attempt);
            try {
              attempt.entries = await store.commit(operations);
              attempt.outcome = 'done';
            } catch (error) {
              if (!isStoreError(error)) throw error;
              attempt.outcome = error.code === 'unavailable' ? 'unknown' : 'refused';
            }
            attempt.ended = moment++;
          }
        },
      );
    }
    for (const [n, prefixes] of readers.entries()) {
      const one: Heard = { writer: n, events: [] };
      heard.push(one);
      await add(
        async (store) => {
          if (!warm) return;
          if (n > 0) return void (await store.revision(type));
          store.watch({ prefix: type }, start, {
            onEvents: (events) => void one.events.push(...events),
            onEnd: () => {},
          });
          await store.list({ prefix: type });
        },
        async (store) => {
          for (const one of prefixes) {
            const prefix = named(one);
            const began = moment++;
            lists.push({ prefix, began, page: await store.list({ prefix }) });
          }
        },
      );
    }
    for (const [process, { store, run }] of processes.entries()) {
      run(store).then(
        () => finished.add(process),
        (error: unknown) => {
          problems.push(error);
          finished.add(process);
        },
      );
    }
    return {
      alive: (process) => !dead.has(process),
      kill: (process) => void dead.add(process),
      finished: () => processes.every((_, process) => finished.has(process) || dead.has(process)),
      sleeping: () => waiting.pending() > 0,
      wake: () => waiting.advance(2000),
      digest: () =>
        JSON.stringify([
          [...table.logs.values()].map((log) =>
            [...log.values()].map(({ seq, count, writer, settled }) => [seq, count, writer, settled]),
          ),
          [...table.items.values()].map((item) => [item.key, item.revision, item.state !== undefined]),
          [...table.sequences.values()],
          [...finished],
          [...dead],
          waiting.pending(),
          waiting.now(),
          // Who was answered before whom matters for what may be said of it.
          attempts.map(({ text, began, ended }) => [text, began, ended]),
          lists.map(({ began, page }) => [began, page.revision]),
        ]),
      async verify() {
        if (problems.length > 0) throw problems[0];
        const starts = new Map([[type, start]]);
        const log = await readBack(createDynamoDbStore({ table, clock, historyMs: 3_600_000 }), starts, clock);
        verifyHistory(table, starts, log, attempts, heard, lists);
      },
    };
  };

const other = '/pods/b/y';
const cases: Record<string, Case> = {
  'two who update one object, and one who watches': {
    budget: { conflicts: 1 },
    writers: [[{ [podKey]: 'current' }], [{ [podKey]: 'current' }]],
    readers: [[pods, pods]],
  },
  'two writers, one of whom may die, and one who reads': {
    budget: { deaths: 1, waits: 1 },
    writers: [[{ [podKey]: 'any' }], [{ [other]: 'absent' }]],
    readers: [[pods]],
  },
  'one writer whose requests are lost, who may die, and one who reads': {
    budget: { losses: 1, deaths: 1, waits: 1 },
    writers: [[{ [podKey]: 'current' }, { [other]: 'any' }]],
    readers: [[pods]],
  },
  'two writers whose requests are lost': {
    budget: { losses: 1 },
    writers: [[{ [podKey]: 'current' }], [{ [podKey]: 'any' }]],
    readers: [[pods]],
  },
  'a batch of two, another writer, and one who reads': {
    budget: { deaths: 1, waits: 1 },
    writers: [[{ [podKey]: 'any', [other]: 'any' }], [{ [podKey]: 'current' }]],
    readers: [[pods]],
  },
  'cold: a writer that may die, and one who lists a namespace': {
    budget: { deaths: 1, waits: 1 },
    writers: [[{ [podKey]: 'current' }]],
    readers: [['/pods/a/']],
    warm: false,
  },
  'quiet: two writers, and one who looks twice': {
    budget: { waits: 1 },
    writers: [[{ [podKey]: 'any' }], [{ [other]: 'absent' }]],
    readers: [[pods, pods]],
    quiet: true,
  },
  'quiet, cold: a writer that may die, and one who looks': {
    budget: { deaths: 1, waits: 1 },
    writers: [[{ [podKey]: 'any' }]],
    readers: [['/pods/a/']],
    warm: false,
    quiet: true,
  },
  'cold: a writer, and one who lists the type': {
    budget: { waits: 1 },
    writers: [[{ [podKey]: 'current' }]],
    readers: [[pods]],
    warm: false,
  },
};
/** Minutes: with EXHAUSTIVE=<most plays>. */
const deeper: Record<string, Case> = {
  'three writers and one who watches': {
    budget: { deaths: 1, waits: 1 },
    writers: [[{ [podKey]: 'current' }], [{ [podKey]: 'any', [other]: 'any' }], [{ [other]: 'absent' }]],
    readers: [[pods]],
  },
  'two writers and everything that may happen': {
    budget: { deaths: 1, waits: 1, losses: 1, conflicts: 1 },
    writers: [[{ [podKey]: 'current' }], [{ [podKey]: 'any', [other]: 'any' }]],
    readers: [[pods]],
  },
  'cold: a writer that may die, one who lists the type, one who lists a namespace': {
    budget: { deaths: 1, waits: 1 },
    writers: [[{ [podKey]: 'current' }]],
    readers: [[pods], ['/pods/a/']],
    warm: false,
  },
  'cold: a namespace that is listed twice while two write': {
    budget: { waits: 1 },
    writers: [[{ [podKey]: 'any' }], [{ [other]: 'absent' }]],
    readers: [['/pods/a/', '/pods/a/']],
    warm: false,
  },
};

const plays = Number(process.env['EXHAUSTIVE'] ?? 0);
const run = (one: Case): Promise<Explored> =>
  explore({ budget: { ...none, ...one.budget }, begin: begin(one), mostPlays: plays > 0 ? plays : 20_000 });

describe('every order of steps', () => {
  for (const [title, one] of Object.entries(plays > 0 ? { ...cases, ...deeper } : cases)) {
    it(title, { timeout: plays > 0 ? 3_600_000 : 60_000 }, async () => {
      const { ends, states } = await run(one);
      if (plays > 0) console.info(`${title}: ${states} states, ${ends} ends`);
      expect(ends).toBeGreaterThan(10);
    });
  }

  // What it is worth: each of these breaks a promise in some order of steps, and it is found.
  it.each<[string, Case]>([
    [
      'objects are written without looking',
      {
        budget: {},
        writers: [[{ [podKey]: 'current' }], [{ [podKey]: 'current' }]],
        readers: [],
        spoil: (table) => ({
          transact: ({ objects, ...rest }) =>
            table.transact({
              ...rest,
              objects: objects.map((one) => ({ ...one, condition: anything(table, one.place.key) })),
            }),
        }),
      },
    ],
    [
      'an entry of the log may be written over by a tombstone',
      {
        budget: { waits: 1 },
        writers: [[{ [podKey]: 'any' }], [{ [other]: 'absent' }]],
        readers: [[pods]],
        spoil: (table) => ({
          async putLog(of, item) {
            table.logs.get(of)!.set(item.seq, item);
            return true;
          },
        }),
      },
    ],
    [
      'a late writer may write over a tombstone',
      {
        budget: { waits: 1 },
        writers: [[{ [podKey]: 'any' }], [{ [other]: 'absent' }]],
        readers: [[pods]],
        spoil: (table) => ({
          async transact(transaction) {
            for (const { type: of, item } of transaction.logs) table.logs.get(of)?.delete(item.seq);
            await table.transact(transaction);
          },
        }),
      },
    ],
    [
      'the log is said to be settled up to tickets that are open',
      {
        budget: { waits: 1 },
        writers: [[{ [podKey]: 'any' }], [{ [other]: 'absent' }]],
        readers: [[pods]],
        warm: false,
        spoil: (table) => ({
          async sequence(of) {
            const found = await table.sequence(of);
            return found && { ...found, settled: found.last };
          },
        }),
      },
    ],
    [
      'the generation does not grow with the commit',
      {
        budget: {},
        writers: [[{ [podKey]: 'any' }]],
        readers: [[pods, pods]],
        quiet: true,
        spoil: (table) => ({ transact: (transaction) => table.transact({ ...transaction, quiet: false }) }),
      },
    ],
    [
      'an answer is made up for a transaction that never arrived',
      {
        budget: {},
        writers: [[{ [podKey]: 'any' }]],
        readers: [[pods]],
        spoil: () => ({ transact: async () => {} }),
      },
    ],
  ])('would be noticed: %s', async (_, one) => {
    await expect(run(one)).rejects.toThrow(/^after /);
  });
});

/** The condition that holds of what stands at a key. */
function anything(table: MemoryTable, at: string): Condition {
  const item = table.items.get(at);
  return item?.state ? { is: 'at', revision: item.revision } : { is: 'absent', below: undefined };
}
