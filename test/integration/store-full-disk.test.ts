import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '@nodeless/component-base/clock';
import { silentLogger } from '@nodeless/component-base/logger';
import { openLevelDbStore } from '@nodeless/store/leveldb/leveldb-store';
import { type Entry, type Store, type StoreError, isStoreError } from '@nodeless/store/store';
import { afterAll, expect, it } from 'vitest';

const disk = mkdtempSync(join(tmpdir(), 'store-disk-'));
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', disk]).status === 0;
afterAll(() => {
  if (mounted) spawnSync('umount', [disk]);
  rmSync(disk, { recursive: true, force: true });
});

const path = join(disk, 'store');
const ballast = join(disk, 'ballast');
const open = (): Promise<Store> => openLevelDbStore({ path, clock: systemClock, log: silentLogger });

async function put(store: Store, name: string): Promise<Entry> {
  // Random bytes: the disk must fill also where LevelDB compresses.
  const value = (): { bytes: Uint8Array } => ({ bytes: crypto.getRandomValues(new Uint8Array(20_000)) });
  const attributes = { labels: undefined, fields: undefined, owners: undefined, trigger: undefined };
  const [entry] = await store.commit([
    { type: 'put', key: `/pods/default/${name}`, expected: 'absent', value, attributes },
  ]);
  return entry!;
}

/** Commits until the disk is full; returns what was acknowledged and what was said at the end. */
async function fill(store: Store, prefix: string): Promise<{ acknowledged: Entry[]; error: StoreError }> {
  const acknowledged: Entry[] = [];
  for (let i = 0; ; i++) {
    try {
      acknowledged.push(await put(store, `${prefix}-${i}`));
    } catch (error) {
      if (!isStoreError(error)) throw error;
      return { acknowledged, error };
    }
  }
}

it.skipIf(!mounted)(
  mounted
    ? 'a full disk: a clear error, nothing lost, and writing goes on once there is room'
    : 'needs the right to mount a small file system',
  { timeout: 60_000 },
  async () => {
    await writeFile(ballast, Buffer.alloc(30_000_000));
    const store = await open();
    const heard: string[] = [];
    store.watch({ prefix: '/pods/' }, await store.revision('/pods/'), {
      onEvents: (events) => heard.push(...events.map(({ key }) => key)),
      onEnd: () => {},
    });
    const before = await fill(store, 'before');
    expect(before.acknowledged.length).toBeGreaterThan(100);
    expect(before.error.code).toBe('unavailable');
    expect(before.error.message).toContain('No space left on device');
    expect(before.error.message).toContain(path);
    // Reading goes on meanwhile, and writing is refused at once.
    for (const entry of before.acknowledged) expect((await store.get(entry.key))?.revision).toBe(entry.revision);
    const refused = await fill(store, 'refused');
    expect(refused.error.code).toBe('unavailable');

    await rm(ballast);
    const until = Date.now() + 20_000;
    let after: Entry | undefined;
    while (!after && Date.now() < until) {
      await delay(25);
      after = await put(store, `after-${Date.now()}`).catch(() => undefined);
    }
    expect(after).toBeDefined();
    const all = [...before.acknowledged, ...refused.acknowledged, after!];
    for (const { key } of all) expect(heard.filter((other) => other === key)).toHaveLength(1);
    const entries = (await store.list({ prefix: '/pods/' })).entries;
    await store.close();

    const again = await open();
    const found = new Map((await again.list({ prefix: '/pods/' })).entries.map((entry) => [entry.key, entry]));
    for (const entry of all) expect(Buffer.compare(found.get(entry.key)!.value.bytes, entry.value.bytes)).toBe(0);
    expect([...found.keys()]).toEqual(entries.map(({ key }) => key));
    await again.close();

    // A store that cannot even be opened says why.
    await writeFile(ballast, Buffer.alloc(48_000_000)).catch(() => {});
    const error = await open().then(
      (opened) => opened.close(),
      (thrown: unknown) => thrown,
    );
    expect((error as Error).message).toMatch(/cannot be opened: No space left on device/);
  },
);
