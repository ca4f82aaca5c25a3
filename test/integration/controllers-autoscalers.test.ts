import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HorizontalPodAutoscalerSpec } from '@nodeless/apimachinery/generated/types/autoscaling/v2';
import { deployments, events, horizontalPodAutoscalers, replicationControllers } from '@nodeless/client/resource-types';
import { type Cluster, createCluster } from '../builders/cluster.ts';
import { newDeployment, podTemplate } from '../builders/cluster-objects.ts';

let cluster: Cluster;
beforeEach(async () => {
  cluster = await createCluster();
});
afterEach(async () => {
  expect(cluster.logged).toEqual([]);
  await cluster.stop();
});

const create = (spec: Partial<HorizontalPodAutoscalerSpec> = {}) =>
  cluster.client.create(horizontalPodAutoscalers, {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { namespace: 'default', name: 'h' },
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
      minReplicas: 2,
      maxReplicas: 4,
      ...spec,
    },
  });
const status = async () => (await cluster.find(horizontalPodAutoscalers, 'h'))?.status;
const condition = async (type: string) => (await status())?.conditions?.find((c) => c.type === type);
const replicas = async () => (await cluster.find(deployments, 'web'))?.spec?.replicas;

describe('an autoscaler', () => {
  it('keeps its target within its bounds', async () => {
    await cluster.client.create(deployments, newDeployment('web', { replicas: 1 }));
    await create();
    await cluster.until('scaled up', async () => (await replicas()) === 2);
    await cluster.edit(deployments, 'web', (d) => d.spec && (d.spec.replicas = 9));
    await cluster.until('scaled down', async () => (await replicas()) === 4, 20_000);
    await cluster.settle();
    expect(
      (await cluster.client.list(events)).items.filter((e) => e.reason === 'SuccessfulRescale').map((e) => e.message),
    ).toEqual([
      'New size: 2; reason: Current number of replicas below Spec.MinReplicas',
      'New size: 4; reason: Current number of replicas above Spec.MaxReplicas',
    ]);
  });

  it('says that there are no metrics', async () => {
    await cluster.client.create(deployments, newDeployment('web', { replicas: 3 }));
    await create();
    await cluster.until('told', () => condition('ScalingActive'));
    const missing =
      'failed to get cpu utilization: unable to get metrics for resource cpu: unable to fetch metrics from resource metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)';
    expect(await condition('ScalingActive')).toMatchObject({
      status: 'False',
      reason: 'FailedGetResourceMetric',
      message: `the HPA was unable to compute the replica count: ${missing}`,
    });
    expect(await condition('AbleToScale')).toMatchObject({ status: 'True', reason: 'SucceededGetScale' });
    expect(await status()).toMatchObject({ currentReplicas: 3 });
    await cluster.settle();
    expect(
      (await cluster.client.list(events)).items
        .filter((e) => e.reason === 'FailedComputeMetricsReplicas')
        .map((e) => e.message),
    ).toEqual([
      `invalid metrics (1 invalid out of 1), first error is: failed to get cpu resource metric value: ${missing}`,
    ]);
    expect(await replicas()).toBe(3);
  });

  it('leaves a target alone that is scaled to zero', async () => {
    await cluster.client.create(deployments, newDeployment('web', { replicas: 0 }));
    await create();
    await cluster.until('told', () => condition('ScalingActive'));
    expect(await condition('ScalingActive')).toMatchObject({
      status: 'False',
      reason: 'ScalingDisabled',
      message: 'scaling is disabled since the replica count of the target is zero',
    });
    expect(await replicas()).toBe(0);
  });

  it('says that its target is not there, or cannot be scaled, and finds it later', async () => {
    await create();
    await cluster.until('told', () => condition('AbleToScale'));
    expect(await condition('AbleToScale')).toMatchObject({
      status: 'False',
      reason: 'FailedGetScale',
      message: 'the HPA controller was unable to get the target\'s current scale: deployments.apps "web" not found',
    });
    await cluster.client.create(deployments, newDeployment('web', { replicas: 3 }));
    await cluster.until('found', async () => (await condition('AbleToScale'))?.status === 'True', 20_000);
    await cluster.edit(
      horizontalPodAutoscalers,
      'h',
      (h) => (h.spec.scaleTargetRef = { apiVersion: 'example.com/v1', kind: 'Nothing', name: 'x' }),
    );
    await cluster.until('unknown', async () =>
      (await condition('AbleToScale'))?.message?.endsWith('no matches for kind "Nothing" in group "example.com"'),
    );
  });

  it('scales replication controllers too', async () => {
    await cluster.client.create(replicationControllers, {
      apiVersion: 'v1',
      kind: 'ReplicationController',
      metadata: { namespace: 'default', name: 'rc' },
      spec: { replicas: 1, selector: { app: 'rc' }, template: podTemplate({ labels: { app: 'rc' } }) },
    });
    await create({ scaleTargetRef: { apiVersion: 'v1', kind: 'ReplicationController', name: 'rc' } });
    await cluster.until('scaled', async () => (await cluster.find(replicationControllers, 'rc'))?.spec?.replicas === 2);
  });
});
