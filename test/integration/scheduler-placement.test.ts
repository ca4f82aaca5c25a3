import { afterEach, describe, expect, it } from 'vitest';
import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { deployments, events, namespaces, nodes, pods } from '@nodeless/client/resource-types';
import { type Cluster, createCluster } from '../builders/cluster.ts';
import { newDeployment, newPod, type NewPod } from '../builders/cluster-objects.ts';

let cluster: Cluster;
const start = async (names: readonly string[] = ['n1', 'n2']): Promise<void> => {
  cluster = await createCluster({ nodes: names });
};
afterEach(async () => {
  expect(cluster.logged).toEqual([]);
  await cluster.stop();
});

const create = (name: string, options: NewPod = {}): Promise<Pod> => cluster.client.create(pods, newPod(name, options));
const nodeOf = async (name: string): Promise<string | undefined> => (await cluster.find(pods, name))?.spec?.nodeName;
const placed = (name: string, withinMs?: number): Promise<string> =>
  cluster.until(`${name} is placed`, () => nodeOf(name), withinMs);
const condition = async (name: string) =>
  (await cluster.find(pods, name))?.status?.conditions?.find((c) => c.type === 'PodScheduled');
const said = async (name: string, reason: string): Promise<(string | undefined)[]> =>
  (await cluster.client.list(events)).items
    .filter((e) => e.reason === reason && e.involvedObject.name === name)
    .map((e) => e.message);
const cpu = (amount: string): NewPod => ({ resources: { requests: { cpu: amount } } });
const unplaced = async (name: string, message: string): Promise<void> => {
  await cluster.until(`${name} is refused`, async () => (await condition(name))?.status === 'False');
  expect(await condition(name)).toMatchObject({ status: 'False', reason: 'Unschedulable', message });
};

