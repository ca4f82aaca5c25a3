import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StatefulSet, StatefulSetSpec } from '@nodeless/apimachinery/generated/types/apps/v1';
import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import {
  controllerRevisions,
  events,
  persistentVolumeClaims,
  pods,
  statefulSets,
} from '@nodeless/client/resource-types';
import { type Cluster, createCluster } from '../builders/cluster.ts';
import { newPod, podTemplate } from '../builders/cluster-objects.ts';
import { lifeByImage, type PodLife } from '../builders/fake-kubelet.ts';

let cluster: Cluster;
let life: (pod: Pod) => PodLife;
beforeEach(async () => {
  life = lifeByImage;
  cluster = await createCluster({ life: (pod) => life(pod) });
});
afterEach(async () => {
  expect(cluster.logged).toEqual([]);
  await cluster.stop();
});

const labels = { app: 'web' };
const create = (spec: Partial<StatefulSetSpec> = {}): Promise<StatefulSet> =>
  cluster.client.create(statefulSets, {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { namespace: 'default', name: 'web' },
    spec: {
      replicas: 3,
      serviceName: 'svc',
      selector: { matchLabels: labels },
      template: podTemplate({ labels }),
      ...spec,
    },
  });
const web = () => cluster.client.get(statefulSets, { namespace: 'default', name: 'web' });
const edit = (change: (spec: StatefulSetSpec) => unknown) =>
  cluster.edit(statefulSets, 'web', ({ spec }) => spec && change(spec));
const image = (name: string) => edit((spec) => (spec.template.spec = { containers: [{ name: 'c', image: name }] }));
const all = async (): Promise<readonly Pod[]> => (await cluster.client.list(pods)).items;
const names = async (): Promise<string> =>
  (await all())
    .map((pod) => pod.metadata?.name)
    .toSorted()
    .join();
const images = async (): Promise<string> =>
  (await all())
    .map((pod) => `${pod.metadata?.name}=${pod.spec?.containers[0]?.image}`)
    .toSorted()
    .join();
const ready = (count: number) =>
  cluster.until(
    `${count} ready`,
    async () => (await web()).status?.readyReplicas === count && (await all()).length === count,
  );
const claims = async () => (await cluster.client.list(persistentVolumeClaims)).items;
/** Names in the order in which pods came and went. */
const follow = (): string[] => {
  const order: string[] = [];
  cluster.client.watch(
    pods,
    {},
    {
      onEvent: (e) =>
        (e.type === 'ADDED' || e.type === 'DELETED') &&
        order.push(`${e.type === 'ADDED' ? '+' : '-'}${e.object.metadata?.name}`),
      onEnd() {},
    },
  );
  return order;
};

