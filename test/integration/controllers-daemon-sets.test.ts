import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DaemonSet, DaemonSetSpec } from '@nodeless/apimachinery/generated/types/apps/v1';
import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { isPodReady } from '@nodeless/apimachinery/pod-conditions';
import { controllerRevisions, daemonSets, events, nodes, pods } from '@nodeless/client/resource-types';
import { type Cluster, createCluster } from '../builders/cluster.ts';
import { podTemplate } from '../builders/cluster-objects.ts';
import { lifeByImage, type PodLife } from '../builders/fake-kubelet.ts';

let cluster: Cluster;
let life: (pod: Pod) => PodLife;
beforeEach(async () => {
  life = lifeByImage;
  cluster = await createCluster({ nodes: ['n1', 'n2', 'n3'], life: (pod) => life(pod) });
});
afterEach(async () => {
  expect(cluster.logged).toEqual([]);
  await cluster.stop();
});

const labels = { app: 'd' };
const create = (spec: Partial<DaemonSetSpec> = {}): Promise<DaemonSet> =>
  cluster.client.create(daemonSets, {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { namespace: 'default', name: 'd' },
    spec: { selector: { matchLabels: labels }, template: podTemplate({ labels }), ...spec },
  });
const daemons = () => cluster.client.get(daemonSets, { namespace: 'default', name: 'd' });
const edit = (change: (spec: DaemonSetSpec) => unknown) =>
  cluster.edit(daemonSets, 'd', ({ spec }) => spec && change(spec));
const image = (name: string) => edit((spec) => (spec.template.spec = { containers: [{ name: 'c', image: name }] }));
const all = async (): Promise<readonly Pod[]> => (await cluster.client.list(pods)).items;
const places = async (): Promise<string> =>
  (await all())
    .map((pod) => pod.spec?.nodeName ?? '-')
    .toSorted()
    .join();
const images = async (): Promise<string> =>
  (await all())
    .map((pod) => pod.spec?.containers[0]?.image)
    .toSorted()
    .join();
const ready = (count: number) =>
  cluster.until(
    `${count} ready`,
    async () => (await daemons()).status?.numberAvailable === count && (await all()).length === count,
  );

