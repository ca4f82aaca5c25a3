import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CoreV1Api, KubeConfig, makeInformer, type V1ConfigMap } from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { buildGoInformer, type GoInformer, startGoInformer } from '../builders/go-informer.ts';
import { ask } from '../builders/https.ts';
import {
  type Acknowledged,
  compareSeen,
  describeCache,
  freshList,
  type Seen,
  startWriters,
} from '../builders/observed-writes.ts';
import { type RunningCluster, startRunningCluster, temporaryFolder } from '../builders/running-cluster.ts';

/**
 * Informers of two client libraries through restarts of the API server, half of them kills, while objects are written. Both
 * run through the same restarts; what each saw is judged in a test of its own.
 */
const namespace = 'informed';
const restarts = 20;
const writesBetween = 25;

interface JsInformer {
  readonly seen: readonly Seen[];
  readonly lists: number;
  cache(): Record<string, string>;
  stop(): Promise<void>;
}

let folder: string;
let cluster: RunningCluster;
let js: JsInformer;
let go: GoInformer | undefined;
let goProgram: string | undefined;
let lackingGo: string | undefined;
let acknowledged: readonly Acknowledged[];
let fresh: Record<string, string>;

const restart = async (signal: NodeJS.Signals): Promise<void> => {
  const { port } = cluster;
  await cluster.stop(signal);
  cluster = await startRunningCluster({ dataDir: cluster.dataDir, port, nodes: 1 });
};
const createNamespace = (): Promise<unknown> =>
  ask(cluster, {
    method: 'POST',
    path: '/api/v1/namespaces',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ metadata: { name: namespace } }),
  });

