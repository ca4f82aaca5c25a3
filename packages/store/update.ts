import { type Clock, sleep } from '@nodeless/component-base/clock';
import { backoffDelay } from '@nodeless/component-base/retry';
import { type Entry, type Operation, type Store, isStoreError } from './store.ts';

export interface UpdateOptions {
  /** How often `decide` may run again after losing a race. 16 by default. */
  readonly retries?: number;
  /** With a clock, later retries wait a little (full jitter, up to 50 ms), so that many writers of a key spread out. */
  readonly clock?: Clock;
  /** Where the entry is known already: spares the first read. Its revision is checked at commit like any other. */
  readonly cached?: Entry;
}

/** What to commit, or undefined where nothing is to change: then no revision and no event are made. */
export type Decision = readonly Operation[] | undefined;

/**
 * Reads a key, lets `decide` make operations out of what is there, commits them, and begins again when somebody was
 * faster. `decide` must put the revision it was given (or 'absent') into the precondition of its operation on the key.
 * Returns the entry of that operation as committed, or what was read where nothing was to change.
 *
 * Only races are run again: conflict, missing and exists on a key whose precondition came from what was read. Once the
 * retries are used up, and for any other error, the error of the last attempt is thrown, as is what `decide` throws.
 */
export async function guaranteedUpdate(
  store: Store,
  key: string,
  decide: (current: Entry | undefined) => Decision | Promise<Decision>,
  options: UpdateOptions = {},
): Promise<Entry | undefined> {
  const { retries = 16, clock } = options;
  let current = options.cached ?? (await store.get(key));
  let read = options.cached === undefined;
  for (let attempt = 0; ; attempt++) {
    let operations: Decision;
    try {
      operations = await decide(current);
    } catch (error) {
      // What a stale entry made it think is worth nothing: ask again with the real one before saying no.
      if (read) throw error;
      current = await store.get(key);
      read = true;
      continue;
    }
    if (!operations || operations.length === 0) {
      if (read) return current;
      const fresh = await store.get(key);
      read = true;
      if (fresh?.revision === current?.revision) return current;
      current = fresh;
      continue;
    }
    try {
      const entries = await store.commit(operations);
      return entries[operations.findIndex((operation) => operation.key === key)];
    } catch (error) {
      if (attempt >= retries || !lostRace(error, operations)) throw error;
      if (clock && attempt > 2) await sleep(clock, backoffDelay(attempt, { baseMs: 1, capMs: 50 }));
      current = isStoreError(error) && error.key === key && error.current ? error.current : await store.get(key);
      read = true;
    }
  }
}

/** Whether reading again can help: a precondition failed that was more than a demand for the key's existence. */
function lostRace(error: unknown, operations: readonly Operation[]): boolean {
  if (!isStoreError(error, 'conflict') && !isStoreError(error, 'missing') && !isStoreError(error, 'exists'))
    return false;
  const operation = operations.find(({ key }) => key === error.key);
  return operation !== undefined && (typeof operation.expected === 'number' || operation.expected === 'absent');
}
