import { createManualClock } from '@nodeless/component-base/manual-clock';
import { createLogReader } from '@nodeless/store/dynamodb/log-reader';
import { type MakeDraft, createLogWriter } from '@nodeless/store/dynamodb/log-writer';
import { createPatience, withRetries } from '@nodeless/store/dynamodb/patience';
import { type LogItem, type Table, TableError } from '@nodeless/store/dynamodb/table';
import { createPositions } from '@nodeless/store/dynamodb/positions';
import { isStoreError } from '@nodeless/store/store';
import { describe, expect, it } from 'vitest';
import { type Gate, createMemoryTable, gated } from './memory-table.ts';

const type = '/pods/';
const base = 2 ** 40;
let ids = 0;
const tombstone = (seq: number, count: number, settled = 0): LogItem => ({
  seq,
  count,
  writer: `t${ids++}`,
  time: 0,
  settled,
  events: undefined,
  expires: 1,
});

async function setUp(before: Gate = async () => {}, after?: Gate) {
  const raw = createMemoryTable();
  await raw.createSequence(type, { last: base, base, compacted: base, touched: 0, buckets: 1, settled: base });
  const clock = createManualClock();
  const table: Table = withRetries(gated(raw, before, after), { clock });
  const patience = createPatience();
  const log = createLogReader({ table, clock, patience, tombstone });
  const positions = createPositions({
    sequence: async () => raw.sequences.get(type)!,
    follow: log.follow,
    table: raw,
    now: () => clock.now(),
  });
  const writer = createLogWriter({
    table,
    positions,
    clock,
    now: () => clock.now(),
    patience,
    tombstone,
    newId: () => `w${ids++}`,
  });
  const marks: string[] = [];
  /** A batch of `count` changes without objects: only the log matters here. */
  const draft =
    (count: number): MakeDraft =>
    async (firsts, mark) => {
      marks.push(mark);
      const { first: seq, settled } = firsts.get(type)!;
      const item = { seq, count, writer: mark, time: 0, settled, events: new Uint8Array([1]), expires: 1 };
      return { logs: [{ type, item }], objects: [], used: [], unused: [] };
    };
  const write = async (count = 1) => {
    const outcome = writer.write(new Map([[type, count]]), draft(count));
    let over = false;
    outcome.then(
      () => (over = true),
      () => (over = true),
    );
    for (let i = 0; i < 300 && !over; i++) await clock.advance(100);
    return await outcome;
  };
  const shown = (): (readonly [number, number, string])[] =>
    [...(raw.logs.get(type)?.values() ?? [])]
      .sort((a, b) => a.seq - b.seq)
      .map(({ seq, count, events }) => [seq - base, count, events ? 'entry' : 'tombstone'] as const);
  return { raw, clock, log, write, shown, marks };
}

/** Fails the named step as often as there are errors. */
function failing(step: keyof Table, errors: TableError[]): Gate {
  return async (name) => {
    if (name !== step) return;
    const error = errors.shift();
    if (error) throw error;
  };
}

