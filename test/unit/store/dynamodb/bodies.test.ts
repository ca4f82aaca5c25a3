import { createManualClock, type ManualClock } from '@nodeless/component-base/manual-clock';
import { type DynamoDbStore, createDynamoDbStore } from '@nodeless/store/dynamodb/dynamodb-store';
import { type Table, TableError } from '@nodeless/store/dynamodb/table';
import type { Operation } from '@nodeless/store/store';
import { describe, expect, it } from 'vitest';
import { type MemoryTable, createMemoryTable } from './memory-table.ts';

const attributes = { labels: undefined, fields: undefined, owners: undefined, trigger: undefined };
const key = '/secrets/a/sh.helm.release.v1.web.v1';
const hour = 3_600_000;

/** Bytes that no compression makes smaller, as a helm release is: its own gzip, in base64 twice. */
function noise(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length);
  let state = seed;
  for (let i = 0; i < length; i++) {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9;
    bytes[i] = (state >>> 24) & 0xff;
  }
  return bytes;
}
function put(bytes: Uint8Array, expected: 'any' | 'absent' | number = 'any', at = key): Operation {
  return { type: 'put', key: at, expected, attributes, value: () => ({ bytes }) };
}
const removal: Operation = {
  type: 'delete',
  key,
  expected: 'any',
  attributes,
  value: () => ({ bytes: noise(500_000, 9) }),
};

const open = (table: Table, clock: ManualClock): DynamoDbStore => createDynamoDbStore({ table, clock });
const bodyOf = async (store: DynamoDbStore, at = key): Promise<Uint8Array | undefined> =>
  (await store.get(at))?.value.bytes;

/** What the time to live takes. */
function broom(table: MemoryTable, now: number): void {
  for (const [id, { expires = Infinity }] of table.bodies) if (expires * 1000 < now) table.bodies.delete(id);
}
/** Lets what goes on in the background come to its end. */
const settle = (clock: ManualClock): Promise<void> => clock.advance(1);

