import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { KubernetesObject } from '@nodeless/apimachinery/object';
import type { ResourceType } from '@nodeless/client/client';
import { daemonSets, deployments, jobs, pods, replicaSets, statefulSets } from '@nodeless/client/resource-types';
import { type Cluster, createCluster } from '../builders/cluster.ts';
import { newDeployment, newJob, podTemplate } from '../builders/cluster-objects.ts';

let cluster: Cluster;
beforeEach(async () => {
  cluster = await createCluster({ cacheLagMs: 40 });
});
afterEach(() => cluster.stop());

/** Counts what is ever made of a kind. */
const countMade = (type: ResourceType<KubernetesObject>): { made: number } => {
  const counter = { made: 0 };
  cluster.client.watch(type, {}, { onEvent: (e) => e.type === 'ADDED' && (counter.made += 1), onEnd() {} });
  return counter;
};
const labels = { app: 'x' };
const metadata = { namespace: 'default', name: 'x' };

describe('with caches that lag behind, controllers make nothing twice', () => {
  it('of a Deployment', async () => {
    const [sets, made] = [
      countMade(replicaSets as ResourceType<KubernetesObject>),
      countMade(pods as ResourceType<KubernetesObject>),
    ];
    await cluster.client.create(deployments, newDeployment('web', { replicas: 20 }));
    await cluster.until('up', async () => (await cluster.find(deployments, 'web'))?.status?.availableReplicas === 20);
    await cluster.settle(2_000);
    expect([sets.made, made.made]).toEqual([1, 20]);
    await cluster.edit(deployments, 'web', (d) => d.spec?.template.spec?.containers.forEach((c) => (c.image = 'two')));
    await cluster.until('updated', async () => {
      const { status, metadata: meta } = (await cluster.find(deployments, 'web')) ?? {};
      return (
        status?.observedGeneration === meta?.generation && status?.updatedReplicas === 20 && status.replicas === 20
      );
    });
    expect([sets.made, made.made]).toEqual([2, 40]);
  });

  it('of a StatefulSet and a DaemonSet', async () => {
    const made = countMade(pods as ResourceType<KubernetesObject>);
    const template = podTemplate({ labels });
    await cluster.client.create(statefulSets, {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata,
      spec: { replicas: 3, selector: { matchLabels: labels }, template, podManagementPolicy: 'Parallel' },
    });
    await cluster.until('up', async () => (await cluster.find(statefulSets, 'x'))?.status?.readyReplicas === 3);
    expect(made.made).toBe(3);
    const own = { app: 'y' };
    await cluster.client.create(daemonSets, {
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata,
      spec: { selector: { matchLabels: own }, template: podTemplate({ labels: own }) },
    });
    await cluster.until('up', async () => (await cluster.find(daemonSets, 'x'))?.status?.numberReady === 2);
    await cluster.settle(2_000);
    expect(made.made).toBe(5);
  });

  it('of a Job, whose pods are counted once', async () => {
    const made = countMade(pods as ResourceType<KubernetesObject>);
    await cluster.client.create(jobs, newJob('j', { completions: 10, parallelism: 4 }));
    await cluster.until('done', async () =>
      (await cluster.find(jobs, 'j'))?.status?.conditions?.some((c) => c.type === 'Complete'),
    );
    await cluster.settle(2_000);
    expect(made.made).toBe(10);
    expect((await cluster.find(jobs, 'j'))?.status?.succeeded).toBe(10);
  });
});
