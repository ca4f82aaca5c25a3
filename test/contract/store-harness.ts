import type { ManualClock } from '@nodeless/component-base/manual-clock';
import {
  type Attributes,
  type Entry,
  type KeyRange,
  type Operation,
  type Precondition,
  type Revision,
  type Store,
  type StoreError,
  type StoreErrorCode,
  type StoreEvent,
  type Subscription,
  isStoreError,
} from '@nodeless/store/store';
import { expect } from 'vitest';

/** One store under test: opened, closed and opened again over the same state. */
export interface StoreHarness {
  readonly clock: ManualClock;
  /** The history that `open` configures. */
  readonly historyMs: number;
  /** Opens what the last one left behind; the one before is closed by then. A store that keeps nothing starts anew. */
  readonly open: () => Promise<Store>;
  /** Whether anything is left behind. */
  readonly persistent: boolean;
  /** Operations that one commit may have, where there is a limit. */
  readonly largestCommit?: number;
  /** How many random histories are compared with the model, for stores where each takes long. */
  readonly runs?: number;
  /** Makes the next `open` start from nothing. */
  readonly wipe: () => Promise<void>;
  readonly dispose: () => Promise<void>;
}

export type MakeStore = () => Promise<StoreHarness>;

export const pods = '/pods/';
export const nodes = '/nodes/';

export const plain: Attributes = { labels: undefined, fields: undefined, owners: undefined, trigger: undefined };

export function attributes(overrides: Partial<Attributes>): Attributes {
  return { ...plain, ...overrides };
}

interface PutOptions {
  expected?: Precondition;
  text?: string;
  attributes?: Attributes;
}

export function put(key: string, { expected = 'any', text = '', attributes: of = plain }: PutOptions = {}): Operation {
  return { type: 'put', key, expected, attributes: of, value: (revision) => body(text, revision) };
}

export function remove(
  key: string,
  { expected = 'any', text = 'gone', attributes: of = plain }: PutOptions = {},
): Operation {
  return { type: 'delete', key, expected, attributes: of, value: (revision) => body(text, revision) };
}

export function check(key: string, expected: 'absent' | 'present' | Revision): Operation {
  return { type: 'check', key, expected };
}

function body(text: string, revision: Revision): { bytes: Uint8Array; decoded: unknown } {
  return { bytes: Buffer.from(`${text}@${revision}`), decoded: Object.freeze({ text, revision }) };
}

/** The text an entry was put with; fails unless its body carries its own revision. */
export function textOf(entry: Entry): string {
  const [text, revision] = Buffer.from(entry.value.bytes).toString().split('@');
  expect(Number(revision)).toBe(entry.revision);
  return text!;
}

/** An entry in a form that compares by content, before and after a restart. */
export function shown(entry: Entry | undefined): unknown {
  if (!entry) return undefined;
  const { labels, fields, owners, trigger } = entry.attributes;
  return {
    key: entry.key,
    revision: entry.revision,
    text: textOf(entry),
    labels: labels && { ...labels },
    fields: fields && { ...fields },
    owners: owners && [...owners],
    trigger,
  };
}

export function shownEvent(event: StoreEvent): unknown {
  return {
    type: event.type,
    key: event.key,
    revision: event.revision,
    entry: shown(event.entry),
    previous: shown(event.previous),
  };
}

/** Commits one operation and returns its entry. */
export async function commit(store: Store, operation: Operation): Promise<Entry> {
  const [entry] = await store.commit([operation]);
  return entry!;
}

export async function failure(promise: Promise<unknown>, code: StoreErrorCode): Promise<StoreError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!isStoreError(error)) throw error ?? new Error(`expected a failure with ${code}`);
  expect(error.code).toBe(code);
  return error;
}

/** A watcher that writes down what it hears and fails on what no listener may ever see. */
export interface Watched {
  readonly events: StoreEvent[];
  /** The revision of the last call. */
  revision(): Revision;
  /** Undefined while it goes on. */
  ended(): { error: StoreError | undefined } | undefined;
  readonly subscription: Subscription;
  /** Called with each event as it comes. */
  onEvent: (event: StoreEvent) => void;
}

export function watch(store: Store, range: KeyRange, after: Revision): Watched {
  const events: StoreEvent[] = [];
  let revision = after;
  let ended: { error: StoreError | undefined } | undefined;
  let inside = false;
  const problems: string[] = [];
  const subscription = store.watch(range, after, {
    onEvents(batch, at) {
      if (inside) problems.push('a listener was re-entered');
      if (ended) problems.push('events came after the end');
      inside = true;
      for (const event of batch) {
        if (event.revision <= revision || event.revision > at)
          problems.push(`event ${event.revision} after ${revision}, up to ${at}`);
        revision = event.revision;
        events.push(event);
        watched.onEvent(event);
      }
      if (at < revision) problems.push(`revision fell from ${revision} to ${at}`);
      revision = at;
      inside = false;
    },
    onEnd(error) {
      if (ended) problems.push('the watch ended twice');
      ended = { error };
    },
  });
  const verify = <T>(answer: T): T => {
    expect(problems).toEqual([]);
    return answer;
  };
  const watched: Watched = {
    get events() {
      return verify(events);
    },
    revision: () => verify(revision),
    ended: () => verify(ended),
    subscription,
    onEvent: () => {},
  };
  return watched;
}

let settled = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

/** Lets what was already started finish: promises, and a turn of the event loop or what the test file says. */
export async function settle(): Promise<void> {
  await settled();
}

/** For stores behind a network: how to wait for the requests that are on their way. */
export function settleWith(wait: () => Promise<void>): void {
  settled = wait;
}

/** Commits many independent operations, in as few commits as the store allows. */
export async function commitMany(
  store: Store,
  operations: readonly Operation[],
  { largestCommit = operations.length }: Pick<StoreHarness, 'largestCommit'>,
): Promise<void> {
  for (let i = 0; i < operations.length; i += largestCommit) await store.commit(operations.slice(i, i + largestCommit));
}

/** Reads a range page by page, all pages at the revision of the first one. */
export async function pages(store: Store, range: KeyRange, limit: number, at?: Revision): Promise<Entry[]> {
  const entries: Entry[] = [];
  let after: string | undefined;
  for (;;) {
    const page = await store.list(range, { limit, after, at });
    expect(page.entries.length).toBeLessThanOrEqual(limit);
    entries.push(...page.entries);
    at = page.revision;
    if (!page.more) return entries;
    expect(page.entries.length).toBe(limit);
    after = page.entries[limit - 1]!.key;
  }
}