describe('a daemon set', () => {
  it('has a pod on each node, and on those that come', async () => {
    await create();
    await ready(3);
    expect(await places()).toBe('n1,n2,n3');
    expect((await daemons()).status).toMatchObject({
      currentNumberScheduled: 3,
      desiredNumberScheduled: 3,
      numberMisscheduled: 0,
      numberReady: 3,
      updatedNumberScheduled: 3,
      numberAvailable: 3,
      observedGeneration: 1,
    });
    const [pod] = await all();
    const [revision] = (await cluster.client.list(controllerRevisions)).items;
    expect(pod?.metadata?.labels).toEqual({
      app: 'd',
      'pod-template-generation': '1',
      'controller-revision-hash': revision?.metadata?.labels?.['controller-revision-hash'],
    });
    expect(
      pod?.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms,
    ).toEqual([{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [pod?.spec?.nodeName] }] }]);
    expect(pod?.spec?.tolerations?.map((t) => `${t.key} ${t.effect} ${t.tolerationSeconds ?? 'ever'}`)).toEqual([
      'node.kubernetes.io/not-ready NoExecute ever',
      'node.kubernetes.io/unreachable NoExecute ever',
      'node.kubernetes.io/disk-pressure NoSchedule ever',
      'node.kubernetes.io/memory-pressure NoSchedule ever',
      'node.kubernetes.io/pid-pressure NoSchedule ever',
      'node.kubernetes.io/unschedulable NoSchedule ever',
    ]);
    await cluster.kubelet.addNode('n4');
    await ready(4);
  });

  it('stays away from nodes that it does not select or tolerate', async () => {
    await cluster.edit(
      nodes,
      'n1',
      (n) => (n.metadata = { ...n.metadata, labels: { ...n.metadata?.labels, color: 'blue' } }),
    );
    await cluster.edit(nodes, 'n2', (n) => n.spec && (n.spec.taints = [{ key: 'mine', effect: 'NoSchedule' }]));
    await create();
    await ready(2);
    expect(await places()).toBe('n1,n3');
    await edit(
      (spec) =>
        (spec.template.spec = {
          ...spec.template.spec,
          containers: [{ name: 'c', image: 'run' }],
          nodeSelector: { color: 'blue' },
        }),
    );
    await cluster.until('only the blue one', async () => (await places()) === 'n1');
    await cluster.edit(
      nodes,
      'n1',
      (n) => (n.metadata = { ...n.metadata, labels: { ...n.metadata?.labels, color: 'green' } }),
    );
    await cluster.until('none', async () => (await all()).length === 0);
    expect((await daemons()).status?.desiredNumberScheduled).toBe(0);
  });

  it('stays on a node with a new NoSchedule taint, not with a NoExecute one', async () => {
    await create();
    await ready(3);
    await cluster.edit(nodes, 'n1', (n) => n.spec && (n.spec.taints = [{ key: 'mine', effect: 'NoSchedule' }]));
    await cluster.until('misscheduled', async () => (await daemons()).status?.numberMisscheduled === 1);
    expect(await places()).toBe('n1,n2,n3');
    await cluster.edit(nodes, 'n2', (n) => n.spec && (n.spec.taints = [{ key: 'mine', effect: 'NoExecute' }]));
    await cluster.until('gone', async () => (await places()) === 'n1,n3');
  });

  it('brings back a pod that is deleted or has failed, the latter ever more slowly', async () => {
    await create();
    await ready(3);
    const [pod] = await all();
    await cluster.client.delete(pods, { namespace: 'default', name: pod?.metadata?.name ?? '' });
    await ready(3);
    const fail = async (): Promise<number> => {
      const one = (await all()).find((p) => p.spec?.nodeName === 'n1');
      await cluster.edit(
        pods,
        one?.metadata?.name ?? '',
        (p) => (p.status = { ...p.status, phase: 'Failed' }),
        'status',
      );
      const before = cluster.clock.now();
      await cluster.until('replaced', async () =>
        (await all()).some(
          (p) => p.spec?.nodeName === 'n1' && p.metadata?.uid !== one?.metadata?.uid && p.status?.phase === 'Running',
        ),
      );
      return cluster.clock.now() - before;
    };
    await fail();
    expect(await fail()).toBeGreaterThan(900);
    expect(await fail()).toBeGreaterThan(1_900);
    expect(
      (await cluster.client.list(events)).items.some(
        (e) =>
          e.reason === 'FailedDaemonPod' &&
          /^Found failed daemon pod default\/d-\w{5} on node n1, will try to kill it$/.test(e.message ?? ''),
      ),
    ).toBe(true);
  });

  it('rolls an update node by node, and back', async () => {
    life = () => ({ readyMs: 1_000 });
    await create();
    await ready(3);
    let fewest = Infinity;
    const live = new Map((await all()).map((pod) => [pod.metadata?.uid, pod]));
    cluster.client.watch(
      pods,
      {},
      {
        onEvent(event) {
          if (event.type === 'BOOKMARK') return;
          if (event.type === 'DELETED') live.delete(event.object.metadata?.uid);
          else live.set(event.object.metadata?.uid, event.object);
          fewest = Math.min(
            fewest,
            [...live.values()].filter((pod) => isPodReady(pod) && !pod.metadata?.deletionTimestamp).length,
          );
        },
        onEnd() {},
      },
    );
    await image('two');
    await cluster.until(
      'updated',
      async () => (await images()) === 'two,two,two' && (await daemons()).status?.numberAvailable === 3,
    );
    expect(fewest).toBe(2);
    expect((await daemons()).status?.updatedNumberScheduled).toBe(3);
    expect((await cluster.client.list(controllerRevisions)).items.map((r) => r.revision).toSorted()).toEqual([1, 2]);
    await image('run');
    await cluster.until(
      'back',
      async () => (await images()) === 'run,run,run' && (await daemons()).status?.numberAvailable === 3,
    );
    expect((await cluster.client.list(controllerRevisions)).items.map((r) => r.revision).toSorted()).toEqual([2, 3]);
  });

  it('does not restart pods that already have the template, when an update is taken back', async () => {
    await create();
    await ready(3);
    const before = (await all()).map((pod) => pod.metadata?.uid);
    await image('unready');
    await cluster.until('one is broken', async () => (await images()) === 'run,run,unready');
    await image('run');
    await cluster.until(
      'back',
      async () => (await images()) === 'run,run,run' && (await daemons()).status?.numberAvailable === 3,
    );
    expect((await all()).filter((pod) => before.includes(pod.metadata?.uid))).toHaveLength(2);
  });

  it('with surge starts the new pod before the old one goes', async () => {
    life = () => ({ readyMs: 1_000 });
    await create({ updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } });
    await ready(3);
    let most = 0;
    let fewest = Infinity;
    await image('two');
    await cluster.until('updated', async () => {
      const now = (await all()).filter((pod) => !pod.metadata?.deletionTimestamp);
      most = Math.max(most, now.length);
      fewest = Math.min(fewest, now.filter((pod) => isPodReady(pod)).length);
      return (await images()) === 'two,two,two';
    });
    expect([most, fewest]).toEqual([4, 3]);
  });

  it('leaves updates to whoever deletes pods, if it is told to', async () => {
    await create({ updateStrategy: { type: 'OnDelete' } });
    await ready(3);
    await image('two');
    await cluster.settle(10_000);
    expect(await images()).toBe('run,run,run');
    expect((await daemons()).status?.updatedNumberScheduled).toBeUndefined();
    const [pod] = await all();
    await cluster.client.delete(pods, { namespace: 'default', name: pod?.metadata?.name ?? '' });
    await cluster.until('one', async () => (await images()) === 'run,run,two');
  });

  it('comes to rest', async () => {
    await create();
    await ready(3);
    await cluster.settle(5_000);
    const before = (await daemons()).metadata?.resourceVersion;
    await cluster.settle(60_000);
    expect((await daemons()).metadata?.resourceVersion).toBe(before);
  });
});
