import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { deployments, events, podDisruptionBudgets, pods, priorityClasses } from '@nodeless/client/resource-types';
import { type Cluster, createCluster } from '../builders/cluster.ts';
import { newDeployment, newPod, type NewPod } from '../builders/cluster-objects.ts';
import { lifeByImage, type PodLife } from '../builders/fake-kubelet.ts';

let cluster: Cluster;
let life: (pod: Pod) => PodLife;
beforeEach(async () => {
  life = lifeByImage;
  cluster = await createCluster({ nodes: ['n1'], life: (pod) => life(pod) });
  for (const [name, value, preemptionPolicy] of [
    ['low', 10, undefined],
    ['high', 1000, undefined],
    ['polite', 1000, 'Never'],
  ] as const) {
    await cluster.client.create(priorityClasses, {
      apiVersion: 'scheduling.k8s.io/v1',
      kind: 'PriorityClass',
      metadata: { name },
      value,
      ...(preemptionPolicy && { preemptionPolicy }),
    });
  }
});
afterEach(async () => {
  expect(cluster.logged).toEqual([]);
  await cluster.stop();
});

const create = (name: string, cpu: string, priorityClassName?: string, more: NewPod = {}): Promise<Pod> =>
  cluster.client.create(
    pods,
    newPod(name, {
      ...more,
      resources: { requests: { cpu } },
      spec: { ...(priorityClassName && { priorityClassName }), ...more.spec },
    }),
  );
const placed = (name: string, withinMs?: number) =>
  cluster.until(`${name} is placed`, async () => (await cluster.find(pods, name))?.spec?.nodeName, withinMs);
const there = async (): Promise<string> =>
  (await cluster.client.list(pods)).items
    .map((pod) => pod.metadata?.name)
    .toSorted()
    .join();
const condition = async (name: string, type: string) =>
  (await cluster.find(pods, name))?.status?.conditions?.find((c) => c.type === type);