describe('large bodies', () => {
  it.each([
    ['a helm release of 700 KB', 700_000],
    ['etcd’s limit of 1.5 MiB', 1_572_864],
  ])('%s comes back, to whoever wrote it, to others and in the history', async (_, length) => {
    const clock = createManualClock();
    const table = createMemoryTable();
    const store = open(table, clock);
    const [first] = await store.commit([put(noise(length, 1), 'absent')]);
    await store.commit([put(noise(length, 2), first!.revision)]);
    const cold = open(table, clock);
    expect(Buffer.compare((await bodyOf(cold))!, noise(length, 2))).toBe(0);
    const { entries } = await cold.list({ prefix: '/secrets/a/' }, { at: first!.revision });
    expect(Buffer.compare(entries[0]!.value.bytes, noise(length, 1))).toBe(0);
    // No item is larger than DynamoDB takes.
    for (const { data } of table.bodies.values()) expect(data.byteLength).toBeLessThanOrEqual(400_000);
    expect(table.notes.size).toBe(0);
  });

  it('text of 1.5 MiB that compresses well stays in one piece', async () => {
    const clock = createManualClock();
    const table = createMemoryTable();
    await open(table, clock).commit([put(Buffer.alloc(1_572_864, 'configuration: value\n'))]);
    expect(table.bodies.size).toBe(0);
  });

  it('live as long as their object, and their last words as long as the history', async () => {
    const clock = createManualClock();
    const table = createMemoryTable();
    const store = open(table, clock);
    await store.commit([put(noise(700_000), 'absent')]);
    expect([...table.bodies.values()].map(({ expires }) => expires)).toEqual([undefined, undefined]);
    await clock.advance(30 * 24 * hour);
    broom(table, clock.now());
    await open(table, clock).sweep();
    expect(await bodyOf(open(table, clock))).toHaveLength(700_000);
    await store.commit([removal]);
    await settle(clock);
    expect([...table.bodies.values()].every(({ expires }) => expires !== undefined)).toBe(true);
    expect(table.notes.size).toBe(0);
    await clock.advance(2 * hour);
    broom(table, clock.now());
    expect(table.bodies.size).toBe(0);
  });

  it.each<[string, keyof Table, 'before' | 'after']>([
    ['before its first piece', 'putChunk', 'before'],
    ['after its first piece', 'putChunk', 'after'],
    ['before its commit', 'transact', 'before'],
    ['after its commit, before it heard of it', 'transact', 'after'],
    ['before it let go of what it replaced', 'claimPending', 'before'],
    ['while it let go of what it replaced', 'expireChunks', 'before'],
    ['when it had', 'dropPending', 'before'],
  ])('nothing leaks and nothing is lost when the writer dies %s', async (_, step, when) => {
    const clock = createManualClock();
    const table = createMemoryTable();
    const [old] = await open(table, clock).commit([put(noise(700_000, 1), 'absent')]);
    let dead = false;
    const never = new Promise<never>(() => {});
    const dying = Object.fromEntries(
      Object.entries(table).map(([name, method]) => [
        name,
        async (...args: unknown[]): Promise<unknown> => {
          if (dead || (name === step && when === 'before')) {
            dead = true;
            return await never;
          }
          const result = await (method as (...all: unknown[]) => Promise<unknown>)(...args);
          if (name !== step) return result;
          dead = true;
          return await never;
        },
      ]),
    ) as unknown as Table;
    void open(dying, clock).commit([put(noise(800_000, 2), old!.revision)]);
    await settle(clock);
    expect(dead).toBe(true);
    await clock.advance(2 * hour);
    const store = open(table, clock);
    await store.sweep();
    await clock.advance(3 * hour);
    broom(table, clock.now());
    const committed = step !== 'putChunk' && !(step === 'transact' && when === 'before');
    const expected = committed ? noise(800_000, 2) : noise(700_000, 1);
    expect(Buffer.compare((await bodyOf(open(table, clock)))!, expected)).toBe(0);
    // Only the pieces of what is there are left.
    const size = [...table.bodies.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
    expect(size).toBeLessThan(expected.byteLength + 100);
    expect(table.notes.size).toBe(0);
  });

  it('the sweep does not touch what is being written, and what it took away is written anew', async () => {
    const clock = createManualClock();
    const table = createMemoryTable();
    const other = open(table, clock);
    let held: (() => void) | undefined;
    const slow = open(
      {
        ...table,
        async transact(transaction) {
          if (!held) await new Promise<void>((resolve) => (held = resolve));
          await table.transact(transaction);
        },
      },
      clock,
    );
    const written = slow.commit([put(noise(700_000, 3), 'absent')]);
    await settle(clock);
    await other.sweep();
    expect(table.notes.size).toBe(1);
    expect([...table.bodies.values()].every(({ expires }) => expires === undefined)).toBe(true);
    // As if an hour had passed for another.
    const [note] = [...table.notes.values()];
    await table.claimPending(note!);
    await table.expireChunks(note!.type, note!, 1);
    await table.dropPending(note!);
    held!();
    await written;
    broom(table, clock.now());
    expect(Buffer.compare((await bodyOf(open(table, clock)))!, noise(700_000, 3))).toBe(0);
  });

  it('an answer that never came does not cost the body that was committed', async () => {
    const clock = createManualClock();
    const table = createMemoryTable();
    let lost = 0;
    const store = open(
      {
        ...table,
        async transact(transaction) {
          await table.transact(transaction);
          if (lost++ === 0) throw new TableError('unknown', 'timeout');
        },
        // Nor can it find out.
        async logEntry() {
          throw new TableError('refused', 'no permission');
        },
      },
      clock,
    );
    await expect(store.commit([put(noise(700_000, 4), 'absent')])).rejects.toMatchObject({ code: 'unavailable' });
    await settle(clock);
    await clock.advance(3 * hour);
    await open(table, clock).sweep();
    broom(table, clock.now() + 3 * hour);
    expect(await bodyOf(open(table, clock))).toHaveLength(700_000);
  });

  it('many in one commit', async () => {
    const clock = createManualClock();
    const table = createMemoryTable();
    const store = open(table, clock);
    const keys = Array.from({ length: 8 }, (_, i) => `/secrets/a/s${i}`);
    await store.commit(keys.map((at, i) => put(noise(250_000, i + 1), 'absent', at)));
    const cold = open(table, clock);
    const { entries } = await cold.list({ prefix: '/secrets/' });
    expect(entries.map(({ key: of }) => of)).toEqual(keys);
    for (const [i, at] of keys.entries())
      expect(Buffer.compare((await bodyOf(cold, at))!, noise(250_000, i + 1))).toBe(0);
  });
});
