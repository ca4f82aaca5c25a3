import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger, silentLogger } from '@nodeless/component-base/logger';
import { createManualClock } from '@nodeless/component-base/manual-clock';
import { openClassicLevel } from '@nodeless/store/leveldb/database';
import { openLevelDbStore } from '@nodeless/store/leveldb/leveldb-store';
import type { Entry, Operation, Store } from '@nodeless/store/store';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ControlledDisk, createControlledDisk } from './controlled-disk.ts';

const a = '/pods/default/a';
const attributes = { labels: undefined, fields: undefined, owners: undefined, trigger: undefined };
const put = (key: string, text: string): Operation => ({
  type: 'put',
  key,
  expected: 'any',
  attributes,
  value: () => ({ bytes: Buffer.from(text) }),
});
const text = (entry: Entry | undefined): string | undefined => entry && Buffer.from(entry.value.bytes).toString();
const start = Date.UTC(2030, 0, 1);

describe('a folder', () => {
  let folder = '';
  let path = '';
  let store: Store | undefined;
  const open = (): Promise<Store> => openLevelDbStore({ path, clock: createManualClock(), log: silentLogger });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'store-open-'));
    path = join(folder, 'not', 'yet', 'there');
  });
  afterEach(async () => {
    await store?.close();
    store = undefined;
    await rm(folder, { recursive: true, force: true });
  });

  it('is made when it is missing', async () => {
    store = await open();
    await store.commit([put(a, 'x')]);
    expect(text(await store.get(a))).toBe('x');
  });

  it('that is in use is refused with its name, and can be opened once it is free', async () => {
    store = await open();
    await expect(open()).rejects.toMatchObject({
      code: 'unavailable',
      message: `the store folder ${path} is in use by another process`,
    });
    await store.close();
    store = await open();
  });

  it('of a newer format is refused and left alone', async () => {
    await (await open()).close();
    const database = await openClassicLevel(path);
    await database.write([{ type: 'put', key: 'm/format', value: Buffer.from('2') }]);
    await database.close();
    const message = `the store folder ${path} was written by a newer version of this program: its format is 2, this version reads 1`;
    await expect(open()).rejects.toMatchObject({ code: 'unavailable', message });
    await expect(open()).rejects.toMatchObject({ message });
  });

  it('with a database of another program is refused', async () => {
    const database = await openClassicLevel(path);
    await database.write([{ type: 'put', key: 'hello', value: Buffer.from('world') }]);
    await database.close();
    await expect(open()).rejects.toMatchObject({
      code: 'unavailable',
      message: `the folder ${path} holds a database that is not a store of this program`,
    });
  });

  it('that cannot be made is an error with its reason', async () => {
    path = '/dev/null/store';
    await expect(open()).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/^the store folder \/dev\/null\/store cannot be opened: .*ENOTDIR/),
    });
  });
});

describe('what is found', () => {
  let disk: ControlledDisk = createControlledDisk();
  const open = (now = start, log = silentLogger): Promise<Store> =>
    openLevelDbStore({
      path: '/data/store',
      clock: createManualClock(now),
      log,
      openDatabase: disk.openDatabase,
      historyMs: 60_000,
    });
  beforeEach(() => {
    disk = createControlledDisk();
  });

  const statusOf = async (store: Store, revision: number): Promise<string> =>
    store.list({ prefix: '/pods/' }, { at: revision }).then(
      () => 'kept',
      (error: unknown) => (error as { code: string }).code,
    );

  it('a clock that was set back does not take revisions back', async () => {
    const first = await open();
    const [before] = await first.commit([put(a, 'one')]);
    await first.close();
    const second = await open(start - 3_600_000);
    expect(await second.revision('/pods/')).toBe(before!.revision);
    const [after] = await second.commit([put(a, 'two')]);
    expect(after!.revision).toBe(before!.revision + 1);
    expect(await statusOf(second, before!.revision)).toBe('kept');
    await second.close();
  });

  it('of a copy that was put back, revisions that came after it was made are compacted, earlier ones resume', async () => {
    const first = await open();
    await first.commit([put(a, 'one')]);
    const [copied] = await first.commit([put(a, 'two')]);
    await first.close();
    const copy = new Map(disk.contents);
    const second = await open(start + 1000);
    const [lost] = await second.commit([put(a, 'three')]);
    await second.close();
    disk.contents.clear();
    for (const [key, value] of copy) disk.contents.set(key, value);
    const third = await open(start + 5000);
    expect(text(await third.get(a))).toBe('two');
    expect(await statusOf(third, lost!.revision)).toBe('compacted');
    expect(await statusOf(third, copied!.revision)).toBe('kept');
    const [next] = await third.commit([put(a, 'four')]);
    expect(next!.revision).toBeGreaterThan(lost!.revision);
    await third.close();
    const fourth = await open(start + 6000);
    expect(await statusOf(fourth, lost!.revision)).toBe('compacted');
    expect(await statusOf(fourth, copied!.revision)).toBe('kept');
    await fourth.close();
  });

  it('a hole in the log is reported, and history before it forgotten, but the store opens', async () => {
    const first = await open();
    const revisions: number[] = [];
    for (let i = 0; i < 5; i++) revisions.push((await first.commit([put(a, `${i}`)]))[0]!.revision);
    await first.close();
    disk.contents.delete([...disk.contents.keys()].filter((key) => key.startsWith('l')).sort()[3]!);
    const lines: string[] = [];
    const second = await open(start, createLogger({ write: (line) => lines.push(line) }));
    expect(lines.join()).toContain('the log of the store has a gap');
    expect(await Promise.all(revisions.map((revision) => statusOf(second, revision)))).toEqual([
      'compacted',
      'compacted',
      'kept',
      'kept',
      'kept',
    ]);
    await second.close();
  });

  it.each([
    {
      name: 'an object that is not what the log says',
      spoil: () => disk.contents.delete(`o${a}`),
      message: /^the store folder \/data\/store cannot be opened: its log disagrees with/,
    },
    {
      name: 'an object cut short',
      spoil: () => disk.contents.set(`o${a}`, disk.contents.get(`o${a}`)!.slice(0, 9)),
      message: /^the store folder \/data\/store cannot be opened: the record ends/,
    },
    {
      name: 'no log at all',
      spoil: () =>
        [...disk.contents.keys()].filter((key) => key.startsWith('l')).forEach((key) => disk.contents.delete(key)),
      message: /^the store folder \/data\/store cannot be opened: its log is missing/,
    },
  ])('$name keeps it from opening', async ({ spoil, message }) => {
    const first = await open();
    await first.commit([put(a, 'one')]);
    await first.close();
    spoil();
    await expect(open()).rejects.toMatchObject({ code: 'unavailable', message });
  });
});
