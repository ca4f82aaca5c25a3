import { type LogReader, isEndOfLife } from './log-reader.ts';
import type { Sequence, Table } from './table.ts';

/**
 * Up to where this process knows the log of each type to be settled: everything up to there is in the objects, and
 * nothing will be put there any more. It need not be the end: whoever wants that follows the log from here.
 */
export interface Positions {
  at(type: string): Promise<number>;
  /** Where the log ends at this moment, everything before being settled. */
  end(type: string): Promise<number>;
  /** As `at`, but not so far behind `seq`, where others write, that those who read from there have much to read. */
  near(type: string, seq: number): Promise<number>;
  note(type: string, position: number): void;
  /** A log entry of this process. */
  wrote(type: string, seq: number, count: number): void;
  forget(type: string): void;
}

export interface PositionsOptions {
  /** Reads it, and notes the position that follows from it. */
  readonly sequence: (type: string) => Promise<Sequence>;
  readonly follow: LogReader['follow'];
  readonly table: Pick<Table, 'logAfter'>;
  readonly now: () => number;
}

/**
 * A writer does not use a ticket for longer than seconds, and the service takes no request that was signed more than
 * a quarter of an hour ago: a number that is older than this and empty stays so.
 */
export const settledMs = 20 * 60_000;
/** Log entries are kept for more than an hour: what stands behind a position of this age is still there. */
const usefulMs = 30 * 60_000;
/** Whoever reads from the position of a writer reads so many entries more than it must, at most. */
const furthest = 100;

/** A lower bound from the sequence alone. */
export function settledPosition({ last, touched, settled, base }: Sequence, now: number): number {
  return Math.max(base, now - touched > settledMs ? last : settled);
}

export function createPositions({ sequence, follow, table, now }: PositionsOptions): Positions {
  const known = new Map<string, { position: number; time: number }>();

  const note = (type: string, position: number): void => {
    const before = known.get(type);
    // What was known further on is of its own time.
    if (!before || position >= before.position) known.set(type, { position, time: now() });
  };
  const at = async (type: string): Promise<number> => {
    const last = known.get(type);
    if (last && now() - last.time < usefulMs) return last.position;
    if (last) known.delete(type);
    const { base } = await sequence(type);
    return known.get(type)?.position ?? base;
  };
  /** As far as the log is whole, without waiting for those who are at work in it. */
  const wholeFrom = async (type: string, from: number): Promise<number> => {
    let position = from;
    for (const item of (await table.logAfter(type, from)).items) {
      if (item.seq > position + 1 || isEndOfLife(item)) break;
      position = Math.max(position, item.seq + item.count - 1);
    }
    note(type, position);
    return position;
  };
  const end = async (type: string): Promise<number> => {
    let position = await at(type);
    await follow(type, position, (item) => {
      position = item.seq + item.count - 1;
      return Promise.resolve();
    });
    note(type, position);
    return position;
  };

  return {
    at,
    end,
    async near(type, seq) {
      const position = await at(type);
      if (seq - position <= furthest) return position;
      const further = await wholeFrom(type, position);
      // Whoever stopped there is not at work any more.
      return seq - further > 2 * furthest ? await end(type) : further;
    },
    note,
    wrote(type, seq, count) {
      const last = known.get(type);
      if (last?.position === seq - 1) note(type, seq + count - 1);
    },
    forget: (type) => void known.delete(type),
  };
}
