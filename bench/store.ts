/**
 * What the embedded store does on this machine: `node --expose-gc bench/store.ts [seconds a row] [folder]`. Durable writes, small
 * and ConfigMap-sized values. Compare ratios of one run; the disk's own fdatasync is the first row.
 */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@nodeless/component-base/clock';
import { createLogger } from '@nodeless/component-base/logger';
import { openLevelDbStore } from '@nodeless/store/leveldb/leveldb-store';
import { createMemoryStore } from '@nodeless/store/memory/memory-store';
import type { Attributes, Store, Value } from '@nodeless/store/store';

const seconds = Number(process.argv[2] ?? 2);
const folder = mkdtempSync(join(process.argv[3] ?? tmpdir(), 'store-bench-'));
const attributes: Attributes = {
  labels: { app: 'web', 'pod-template-hash': '5d4f8c7b9' },
  fields: { 'status.phase': 'Running', 'spec.nodeName': 'node-1' },
  owners: ['3f2a1c9e-0000-4000-8000-000000000000'],
  trigger: 'node-1',
};
const small = Buffer.from(JSON.stringify({ kind: 'ConfigMap', data: { text: 'x'.repeat(300) } }));
const value = (): Value => ({ bytes: Buffer.from(small) });
const row = (what: string, figure: string): void => {
  console.log(`${what.padEnd(58)} ${figure}`);
};
const perSecond = (count: number, ms: number): string => `${Math.round((count / ms) * 1000).toLocaleString('en')} /s`;
const micros = (ms: number): string => `${(ms * 1000).toFixed(1)} µs`;

function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
}

/** `writers` loops that each wait for their commit; creates objects, or updates a thousand of them. */
async function commits(name: string, store: Store, writers: number, update: boolean): Promise<void> {
  const latencies: number[] = [];
  const begin = performance.now();
  const end = begin + seconds * 1000;
  let made = 0;
  const loop = async (): Promise<void> => {
    for (;;) {
      const started = performance.now();
      if (started > end) return;
      const n = made++;
      const key = update
        ? `/configmaps/bench/u${n % 1000}`
        : `/configmaps/c${writers}/${name.length}-${n.toString(36)}`;
      await store.commit([{ type: 'put', key, expected: update ? 'any' : 'absent', value, attributes }]);
      latencies.push(performance.now() - started);
    }
  };
  await Promise.all(Array.from({ length: writers }, loop));
  const elapsed = performance.now() - begin;
  latencies.sort((x, y) => x - y);
  const spread = `p50 ${quantile(latencies, 0.5).toFixed(2)} ms  p99 ${quantile(latencies, 0.99).toFixed(2)} ms`;
  row(
    `${name}: ${update ? 'updates' : 'creates'}, ${writers} at once`,
    `${perSecond(latencies.length, elapsed).padStart(12)}  ${spread}`,
  );
}

function disk(): void {
  const file = openSync(join(folder, 'probe'), 'w');
  const block = Buffer.alloc(500);
  const latencies: number[] = [];
  for (let i = 0; i < 300; i++) {
    const started = performance.now();
    writeSync(file, block);
    fdatasyncSync(file);
    latencies.push(performance.now() - started);
  }
  closeSync(file);
  latencies.sort((x, y) => x - y);
  row(
    'disk: append of 500 bytes and fdatasync',
    `p50 ${quantile(latencies, 0.5).toFixed(2)} ms  p99 ${quantile(latencies, 0.99).toFixed(2)} ms`,
  );
}

