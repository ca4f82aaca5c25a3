import { typeOf } from '../keys.ts';
import { type Entry, type Operation, type Revision, type StoreEvent, StoreError } from '../store.ts';
import type { WatchCache } from './watch-cache.ts';

/** What becomes durable together: the commits that arrived while the batch before was being written. */
export interface Batch {
  /** The store's counter after the last event. */
  readonly after: number;
  /** In order of their counters. */
  readonly events: readonly StoreEvent[];
  readonly compactions: readonly (readonly [type: string, before: Revision])[];
}

export interface CommitterOptions {
  readonly cache: WatchCache;
  /**
   * Makes a batch durable. Undefined: it is so already. A rejection means that the outcome is unknown. Called with
   * one batch at a time, never with an empty one.
   */
  readonly persist: (batch: Batch) => Promise<void> | undefined;
  /** Calls back a moment later, so that commits of the same moment share a batch; absent = at once. */
  readonly schedule?: (flush: () => void) => void;
}

/** Checks preconditions against commits in flight, gathers commits into batches, and acknowledges them once durable. */
export interface Committer {
  commit(operations: readonly Operation[]): Promise<readonly (Entry | undefined)[]>;
  /** See Store.compact: durable like a commit, and in line with the commits. */
  compact(type: string, before: Revision): Promise<void>;
  /** From now on commits are refused with this error; undefined lifts it. */
  refuse(error: StoreError | undefined): void;
  /** Refuses commits for good; resolves once nothing is in flight. */
  close(error: StoreError): Promise<void>;
}

interface Pending {
  readonly batch: GatheredBatch;
  readonly event: StoreEvent;
}

interface GatheredBatch extends Batch {
  after: number;
  readonly events: StoreEvent[];
  readonly compactions: (readonly [string, Revision])[];
  readonly settle: ((error: StoreError | undefined) => void)[];
}

