import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deployments, pods, replicaSets } from '@nodeless/client/resource-types';
import { type Cluster, createCluster } from '../builders/cluster.ts';

let cluster: Cluster;
beforeEach(async () => {
  cluster = await createCluster();
});
afterEach(() => cluster.stop());

const deployment = (name: string, spec: Record<string, unknown> = {}, image = 'run') =>
  ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'default' },
    spec: { replicas: 3, selector: { matchLabels: { app: name } }, template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'c', image }] } }, ...spec },
  }) as never;

describe('deployments', () => {
  it('rolls out', async () => {
    await cluster.client.create(deployments, deployment('web'));
    await cluster.until('three available', async () => (await cluster.find(deployments, 'web'))?.status?.availableReplicas === 3, 5000);
    expect((await cluster.client.list(pods)).items.length).toBe(3);
    expect((await cluster.client.list(replicaSets)).items.length).toBe(1);
    expect(cluster.logged).toEqual([]);
  });
});
