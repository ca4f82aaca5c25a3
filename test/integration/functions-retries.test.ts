import { afterEach, describe, expect, it } from 'vitest';
import type { ResourceQuota } from '@nodeless/apimachinery/generated/types/core/v1';
import { cronJobs, deployments, jobs, nodes, pods, resourceQuotas } from '@nodeless/client/resource-types';
import { newDeployment, newJob, newPod } from '../builders/cluster-objects.ts';
import { type FunctionsCluster, createFunctionsCluster } from '../builders/functions-cluster.ts';

let cluster: FunctionsCluster;
afterEach(() => cluster?.stop());

const quota: ResourceQuota = {
  apiVersion: 'v1',
  kind: 'ResourceQuota',
  metadata: { namespace: 'default', name: 'none' },
  spec: { hard: { pods: '0' } },
};
/** Of ReplicaSets. */
const waiting = (): number =>
  cluster.queues.later.bodies().filter((body) => body.includes('replicaset-controller')).length;
const minute = 60_000;

describe('work that failed', () => {
  it('waits longer each time, and a newer event passes it', async () => {
    cluster = await createFunctionsCluster();
    await cluster.client.create(resourceQuotas, quota);
    await cluster.settle(2_000);
    await cluster.client.create(deployments, newDeployment('web', { replicas: 2 }));
    // 0.75, 1.5, 3, … seconds: by now it waits for some minutes.
    await cluster.settle(6 * minute);
    expect(waiting()).toBe(1);
    const before = cluster.functions.controllers.counts.invocations;
    await cluster.settle(1 * minute);
    expect(cluster.functions.controllers.counts.invocations - before).toBeLessThanOrEqual(4);
    expect((await cluster.client.list(pods)).items).toHaveLength(0);

    await cluster.client.delete(resourceQuotas, { namespace: 'default', name: 'none' });
    // Nothing that the ReplicaSet is told of; its own change is.
    await cluster.edit(deployments, 'web', ({ spec }) => spec && (spec.replicas = 3));
    await cluster.until('three are there', async () => (await cluster.client.list(pods)).items.length === 3, 5_000);
    expect(waiting()).toBe(1);
    // What waited finds that nothing is left to do.
    await cluster.settle(15 * minute);
    expect(waiting()).toBe(0);
    expect((await cluster.client.list(pods)).items).toHaveLength(3);
    expect(cluster.queues.dead.bodies()).toEqual([]);
  });

  it('is one wait, however often it is asked for meanwhile', async () => {
    cluster = await createFunctionsCluster();
    await cluster.client.create(resourceQuotas, quota);
    await cluster.settle(2_000);
    await cluster.client.create(deployments, newDeployment('web', { replicas: 2 }));
    await cluster.settle(2 * minute);
    for (let i = 0; i < 20; i++) {
      await cluster.edit(deployments, 'web', ({ metadata }) => metadata && (metadata.annotations = { try: String(i) }));
      await cluster.settle(3_000);
    }
    // Each of twenty events failed and waits; those of one slot come back as one.
    await cluster.settle(30 * minute);
    expect(waiting()).toBeLessThanOrEqual(4);
    const before = cluster.functions.controllers.counts.invocations;
    await cluster.settle(30 * minute);
    expect(cluster.functions.controllers.counts.invocations - before).toBeLessThan(30);
  });
});

describe('work for later', () => {
  it('comes when its time has come: in seconds by the queue, in hours by a schedule', async () => {
    cluster = await createFunctionsCluster();
    await cluster.client.create(jobs, newJob('short', { ttlSecondsAfterFinished: 30 }));
    await cluster.client.create(jobs, newJob('long', { ttlSecondsAfterFinished: 3_600 }));
    await cluster.settle(20_000);
    expect(await cluster.find(jobs, 'short')).toBeDefined();
    expect(cluster.schedules()).toHaveLength(1);
    await cluster.settle(20_000);
    expect(await cluster.find(jobs, 'short')).toBeUndefined();
    await cluster.settle(58 * minute);
    expect(await cluster.find(jobs, 'long')).toBeDefined();
    await cluster.settle(2 * minute);
    expect(await cluster.find(jobs, 'long')).toBeUndefined();
    expect(cluster.schedules()).toEqual([]);
  });

  it('of a CronJob comes in time', async () => {
    cluster = await createFunctionsCluster();
    const { spec } = newJob('x');
    await cluster.client.create(cronJobs, {
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: { namespace: 'default', name: 'hourly' },
      spec: { schedule: '0 * * * *', jobTemplate: { spec: spec as never } },
    });
    await cluster.settle(59 * minute);
    expect((await cluster.client.list(jobs)).items).toHaveLength(0);
    await cluster.settle(2 * minute);
    expect((await cluster.client.list(jobs)).items).toHaveLength(1);
    await cluster.settle(60 * minute);
    expect((await cluster.client.list(jobs)).items).toHaveLength(2);
    expect(cluster.schedules()).toHaveLength(1);
  });
});

describe('pods that find no node', () => {
  it('are tried again when one comes, and by and by', async () => {
    cluster = await createFunctionsCluster({ nodes: [] });
    await cluster.client.create(pods, newPod('p'));
    await cluster.until('it is told', async () =>
      (await cluster.find(pods, 'p'))?.status?.conditions?.some((c) => c.reason === 'Unschedulable'),
    );
    await cluster.settle(1_000);
    await cluster.kubelet.addNode('n1');
    await cluster.until('it is bound', async () => (await cluster.find(pods, 'p'))?.spec?.nodeName, 15_000);
    expect((await cluster.client.list(nodes)).items).toHaveLength(1);
  });

  it('are many, and the scheduler is asked once in a while', async () => {
    cluster = await createFunctionsCluster({ nodes: [] });
    for (let i = 0; i < 20; i++) await cluster.client.create(pods, newPod(`p${i}`));
    await cluster.settle(20 * minute);
    const before = cluster.functions.scheduler.counts.invocations;
    await cluster.settle(60 * minute);
    // Only the tick's doorbell.
    expect(cluster.functions.scheduler.counts.invocations - before).toBeLessThanOrEqual(13);
  });
});

describe('nodes that fall silent', () => {
  it('are found by the sweep, and their pods go', async () => {
    cluster = await createFunctionsCluster();
    await cluster.client.create(deployments, newDeployment('web', { replicas: 2 }));
    await cluster.until(
      'two run',
      async () => (await cluster.find(deployments, 'web'))?.status?.availableReplicas === 2,
    );
    cluster.kubelet.silence('n1');
    const ready = async (): Promise<string | undefined> =>
      (await cluster.find(nodes, 'n1'))?.status?.conditions?.find((c) => c.type === 'Ready')?.status;
    await cluster.settle(14 * minute);
    expect(await ready()).toBe('True');
    await cluster.settle(10 * minute);
    expect(await ready()).toBe('Unknown');
    await cluster.until(
      'its pods run elsewhere',
      async () => {
        const { items } = await cluster.client.list(pods);
        return items.filter((pod) => pod.spec?.nodeName === 'n2' && pod.status?.phase === 'Running').length === 2;
      },
      15 * minute,
    );
  });
});
