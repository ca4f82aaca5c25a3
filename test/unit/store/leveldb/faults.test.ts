import { silentLogger } from '@nodeless/component-base/logger';
import { createManualClock } from '@nodeless/component-base/manual-clock';
import { openLevelDbStore } from '@nodeless/store/leveldb/leveldb-store';
import {
  type Entry,
  type Operation,
  type Precondition,
  type Store,
  type StoreErrorCode,
  isStoreError,
} from '@nodeless/store/store';
import { beforeEach, describe, expect, it } from 'vitest';
import { type ControlledDisk, createControlledDisk } from './controlled-disk.ts';

const a = '/pods/default/a';
const b = '/pods/default/b';
const attributes = { labels: undefined, fields: undefined, owners: undefined, trigger: undefined };
const put = (key: string, text: string, expected: Precondition = 'any'): Operation => ({
  type: 'put',
  key,
  expected,
  attributes,
  value: () => ({ bytes: Buffer.from(text) }),
});
const remove = (key: string): Operation => ({
  type: 'delete',
  key,
  expected: 'any',
  attributes,
  value: () => ({ bytes: Buffer.from('gone') }),
});
const text = (entry: Entry | undefined): string | undefined => entry && Buffer.from(entry.value.bytes).toString();

let clock = createManualClock();
let disk: ControlledDisk = createControlledDisk();
let store: Store;

const open = (): Promise<Store> =>
  openLevelDbStore({
    path: '/data/store',
    clock,
    log: silentLogger,
    openDatabase: disk.openDatabase,
    historyMs: 60_000,
  });

beforeEach(async () => {
  clock = createManualClock();
  disk = createControlledDisk();
  store = await open();
});

/** Lets everything that can go on go on, without moving the clock. */
const settle = (): Promise<void> => clock.advance(0);

/** How a promise stands, in words that compare: pending, done, or the code of its error. */
function follow(promise: Promise<unknown>): () => string {
  let state = 'pending';
  promise.then(
    () => (state = 'done'),
    (error: unknown) => (state = isStoreError(error) ? error.code : String(error)),
  );
  return () => state;
}

async function heard(after: number): Promise<string[]> {
  const events: string[] = [];
  store.watch({ prefix: '/pods/' }, after, {
    onEvents: (more) => events.push(...more.map(({ type, key, entry }) => `${type} ${key} ${text(entry)}`)),
    onEnd: () => {},
  });
  await settle();
  return events;
}

describe('group commit', () => {
  it('commits of one moment share a write, and so do those that come while it is under way', async () => {
    disk.hold();
    disk.writes.length = 0;
    const first = [store.commit([put(a, '1')]), store.commit([put(b, '2')])];
    await settle();
    expect(disk.writes).toHaveLength(1);
    const second = [
      store.commit([put('/pods/x/1', '3')]),
      store.commit([put('/nodes//n', '4')]),
      store.commit([remove(a)]),
    ];
    await settle();
    expect(disk.writes).toHaveLength(1);
    await disk.release();
    await Promise.all([...first, ...second]);
    expect(disk.writes.map((keys) => keys.filter((key) => !key.startsWith('+l')))).toEqual([
      [`+o${a}`, `+o${b}`],
      ['+o/pods/x/1', '+o/nodes//n', `-o${a}`],
    ]);
    for (const keys of disk.writes) expect(keys.filter((key) => key.startsWith('+l'))).toHaveLength(1);
  });

  it('nothing is told, seen or read before it is durable', async () => {
    const made = (await store.commit([put(a, 'old')]))[0]!;
    const events = await heard(made.revision);
    disk.hold();
    const state = follow(store.commit([put(a, 'new')]));
    await settle();
    expect([
      state(),
      events,
      text(await store.get(a)),
      (await store.list({ prefix: '/pods/' })).revision,
      await store.revision('/pods/'),
    ]).toEqual(['pending', [], 'old', made.revision, made.revision]);
    await disk.release();
    expect([state(), events, text(await store.get(a))]).toEqual(['done', [`put ${a} new`], 'new']);
  });

  it('a failed precondition is not told before what it met is durable', async () => {
    disk.hold();
    const first = follow(store.commit([put(a, '1', 'absent')]));
    const second = follow(store.commit([put(a, '2', 'absent')]));
    await settle();
    const third = follow(store.commit([put(a, '3', 'absent')]));
    const check = follow(store.commit([{ type: 'check', key: a, expected: 'present' }]));
    const unrelated = follow(store.commit([put(b, '4', 17)]));
    await settle();
    expect([first(), second(), third(), check(), unrelated()]).toEqual([
      'pending',
      'pending',
      'pending',
      'pending',
      'missing',
    ]);
    await disk.release();
    await settle();
    expect([first(), second(), third(), check()]).toEqual(['done', 'exists', 'exists', 'done']);
  });
});

