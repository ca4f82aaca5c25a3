import { type Clock, sleep } from '@nodeless/component-base/clock';
import { backoffDelay } from '@nodeless/component-base/retry';
import { StoreError } from '../store.ts';
import { LifeEnded, type MakeTombstone, lifeGap } from './log-reader.ts';
import type { Patience } from './patience.ts';
import type { Positions } from './positions.ts';
import { type Table, TableError, type Transaction } from './table.ts';
import { isQuiet } from './table-schema.ts';

/** Brings a set of changes into the log, one entry a type, together with their objects. */
export interface LogWriter {
  /**
   * 'stale': a condition of an object did not hold, and nothing was done. `counts`: revisions wanted by type; `draft`
   * is called with the first of each, again with others when the ones before were lost. What it throws is passed on,
   * and nothing was done. Throws StoreError 'unavailable'.
   */
  write(counts: ReadonlyMap<string, number>, draft: MakeDraft): Promise<'committed' | 'stale'>;
}

/** `writer`: the mark of this attempt, to be put into the log entries. */
export type MakeDraft = (firsts: ReadonlyMap<string, Place>, writer: string) => Promise<Draft>;

/** Where a type's entry goes, and up to where the log is settled. */
export interface Place {
  readonly first: number;
  readonly settled: number;
}

export interface Draft extends Pick<Transaction, 'logs' | 'objects' | 'used' | 'unused'> {
  /** Called when the draft was not used. */
  readonly abandoned?: () => void;
}

export interface LogWriterOptions {
  /** With retries for everything that may be repeated. */
  readonly table: Pick<Table, 'takeTickets' | 'transact' | 'logEntry' | 'putLog'>;
  readonly positions: Positions;
  /** Runs the waiting. */
  readonly clock: Clock;
  readonly now: () => number;
  readonly patience: Patience;
  readonly tombstone: MakeTombstone;
  readonly newId: () => string;
  readonly random?: () => number;
}

/** A ticket is not used after this: what is found empty much later was not used and never will be. */
const ticketMs = 10_000;
/** Tickets that others took for lost before this writer goes on without one. */
const ticketsLost = 3;
/** Without one, each number that is taken is an action of the transaction, of which there are a hundred. */
const mostGuards = 40;
const attempts = 6;
const mostMs = 120_000;