describe('the log writer', () => {
  it('tries a ticket again through conflicts and throttles, with the same number', async () => {
    const errors = [new TableError('cancelled', 'TransactionConflict'), new TableError('throttled', 'too fast')];
    const { write, shown, raw } = await setUp(failing('transact', errors));
    expect(await write()).toBe('committed');
    expect(shown()).toEqual([[1, 1, 'entry']]);
    expect(raw.sequences.get(type)!.last).toBe(base + 1);
  });

  it('gives up after bounded tries and leaves no hole', async () => {
    const errors = Array.from({ length: 50 }, () => new TableError('throttled', 'too fast'));
    const { write, shown } = await setUp(failing('transact', errors));
    await expect(write(3)).rejects.toThrow('too fast');
    expect(shown()).toEqual([[1, 3, 'tombstone']]);
    expect(errors.length).toBeGreaterThan(40);
  });

  it('finds its own entry after an answer was lost', async () => {
    let lost = false;
    const { write, shown } = await setUp(undefined, async (step) => {
      if (step !== 'transact' || lost) return;
      lost = true;
      throw new TableError('unknown', 'timeout');
    });
    expect(await write(2)).toBe('committed');
    expect(lost).toBe(true);
    expect(shown()).toEqual([[1, 2, 'entry']]);
  });

  it('settles a request that was lost, and takes another number', async () => {
    const { write, shown, marks } = await setUp(failing('transact', [new TableError('unknown', 'timeout')]));
    expect(await write()).toBe('committed');
    expect(shown()).toEqual([
      [1, 1, 'tombstone'],
      [2, 1, 'entry'],
    ]);
    expect(new Set(marks).size).toBe(2);
  });

  it('takes another ticket when the answer to one is lost', async () => {
    let lost = false;
    const { write, shown } = await setUp(undefined, async (step) => {
      if (step !== 'takeTickets' || lost) return;
      lost = true;
      throw new TableError('unknown', 'timeout');
    });
    expect(await write()).toBe('committed');
    expect(shown()).toEqual([[2, 1, 'entry']]);
  });

  it('goes on behind the end of the log after three lost tickets, and protects every number it takes', async () => {
    // Whoever is before it is faster: each of its tickets is filled when it comes.
    const others: number[] = [];
    const { write, shown, raw } = await setUp(async (step, args) => {
      if (step !== 'transact') return;
      const [{ logs }] = args as [{ logs: { item: LogItem }[] }];
      const { seq } = logs[0]!.item;
      if (logs.length > 1) {
        // No ticket any more: another writer has one in the middle of what is taken now, and comes later.
        others.push(await raw.takeTickets(type, 1, 0, base));
        return;
      }
      for (const n of [0, 1]) await raw.putLog(type, tombstone(seq + n, 1));
    });
    expect(await write(2)).toBe('committed');
    expect(shown().slice(-2)).toEqual([
      [7, 2, 'entry'],
      [8, 1, 'tombstone'],
    ]);
    expect(others).toEqual([base + 7]);
    const late = {
      logs: [{ type, item: { ...tombstone(base + 8, 1), events: new Uint8Array([2]) } }],
      objects: [],
      used: [],
      unused: [],
      quiet: false,
      notAfter: Infinity,
    };
    await expect(raw.transact({ token: 'late', ...late })).rejects.toMatchObject({ logFailed: true });
  });

  it('answers unavailable when that number is taken, too', async () => {
    const { write } = await setUp(failing('transact', []), undefined);
    expect(await write()).toBe('committed');
    const busy = await setUp(async (step, args) => {
      if (step !== 'transact') return;
      const [{ logs }] = args as [{ logs: { item: LogItem }[] }];
      await busy.raw.putLog(type, tombstone(logs[0]!.item.seq, 1));
    });
    const error: unknown = await busy.write().catch((thrown: unknown) => thrown);
    expect(isStoreError(error, 'unavailable')).toBe(true);
    expect(busy.marks).toHaveLength(4);
  });

  it('does not use a ticket that has become old', async () => {
    const frozen = await setUp(undefined, async (step) => {
      if (step === 'takeTickets' && frozen.raw.sequences.get(type)!.last === base + 1)
        await frozen.clock.advance(60_000);
    });
    expect(await frozen.write()).toBe('committed');
    expect(frozen.shown()).toEqual([
      [1, 1, 'tombstone'],
      [2, 1, 'entry'],
    ]);
  });
});

describe('the log reader', () => {
  it('fills numbers of dead writers one by one, after a while and not before', async () => {
    const { raw, log, clock, shown } = await setUp();
    await raw.putLog(type, { ...tombstone(base + 4, 2), events: new Uint8Array([1]) });
    const seen: number[] = [];
    const read = log.follow(type, base, async ({ seq }) => void seen.push(seq - base));
    await clock.advance(149);
    expect(shown()).toHaveLength(1);
    await clock.advance(1);
    await read;
    expect(seen).toEqual([1, 2, 3, 4]);
    expect(shown().map(([seq]) => seq)).toEqual([1, 2, 3, 4]);
  });

  it('waits for a writer that is only slow', async () => {
    const { raw, log, clock } = await setUp();
    await raw.putLog(type, { ...tombstone(base + 2, 1), events: new Uint8Array([1]) });
    const seen: string[] = [];
    const read = log.follow(type, base, async ({ writer }) => void seen.push(writer));
    await clock.advance(100);
    await raw.putLog(type, { ...tombstone(base + 1, 1), writer: 'slow', events: new Uint8Array([1]) });
    await clock.advance(100);
    await read;
    expect(seen[0]).toBe('slow');
  });

  it('passes over tombstones inside of what a batch takes', async () => {
    const { raw, log } = await setUp();
    await raw.putLog(type, { ...tombstone(base + 1, 3), events: new Uint8Array([1]) });
    await raw.putLog(type, tombstone(base + 2, 1));
    await raw.putLog(type, { ...tombstone(base + 4, 1), events: new Uint8Array([1]) });
    const seen: number[] = [];
    await log.follow(type, base, async ({ seq }) => void seen.push(seq - base));
    expect(seen).toEqual([1, 4]);
  });
});
