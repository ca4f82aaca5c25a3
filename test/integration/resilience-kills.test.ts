import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask } from '../builders/https.ts';
import { type RunningCluster, startRunningCluster, temporaryFolder } from '../builders/running-cluster.ts';

/** The whole process killed in the middle of rollouts: what was acknowledged is there, and everything comes to the end it was on the way to. */
const replicas = 12;
const rounds = 6;

interface Owned {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly deletionTimestamp?: string;
    readonly ownerReferences?: readonly { readonly uid: string }[];
  };
  readonly spec: {
    readonly replicas?: number;
    readonly nodeName?: string;
    readonly containers?: readonly { readonly image: string }[];
  };
  readonly status?: { readonly phase?: string; readonly podIP?: string };
}

let folder: string;
let cluster: RunningCluster;
beforeAll(async () => {
  folder = await temporaryFolder('kills');
  cluster = await startRunningCluster({ dataDir: join(folder, 'data'), nodes: 3 });
}, 90_000);
afterAll(async () => {
  await cluster?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const apps = '/apis/apps/v1/namespaces/default';
const read = async (path: string): Promise<Record<string, unknown>> =>
  (await ask(cluster, { path })).json() as Record<string, unknown>;
const list = async (path: string): Promise<readonly Owned[]> => (await read(path))['items'] as readonly Owned[];
const pods = async (): Promise<readonly Owned[]> =>
  (await list('/api/v1/namespaces/default/pods')).filter(({ metadata }) => metadata.deletionTimestamp === undefined);
const setImage = (image: string): Promise<{ status: number }> =>
  ask(cluster, {
    method: 'PATCH',
    path: `${apps}/deployments/web`,
    headers: { 'content-type': 'application/strategic-merge-patch+json' },
    body: JSON.stringify({ spec: { template: { spec: { containers: [{ name: 'c', image }] } } } }),
  });

async function restart(): Promise<void> {
  const { port, dataDir } = cluster;
  await cluster.stop('SIGKILL');
  cluster = await startRunningCluster({ dataDir, port, nodes: 3 });
}

/** Of the new image run as many as wanted, of others none, each on a node and with an address of its own, each with an owner. */
async function expectSettled(image: string): Promise<void> {
  await expect
    .poll(async () => (await read(`${apps}/deployments/web`))['status'], { timeout: 30_000 })
    .toMatchObject({ replicas, readyReplicas: replicas, updatedReplicas: replicas, availableReplicas: replicas });
  await expect
    .poll(async () => (await pods()).map(({ spec }) => spec.containers?.[0]?.image), { timeout: 30_000 })
    .toEqual(Array(replicas).fill(image));
  const sets = await list(`${apps}/replicasets`);
  const running = await pods();
  const current = sets.filter(({ spec }) => spec.replicas !== 0);
  expect(current.map(({ spec }) => spec.replicas)).toEqual([replicas]);
  for (const pod of running) {
    expect(pod.metadata.ownerReferences?.map(({ uid }) => uid)).toEqual([current[0]?.metadata.uid]);
    expect(pod.spec.nodeName).toMatch(/^node-[123]$/);
    expect(pod.status?.phase).toBe('Running');
  }
  expect(new Set(running.map(({ status }) => status?.podIP)).size).toBe(replicas);
}

describe('a cluster killed while it rolls out', () => {
  it('finishes every rollout, with the pods that were asked for and no other', { timeout: 180_000 }, async () => {
    const object = {
      metadata: { name: 'web' },
      spec: {
        replicas,
        selector: { matchLabels: { app: 'web' } },
        template: {
          metadata: { labels: { app: 'web' }, annotations: { 'simulated.nodeless.dev/start-delay': '20ms' } },
          spec: { containers: [{ name: 'c', image: 'i:0' }] },
        },
      },
    };
    expect(
      (
        await ask(cluster, {
          method: 'POST',
          path: `${apps}/deployments`,
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(object),
        })
      ).status,
    ).toBe(201);
    for (let round = 1; round <= rounds; round++) {
      expect((await setImage(`i:${round}`)).status).toBe(200);
      // In each round at another point of the way.
      const point = Math.floor((round * replicas) / (rounds + 1));
      await expect
        .poll(async () => (await pods()).filter(({ spec }) => spec.containers?.[0]?.image === `i:${round}`).length, {
          timeout: 30_000,
          interval: 2,
        })
        .toBeGreaterThanOrEqual(point);
      await restart();
    }
    await expectSettled(`i:${rounds}`);
  });

  it('collects what lost its owner while it was being deleted', { timeout: 60_000 }, async () => {
    expect((await ask(cluster, { method: 'DELETE', path: `${apps}/deployments/web` })).status).toBe(200);
    await restart();
    await expect
      .poll(async () => [...(await list('/api/v1/namespaces/default/pods')), ...(await list(`${apps}/replicasets`))], {
        timeout: 30_000,
      })
      .toEqual([]);
  });

  it('finishes the deletion of a namespace', { timeout: 60_000 }, async () => {
    const create = (path: string, object: unknown): Promise<unknown> =>
      ask(cluster, {
        method: 'POST',
        path,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(object),
      });
    await create('/api/v1/namespaces', { metadata: { name: 'doomed' } });
    for (let i = 0; i < 50; i++) await create('/api/v1/namespaces/doomed/configmaps', { metadata: { name: `c${i}` } });
    await ask(cluster, { method: 'DELETE', path: '/api/v1/namespaces/doomed' });
    await restart();
    await expect
      .poll(async () => (await ask(cluster, { path: '/api/v1/namespaces/doomed' })).status, { timeout: 30_000 })
      .toBe(404);
    expect(await list('/api/v1/namespaces/doomed/configmaps')).toEqual([]);
  });

  it('keeps its nodes ready and its leases renewed', { timeout: 60_000 }, async () => {
    await restart();
    const nodes = (await read('/api/v1/nodes'))['items'] as {
      status: { conditions: { type: string; status: string }[] };
    }[];
    expect(nodes.map(({ status }) => status.conditions.find(({ type }) => type === 'Ready')?.status)).toEqual([
      'True',
      'True',
      'True',
    ]);
  });
});
