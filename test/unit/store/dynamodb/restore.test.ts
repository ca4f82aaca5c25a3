import { createManualClock, type ManualClock } from '@nodeless/component-base/manual-clock';
import { beginNewLife, noteLife } from '@nodeless/store/dynamodb/begin-new-life';
import { type DynamoDbStore, createDynamoDbStore } from '@nodeless/store/dynamodb/dynamodb-store';
import type { Table } from '@nodeless/store/dynamodb/table';
import { type Entry, type Operation, type Store, type StoreEvent, isStoreError } from '@nodeless/store/store';
import { baseCounter } from '@nodeless/store/watch-cache/history';
import { describe, expect, it } from 'vitest';
import { createFakeDynamo } from './fake-dynamo.ts';
import { type MemoryTable, createMemoryTable } from './memory-table.ts';

const attributes = { labels: undefined, fields: undefined, owners: undefined, trigger: undefined };
const pods = '/pods/';
const minute = 60_000;
const day = 86_400_000;

function put(key: string, text: string, expected: 'any' | 'absent' | number = 'any'): Operation {
  return { type: 'put', key, expected, attributes, value: (r) => ({ bytes: Buffer.from(`${text}@${r}`) }) };
}
function remove(key: string): Operation {
  return { type: 'delete', key, expected: 'any', attributes, value: () => ({ bytes: Buffer.from('gone') }) };
}
const textOf = ({ value }: Entry): string => Buffer.from(value.bytes).toString().split('@')[0]!;
const texts = async (store: Store): Promise<string[]> => (await store.list({ prefix: pods })).entries.map(textOf);
const open = (table: Table, clock: ManualClock): DynamoDbStore => createDynamoDbStore({ table, clock, pollMs: 250 });

/** The table as a backup holds it. */
function copyOf(table: MemoryTable): MemoryTable {
  const copy = createMemoryTable();
  for (const [type, log] of table.logs) copy.logs.set(type, new Map(log));
  for (const [type, sequence] of table.sequences) copy.sequences.set(type, sequence);
  for (const [key, item] of table.items) copy.items.set(key, item);
  for (const [id, body] of table.bodies) copy.bodies.set(id, body);
  return copy;
}

async function restored() {
  const clock = createManualClock();
  const table = createMemoryTable();
  await noteLife(table, 'first', clock.now());
  const store = open(table, clock);
  await store.commit([put('/pods/a/x', 'x'), put('/pods/a/y', 'y')]);
  await store.commit([remove('/pods/a/y')]);
  const backup = copyOf(table);
  await backup.putLife((await table.life())!);
  const kept = await store.revision(pods);
  const [lost] = await store.commit([put('/pods/a/lost', 'lost')]);
  await clock.advance(day);
  const begin = async (): Promise<void> => void (await noteLife(backup, 'second', clock.now()));
  return { clock, backup, kept, lost: lost!.revision, begin };
}

async function endOf(store: Store, after: number, clock: ManualClock): Promise<string | undefined> {
  let code: string | undefined;
  const watch = store.watch({ prefix: pods }, after, {
    onEvents: () => {},
    onEnd: (error) => (code = error?.code),
  });
  await clock.advance(300);
  watch.stop();
  return code;
}

