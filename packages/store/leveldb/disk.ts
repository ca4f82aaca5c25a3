import type { Clock, Timer } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';
import type { StoreError } from '../store.ts';
import type { Database, DatabaseOperation, OpenDatabase } from './database.ts';
import { writeError } from './disk-errors.ts';

/**
 * A database that is opened anew after a failed write, for as long as it takes: a write that failed has left it in an
 * unknown state (see Database.write), and a disk that was full may have room again.
 */
export interface Disk {
  /**
   * Durable when it resolves. After a rejection with StoreError 'unavailable' nothing may be written until `recovered`
   * is called. One write at a time.
   */
  write(operations: DatabaseOperation[], probe: WriteProbe): Promise<void>;
  close(): Promise<void>;
}

export interface WriteProbe {
  /** A key that this write, and no other, puts; undefined where it does not matter whether it was written. */
  readonly key: string | undefined;
  /** The disk works again. `written`: the write that had failed is in it after all. */
  recovered(written: boolean): void;
}

export interface DiskOptions {
  readonly path: string;
  readonly database: Database;
  readonly openDatabase: OpenDatabase;
  readonly clock: Clock;
  readonly log: Logger;
}

const firstDelayMs = 50;
const longestDelayMs = 5000;

export function createDisk(options: DiskOptions): Disk {
  const { path, openDatabase, clock, log } = options;
  let database: Database | undefined = options.database;
  let failures = 0;
  let timer: Timer | undefined;
  let attempt: Promise<void> = Promise.resolve();
  let closed = false;

  const release = async (): Promise<void> => {
    const old = database;
    database = undefined;
    await old?.close().catch((error: unknown) => log.warn('the store cannot close its folder', { path, error }));
  };

  const reopen = async (probe: WriteProbe): Promise<void> => {
    await release();
    if (closed) return;
    try {
      database = await openDatabase(path);
      const written = probe.key !== undefined && (await database.get(probe.key)) !== undefined;
      if (closed) return;
      log.info('the store can write again', { path });
      probe.recovered(written);
    } catch (error) {
      failures++;
      log.warn('the store still cannot write', { path, error: writeError(path, error).message });
      retryLater(probe);
    }
  };

  const retryLater = (probe: WriteProbe): void => {
    if (closed) return;
    const delay = Math.min(longestDelayMs, firstDelayMs * 2 ** Math.min(failures - 1, 10));
    timer = clock.setTimer(() => {
      attempt = reopen(probe);
    }, delay);
  };

  return {
    async write(operations, probe) {
      try {
        await database!.write(operations);
        failures = 0;
      } catch (cause) {
        const error: StoreError = writeError(path, cause);
        failures++;
        log.error('the store cannot write', { path, error: error.message });
        retryLater(probe);
        throw error;
      }
    },
    async close() {
      closed = true;
      timer?.cancel();
      await attempt;
      await release();
    },
  };
}