export function createCommitter({ cache, persist, schedule }: CommitterOptions): Committer {
  /** The newest change of each key that is not durable yet. */
  const heads = new Map<string, Pending>();
  let counter = cache.counter();
  let gathering: GatheredBatch | undefined;
  let busy = false;
  let scheduled = false;
  let refusal: StoreError | undefined;
  let closed = false;
  let idle: (() => void) | undefined;

  const flush = (): void => {
    scheduled = false;
    // A loop, not a recursion: without a disk, commits made by listeners are flushed here one after the other.
    while (!busy && gathering) {
      const batch = gathering;
      gathering = undefined;
      busy = true;
      const empty = batch.events.length + batch.compactions.length === 0;
      const durable = empty ? undefined : persist(batch);
      if (!durable) {
        complete(batch);
        continue;
      }
      durable.then(
        () => {
          complete(batch);
          if (gathering) flush();
        },
        (error: unknown) => fail(batch, error),
      );
    }
  };

  const complete = (batch: GatheredBatch): void => {
    for (const event of batch.events) if (heads.get(event.key)?.event === event) heads.delete(event.key);
    if (batch.events.length > 0) cache.apply(batch.events, batch.after);
    for (const [type, before] of batch.compactions) cache.compact(type, before);
    for (const settle of batch.settle) settle(undefined);
    busy = false;
    wake();
  };

  const fail = (batch: GatheredBatch, cause: unknown): void => {
    const error =
      cause instanceof StoreError
        ? cause
        : new StoreError('unavailable', 'the write did not become durable', { cause });
    const dependents = gathering;
    gathering = undefined;
    heads.clear();
    for (const settle of batch.settle) settle(error);
    for (const settle of dependents?.settle ?? []) settle(error);
    busy = false;
    wake();
  };

  const wake = (): void => {
    if (!busy && !gathering) idle?.();
  };

  const gather = (settle: (error: StoreError | undefined) => void): GatheredBatch => {
    gathering ??= { after: counter, events: [], compactions: [], settle: [] };
    gathering.settle.push(settle);
    return gathering;
  };

  const start = (): void => {
    if (busy || scheduled) return;
    if (!schedule) {
      flush();
      return;
    }
    scheduled = true;
    schedule(flush);
  };

  const current = (key: string): Entry | undefined => {
    const head = heads.get(key);
    if (!head) return cache.get(key);
    return head.event.type === 'put' ? head.event.entry : undefined;
  };

  const plan = (
    operations: readonly Operation[],
  ): { failure: StoreError; head: Pending | undefined } | (Entry | undefined)[] => {
    const found: (Entry | undefined)[] = [];
    for (const operation of operations) {
      const entry = current(operation.key);
      const failure = violation(operation, entry);
      if (failure) return { failure, head: heads.get(operation.key) };
      found.push(entry);
    }
    return found;
  };

  const write = (
    operations: readonly Operation[],
    previous: readonly (Entry | undefined)[],
  ): { events: StoreEvent[]; results: (Entry | undefined)[]; after: number } => {
    const events: StoreEvent[] = [];
    const results: (Entry | undefined)[] = [];
    // A counter is never given twice, also when a value function throws or the batch fails: somebody has seen it.
    let after = counter;
    for (let i = 0; i < operations.length; i++) {
      const operation = operations[i]!;
      if (operation.type === 'check') {
        results.push(undefined);
        continue;
      }
      after = ++counter;
      const revision = after + cache.offset(typeOf(operation.key));
      const entry: Entry = {
        key: operation.key,
        revision,
        value: operation.value(revision),
        attributes: operation.attributes,
      };
      results.push(entry);
      if (operation.type === 'put')
        events.push({ type: 'put', key: entry.key, revision, entry, previous: previous[i] });
      else events.push({ type: 'delete', key: entry.key, revision, entry, previous: previous[i]! });
    }
    return { events, results, after };
  };

  return {
    commit(operations) {
      return new Promise((resolve, reject) => {
        if (refusal) throw refusal;
        if (operations.length > 1) refuseRepeatedKeys(operations);
        const previous = plan(operations);
        if ('failure' in previous) {
          const { failure, head } = previous;
          // What it met is not durable yet: the answer would be wrong if that were lost.
          if (head) head.batch.settle.push((error) => reject(error ?? failure));
          else reject(failure);
          return;
        }
        const { events, results, after } = write(operations, previous);
        const batch = gather((error) => (error ? reject(error) : resolve(results)));
        for (const event of events) {
          batch.events.push(event);
          heads.set(event.key, { batch, event });
        }
        batch.after = after;
        start();
      });
    },
    compact(type, before) {
      return new Promise((resolve, reject) => {
        if (refusal) throw refusal;
        const error = cache.unreached(type, before);
        if (error) throw error;
        gather((failure) => (failure ? reject(failure) : resolve())).compactions.push([type, before]);
        start();
      });
    },
    refuse(error) {
      if (!closed) refusal = error;
    },
    close(error) {
      refusal = error;
      closed = true;
      return new Promise((resolve) => {
        idle = resolve;
        wake();
      });
    },
  };
}

function violation(operation: Operation, entry: Entry | undefined): StoreError | undefined {
  const { key, expected } = operation;
  if (expected === 'absent') return entry && new StoreError('exists', `key ${key} exists`, { key, current: entry });
  if (!entry) {
    return expected === 'any' && operation.type === 'put'
      ? undefined
      : new StoreError('missing', `key ${key} does not exist`, { key });
  }
  if (typeof expected === 'string' || expected === entry.revision) return undefined;
  return new StoreError('conflict', `key ${key} is at revision ${entry.revision}, not at ${expected}`, {
    key,
    current: entry,
  });
}

function refuseRepeatedKeys(operations: readonly Operation[]): void {
  const keys = new Set<string>();
  for (const { key } of operations) {
    if (keys.has(key)) throw new TypeError(`more than one operation on key ${key}`);
    keys.add(key);
  }
}