describe('a table that was restored', () => {
  it('holds what it held, and answers every revision of its earlier life with compacted', async () => {
    const { clock, backup, kept, lost, begin } = await restored();
    await begin();
    const store = open(backup, clock);
    expect(await texts(store)).toEqual(['x']);
    const revision = await store.revision(pods);
    expect(revision).toBe(baseCounter(clock.now() + minute));
    expect(revision).toBeGreaterThan(lost);
    for (const old of [kept, lost, lost + 1]) {
      expect(await endOf(store, old, clock)).toBe('compacted');
      await expect(store.list({ prefix: pods }, { at: old })).rejects.toMatchObject({ code: 'compacted' });
      await expect(store.list({ prefix: '/pods/a/' }, { at: old })).rejects.toMatchObject({ code: 'compacted' });
    }
    expect(await endOf(store, revision, clock)).toBeUndefined();
  });

  it('goes on: updates at the revisions of its objects, creates, deletes, watches', async () => {
    const { clock, backup, begin } = await restored();
    await begin();
    const store = open(backup, clock);
    const cold = open(backup, clock);
    const x = (await store.get('/pods/a/x'))!;
    const start = await cold.revision(pods);
    const events: StoreEvent[] = [];
    cold.watch({ prefix: pods }, start, { onEvents: (batch) => void events.push(...batch), onEnd: () => {} });
    const [again] = await store.commit([put('/pods/a/x', 'x2', x.revision)]);
    expect(again!.revision).toBe(start + 1);
    await store.commit([put('/pods/a/y', 'y2', 'absent')]);
    await store.commit([remove('/pods/a/x')]);
    await clock.advance(300);
    expect(events.map(({ type, entry, previous }) => [type, textOf(entry), previous && textOf(previous)])).toEqual([
      ['put', 'x2', 'x'],
      ['put', 'y2', undefined],
      ['delete', 'gone', 'x2'],
    ]);
    expect(await texts(open(backup, clock))).toEqual(['y2']);
  });

  it('is the same life after another deploy, and another one after another restore', async () => {
    const { clock, backup, begin } = await restored();
    await begin();
    const store = open(backup, clock);
    const revision = await store.revision(pods);
    await clock.advance(day);
    await begin();
    expect(await open(backup, clock).revision(pods)).toBe(revision);
    await noteLife(backup, 'third', clock.now());
    expect(await open(backup, clock).revision(pods)).toBe(baseCounter(clock.now() + minute));
    // A type that is new in this life begins with it, too.
    expect(await open(backup, clock).revision('/nodes/')).toBe(baseCounter(clock.now() + minute));
  });

  it('may hold halves of its last transactions: its objects are what counts', async () => {
    const { clock, backup, begin } = await restored();
    const log = backup.logs.get(pods)!;
    const [last] = [...log.keys()].sort((a, b) => b - a);
    // An object whose entry in the log is missing, and an entry whose object is.
    const x = backup.items.get('/pods/a/x')!;
    backup.items.set('/pods/a/ahead', { ...x, key: '/pods/a/ahead', revision: last! + 5 });
    log.set(last! + 1, { ...log.get(last!)!, seq: last! + 1, count: 3 });
    await begin();
    const store = open(backup, clock);
    expect(await texts(store)).toEqual(['x', 'x']);
    const ahead = (await store.get('/pods/a/ahead'))!;
    await store.commit([put('/pods/a/ahead', 'on', ahead.revision)]);
    expect(await texts(open(backup, clock))).toEqual(['on', 'x']);
  });

  it('a process that used it before it was told: its watches end, its reads and writes go over', async () => {
    const { clock, backup, begin } = await restored();
    const early = open(backup, clock);
    expect(await texts(early)).toEqual(['x']);
    let code: string | undefined;
    early.watch({ prefix: pods }, await early.revision(pods), { onEvents: () => {}, onEnd: (e) => (code = e?.code) });
    await begin();
    const later = open(backup, clock);
    await later.commit([put('/pods/a/z', 'z')]);
    await clock.advance(300);
    expect(code).toBe('compacted');
    expect(await texts(early)).toEqual(['x', 'z']);
    expect(await early.revision(pods)).toBe(await later.revision(pods));
    await early.commit([put('/pods/a/w', 'w')]);
    expect(await texts(later)).toEqual(['w', 'x', 'z']);
  });

  it('a writer that took a number of the new life by chance says that it does not know, and goes on in it', async () => {
    const { clock, backup, begin } = await restored();
    const early = open(backup, clock);
    await early.commit([put('/pods/a/early', 'early')]);
    await begin();
    // Another process has moved the sequence, and died before it could say so in the log.
    await backup.rebase(pods, (await backup.life())!.base, clock.now());
    const error: unknown = await early.commit([put('/pods/a/x', 'late')]).catch((thrown: unknown) => thrown);
    expect(isStoreError(error, 'unavailable')).toBe(true);
    await early.commit([put('/pods/a/x', 'again')]);
    expect(await texts(early)).toEqual(['early', 'again']);
    const cold = open(backup, clock);
    const listed = cold.list({ prefix: pods });
    await clock.advance(1000);
    expect((await listed).entries.map(textOf)).toEqual(['early', 'again']);
    expect(await cold.revision(pods)).toBe(await early.revision(pods));
  });
});

describe('beginNewLife', () => {
  function dynamo(life: { id: string; base: number } | undefined) {
    const puts: unknown[] = [];
    const { client } = createFakeDynamo(({ operation, input }) => {
      if (operation === 'DescribeTable') return { body: { Table: { TableId: 'this-one' } } };
      if (operation === 'PutItem') {
        puts.push(input['Item']);
        return { body: {} };
      }
      return { body: life ? { Item: { id: { S: life.id }, base: { N: String(life.base) } } } : {} };
    });
    return { client, puts };
  }
  const clock = createManualClock();
  const base = baseCounter(clock.now() + minute);

  it.each([
    ['a new table is noted', undefined, false, false, 0],
    ['the same table is left alone', { id: 'this-one', base: 5 }, false, false, undefined],
    ['another one was restored', { id: 'that-one', base: 5 }, false, true, base],
    ['an operator says so', { id: 'this-one', base: 5 }, true, true, base],
  ])('%s', async (_, life, force, isRestored, expected) => {
    const { client, puts } = dynamo(life);
    const begun = await beginNewLife({ client, name: 't', clock, force });
    expect(begun.restored).toBe(isRestored);
    const item = { pk: { S: 'LIFE' }, sk: { S: 'LIFE' }, id: { S: 'this-one' }, base: { N: String(expected) } };
    expect(puts).toEqual(expected === undefined ? [] : [item]);
  });

  it('goes up from life to life, also while the clock stands before the last one', async () => {
    const { client } = dynamo({ id: 'that-one', base: base + 2 ** 40 });
    const { life } = await beginNewLife({ client, name: 't', clock });
    expect(life.base).toBe(base + 2 ** 40 + 2 ** 30);
  });
});