beforeAll(async () => {
  folder = await temporaryFolder('informers');
  const built = await buildGoInformer(folder);
  cluster = await startRunningCluster({ dataDir: join(folder, 'data'), nodes: 1 });
  await createNamespace();
  // Every namespace gets this one; it must not come in between.
  await vi.waitFor(async () => expect(Object.keys(await freshList(cluster, namespace))).toEqual(['kube-root-ca.crt']), {
    timeout: 10_000,
  });
  js = await startJsInformer(cluster.kubeconfig);
  if ('path' in built) goProgram = built.path;
  else lackingGo = built.lacking;
  if (goProgram) go = startGoInformer(goProgram, cluster.kubeconfig, namespace);
  if (go)
    await vi.waitFor(() => expect(go?.lines.some(({ what }) => what === 'synced')).toBe(true), { timeout: 20_000 });

  const writers = startWriters(() => cluster, namespace, 6);
  for (let i = 0; i < restarts; i++) {
    const enough = writers.acknowledged.length + writesBetween;
    await vi.waitFor(() => expect(writers.acknowledged.length).toBeGreaterThanOrEqual(enough), {
      timeout: 30_000,
      interval: 5,
    });
    await restart(i % 2 === 0 ? 'SIGKILL' : 'SIGINT');
  }
  await writers.stop();
  acknowledged = [...writers.acknowledged];
  fresh = await freshList(cluster, namespace);
}, 240_000);
afterAll(async () => {
  await js?.stop();
  await go?.stop();
  await cluster?.stop('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

describe('the comparison', () => {
  it('finds what is missed, repeated, out of order and wrong', () => {
    const put = (rv: number): Acknowledged => ({ what: 'put', uid: 'u', rv, value: `v${rv}` });
    const told = (rv: number): Seen => ({ what: 'update', uid: 'u', rv, value: `v${rv}` });
    const relist = (rv: number): Seen => ({ what: 'relist', uid: '', rv, value: '' });
    expect(compareSeen([put(1), put(2)], [told(1), told(2)])).toEqual([]);
    expect(compareSeen([put(1), put(2)], [told(2)])).toEqual(['revision 1 (v1) was not told']);
    expect(compareSeen([put(1)], [told(1), told(1)])).toEqual([
      'revision 1 was told twice',
      'revision 1 was told after 1',
    ]);
    expect(compareSeen([], [told(2), told(1)])).toEqual(['revision 1 was told after 2']);
    expect(compareSeen([put(1)], [{ ...told(1), value: 'other' }])).toEqual(['revision 1 was told as other, not v1']);
    expect(compareSeen([{ ...put(1), what: 'delete' }], [])).toEqual(['the deletion of u was not told']);
    // Only a list that is newer excuses what was not told.
    expect(compareSeen([put(2), put(3)], [told(1), relist(3), told(3)])).toEqual([]);
    expect(compareSeen([put(2), put(4)], [told(1), relist(3)])).toEqual(['revision 4 (v4) was not told']);
  });
});

describe('an informer of @kubernetes/client-node', () => {
  it('sees every write once, in order, and ends with what is there', async () => {
    await expect.poll(() => js.cache(), { timeout: 30_000 }).toEqual(fresh);
    expect(acknowledged.length).toBeGreaterThan(restarts * writesBetween);
    expect(compareSeen(acknowledged, js.seen)).toEqual([]);
    // It resumed each time: it listed when it started, and never again.
    expect(js.lists).toBe(1);
  });
});

describe('an informer of client-go', () => {
  it('sees every write once, in order, and ends with what is there', async (context) => {
    context.skip(lackingGo !== undefined, lackingGo);
    const informer = go as GoInformer;
    // After so many refused connections it waits up to a minute before it tries again.
    await expect.poll(() => informer.cache(), { timeout: 120_000 }).toEqual(fresh);
    expect(compareSeen(acknowledged, seenByGo(informer))).toEqual([]);
    const expired = informer.lines.filter(
      ({ what, reason }) => what === 'error' && (reason === 'Expired' || reason === 'Gone'),
    );
    expect(expired).toEqual([]);
  }, 150_000);
});

describe('after the data has gone', () => {
  it('both list again and are right', async () => {
    const { port, dataDir } = cluster;
    const lists = js.lists;
    const informer = goProgram === undefined ? undefined : startGoInformer(goProgram, cluster.kubeconfig, namespace);
    if (informer)
      await expect.poll(() => informer.cache(), { timeout: 20_000 }).toEqual(await freshList(cluster, namespace));
    await cluster.stop('SIGINT');
    // The keys stay, or no client would talk to this cluster any more.
    rmSync(join(dataDir, 'store'), { recursive: true });
    cluster = await startRunningCluster({ dataDir, port, nodes: 1 });
    await createNamespace();
    const writers = startWriters(() => cluster, namespace, 3);
    await expect.poll(() => writers.acknowledged.length, { timeout: 30_000 }).toBeGreaterThan(20);
    await writers.stop();
    const now = await freshList(cluster, namespace);
    expect(Object.keys(now)).not.toHaveLength(0);
    await expect.poll(() => js.cache(), { timeout: 60_000 }).toEqual(now);
    expect(js.lists).toBe(lists + 1);
    if (informer) await expect.poll(() => informer.cache(), { timeout: 60_000 }).toEqual(now);
    await informer?.stop();
  }, 150_000);
});

async function startJsInformer(kubeconfig: string): Promise<JsInformer> {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  const api = config.makeApiClient(CoreV1Api);
  const seen: Seen[] = [];
  let lists = 0;
  let stopped = false;
  const informer = makeInformer<V1ConfigMap>(config, `/api/v1/namespaces/${namespace}/configmaps`, async () => {
    const list = await api.listNamespacedConfigMap({ namespace });
    if ((lists += 1) > 1) seen.push({ what: 'relist', uid: '', rv: Number(list.metadata?.resourceVersion), value: '' });
    return list;
  });
  for (const what of ['add', 'update', 'delete'] as const) {
    informer.on(what, ({ metadata, data }) =>
      seen.push({
        what,
        uid: metadata?.uid ?? '',
        rv: Number(metadata?.resourceVersion),
        value: data?.['value'] ?? '',
      }),
    );
  }
  // What its documentation tells users to do.
  informer.on('error', () => {
    void delay(50).then(() => (stopped ? undefined : informer.start()));
  });
  await informer.start();
  return {
    seen,
    get lists() {
      return lists;
    },
    cache: () => describeCache(informer.list()),
    async stop() {
      stopped = true;
      await informer.stop();
    },
  };
}

/** A list, or a watch that begins with everything there is, after the first: it may skip states. */
function seenByGo({ lines }: GoInformer): Seen[] {
  const seen: Seen[] = [];
  const synced = lines.findIndex(({ what }) => what === 'synced');
  lines.forEach((line, i) => {
    const again = i > synced && (line.what === 'list' || (line.what === 'watch' && line.initial === true));
    // Up to which revision the new list went is where the next event that is not of it begins; the next watch tells.
    if (again) {
      const next = lines.slice(i + 1).find(({ what, initial }) => what === 'watch' && !initial);
      seen.push({ what: 'relist', uid: '', rv: Number(next?.rv ?? Number.MAX_SAFE_INTEGER), value: '' });
    } else if (line.what === 'add' || line.what === 'update' || line.what === 'delete')
      seen.push({ what: line.what, uid: line.uid ?? '', rv: Number(line.rv), value: line.value ?? '' });
  });
  return seen;
}