async function reads(name: string, store: Store): Promise<void> {
  const operations = Array.from(
    { length: 5000 },
    (_, i) => ({ type: 'put', key: `/secrets/ns${i % 10}/s${i}`, expected: 'any', value, attributes }) as const,
  );
  for (let i = 0; i < operations.length; i += 500) await store.commit(operations.slice(i, i + 500));
  const time = async (what: string, count: number, run: (i: number) => Promise<unknown>): Promise<void> => {
    for (let i = 0; i < count / 10; i++) await run(i);
    const begin = performance.now();
    for (let i = 0; i < count; i++) await run(i);
    row(`${name}: ${what}`, micros((performance.now() - begin) / count));
  };
  const { revision } = await store.list({ prefix: '/secrets/' });
  await time('get', 200_000, (i) => store.get(`/secrets/ns${i % 10}/s${i % 5000}`));
  await time('list of 5,000', 500, () => store.list({ prefix: '/secrets/' }));
  await time('page of 500 of them', 2000, () =>
    store.list({ prefix: '/secrets/' }, { limit: 500, after: '/secrets/ns4/' }),
  );
  await time('list by trigger', 500, () => store.list({ prefix: '/secrets/', trigger: 'node-1' }));
  await store.commit([{ type: 'put', key: '/secrets/ns1/s1', expected: 'any', value, attributes }]);
  await time('page of 500 at an earlier revision', 500, () =>
    store.list({ prefix: '/secrets/' }, { limit: 500, at: revision }),
  );
}

async function watchers(): Promise<void> {
  const store = createMemoryStore({ clock: systemClock });
  const run = async (): Promise<number> => {
    const begin = performance.now();
    for (let i = 0; i < 20_000; i++)
      await store.commit([{ type: 'put', key: `/configmaps/w/${i % 100}`, expected: 'any', value, attributes }]);
    return (performance.now() - begin) / 20_000;
  };
  await run();
  row('memory: commit, no watchers', micros(await run()));
  const after = await store.revision('/configmaps/');
  const ignore = { onEvents: () => {}, onEnd: () => {} };
  for (let i = 0; i < 10_000; i++)
    store.watch({ prefix: `/configmaps/other${i % 500}/`, trigger: i % 2 ? undefined : `n${i}` }, after, ignore);
  row('memory: commit, 10,000 watchers that do not want it', micros(await run()));
  for (let i = 0; i < 1000; i++)
    store.watch({ prefix: '/configmaps/w/' }, await store.revision('/configmaps/'), ignore);
  row('memory: commit, 1,000 watchers that want it', micros(await run()));
  await store.close();
}

async function memoryAndOpening(): Promise<void> {
  const path = join(folder, 'memory');
  const open = (): Promise<Store> =>
    openLevelDbStore({ path, clock: systemClock, log: createLogger({ level: 'warn' }) });
  const collect = (globalThis as { gc?: () => void }).gc ?? (() => {});
  const used = async (): Promise<number> => {
    for (let i = 0; i < 3; i++) {
      collect();
      await new Promise((resolve) => {
        setTimeout(resolve, 50);
      });
    }
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  let store = await open();
  const before = await used();
  const made = (name: string): Value => ({
    bytes: Buffer.from(
      JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { text: 'y'.repeat(1000) } }),
    ),
  });
  const put = (name: string) =>
    ({
      type: 'put',
      key: `/configmaps/memory/${name}`,
      expected: 'absent',
      value: () => made(name),
      attributes,
    }) as const;
  for (let i = 0; i < 10_000; i += 100) await store.commit(Array.from({ length: 100 }, (_, j) => put(`c${i + j}`)));
  const bytes = made('c10000').bytes.byteLength;
  const each = (total: number): string => `${Math.round(total / 10_000)} bytes an object of ${bytes}`;
  const written = (await used()) - before;
  row('LevelDB: memory with 10,000 ConfigMaps, just written', each(written));
  await store.close();
  const started = performance.now();
  store = await open();
  row('LevelDB: opening with 10,000 ConfigMaps', `${(performance.now() - started).toFixed(0)} ms`);
  row('LevelDB: memory with 10,000 ConfigMaps, after opening', each((await used()) - before));
  await store.close();
}

try {
  disk();
  // First, while there is no garbage of others to be taken for it.
  await memoryAndOpening();
  const level = await openLevelDbStore({
    path: join(folder, 'commits'),
    clock: systemClock,
    log: createLogger({ level: 'warn' }),
  });
  for (const writers of [1, 16, 64]) await commits('LevelDB', level, writers, false);
  for (const writers of [1, 16, 64]) await commits('LevelDB', level, writers, true);
  await reads('LevelDB', level);
  await level.close();
  await watchers();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
