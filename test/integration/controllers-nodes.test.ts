import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deployments, events, nodes, podDisruptionBudgets, pods } from '@nodeless/client/resource-types';
import { resourceType } from '@nodeless/client/client';
import type { PodDisruptionBudget } from '@nodeless/apimachinery/generated/types/policy/v1';
import type { Eviction } from '@nodeless/apimachinery/generated/types/policy/v1';
import { type Cluster, createCluster } from '../builders/cluster.ts';
import { newDeployment, newPod } from '../builders/cluster-objects.ts';
import { refusal } from '../unit/registry/harness.ts';

let cluster: Cluster;
beforeEach(async () => {
  cluster = await createCluster();
});
afterEach(() => cluster.stop());

const minute = 60_000;
const taintsOf = async (name: string): Promise<string[]> =>
  ((await cluster.find(nodes, name))?.spec?.taints ?? []).map((t) => `${t.key}:${t.effect}`).toSorted();
const condition = async (name: string, type: string) =>
  (await cluster.find(pods, name))?.status?.conditions?.find((c) => c.type === type);
const running = (name: string) =>
  cluster.until(`${name} runs`, async () => (await cluster.find(pods, name))?.status?.phase === 'Running');
const onNode = (node: string, more: object = {}) => ({
  spec: { nodeSelector: { 'kubernetes.io/hostname': node }, ...more },
});