describe('a stateful set', () => {
  it('makes its pods one after the other, each with its identity', async () => {
    life = () => ({ readyMs: 1_000 });
    const order = follow();
    await create();
    await ready(3);
    expect(order).toEqual(['+web-0', '+web-1', '+web-2']);
    const [first, second] = await all();
    expect(Date.parse(second?.metadata?.creationTimestamp ?? '')).toBeGreaterThan(
      Date.parse(first?.metadata?.creationTimestamp ?? ''),
    );
    const { status } = await web();
    expect(status).toMatchObject({
      observedGeneration: 1,
      replicas: 3,
      readyReplicas: 3,
      currentReplicas: 3,
      updatedReplicas: 3,
      availableReplicas: 3,
      collisionCount: 0,
    });
    expect(status?.currentRevision).toBe(status?.updateRevision);
    expect(second).toMatchObject({
      metadata: {
        labels: {
          app: 'web',
          'statefulset.kubernetes.io/pod-name': 'web-1',
          'apps.kubernetes.io/pod-index': '1',
          'controller-revision-hash': status?.currentRevision,
        },
        ownerReferences: [{ kind: 'StatefulSet', name: 'web', controller: true }],
      },
      spec: { hostname: 'web-1', subdomain: 'svc' },
    });
    const [revision] = (await cluster.client.list(controllerRevisions)).items;
    expect(revision).toMatchObject({
      metadata: { name: status?.currentRevision },
      revision: 1,
      data: { spec: { template: { $patch: 'replace' } } },
    });
    expect((await cluster.client.list(events)).items.map((e) => e.message)).toContain(
      'create Pod web-1 in StatefulSet web successful',
    );
  });

  it('goes from the last to the first, and waits for pods that are not well', async () => {
    await create();
    await ready(3);
    const order = follow();
    await cluster.settle();
    order.length = 0;
    await cluster.kubelet.setReady('default', 'web-0', false);
    await edit((spec) => (spec.replicas = 1));
    await cluster.settle(10_000);
    expect(await names()).toBe('web-0,web-1,web-2');
    await cluster.kubelet.setReady('default', 'web-0', true);
    await ready(1);
    expect(order).toEqual(['-web-2', '-web-1']);
    await edit((spec) => (spec.replicas = 2));
    await ready(2);
  });

  it('does all at once when managed in parallel', async () => {
    life = (pod) => (pod.metadata?.name === 'web-0' ? { readyMs: Infinity } : {});
    await create({ podManagementPolicy: 'Parallel' });
    await cluster.until('three', async () => (await all()).length === 3);
    await cluster.until('two ready', async () => (await web()).status?.readyReplicas === 2);
    await edit((spec) => (spec.replicas = 0));
    await cluster.until('none', async () => (await all()).length === 0);
  });

  it('rolls an update from the last pod to the first, and back', async () => {
    await create();
    await ready(3);
    const before = (await web()).status?.currentRevision;
    const order = follow();
    await cluster.settle();
    order.length = 0;
    await image('two');
    await cluster.until(
      'updated',
      async () =>
        (await web()).status?.updateRevision !== before &&
        (await web()).status?.currentRevision === (await web()).status?.updateRevision,
    );
    expect(order).toEqual(['-web-2', '+web-2', '-web-1', '+web-1', '-web-0', '+web-0']);
    expect(await images()).toBe('web-0=two,web-1=two,web-2=two');
    expect((await web()).status).toMatchObject({ updatedReplicas: 3, currentReplicas: 3, readyReplicas: 3 });
    await image('run');
    await cluster.until('back', async () => (await web()).status?.currentRevision === before);
    expect((await cluster.client.list(controllerRevisions)).items.map((r) => r.revision).toSorted()).toEqual([2, 3]);
  });

  it('updates only from its partition on', async () => {
    await create({ updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 2 } } });
    await ready(3);
    await image('two');
    await cluster.until('canary', async () => (await images()) === 'web-0=run,web-1=run,web-2=two');
    await ready(3);
    // What is below keeps its revision also when it is made anew.
    await cluster.client.delete(pods, { namespace: 'default', name: 'web-0' });
    await cluster.client.delete(pods, { namespace: 'default', name: 'web-2' });
    await ready(3);
    expect(await images()).toBe('web-0=run,web-1=run,web-2=two');
    expect((await web()).status).toMatchObject({ currentReplicas: 2, updatedReplicas: 1 });
    await edit((spec) => (spec.updateStrategy = { type: 'RollingUpdate', rollingUpdate: { partition: 0 } }));
    await cluster.until('all', async () => (await images()) === 'web-0=two,web-1=two,web-2=two');
  });

  it('leaves updates to whoever deletes pods, if it is told to', async () => {
    await create({ updateStrategy: { type: 'OnDelete' } });
    await ready(3);
    await image('two');
    await cluster.settle(10_000);
    expect(await images()).toBe('web-0=run,web-1=run,web-2=run');
    await cluster.client.delete(pods, { namespace: 'default', name: 'web-1' });
    await cluster.until('one', async () => (await images()) === 'web-0=run,web-1=two,web-2=run');
  });

  it('waits for minReadySeconds between pods', async () => {
    await create({ minReadySeconds: 20, replicas: 2 });
    await cluster.settle(15_000);
    expect(await names()).toBe('web-0');
    expect((await web()).status).toMatchObject({ readyReplicas: 1, availableReplicas: 0 });
    await cluster.until('second', async () => (await names()) === 'web-0,web-1', 10_000);
    await cluster.until('available', async () => (await web()).status?.availableReplicas === 2, 30_000);
  });

  it('counts its ordinals from where it is told', async () => {
    await create({ ordinals: { start: 5 }, replicas: 2 });
    await ready(2);
    expect(await names()).toBe('web-5,web-6');
    await edit((spec) => (spec.ordinals = { start: 6 }));
    await cluster.until('moved', async () => (await names()) === 'web-6,web-7');
  });

  it('replaces pods that have failed', async () => {
    await create({ replicas: 2 });
    await ready(2);
    const uid = (await cluster.find(pods, 'web-1'))?.metadata?.uid;
    await cluster.edit(
      pods,
      'web-1',
      (pod) => (pod.status = { ...pod.status, phase: 'Failed', reason: 'Evicted' }),
      'status',
    );
    await cluster.until('replaced', async () => (await cluster.find(pods, 'web-1'))?.metadata?.uid !== uid);
    await ready(2);
    expect((await cluster.client.list(events)).items.find((e) => e.reason === 'RecreatingFailedPod')?.message).toBe(
      'StatefulSet default/web is recreating failed Pod web-1',
    );
  });

  it('adopts the pod that has its name', async () => {
    await cluster.client.create(pods, newPod('web-0', { labels }));
    await create({ replicas: 2 });
    await ready(2);
    expect((await cluster.find(pods, 'web-0'))?.metadata?.ownerReferences?.[0]).toMatchObject({
      kind: 'StatefulSet',
      name: 'web',
    });
  });

  it('keeps no more revisions than it is asked to', async () => {
    await create({ revisionHistoryLimit: 1, replicas: 1 });
    await ready(1);
    for (const name of ['two', 'three', 'four']) {
      await image(name);
      await cluster.until(
        'updated',
        async () => (await images()) === `web-0=${name}` && (await web()).status?.readyReplicas === 1,
      );
    }
    await cluster.until('cleaned', async () => (await cluster.client.list(controllerRevisions)).items.length === 2);
    expect((await cluster.client.list(controllerRevisions)).items.map((r) => r.revision).toSorted()).toEqual([3, 4]);
  });

  describe('with claims', () => {
    const claim = {
      metadata: { name: 'data', labels: { own: 'x' } },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    };

    it('makes one for each pod, and keeps it', async () => {
      await create({ replicas: 2, volumeClaimTemplates: [claim], podManagementPolicy: 'Parallel' });
      await cluster.until('claims', async () => (await claims()).length === 2);
      const [first] = await claims();
      expect(first?.metadata).toMatchObject({ name: 'data-web-0', labels: { own: 'x', app: 'web' } });
      expect(first?.metadata?.ownerReferences).toBeUndefined();
      expect((await cluster.find(pods, 'web-0'))?.spec?.volumes?.[0]).toEqual({
        name: 'data',
        persistentVolumeClaim: { claimName: 'data-web-0' },
      });
      await edit((spec) => (spec.replicas = 0));
      await cluster.until('no pods', async () => (await all()).length === 0);
      expect(await claims()).toHaveLength(2);
    });

    it('lets them go when it is scaled down or deleted, if it is told to', async () => {
      await create({
        replicas: 2,
        volumeClaimTemplates: [claim],
        podManagementPolicy: 'Parallel',
        persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Delete', whenScaled: 'Delete' },
      });
      await cluster.until(
        'owned',
        async () =>
          (await claims()).filter((c) => c.metadata?.ownerReferences?.[0]?.kind === 'StatefulSet').length === 2,
      );
      await edit((spec) => (spec.replicas = 1));
      await cluster.until(
        'one gone',
        async () =>
          (await all()).length === 1 &&
          (await claims()).every((c) => c.metadata?.name === 'data-web-0' || c.metadata?.deletionTimestamp),
      );
      await cluster.client.delete(statefulSets, { namespace: 'default', name: 'web' });
      await cluster.until(
        'all gone',
        async () => (await all()).length === 0 && (await claims()).every((c) => c.metadata?.deletionTimestamp),
      );
    });
  });
});