export function createLogWriter(options: LogWriterOptions): LogWriter {
  const { table, positions, clock, now, patience, tombstone, newId, random } = options;
  const lastSeen = new Map<string, number>();

  const pause = (attempt: number): Promise<void> =>
    sleep(clock, backoffDelay(attempt, { baseMs: 15, capMs: 400, ...(random ? { random } : {}) }));

  const ticket = async (type: string, count: number): Promise<Place> => {
    // Before the ticket: what the sequence says must hold for whoever finds nothing but that.
    const settled = await positions.near(type, lastSeen.get(type) ?? 0);
    for (let attempt = 0; ; attempt++) {
      try {
        const last = await table.takeTickets(type, count, now(), settled);
        if (last - settled > lifeGap) {
          await table.putLog(type, tombstone(last - count + 1, count, settled));
          throw new LifeEnded(type);
        }
        lastSeen.set(type, last);
        return { first: last - count + 1, settled: Math.min(settled, last - count) };
      } catch (error) {
        // A lost answer leaves a hole, and the next call takes another number.
        if (!(error instanceof TableError) || error.code === 'refused' || attempt + 1 >= attempts) throw error;
        await pause(attempt);
      }
    }
  };

  /** The number after the end of the log, everything before it being settled. */
  const tail = async (type: string): Promise<Place> => {
    const settled = await positions.end(type);
    return { first: settled + 1, settled };
  };

  const firstsOf = async (counts: ReadonlyMap<string, number>, ticketless: boolean): Promise<Map<string, Place>> => {
    const taken = await Promise.allSettled(
      [...counts].map(async ([type, count]) => [type, await (ticketless ? tail(type) : ticket(type, count))] as const),
    );
    const firsts = new Map(taken.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : [])));
    const failed = taken.find((one) => one.status === 'rejected');
    if (!failed) return firsts;
    if (!ticketless) await giveUp(counts, firsts);
    throw failed.reason as Error;
  };

  /** Marks numbers that this writer owns and will not use, so that nobody waits for them. */
  const giveUp = async (counts: ReadonlyMap<string, number>, firsts: ReadonlyMap<string, Place>): Promise<void> => {
    await Promise.allSettled(
      [...firsts].map(([type, { first, settled }]) => table.putLog(type, tombstone(first, counts.get(type)!, settled))),
    );
  };

  /** Finds out what became of a transaction; when nothing did, sees to it that nothing will. */
  const settle = async (logs: Transaction['logs'], ticketless: boolean): Promise<'committed' | 'lost'> => {
    const { type, item } = logs[0]!;
    for (;;) {
      const found = await table.logEntry(type, item.seq);
      if (found) return found.writer === item.writer && found.events ? 'committed' : 'lost';
      // Without a ticket, the numbers behind the first are other writers'.
      if (await table.putLog(type, tombstone(item.seq, ticketless ? 1 : item.count, item.settled))) return 'lost';
    }
  };

  const attempt = async (draft: Draft, taken: number, ticketless: boolean): Promise<'committed' | 'stale' | 'lost'> => {
    const { logs, objects, used, unused } = draft;
    const notAfter = taken + ticketMs;
    const quiet = logs.some(({ type }) => isQuiet(type));
    for (let tries = 0; ; tries++) {
      if (clock.now() > notAfter) return 'lost';
      try {
        await table.transact({ token: newId(), notAfter, logs, objects, used, unused, quiet });
        return 'committed';
      } catch (error) {
        if (!(error instanceof TableError)) throw error;
        if (error.code === 'late') return 'lost';
        if (error.code === 'refused') throw error;
        if (error.code === 'unknown') return await settle(logs, ticketless);
        if (error.logFailed) {
          // It may be this very entry: a request that was sent twice on its way.
          const outcome = await settle(logs, ticketless);
          return outcome === 'lost' && error.objectFailed ? 'stale' : outcome;
        }
        if (error.objectFailed) return 'stale';
        if (tries + 1 >= attempts) throw error;
        await pause(tries);
      }
    }
  };

  return {
    async write(counts, make) {
      const guards = [...counts.values()].reduce((sum, count) => sum + count - 1, 0);
      const began = clock.now();
      for (let lost = 0; ; lost++) {
        // Frozen meanwhile: what was written may have expired with its log, and whoever asked for it has gone.
        if (clock.now() - began > mostMs) throw new StoreError('unavailable', 'the commit took too long');
        const ticketless = lost >= ticketsLost && guards <= mostGuards;
        if (lost >= ticketsLost && !ticketless && lost >= 2 * ticketsLost) throw tooManyWriters();
        const taken = clock.now();
        const firsts = await firstsOf(counts, ticketless);
        /** Numbers that were not a ticket belong to others, who may still want them. */
        const own = ticketless ? new Map<string, Place>() : firsts;
        let draft: Draft;
        try {
          draft = await make(firsts, newId());
          if (ticketless) draft = guarded(draft, tombstone);
        } catch (error) {
          await giveUp(counts, own);
          throw error;
        }
        let outcome: 'committed' | 'stale' | 'lost';
        try {
          outcome = await attempt(draft, taken, ticketless);
        } catch (error) {
          await giveUp(counts, own);
          draft.abandoned?.();
          throw error;
        }
        if (outcome === 'committed') {
          patience.observe(clock.now() - taken);
          return 'committed';
        }
        draft.abandoned?.();
        await giveUp(counts, own);
        if (outcome === 'stale') return 'stale';
        if (ticketless) throw tooManyWriters();
      }
    },
  };
}

const tooManyWriters = (): StoreError =>
  new StoreError('unavailable', 'too many writers: every revision was taken by another');

/** Without a ticket, numbers after the first are not protected by it: each is taken in the same transaction. */
function guarded(draft: Draft, tombstone: MakeTombstone): Draft {
  const guards = draft.logs.flatMap(({ type, item }) =>
    Array.from({ length: item.count - 1 }, (_, i) => ({ type, item: tombstone(item.seq + 1 + i, 1, item.settled) })),
  );
  return { ...draft, logs: [...draft.logs, ...guards] };
}