describe('a pod of higher priority', () => {
  it('takes the place of one of lower priority', async () => {
    life = () => ({ stopMs: 5_000 });
    await create('victim', '6', 'low');
    await placed('victim');
    const pod = await create('important', '6', 'high');
    await cluster.until(
      'nominated',
      async () => (await cluster.find(pods, 'important'))?.status?.nominatedNodeName === 'n1',
    );
    expect(await condition('victim', 'DisruptionTarget')).toMatchObject({
      status: 'True',
      reason: 'PreemptionByScheduler',
      message: 'default-scheduler: preempting to accommodate a higher priority pod',
    });
    expect(await condition('important', 'PodScheduled')).toMatchObject({
      status: 'False',
      reason: 'Unschedulable',
      message: '0/1 nodes are available: 1 Insufficient cpu.',
    });
    expect(
      (await cluster.client.list(events)).items
        .filter((e) => e.reason === 'Preempted')
        .map((e) => [e.involvedObject.name, e.message]),
    ).toEqual([['victim', `Preempted by pod ${pod.metadata?.uid} on node n1`]]);
    await placed('important', 15_000);
    expect(await there()).toBe('important');
  });

  it('takes no more than it needs, the least important first', async () => {
    await create('a', '2', 'low');
    await create('b', '2');
    await create('c', '2', 'low');
    for (const name of ['a', 'b', 'c']) await placed(name);
    await create('important', '3', 'high');
    await placed('important', 15_000);
    // Eight in all: b alone, of priority 0, makes room enough together with the two that were free.
    expect(await there()).toBe('a,c,important');
  });

  it('does not touch what is as important', async () => {
    await create('equal', '6', 'high');
    await placed('equal');
    await create('important', '6', 'high');
    await cluster.until('refused', async () => (await condition('important', 'PodScheduled'))?.status === 'False');
    await cluster.settle(30_000);
    expect(await there()).toBe('equal,important');
    expect((await condition('important', 'PodScheduled'))?.message).toBe(
      '0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.',
    );
  });

  it('waits politely where its class says so', async () => {
    await create('low', '6', 'low');
    await placed('low');
    await create('polite', '6', 'polite');
    await cluster.until('refused', async () => (await condition('polite', 'PodScheduled'))?.status === 'False');
    expect((await condition('polite', 'PodScheduled'))?.message).toBe(
      '0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: not eligible due to preemptionPolicy=Never.',
    );
    await cluster.settle(30_000);
    expect(await there()).toBe('low,polite');
  });

  it('does not preempt where that would not help', async () => {
    await create('low', '6', 'low');
    await placed('low');
    await create('huge', '9', 'high');
    await cluster.until('refused', async () => (await condition('huge', 'PodScheduled'))?.status === 'False');
    await create('elsewhere', '6', 'high', { spec: { nodeSelector: { no: 'such' } } });
    await cluster.until('refused', async () => (await condition('elsewhere', 'PodScheduled'))?.status === 'False');
    await cluster.settle(5_000);
    expect(await there()).toBe('elsewhere,huge,low');
  });

  it('keeps its place against others while its victims stop', async () => {
    life = () => ({ stopMs: 20_000 });
    await create('victim', '6', 'low', { spec: { terminationGracePeriodSeconds: 30 } });
    await placed('victim');
    await create('important', '6', 'high');
    await cluster.until('nominated', async () => (await cluster.find(pods, 'important'))?.status?.nominatedNodeName);
    await create('sneaky', '4', 'low');
    await cluster.settle(15_000);
    expect((await cluster.find(pods, 'sneaky'))?.spec?.nodeName).toBeUndefined();
    await placed('important', 30_000);
    await cluster.settle(15_000);
    expect((await cluster.find(pods, 'sneaky'))?.spec?.nodeName).toBeUndefined();
  });

  it('chooses the node whose victims matter least', async () => {
    await cluster.kubelet.addNode('n2');
    await create('one', '6', 'low', { spec: { nodeSelector: { 'kubernetes.io/hostname': 'n1' } } });
    await create('two', '6', undefined, { spec: { nodeSelector: { 'kubernetes.io/hostname': 'n2' } } });
    await placed('one');
    await placed('two');
    await create('important', '6', 'high');
    expect(await placed('important', 15_000)).toBe('n2');
  });

  it('spares what a budget protects, where it can', async () => {
    await cluster.kubelet.addNode('n2');
    await create('kept', '6', undefined, {
      labels: { app: 'kept' },
      spec: { nodeSelector: { 'kubernetes.io/hostname': 'n1' } },
    });
    await create('free', '6', 'low', {
      labels: { app: 'free' },
      spec: { nodeSelector: { 'kubernetes.io/hostname': 'n2' } },
    });
    await cluster.client.create(podDisruptionBudgets, {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { namespace: 'default', name: 'b' },
      spec: { minAvailable: 1, selector: { matchLabels: { app: 'kept' } } },
    });
    await placed('kept');
    await placed('free');
    await cluster.settle(1_000);
    await create('important', '6', 'high');
    expect(await placed('important', 15_000)).toBe('n2');
    expect(await there()).toBe('important,kept');
  });

  it('works through ReplicaSets: victims are replaced as far as there is room', async () => {
    await cluster.client.create(
      deployments,
      newDeployment(
        'low',
        { replicas: 4 },
        { resources: { requests: { cpu: '2' } }, spec: { priorityClassName: 'low' } },
      ),
    );
    await cluster.until('full', async () => (await cluster.find(deployments, 'low'))?.status?.readyReplicas === 4);
    await cluster.client.create(
      deployments,
      newDeployment(
        'high',
        { replicas: 2 },
        { resources: { requests: { cpu: '2' } }, spec: { priorityClassName: 'high' } },
      ),
    );
    await cluster.until(
      'both up',
      async () =>
        (await cluster.find(deployments, 'high'))?.status?.readyReplicas === 2 &&
        (await cluster.find(deployments, 'low'))?.status?.readyReplicas === 2,
    );
    await cluster.settle(20_000);
    expect((await cluster.find(deployments, 'high'))?.status?.readyReplicas).toBe(2);
  });
});