describe('a node', () => {
  it('that falls silent is tainted, its pods are not ready and go after five minutes', async () => {
    await cluster.client.create(pods, newPod('p', onNode('n1')));
    await cluster.client.create(
      pods,
      newPod(
        'patient',
        onNode('n1', {
          tolerations: [{ key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute' }],
        }),
      ),
    );
    await cluster.client.create(
      pods,
      newPod(
        'hasty',
        onNode('n1', {
          tolerations: [
            { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 10 },
          ],
        }),
      ),
    );
    for (const name of ['p', 'patient', 'hasty']) await running(name);
    await cluster.settle(2 * minute);
    expect(await taintsOf('n1')).toEqual([]);

    cluster.kubelet.silence('n1');
    await cluster.settle(30_000);
    expect(await taintsOf('n1')).toEqual([]);
    await cluster.until('unreachable', async () => (await taintsOf('n1')).length === 2);
    expect(await taintsOf('n1')).toEqual([
      'node.kubernetes.io/unreachable:NoExecute',
      'node.kubernetes.io/unreachable:NoSchedule',
    ]);
    expect((await cluster.find(nodes, 'n1'))?.status?.conditions?.find((c) => c.type === 'Ready')).toMatchObject({
      status: 'Unknown',
      reason: 'NodeStatusUnknown',
      message: 'Kubelet stopped posting node status.',
    });
    await cluster.until('not ready', async () => (await condition('p', 'Ready'))?.status === 'False');
    expect(await taintsOf('n2')).toEqual([]);

    await cluster.until(
      'the hasty one goes',
      async () => (await cluster.find(pods, 'hasty'))?.metadata?.deletionTimestamp,
      15_000,
    );
    expect(await condition('hasty', 'DisruptionTarget')).toMatchObject({
      status: 'True',
      reason: 'DeletionByTaintManager',
      message: 'Taint manager: deleting due to NoExecute taint',
    });
    expect((await cluster.find(pods, 'p'))?.metadata?.deletionTimestamp).toBeUndefined();
    await cluster.settle(4 * minute);
    expect((await cluster.find(pods, 'p'))?.metadata?.deletionTimestamp).toBeUndefined();
    await cluster.until(
      'the other too',
      async () => (await cluster.find(pods, 'p'))?.metadata?.deletionTimestamp,
      70_000,
    );
    expect((await cluster.find(pods, 'patient'))?.metadata?.deletionTimestamp).toBeUndefined();
    expect(cluster.logged).toEqual([]);
  });

  it('that comes back in time keeps its pods', async () => {
    await cluster.client.create(pods, newPod('p', onNode('n1')));
    await running('p');
    cluster.kubelet.silence('n1');
    await cluster.until('unreachable', async () => (await taintsOf('n1')).length === 2);
    await cluster.settle(3 * minute);
    await cluster.kubelet.resume('n1');
    await cluster.until('free of taints', async () => (await taintsOf('n1')).length === 0);
    await cluster.settle(10 * minute);
    expect((await cluster.find(pods, 'p'))?.metadata?.deletionTimestamp).toBeUndefined();
  });

  it('that is cordoned or under pressure is tainted', async () => {
    await cluster.edit(nodes, 'n1', (n) => n.spec && (n.spec.unschedulable = true));
    await cluster.until('cordoned', async () =>
      (await taintsOf('n1')).includes('node.kubernetes.io/unschedulable:NoSchedule'),
    );
    await cluster.edit(nodes, 'n1', (n) => n.spec && delete n.spec.unschedulable);
    await cluster.until('open', async () => (await taintsOf('n1')).length === 0);
    await cluster.edit(
      nodes,
      'n1',
      (n) =>
        (n.status = {
          ...n.status,
          conditions: [
            ...(n.status?.conditions ?? []).filter((c) => c.type !== 'MemoryPressure'),
            { type: 'MemoryPressure', status: 'True' },
          ],
        }),
      'status',
    );
    await cluster.until(
      'pressed',
      async () => (await taintsOf('n1')).join() === 'node.kubernetes.io/memory-pressure:NoSchedule',
    );
  });

  it('that gets a NoExecute taint loses the pods that do not tolerate it', async () => {
    await cluster.client.create(pods, newPod('p', onNode('n1')));
    await cluster.client.create(
      pods,
      newPod(
        'a-while',
        onNode('n1', {
          tolerations: [{ key: 'evict', operator: 'Equal', value: 'me', effect: 'NoExecute', tolerationSeconds: 30 }],
        }),
      ),
    );
    await cluster.client.create(
      pods,
      newPod('stays', onNode('n1', { tolerations: [{ key: 'evict', operator: 'Exists' }] })),
    );
    for (const name of ['p', 'a-while', 'stays']) await running(name);
    await cluster.edit(
      nodes,
      'n1',
      (n) => n.spec && (n.spec.taints = [{ key: 'evict', value: 'me', effect: 'NoExecute' }]),
    );
    await cluster.until('gone', async () => !(await cluster.find(pods, 'p')));
    await cluster.settle(25_000);
    expect(await cluster.find(pods, 'a-while')).toBeDefined();
    await cluster.until('gone', async () => !(await cluster.find(pods, 'a-while')), 10_000);
    await cluster.settle(minute);
    expect(await cluster.find(pods, 'stays')).toBeDefined();
    expect(
      (await cluster.client.list(events)).items
        .filter((e) => e.reason === 'TaintManagerEviction')
        .map((e) => e.message)
        .toSorted(),
    ).toEqual(['Marking for deletion Pod default/a-while', 'Marking for deletion Pod default/p']);
  });

  it('spares a pod whose taint is taken back in time', async () => {
    await cluster.client.create(
      pods,
      newPod(
        'p',
        onNode('n1', {
          tolerations: [{ key: 'evict', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 30 }],
        }),
      ),
    );
    await running('p');
    await cluster.edit(nodes, 'n1', (n) => n.spec && (n.spec.taints = [{ key: 'evict', effect: 'NoExecute' }]));
    await cluster.settle(20_000);
    await cluster.edit(nodes, 'n1', (n) => n.spec && delete n.spec.taints);
    await cluster.settle(2 * minute);
    expect((await cluster.find(pods, 'p'))?.metadata?.deletionTimestamp).toBeUndefined();
  });

  it('that is removed takes its pods with it', async () => {
    await cluster.client.create(deployments, newDeployment('web', { replicas: 2 }, onNode('n1')));
    await cluster.until('up', async () => (await cluster.find(deployments, 'web'))?.status?.readyReplicas === 2);
    cluster.kubelet.silence('n1');
    await cluster.client.delete(nodes, { name: 'n1' });
    const before = (await cluster.client.list(pods)).items.map((pod) => pod.metadata?.uid);
    await cluster.until(
      'collected',
      async () => !(await cluster.client.list(pods)).items.some((pod) => before.includes(pod.metadata?.uid)),
      2 * minute,
    );
    expect((await cluster.client.list(pods)).items.map((pod) => pod.spec?.nodeName)).toEqual([undefined, undefined]);
    expect(cluster.logged).toEqual([]);
  });
});

describe('pods that no kubelet will ever remove', () => {
  it('are removed: unscheduled ones that are being deleted', async () => {
    await cluster.client.create(
      pods,
      newPod('p', { spec: { nodeSelector: { no: 'such' } }, metadata: { finalizers: ['test.io/hold'] } }),
    );
    await cluster.client.delete(pods, { namespace: 'default', name: 'p' });
    await cluster.until('failed', async () => (await cluster.find(pods, 'p'))?.status?.phase === 'Failed');
    expect(await condition('p', 'DisruptionTarget')).toMatchObject({
      reason: 'DeletionByPodGC',
      message: 'PodGC: unscheduled pod is terminating',
    });
    await cluster.edit(pods, 'p', (pod) => delete pod.metadata?.finalizers);
    expect(await cluster.find(pods, 'p')).toBeUndefined();
  });
});

describe('a disruption budget', () => {
  const evictions = resourceType<Eviction>('', 'v1', 'pods', 'Eviction');
  const evict = (name: string) =>
    cluster.client.create(
      evictions,
      { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { namespace: 'default', name } },
      { subresource: 'eviction' },
    );
  const budget = (spec: PodDisruptionBudget['spec']) =>
    cluster.client.create(podDisruptionBudgets, {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { namespace: 'default', name: 'b' },
      spec: { selector: { matchLabels: { app: 'web' } }, ...spec },
    });
  const status = async () => (await cluster.find(podDisruptionBudgets, 'b'))?.status;
  const up = async (replicas: number) => {
    await cluster.client.create(deployments, newDeployment('web', { replicas }));
    await cluster.until('up', async () => (await cluster.find(deployments, 'web'))?.status?.readyReplicas === replicas);
  };

  it.each([
    { name: 'a number that must stay', spec: { minAvailable: 2 }, want: { desiredHealthy: 2, disruptionsAllowed: 1 } },
    {
      name: 'a share that must stay',
      spec: { minAvailable: '50%' },
      want: { desiredHealthy: 2, disruptionsAllowed: 1 },
    },
    { name: 'a number that may go', spec: { maxUnavailable: 2 }, want: { desiredHealthy: 1, disruptionsAllowed: 2 } },
    {
      name: 'a share that may go',
      spec: { maxUnavailable: '34%' },
      want: { desiredHealthy: 1, disruptionsAllowed: 2 },
    },
  ])('of $name counts', async ({ spec, want }) => {
    await up(3);
    await budget(spec);
    await cluster.until('counted', async () => (await status())?.expectedPods === 3);
    expect(await status()).toMatchObject({
      ...want,
      currentHealthy: 3,
      observedGeneration: 1,
      conditions: [{ type: 'DisruptionAllowed', status: 'True', reason: 'SufficientPods' }],
    });
    expect(cluster.logged).toEqual([]);
  });

  it('lets pods be evicted as far as it goes', async () => {
    await up(3);
    await budget({ minAvailable: 2 });
    await cluster.until('counted', async () => (await status())?.disruptionsAllowed === 1);
    const [a, b] = (await cluster.client.list(pods)).items.map((pod) => pod.metadata?.name ?? '');
    await evict(a ?? '');
    const refused = await refusal(evict(b ?? ''));
    expect(refused).toMatchObject({
      code: 429,
      reason: 'TooManyRequests',
      message: "Cannot evict pod as it would violate the pod's disruption budget.",
    });
    await cluster.until('replaced', async () => (await status())?.disruptionsAllowed === 1);
    await evict(b ?? '');
  });

  it('follows readiness', async () => {
    await up(2);
    await budget({ minAvailable: 1 });
    await cluster.until('counted', async () => (await status())?.disruptionsAllowed === 1);
    const [pod] = (await cluster.client.list(pods)).items;
    await cluster.kubelet.setReady('default', pod?.metadata?.name ?? '', false);
    await cluster.until('none', async () => (await status())?.disruptionsAllowed === 0);
    expect(await status()).toMatchObject({
      currentHealthy: 1,
      conditions: [{ status: 'False', reason: 'InsufficientPods' }],
    });
  });

  it('gives an eviction back that did not happen', async () => {
    await up(2);
    await budget({ minAvailable: 1 });
    await cluster.until('counted', async () => (await status())?.disruptionsAllowed === 1);
    const current = await cluster.client.get(podDisruptionBudgets, { namespace: 'default', name: 'b' });
    const [pod] = (await cluster.client.list(pods)).items;
    const disruptedPods = {
      [pod?.metadata?.name ?? '']: new Date(cluster.clock.now()).toISOString().replace(/\.\d+/, ''),
    };
    await cluster.client.update(
      podDisruptionBudgets,
      { ...current, status: { ...current.status, disruptionsAllowed: 0, disruptedPods } as never },
      { subresource: 'status' },
    );
    await cluster.settle(90_000);
    expect((await status())?.disruptionsAllowed).toBe(0);
    await cluster.until('given back', async () => (await status())?.disruptionsAllowed === 1, 60_000);
    expect((await status())?.disruptedPods).toBeUndefined();
  });

  it('counts bare pods only for a plain number', async () => {
    for (const name of ['a', 'b']) await cluster.client.create(pods, newPod(name, { labels: { app: 'web' } }));
    await budget({ minAvailable: 1 });
    await cluster.until('counted', async () => (await status())?.disruptionsAllowed === 1);
    expect(await status()).toMatchObject({ currentHealthy: 2, desiredHealthy: 1, expectedPods: 2 });
  });
});
