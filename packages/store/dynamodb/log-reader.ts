import { type Clock, sleep } from '@nodeless/component-base/clock';
import type { Patience } from './patience.ts';
import type { LogItem, Sequence, Table } from './table.ts';
import { epochOf, epochSize } from './table-schema.ts';

/** Reads the log of a type in order and without gaps. */
export interface LogReader {
  /**
   * Hands every entry after `after` to `sink`, tombstones included, at least up to the last one that stood in the log
   * when it was called. Numbers that are missing below that are waited for, and then filled. `after` must be settled,
   * and nothing behind it may have expired. Throws LifeEnded where the log goes on elsewhere.
   */
  follow(type: string, after: number, sink: (item: LogItem) => Promise<void>): Promise<void>;
  /** The log backwards from its end, while entries are not older than `since`. */
  recent(type: string, sequence: Sequence, since: number): Promise<RecentLog>;
}

export interface RecentLog {
  /** Ascending; gaps possible. */
  readonly items: LogItem[];
  /** The entry before the first one, where one is kept. */
  readonly older: LogItem | undefined;
}

/** What stands at a number that nobody used. `settled`: up to where its writer knows the log to be settled. */
export type MakeTombstone = (seq: number, count: number, settled: number) => LogItem;

export interface LogReaderOptions {
  readonly table: Pick<Table, 'logAfter' | 'logBefore' | 'putLog'>;
  /** Runs the waiting. */
  readonly clock: Clock;
  readonly patience: Patience;
  readonly tombstone: MakeTombstone;
}

/** The table was restored: what this process holds of a type is of another life. */
export class LifeEnded extends Error {
  readonly type: string;
  constructor(type: string) {
    super(`the log of ${type} has come to its end: the table was restored`);
    this.type = type;
  }
}

/** Stands at the end of the log of a life that is over: no batch takes so many numbers. */
export function isEndOfLife({ events, count }: LogItem): boolean {
  return events === undefined && count > epochSize;
}

/** Revisions of another life are at least a minute of the clock away; those of one are not, in one step. */
export const lifeGap = 2 ** 25;

/** Writers that are refused too often go on behind the end of the log without a ticket: so far above the counter. */
const beyondCounter = 1024;

export function createLogReader({ table, clock, patience, tombstone }: LogReaderOptions): LogReader {
  return {
    async follow(type, after, sink) {
      let position = after;
      let target: number | undefined;
      /** Numbers up to here were seen missing, and waited for. */
      let waited = after;
      const accept = async (item: LogItem): Promise<void> => {
        if (isEndOfLife(item)) throw new LifeEnded(type);
        await sink(item);
        position = item.seq + item.count - 1;
      };
      for (;;) {
        const { items, more } = await table.logAfter(type, position);
        const highest = items.reduce((most, { seq, count }) => Math.max(most, seq + count - 1), position);
        if (!more) target ??= highest;
        let missing = false;
        for (const item of items) {
          // Inside of what a committed batch takes: a tombstone that came too late.
          if (item.seq <= position) continue;
          // In ascending order, each only when the one before it is settled: so a batch is stopped at its first number.
          while (position + 1 < item.seq && position + 1 <= waited) {
            const grave = tombstone(position + 1, 1, position);
            if (!(await table.putLog(type, grave))) break;
            await accept(grave);
          }
          missing = position + 1 < item.seq;
          if (missing) break;
          await accept(item);
        }
        if (missing) {
          if (position + 1 > waited) {
            await sleep(clock, patience.delayMs());
            waited = highest;
          }
          continue;
        }
        if (target !== undefined && position >= target) return;
      }
    },

    async recent(type, { base, last }, since) {
      const found: LogItem[] = [];
      const result = (older: LogItem | undefined): RecentLog => ({ items: found.reverse(), older });
      let before = (epochOf(last + beyondCounter) + 1) * epochSize;
      while (before > base + 1) {
        const { items, more } = await table.logBefore(type, before);
        for (const item of items) {
          if (item.seq <= base) return result(undefined);
          if (item.time < since) return result(item);
          found.push(item);
        }
        if (more) {
          before = items.at(-1)!.seq;
          continue;
        }
        const epoch = epochOf(before - 1);
        // Nothing is left of this epoch, so nothing is of those before it.
        if (items.length === 0 && epoch < epochOf(last)) return result(undefined);
        before = epoch * epochSize;
      }
      return result(undefined);
    },
  };
}