describe('the scheduler', () => {
  it('places pods and tells so', async () => {
    await start();
    await create('p');
    const node = await placed('p');
    expect(await condition('p')).toMatchObject({ status: 'True' });
    await cluster.settle();
    expect(await said('p', 'Scheduled')).toEqual([`Successfully assigned default/p to ${node}`]);
  });

  it('spreads a deployment over the nodes', async () => {
    await start(['n1', 'n2', 'n3']);
    await cluster.client.create(deployments, newDeployment('web', { replicas: 9 }));
    await cluster.until(
      'all placed',
      async () => (await cluster.client.list(pods)).items.filter((pod) => pod.spec?.nodeName).length === 9,
    );
    const counts = new Map<string, number>();
    for (const { spec } of (await cluster.client.list(pods)).items)
      counts.set(spec?.nodeName ?? '', (counts.get(spec?.nodeName ?? '') ?? 0) + 1);
    expect([...counts.values()]).toEqual([3, 3, 3]);
  });

  it('says why there is no node, and tries again when one comes', async () => {
    await start([]);
    await create('p');
    await unplaced('p', 'no nodes available to schedule pods');
    expect(await said('p', 'FailedScheduling')).toEqual(['no nodes available to schedule pods']);
    await cluster.kubelet.addNode('late');
    expect(await placed('p', 15_000)).toBe('late');
  });

  it('tries again when room is made', async () => {
    await start(['n1']);
    await create('big', cpu('7'));
    await placed('big');
    await create('next', cpu('2'));
    await unplaced(
      'next',
      '0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.',
    );
    await cluster.client.delete(pods, { namespace: 'default', name: 'big' });
    expect(await placed('next', 15_000)).toBe('n1');
  });

  it('tries again when a pod on the node has ended', async () => {
    await start(['n1']);
    await create('job', { ...cpu('7'), restartPolicy: 'Never' });
    await placed('job');
    await create('next', cpu('2'));
    await cluster.until('refused', async () => (await condition('next'))?.status === 'False');
    await cluster.kubelet.exit('default', 'job', 0);
    expect(await placed('next', 15_000)).toBe('n1');
  });

  it('tries again when a taint goes, a label comes, or a node is opened', async () => {
    await start(['n1']);
    await cluster.edit(
      nodes,
      'n1',
      (n) => n.spec && (n.spec.taints = [{ key: 'k', value: 'v', effect: 'NoSchedule' }]),
    );
    await create('p');
    await unplaced(
      'p',
      '0/1 nodes are available: 1 node(s) had untolerated taint(s). no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.',
    );
    await cluster.edit(nodes, 'n1', (n) => n.spec && delete n.spec.taints);
    await placed('p', 15_000);
    await create('ssd', { spec: { nodeSelector: { disk: 'ssd' } } });
    await cluster.until('refused', async () => (await condition('ssd'))?.status === 'False');
    await cluster.edit(
      nodes,
      'n1',
      (n) => (n.metadata = { ...n.metadata, labels: { ...n.metadata?.labels, disk: 'ssd' } }),
    );
    await placed('ssd', 15_000);
    await cluster.edit(nodes, 'n1', (n) => n.spec && (n.spec.unschedulable = true));
    await cluster.settle();
    await create('cordoned');
    await cluster.until('refused', async () => (await condition('cordoned'))?.status === 'False');
    await cluster.edit(nodes, 'n1', (n) => n.spec && delete n.spec.unschedulable);
    await placed('cordoned', 15_000);
  });

  it('tries again when a node gets more to give', async () => {
    await start(['n1']);
    await create('p', { resources: { requests: { 'example.com/gpu': '1' }, limits: { 'example.com/gpu': '1' } } });
    await unplaced(
      'p',
      '0/1 nodes are available: 1 Insufficient example.com/gpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.',
    );
    await cluster.edit(
      nodes,
      'n1',
      (n) =>
        (n.status = {
          ...n.status,
          capacity: { ...n.status?.capacity, 'example.com/gpu': '1' },
          allocatable: { ...n.status?.allocatable, 'example.com/gpu': '1' },
        }),
      'status',
    );
    await placed('p', 15_000);
  });

  it('waits for gates', async () => {
    await start();
    await create('p', { spec: { schedulingGates: [{ name: 'test.io/wait' }, { name: 'test.io/more' }] } });
    await cluster.settle(20_000);
    expect(await nodeOf('p')).toBeUndefined();
    expect(await condition('p')).toMatchObject({
      status: 'False',
      reason: 'SchedulingGated',
      message: 'Scheduling is blocked due to non-empty scheduling gates',
    });
    await cluster.edit(pods, 'p', (pod) => pod.spec && (pod.spec.schedulingGates = [{ name: 'test.io/more' }]));
    await cluster.settle(20_000);
    expect(await nodeOf('p')).toBeUndefined();
    await cluster.edit(pods, 'p', (pod) => pod.spec && delete pod.spec.schedulingGates);
    await placed('p');
  });

  it('leaves pods of other schedulers alone', async () => {
    await start();
    await create('p', { spec: { schedulerName: 'mine' } });
    await cluster.settle(60_000);
    expect(await nodeOf('p')).toBeUndefined();
    expect(await condition('p')).toBeUndefined();
  });

  it('keeps pods apart by host ports and by anti-affinity', async () => {
    await start();
    const port = (name: string) =>
      create(name, {
        spec: { containers: [{ name: 'c', image: 'run', ports: [{ containerPort: 80, hostPort: 80 }] }] },
      });
    await port('a');
    await port('b');
    expect([await placed('a'), await placed('b')].toSorted()).toEqual(['n1', 'n2']);
    await port('c');
    await cluster.until('refused', async () => (await condition('c'))?.status === 'False');
    const apart = (name: string) =>
      create(name, {
        labels: { app: 'apart' },
        spec: {
          affinity: {
            podAntiAffinity: {
              requiredDuringSchedulingIgnoredDuringExecution: [
                { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: 'apart' } } },
              ],
            },
          },
        },
      });
    await apart('x');
    await apart('y');
    expect([await placed('x'), await placed('y')].toSorted()).toEqual(['n1', 'n2']);
    await create('z', { labels: { app: 'apart' } });
    await unplaced(
      'z',
      "0/2 nodes are available: 2 node(s) didn't satisfy existing pods anti-affinity rules. no new claims to deallocate, preemption: 0/2 nodes are available: 2 No preemption victims found for incoming pod.",
    );
    await cluster.client.delete(pods, { namespace: 'default', name: 'x' });
    await placed('z', 15_000);
  });

  it('selects namespaces of affinity terms by their labels', async () => {
    await start();
    await cluster.client.create(namespaces, {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'blue', labels: { color: 'blue' } },
    });
    await cluster.settle();
    await cluster.client.create(
      pods,
      newPod('there', {
        namespace: 'blue',
        labels: { app: 'x' },
        spec: { nodeSelector: { 'kubernetes.io/hostname': 'n2' } },
      }),
    );
    await cluster.until(
      'placed',
      async () => (await cluster.find(pods, { namespace: 'blue', name: 'there' }))?.spec?.nodeName,
    );
    const near = (selector: object) => ({
      spec: {
        affinity: {
          podAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: [
              {
                topologyKey: 'kubernetes.io/hostname',
                labelSelector: { matchLabels: { app: 'x' } },
                namespaceSelector: selector,
              },
            ],
          },
        },
      },
    });
    await create('near', near({ matchLabels: { color: 'blue' } }));
    expect(await placed('near')).toBe('n2');
    await create('lost', near({ matchLabels: { color: 'red' } }));
    await cluster.until('refused', async () => (await condition('lost'))?.status === 'False');
  });

  it('binds many pods', async () => {
    await start(['n1', 'n2', 'n3', 'n4']);
    await Promise.all(Array.from({ length: 300 }, (_, i) => create(`p${i}`, cpu('100m'))));
    await cluster.until('all placed', async () =>
      (await cluster.client.list(pods)).items.every((pod) => pod.spec?.nodeName),
    );
  });
});
