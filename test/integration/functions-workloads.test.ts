import type { Deployment } from '@nodeless/apimachinery/generated/types/apps/v1';
import { deployments, pods, replicaSets } from '@nodeless/client/resource-types';
import { afterEach, describe, expect, it } from 'vitest';
import { type FunctionsCluster, createFunctionsCluster } from '../builders/functions-cluster.ts';

let cluster: FunctionsCluster;
afterEach(() => cluster?.stop());

export function aDeployment(name: string, replicas: number, image = 'img:1'): Deployment {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { namespace: 'default', name },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'c', image }] } },
    },
  };
}

describe('the control plane as functions', () => {
  it('brings a Deployment up', async () => {
    cluster = await createFunctionsCluster();
    await cluster.client.create(deployments, aDeployment('web', 3));
    await cluster.until('three are available', async () => {
      const web = await cluster.find(deployments, 'web');
      return web?.status?.availableReplicas === 3;
    });
    console.log(cluster.clock.now(), Object.entries(cluster.functions).map(([n, f]) => [n, f.counts]), cluster.logged);
    expect((await cluster.client.list(pods, {})).items).toHaveLength(3);
  });
});