it('a change in flight hides the one before it, also when that became durable meanwhile', async () => {
  disk.hold();
  const first = store.commit([put(a, '1')]);
  await settle();
  const second = follow(store.commit([put(a, '2')]));
  const third = follow(first.then(([entry]) => store.commit([put(a, '3', entry!.revision)])));
  await disk.step();
  expect([text(await store.get(a)), second(), third()]).toEqual(['1', 'pending', 'pending']);
  await disk.release();
  await settle();
  expect([text(await store.get(a)), second(), third()]).toEqual(['2', 'done', 'conflict']);
});

describe('a write that fails', () => {
  const fail = async (written: boolean): Promise<{ revision: number; events: string[]; outcomes: () => string[] }> => {
    const made = (await store.commit([put(a, 'old')]))[0]!;
    const events = await heard(made.revision);
    disk.hold();
    disk.failNextWrite('No space left on device', { written });
    const commits = [store.commit([put(a, 'lost', made.revision)]), store.commit([put(b, 'with it', 'absent')])];
    await settle();
    commits.push(
      store.commit([put(a, 'dependent')]),
      store.commit([put(b, 'met it', 'absent')]),
      store.commit([put('/nodes//n', 'independent')]),
    );
    const outcomes = commits.map(follow);
    await settle();
    await disk.release();
    return { revision: made.revision, events, outcomes: () => outcomes.map((state) => state()) };
  };

  it('fails its commits and their dependents, and leaves what was durable', async () => {
    const { revision, events, outcomes } = await fail(false);
    expect(outcomes()).toEqual(Array<StoreErrorCode>(5).fill('unavailable'));
    expect([events, text(await store.get(a)), await store.get(b), await store.revision('/pods/')]).toEqual([
      [],
      'old',
      undefined,
      revision,
    ]);
  });

  it('says why, with the folder', async () => {
    disk.failNextWrite('No space left on device');
    await expect(store.commit([put(a, 'x')])).rejects.toThrow(
      'the store cannot write to its folder /data/store: No space left on device',
    );
    // While it lasts, the answer is the same and immediate.
    await expect(store.commit([put(a, 'x')])).rejects.toThrow('No space left on device');
    await expect(store.compact('/pods/', 1)).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('is forgotten when it was not written: the store opens the folder anew and goes on', async () => {
    const { revision, events } = await fail(false);
    await clock.advance(1000);
    const [again] = await store.commit([put(a, 'next', revision)]);
    expect(again!.revision).toBeGreaterThan(revision);
    expect(disk.opened()).toBe(2);
    expect(events).toEqual([`put ${a} next`]);
    expect(await heard(revision)).toEqual([`put ${a} next`]);
    await store.close();
    store = await open();
    expect(await heard(revision)).toEqual([`put ${a} next`]);
    expect([text(await store.get(a)), await store.get(b), await store.get('/nodes//n')]).toEqual([
      'next',
      undefined,
      undefined,
    ]);
  });

  it('is taken up when it was written after all', async () => {
    const { revision, events, outcomes } = await fail(true);
    expect(outcomes()[0]).toBe('unavailable');
    expect(text(await store.get(a))).toBe('old');
    await clock.advance(1000);
    expect(events).toEqual([`put ${a} lost`, `put ${b} with it`]);
    expect([text(await store.get(a)), text(await store.get(b))]).toEqual(['lost', 'with it']);
    await expect(store.commit([put(a, 'x', revision)])).rejects.toMatchObject({ code: 'conflict' });
    await store.commit([put(a, 'next')]);
    await store.close();
    store = await open();
    expect(await heard(revision)).toEqual([`put ${a} lost`, `put ${b} with it`, `put ${a} next`]);
  });

  it('is tried again for as long as the disk does not open, while reads and watches go on', async () => {
    const { revision, events } = await fail(false);
    disk.failOpening('No space left on device');
    for (let minute = 0; minute < 10; minute++) {
      await clock.advance(60_000);
      await expect(store.commit([put(a, 'x')])).rejects.toMatchObject({ code: 'unavailable' });
      expect(text(await store.get(a))).toBe('old');
      expect((await store.list({ prefix: '/pods/' }, { at: revision })).entries).toHaveLength(1);
    }
    disk.failOpening(undefined);
    await clock.advance(5000);
    await store.commit([put(a, 'next')]);
    expect(events).toEqual([`put ${a} next`]);
  });

  it('waits longer after each failure, until one write succeeds', async () => {
    const opens: number[] = [];
    for (let failure = 0; failure < 4; failure++) {
      disk.failNextWrite('Input/output error');
      await expect(store.commit([put(a, 'x')])).rejects.toMatchObject({ code: 'unavailable' });
      const before = disk.opened();
      let waited = 0;
      for (; disk.opened() === before; waited += 10) await clock.advance(10);
      opens.push(waited);
    }
    expect(opens).toEqual([50, 100, 200, 400]);
    await store.commit([put(a, 'x')]);
    disk.failNextWrite('Input/output error');
    await expect(store.commit([put(a, 'x')])).rejects.toMatchObject({ code: 'unavailable' });
    await clock.advance(50);
    await store.commit([put(a, 'y')]);
  });

  it('does not keep close() from ending', async () => {
    disk.failNextWrite('Input/output error');
    await expect(store.commit([put(a, 'x')])).rejects.toMatchObject({ code: 'unavailable' });
    disk.failOpening('Input/output error');
    await clock.advance(100);
    await store.close();
    const opened = disk.opened();
    disk.failOpening(undefined);
    await clock.advance(60_000);
    expect(disk.opened()).toBe(opened);
    await expect(store.commit([put(a, 'x')])).rejects.toThrow('the store is closed');
  });

  it('a compaction that fails has not happened', async () => {
    const first = (await store.commit([put(a, 'one')]))[0]!;
    const second = (await store.commit([put(a, 'two')]))[0]!;
    disk.failNextWrite('Input/output error');
    await expect(store.compact('/pods/', second.revision)).rejects.toMatchObject({ code: 'unavailable' });
    await clock.advance(1000);
    expect((await store.list({ prefix: '/pods/' }, { at: first.revision })).entries.map(text)).toEqual(['one']);
    await store.compact('/pods/', second.revision);
    await expect(store.list({ prefix: '/pods/' }, { at: first.revision })).rejects.toMatchObject({ code: 'compacted' });
  });
});

it('close() waits for what is in flight', async () => {
  disk.hold();
  const commits = [follow(store.commit([put(a, '1')]))];
  await settle();
  commits.push(follow(store.commit([put(b, '2')])));
  const closing = follow(store.close());
  await settle();
  expect([...commits, closing].map((state) => state())).toEqual(['pending', 'pending', 'pending']);
  await disk.release();
  await settle();
  expect([...commits, closing].map((state) => state())).toEqual(['done', 'done', 'done']);
});

it('a value that cannot be encoded fails its commit alone', async () => {
  const transformer = {
    toStorage(bytes: Uint8Array, key: string) {
      if (key === b) throw new Error('no key');
      return bytes;
    },
    fromStorage: (bytes: Uint8Array) => bytes,
  };
  store = await openLevelDbStore({
    path: '/data/store',
    clock,
    log: silentLogger,
    openDatabase: disk.openDatabase,
    transformer,
  });
  await expect(store.commit([put(b, 'x')])).rejects.toThrow('the store cannot encode a write: no key');
  await store.commit([put(a, 'y')]);
  expect([text(await store.get(a)), await store.get(b)]).toEqual(['y', undefined]);
});

describe('the log on the disk', () => {
  const logEntries = (): number => [...disk.contents.keys()].filter((key) => key.startsWith('l')).length;

  it('is trimmed as the history expires', async () => {
    for (let i = 0; i < 500; i++) {
      await store.commit([put(a, `${i}`)]);
      await clock.advance(2000);
    }
    // A minute of history, one commit every two seconds, and one mark of the history more or less.
    expect(logEntries()).toBeGreaterThan(29);
    expect(logEntries()).toBeLessThan(33);
  });

  it('keeps nothing of starts long past', async () => {
    for (let life = 0; life < 20; life++) {
      await store.close();
      await clock.advance(3_600_000);
      store = await open();
      await store.commit([put(a, `${life}`)]);
    }
    expect(logEntries()).toBeLessThan(5);
  });

  it('catches up after a pause, and its newest entry outlives everything', async () => {
    for (let i = 0; i < 300; i++) await store.commit([put(a, `${i}`)]);
    await store.commit([remove(a)]);
    const revision = await store.revision('/pods/');
    await store.close();
    await clock.advance(3_600_000);
    store = await open();
    for (let i = 0; i < 6; i++) await store.commit([put(b, `${i}`)]);
    expect(logEntries()).toBeLessThan(10);
    await store.close();
    await clock.advance(3_600_000);
    store = await open();
    await store.commit([remove(b)]);
    const last = await store.revision('/pods/');
    await clock.advance(3_600_000);
    await store.close();
    store = await open();
    expect(last).toBeGreaterThan(revision);
    expect(await store.revision('/pods/')).toBeGreaterThanOrEqual(last);
  });
});
