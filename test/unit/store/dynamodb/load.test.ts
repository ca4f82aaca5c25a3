import { type ManualClock, createManualClock } from '@nodeless/component-base/manual-clock';
import { createDynamoDbStore } from '@nodeless/store/dynamodb/dynamodb-store';
import type { ObjectItem, Table, Transaction } from '@nodeless/store/dynamodb/table';
import type { Operation, Store } from '@nodeless/store/store';
import { describe, expect, it } from 'vitest';
import { type MemoryTable, createMemoryTable } from './memory-table.ts';

const plain = { labels: undefined, fields: undefined, owners: undefined, trigger: undefined };
const pods = '/pods/';
const a = '/pods/x/a';
const b = '/pods/x/b';
const historyMs = 60_000;

function put(key: string, text: string): Operation {
  return { type: 'put', key, expected: 'any', attributes: plain, value: () => ({ bytes: Buffer.from(text) }) };
}

function open(table: Table, clock: ManualClock): Store {
  return createDynamoDbStore({ table, clock, historyMs });
}

/** What the broom may do: everything whose time has come, or only a part of it. */
function sweep(table: MemoryTable, now: number, part: (n: number) => boolean = () => true): void {
  let n = 0;
  for (const log of table.logs.values()) {
    for (const [seq, { expires }] of log) if (expires * 1000 < now && part(n++)) log.delete(seq);
  }
  for (const [key, { expires = Infinity }] of table.items)
    if (expires * 1000 < now && part(n++)) table.items.delete(key);
}

async function inTime<T>(promise: Promise<T>, clock: ManualClock): Promise<T> {
  let over = false;
  const end = (): void => {
    over = true;
  };
  promise.then(end, end);
  for (let i = 0; i < 100 && !over; i++) await clock.advance(50);
  return await promise;
}

const texts = async (store: Store, clock: ManualClock): Promise<string[]> =>
  (await inTime(store.list({ prefix: pods }), clock)).entries.map(({ value }) => Buffer.from(value.bytes).toString());

describe('a cold load', () => {
  it('replays what changed while the objects were read', async () => {
    const clock = createManualClock();
    const table = createMemoryTable();
    const other = open(table, clock);
    await other.commit([put(a, 'one'), put(b, 'one')]);
    const scan = async (...args: Parameters<Table['scan']>): Promise<ObjectItem[]> => {
      const stale = await table.scan(...args);
      await other.commit([put(a, 'two')]);
      await other.commit([
        { type: 'delete', key: b, expected: 'any', attributes: plain, value: () => ({ bytes: Buffer.from('-') }) },
      ]);
      await other.commit([put('/pods/x/c', 'new')]);
      return stale;
    };
    const cold = open({ ...table, scan }, clock);
    expect(await texts(cold, clock)).toEqual(['two', 'new']);
    expect(await cold.revision(pods)).toBe(await other.revision(pods));
  });

  it('waits for the log where an object is seen before the entry that made it', async () => {
    const clock = createManualClock();
    const table = createMemoryTable();
    const other = open(table, clock);
    await other.commit([put(a, 'one')]);
    const [made] = await other.commit([put(a, 'two')]);
    let hidden = 3;
    const logAfter = async (...args: Parameters<Table['logAfter']>) => {
      const page = await table.logAfter(...args);
      return hidden-- > 0 ? { ...page, items: page.items.filter(({ seq }) => seq !== made!.revision) } : page;
    };
    const cold = open({ ...table, logAfter }, clock);
    const page = await inTime(cold.list({ prefix: pods }), clock);
    expect([page.revision, page.entries[0]!.revision]).toEqual([made!.revision, made!.revision]);
  });

  it.each([
    ['all of it', () => true],
    ['every other entry', (n: number) => n % 2 === 0],
    ['none of it', () => false],
    ['the newest entry', (n: number) => n === 11],
  ])('finds the state and the revision when the broom has taken of the log %s', async (_, part) => {
    const clock = createManualClock();
    const table = createMemoryTable();
    const other = open(table, clock);
    for (let i = 0; i < 10; i++) await other.commit([put(a, `a${i}`)]);
    await other.commit([put(b, 'b')]);
    await other.commit([
      { type: 'delete', key: b, expected: 'any', attributes: plain, value: () => ({ bytes: Buffer.from('-') }) },
    ]);
    const revision = await other.revision(pods);
    await other.close();
    await clock.advance(24 * 3_600_000);
    sweep(table, clock.now(), part);
    const cold = open(table, clock);
    const entries = [...table.logs.get(pods)!.values()].length;
    expect(await texts(cold, clock)).toEqual(['a9']);
    expect(await cold.revision(pods)).toBe(revision);
    // Looking is not writing: nothing that has expired is taken for a hole.
    expect(table.logs.get(pods)!.size).toBe(entries);
    const [next] = await cold.commit([put(b, 'again')]);
    expect(next!.revision).toBe(revision + 1);
    expect(await texts(open(table, clock), clock)).toEqual(['a9', 'again']);
  });

  it('lets nobody slip in below it when tickets are open and the log is empty', async () => {
    const clock = createManualClock();
    const table = createMemoryTable();
    const first = open(table, clock);
    await first.commit([put(a, 'old')]);
    await clock.advance(24 * 3_600_000);
    sweep(table, clock.now());
    // Two writers have their tickets and have not come to write; they had found nothing in the log.
    const { last: settled } = table.sequences.get(pods)!;
    const slow = await table.takeTickets(pods, 1, clock.now(), settled);
    const quick = await table.takeTickets(pods, 1, clock.now(), settled);
    const cold = open(table, clock);
    expect(await texts(cold, clock)).toEqual(['old']);
    // Both may still come, so they stand after what was read.
    expect(await inTime(cold.revision(pods), clock)).toBe(settled);
    const entry = (seq: number): Transaction => {
      const item = { seq, count: 1, writer: 'w', time: clock.now(), settled, events: new Uint8Array([0]), expires: 1 };
      return {
        token: `t${seq}`,
        notAfter: Infinity,
        logs: [{ type: pods, item }],
        objects: [],
        used: [],
        unused: [],
        quiet: false,
      };
    };
    await table.transact(entry(quick));
    expect(await inTime(cold.revision(pods), clock)).toBe(quick);
    await expect(table.transact(entry(slow))).rejects.toMatchObject({ logFailed: true });
  });

  it('keeps what a change replaced, however old that is', async () => {
    const clock = createManualClock();
    const table = createMemoryTable();
    const writer = open(table, clock);
    const [old] = await writer.commit([put(a, 'old')]);
    await clock.advance(24 * 3_600_000);
    sweep(table, clock.now());
    await open(table, clock).commit([put(a, 'new')]);
    const cold = open(table, clock);
    const page = await inTime(cold.list({ prefix: pods }, { at: old!.revision }), clock);
    expect(page.entries.map(({ value }) => Buffer.from(value.bytes).toString())).toEqual(['old']);
  });
});
