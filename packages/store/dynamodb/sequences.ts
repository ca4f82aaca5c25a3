import { baseCounter } from '../watch-cache/history.ts';
import type { LogReader, MakeTombstone } from './log-reader.ts';
import { settledPosition } from './positions.ts';
import type { Life, Sequence, Table } from './table.ts';
import { bucketsOf, isQuiet } from './table-schema.ts';

/** The sequences of the types, each begun when it is first asked for, and anew when the table has come to another life. */
export interface Sequences {
  /** Of its fields, only those that never change may be used. */
  known(type: string): Promise<Sequence>;
  /** Read at this moment. */
  fresh(type: string): Promise<Sequence>;
  forget(type: string): void;
}

export interface SequencesOptions {
  readonly table: Pick<Table, 'sequence' | 'createSequence' | 'life' | 'rebase' | 'putLog' | 'growGeneration'>;
  readonly log: LogReader;
  readonly now: () => number;
  readonly tombstone: MakeTombstone;
  /** Told of each one that is read, and when that began. */
  readonly read: (type: string, sequence: Sequence, time: number) => void;
}

export function createSequences({ table, log, now, tombstone, read }: SequencesOptions): Sequences {
  const sequences = new Map<string, Promise<Sequence>>();
  let life: Promise<Life | undefined> | undefined;
  const lifeOf = (): Promise<Life | undefined> => {
    life ??= table.life().catch((error: unknown) => {
      life = undefined;
      throw error;
    });
    return life;
  };

  const begin = async (type: string): Promise<Sequence> => {
    const [found, current] = await Promise.all([table.sequence(type), lifeOf()]);
    if (!found) {
      const base = Math.max(baseCounter(now()), current?.base ?? 0);
      const fresh = { last: base, base, compacted: base, touched: now(), buckets: bucketsOf(type), settled: base };
      return await table.createSequence(type, fresh);
    }
    return current && found.base < current.base ? await goOn(type, found, current.base) : found;
  };

  /** The sequence first: a number that is taken from now on is of the new life. */
  const goOn = async (type: string, old: Sequence, base: number): Promise<Sequence> => {
    const rebased = await table.rebase(type, base, now());
    // For those who opened the table before: without it they would wait for ever for what comes after their revision.
    let end = settledPosition(old, now());
    await log.follow(type, end, (item) => {
      end = item.seq + item.count - 1;
      return Promise.resolve();
    });
    if (rebased.base > end + 1) await table.putLog(type, tombstone(end + 1, rebased.base - end, end));
    if (isQuiet(type)) await table.growGeneration();
    return rebased;
  };

  const fresh = (type: string): Promise<Sequence> => {
    const began = now();
    const sequence = begin(type).then((found) => {
      read(type, found, began);
      return found;
    });
    sequences.set(type, sequence);
    sequence.catch(() => {
      if (sequences.get(type) === sequence) sequences.delete(type);
    });
    return sequence;
  };
  return {
    known: (type) => sequences.get(type) ?? fresh(type),
    fresh,
    forget(type) {
      sequences.delete(type);
      life = undefined;
    },
  };
}
