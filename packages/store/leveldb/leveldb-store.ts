import type { Clock } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';
import { type Store, StoreError } from '../store.ts';
import type { ValueTransformer } from '../value-transformer.ts';
import { createCachedStore } from '../watch-cache/cached-store.ts';
import { type Batch, createCommitter } from '../watch-cache/committer.ts';
import { defaultHistory } from '../watch-cache/history.ts';
import { createWatchCache } from '../watch-cache/watch-cache.ts';
import { type DatabaseOperation, type OpenDatabase, openClassicLevel } from './database.ts';
import { createDisk } from './disk.ts';
import { openFolder } from './open.ts';
import { createRecordWriter, keys } from './records.ts';

export interface LevelDbStoreOptions {
  /** The folder; made when it is missing. One process at a time. */
  readonly path: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** How long earlier states can be listed and watched from. Five minutes by default. */
  readonly historyMs?: number;
  /** Encryption at rest. The same one must be given each time. */
  readonly transformer?: ValueTransformer;
  /** For tests: what stands in for LevelDB. */
  readonly openDatabase?: OpenDatabase;
}

/** Expired log entries deleted with a batch, at most: more than the one it adds, so that it catches up. */
const trimmedABatch = 64;

/**
 * The embedded store. Rejects with StoreError 'unavailable' when the folder is in use, of a newer format, damaged, or
 * cannot be written. A disk that fails later (full, say) makes commits fail with 'unavailable' while reads go on; the
 * folder is then opened anew until that succeeds, and everything that was acknowledged is there.
 */
export async function openLevelDbStore(options: LevelDbStoreOptions): Promise<Store> {
  const {
    path,
    clock,
    log,
    historyMs = defaultHistory.historyMs,
    transformer,
    openDatabase = openClassicLevel,
  } = options;
  const writer = createRecordWriter(transformer);
  const { database, loaded } = await openFolder({
    path,
    openDatabase,
    writer,
    transformer,
    historyMs,
    now: clock.now(),
    log,
  });
  const disk = createDisk({ path, database, openDatabase, clock, log });
  const cache = createWatchCache({
    clock,
    log,
    limits: { ...defaultHistory, historyMs },
    offsetOf: () => 0,
    initial: loaded,
  });
  /** Counters of the log entries on the disk; those before `trimmed` are deleted. */
  let logEntries = loaded.logEntries;
  let trimmed = 0;

  /** Adds the deletion of expired log entries; returns up to where they are gone once the operations are durable. */
  const trim = (operations: DatabaseOperation[]): number => {
    const floor = cache.compacted();
    const most = Math.min(logEntries.length, trimmed + trimmedABatch);
    let next = trimmed;
    // The newest entry is never below the floor: it tells the next start where the counter stands.
    while (next < most && logEntries[next]! < floor)
      operations.push({ type: 'del', key: keys.logEntry(logEntries[next++]!) });
    return next;
  };

  const encode = (batch: Batch): DatabaseOperation[] => {
    try {
      return writer.batch(batch, cache.counter(), clock.now());
    } catch (cause) {
      throw new StoreError(
        'unavailable',
        `the store cannot encode a write: ${cause instanceof Error ? cause.message : String(cause)}`,
        { cause },
      );
    }
  };

  const persist = async (batch: Batch): Promise<void> => {
    const operations = encode(batch);
    const gone = trim(operations);
    const written = (): void => {
      trimmed = gone;
      if (batch.events.length > 0) logEntries.push(batch.after);
      if (trimmed < 100_000) return;
      logEntries = logEntries.slice(trimmed);
      trimmed = 0;
    };
    const recovered = (found: boolean): void => {
      if (found) {
        written();
        cache.apply(batch.events, batch.after);
        for (const [type, before] of batch.compactions) cache.compact(type, before);
      }
      committer.refuse(undefined);
    };
    try {
      await disk.write(operations, {
        key: batch.events.length > 0 ? keys.logEntry(batch.after) : undefined,
        recovered,
      });
    } catch (error) {
      committer.refuse(error as StoreError);
      throw error;
    }
    written();
  };

  const committer = createCommitter({ cache, persist, schedule: setImmediate });
  return createCachedStore({ cache, committer, release: () => disk.close() });
}
