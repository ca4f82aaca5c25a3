import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ReplicaSet } from '@nodeless/apimachinery/generated/types/apps/v1';
import type { ConfigMap, Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import type { OwnerReference } from '@nodeless/apimachinery/generated/types/meta/v1';
import type { KubernetesObject } from '@nodeless/apimachinery/object';
import { configMaps, deployments, pods, replicaSets, replicationControllers } from '@nodeless/client/resource-types';
import { type Cluster, createCluster } from '../builders/cluster.ts';
import { newDeployment, newPod, podTemplate } from '../builders/cluster-objects.ts';

let cluster: Cluster;
beforeEach(async () => {
  cluster = await createCluster();
});
afterEach(() => cluster.stop());

const inDefault = (name: string) => ({ namespace: 'default', name });
const podNames = async (): Promise<string[]> =>
  (await cluster.client.list(pods)).items.map((pod) => pod.metadata?.name ?? '').toSorted();
const ownersOf = async (name: string): Promise<OwnerReference[] | undefined> =>
  (await cluster.find(pods, name))?.metadata?.ownerReferences;

describe.each([
  {
    kind: 'ReplicaSet',
    type: replicaSets,
    make: (): ReplicaSet => ({
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: { namespace: 'default', name: 'rs' },
      spec: { replicas: 2, selector: { matchLabels: { app: 'x' } }, template: podTemplate({ labels: { app: 'x' } }) },
    }),
  },
  {
    kind: 'ReplicationController',
    // Seen through the fields that both have.
    type: replicationControllers as unknown as typeof replicaSets,
    make: (): ReplicaSet => ({
      apiVersion: 'v1',
      kind: 'ReplicationController',
      metadata: { namespace: 'default', name: 'rs' },
      spec: { replicas: 2, selector: { app: 'x' } as object, template: podTemplate({ labels: { app: 'x' } }) },
    }),
  },
])('a $kind', ({ kind, type, make }) => {
  const status = async () => (await cluster.find(type, 'rs'))?.status;

  it('adopts orphans that match, and releases what stops matching', async () => {
    await cluster.client.create(pods, newPod('orphan', { labels: { app: 'x' } }));
    await cluster.client.create(pods, newPod('other', { labels: { app: 'y' } }));
    await cluster.client.create(type, make());
    await cluster.until('two ready', async () => (await status())?.readyReplicas === 2);
    expect(await ownersOf('orphan')).toMatchObject([{ kind, name: 'rs', controller: true, blockOwnerDeletion: true }]);
    expect(await podNames()).toHaveLength(3);
    await cluster.edit(pods, 'orphan', (pod) => (pod.metadata = { ...pod.metadata, labels: { app: 'z' } }));
    await cluster.until('released', async () => (await ownersOf('orphan')) === undefined);
    await cluster.until(
      'replaced',
      async () => (await status())?.readyReplicas === 2 && (await podNames()).length === 4,
    );
    await cluster.edit(pods, 'orphan', (pod) => (pod.metadata = { ...pod.metadata, labels: { app: 'x' } }));
    // Adopted again, one is too many.
    await cluster.until('back to two', async () => (await podNames()).length === 3);
    expect(cluster.logged).toEqual([]);
  });

  it('leaves pods of others alone', async () => {
    const owner = {
      apiVersion: 'v1',
      kind: 'ReplicationController',
      name: 'someone',
      uid: 'no-such-uid',
      controller: true,
    };
    await cluster.client.create(
      pods,
      newPod('owned', { labels: { app: 'x' }, metadata: { ownerReferences: [owner], finalizers: ['test.io/keep'] } }),
    );
    await cluster.client.create(type, make());
    await cluster.until('two', async () => (await status())?.readyReplicas === 2);
    expect((await ownersOf('owned'))?.[0]?.uid).toBe('no-such-uid');
  });

  it('scales up and down, newest and unready pods first', async () => {
    await cluster.client.create(type, make());
    await cluster.until('two', async () => (await status())?.readyReplicas === 2);
    const old = await podNames();
    await cluster.settle(10_000);
    await cluster.edit(type, 'rs', (o) => o.spec && (o.spec.replicas = 4));
    await cluster.until('four', async () => (await status())?.readyReplicas === 4);
    await cluster.kubelet.setReady('default', old[0] ?? '', false);
    await cluster.edit(type, 'rs', (o) => o.spec && (o.spec.replicas = 1));
    await cluster.until('one', async () => (await podNames()).length === 1);
    expect(await podNames()).toEqual([old[1]]);
  });

  it('keeps its pods when it goes as an orphaning owner, and gets them back', async () => {
    await cluster.client.create(type, make());
    await cluster.until('two', async () => (await status())?.readyReplicas === 2);
    const before = await podNames();
    await cluster.client.delete(type, inDefault('rs'), { propagationPolicy: 'Orphan' });
    await cluster.until('gone', async () => !(await cluster.find(type, 'rs')));
    await cluster.settle(1_000);
    expect(await podNames()).toEqual(before);
    for (const name of before) expect(await ownersOf(name)).toBeUndefined();
    await cluster.client.create(type, make());
    await cluster.until('two', async () => (await status())?.readyReplicas === 2);
    expect(await podNames()).toEqual(before);
  });
});

describe('the garbage collector', () => {
  const configMap = (
    name: string,
    owners: readonly KubernetesObject[] = [],
    more: { block?: boolean; finalizers?: string[] } = {},
  ): ConfigMap => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      namespace: 'default',
      name,
      ...(more.finalizers && { finalizers: more.finalizers }),
      ...(owners.length > 0 && {
        ownerReferences: owners.map((o) => ({
          apiVersion: o.apiVersion ?? '',
          kind: o.kind ?? '',
          name: o.metadata?.name ?? '',
          uid: o.metadata?.uid ?? '',
          ...(more.block === undefined ? {} : { blockOwnerDeletion: more.block }),
        })),
      }),
    },
  });
  const make = (
    name: string,
    owners?: readonly KubernetesObject[],
    more?: { block?: boolean; finalizers?: string[] },
  ): Promise<ConfigMap> => cluster.client.create(configMaps, configMap(name, owners, more));
  const there = async (name: string): Promise<boolean> => (await cluster.find(configMaps, name)) !== undefined;
  const names = async (): Promise<string[]> =>
    (await cluster.client.list(configMaps, { namespace: 'default' })).items
      .map((c) => c.metadata?.name ?? '')
      .filter((name) => name !== 'kube-root-ca.crt');
  const remove = (name: string, propagationPolicy: 'Background' | 'Foreground' | 'Orphan') =>
    cluster.client.delete(configMaps, inDefault(name), { propagationPolicy });

  it('cascades in the background through three levels', async () => {
    await cluster.client.create(deployments, newDeployment('web'));
    await cluster.until('up', async () => (await cluster.find(deployments, 'web'))?.status?.readyReplicas === 3);
    await cluster.client.delete(deployments, inDefault('web'), { propagationPolicy: 'Background' });
    expect(await cluster.find(deployments, 'web')).toBeUndefined();
    await cluster.until(
      'all gone',
      async () => (await cluster.client.list(replicaSets)).items.length === 0 && (await podNames()).length === 0,
    );
    expect(cluster.logged).toEqual([]);
  });

  it('cascades in the foreground: what is below goes first', async () => {
    await cluster.client.create(deployments, newDeployment('web'));
    await cluster.until('up', async () => (await cluster.find(deployments, 'web'))?.status?.readyReplicas === 3);
    const order: string[] = [];
    for (const type of [deployments, replicaSets, pods] as const) {
      cluster.client.watch<KubernetesObject>(
        type as typeof pods as never,
        {},
        { onEvent: (e) => e.type === 'DELETED' && order.push(e.object.kind ?? ''), onEnd() {} },
      );
    }
    await cluster.settle();
    await cluster.client.delete(deployments, inDefault('web'), { propagationPolicy: 'Foreground' });
    await cluster.until('all gone', async () => !(await cluster.find(deployments, 'web')));
    expect(order).toEqual(['Pod', 'Pod', 'Pod', 'ReplicaSet', 'Deployment']);
  });

  it('waits in the foreground only for dependents that block', async () => {
    const owner = await make('owner');
    await make('blocking', [owner], { block: true, finalizers: ['test.io/hold'] });
    await make('free', [owner], { block: false, finalizers: ['test.io/hold'] });
    await remove('owner', 'Foreground');
    await cluster.settle(5_000);
    expect(await there('owner')).toBe(true);
    await cluster.edit(configMaps, 'blocking', (c) => delete c.metadata?.finalizers);
    await cluster.until('owner gone', async () => !(await there('owner')));
    expect(await there('free')).toBe(true);
    expect((await cluster.find(configMaps, 'free'))?.metadata?.deletionTimestamp).toBeDefined();
    await cluster.edit(configMaps, 'free', (c) => delete c.metadata?.finalizers);
    expect(await there('free')).toBe(false);
  });

  it('keeps what has another owner left', async () => {
    const [one, two] = [await make('one'), await make('two')];
    await make('child', [one, two], { block: true });
    await remove('one', 'Foreground');
    await cluster.until('one gone', async () => !(await there('one')));
    const child = await cluster.find(configMaps, 'child');
    expect(child?.metadata?.ownerReferences?.map((o) => o.name)).toEqual(['two']);
    expect(child?.metadata?.deletionTimestamp).toBeUndefined();
    await remove('two', 'Background');
    await cluster.until('child gone', async () => !(await there('child')));
  });

  it('does not stop at a circle of owners', async () => {
    const a = await make('a');
    const b = await make('b', [a], { block: true });
    await cluster.edit(
      configMaps,
      'a',
      (c) =>
        (c.metadata = {
          ...c.metadata,
          ownerReferences: [
            { apiVersion: 'v1', kind: 'ConfigMap', name: 'b', uid: b.metadata?.uid ?? '', blockOwnerDeletion: true },
          ],
        }),
    );
    await remove('a', 'Foreground');
    await cluster.until('both gone', async () => (await names()).length === 0);
  });

  it('removes what names an owner that was never there, or whose name was taken by another', async () => {
    await make('lost', [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'missing', uid: 'x' } }]);
    const taken = await make('taken');
    await make('wrong', [{ ...taken, metadata: { ...taken.metadata, uid: 'another' } }]);
    await make('right', [taken]);
    await cluster.until('gone', async () => (await names()).length === 2);
    expect(await names()).toEqual(['right', 'taken']);
  });

  it('spares what names an owner of a kind that is not served', async () => {
    await make('kept', [{ apiVersion: 'example.com/v1', kind: 'Unknown', metadata: { name: 'x', uid: 'x' } }]);
    await cluster.settle(5_000);
    expect(await there('kept')).toBe(true);
  });

  it('finds owners across versions and owned ones of other kinds', async () => {
    const pod: Pod = await cluster.client.create(pods, newPod('owner'));
    await make('child', [pod]);
    await cluster.client.delete(pods, inDefault('owner'));
    await cluster.until('child gone', async () => !(await there('child')));
  });

  it('orphans, whatever else holds the owner back', async () => {
    const owner = await make('owner', [], { finalizers: ['test.io/hold'] });
    await make('child', [owner], { block: true });
    await remove('owner', 'Orphan');
    await cluster.until(
      'orphaned',
      async () => (await cluster.find(configMaps, 'child'))?.metadata?.ownerReferences === undefined,
    );
    expect((await cluster.find(configMaps, 'owner'))?.metadata?.finalizers).toEqual(['test.io/hold']);
    await cluster.edit(configMaps, 'owner', (c) => delete c.metadata?.finalizers);
    await cluster.settle(1_000);
    expect(await names()).toEqual(['child']);
  });
});
