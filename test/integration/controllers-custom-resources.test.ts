import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ConfigMap } from '@nodeless/apimachinery/generated/types/core/v1';
import type { KubernetesObject } from '@nodeless/apimachinery/object';
import { resourceType } from '@nodeless/client/client';
import { configMaps, namespaces, resourceQuotas } from '@nodeless/client/resource-types';
import { customResourceDefinitions } from '@nodeless/controllers/custom-resource-definition';
import { type Cluster, createCluster } from '../builders/cluster.ts';

const widgets = resourceType<KubernetesObject>('example.com', 'v1', 'widgets', 'Widget');
let cluster: Cluster;
beforeEach(async () => {
  cluster = await createCluster();
  await cluster.client.create(customResourceDefinitions, {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'widgets.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'widgets', kind: 'Widget' },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
    },
  });
  await cluster.until('served', async () =>
    cluster.client
      .list(widgets)
      .then(() => true)
      .catch(() => false),
  );
  await cluster.settle(2_000);
});
afterEach(async () => {
  expect(cluster.logged).toEqual([]);
  await cluster.stop();
});

const owned = (owner: KubernetesObject) => ({
  ownerReferences: [
    {
      apiVersion: owner.apiVersion ?? '',
      kind: owner.kind ?? '',
      name: owner.metadata?.name ?? '',
      uid: owner.metadata?.uid ?? '',
      blockOwnerDeletion: true,
    },
  ],
});
const widget = (name: string, owner?: KubernetesObject, namespace = 'default') =>
  cluster.client.create(widgets, {
    apiVersion: 'example.com/v1',
    kind: 'Widget',
    metadata: { name, namespace, ...(owner && owned(owner)) },
  });
const configMap = (name: string, owner?: KubernetesObject): Promise<ConfigMap> =>
  cluster.client.create(configMaps, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace: 'default', ...(owner && owned(owner)) },
  });

describe('custom resources', () => {
  it('own and are owned', async () => {
    const top = await configMap('top');
    const middle = await widget('middle', top);
    await configMap('bottom', middle);
    await cluster.settle(1_000);
    expect(await cluster.find(widgets, 'middle')).toBeDefined();
    await cluster.client.delete(configMaps, { namespace: 'default', name: 'top' }, { propagationPolicy: 'Foreground' });
    await cluster.until(
      'all gone',
      async () =>
        !(await cluster.find(configMaps, 'top')) &&
        !(await cluster.find(widgets, 'middle')) &&
        !(await cluster.find(configMaps, 'bottom')),
    );
  });

  it('are orphaned', async () => {
    const owner = await widget('owner');
    await configMap('child', owner);
    await cluster.client.delete(widgets, { namespace: 'default', name: 'owner' }, { propagationPolicy: 'Orphan' });
    await cluster.until(
      'orphaned',
      async () =>
        !(await cluster.find(widgets, 'owner')) &&
        (await cluster.find(configMaps, 'child'))?.metadata?.ownerReferences === undefined,
    );
  });

  it('go with their namespace', async () => {
    await cluster.client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'n' } });
    await widget('w', undefined, 'n');
    await cluster.client.delete(namespaces, { name: 'n' });
    await cluster.until('gone', async () => !(await cluster.find(namespaces, 'n')));
    expect((await cluster.client.list(widgets)).items).toEqual([]);
  });

  it('are counted by quotas', async () => {
    await cluster.client.create(resourceQuotas, {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { namespace: 'default', name: 'q' },
      spec: { hard: { 'count/widgets.example.com': '1' } },
    });
    const used = async () => (await cluster.find(resourceQuotas, 'q'))?.status?.used?.['count/widgets.example.com'];
    await cluster.until('counted', async () => (await used()) === '0');
    await widget('a');
    expect(await used()).toBe('1');
    await expect(widget('b')).rejects.toThrow(
      'widgets.example.com "b" is forbidden: exceeded quota: q, requested: count/widgets.example.com=1, used: count/widgets.example.com=1, limited: count/widgets.example.com=1',
    );
    await cluster.client.delete(widgets, { namespace: 'default', name: 'a' });
    await cluster.until('given back', async () => (await used()) === '0');
  });

  it('are no longer looked for when their definition has gone', async () => {
    const owner = await widget('owner');
    await cluster.client.delete(customResourceDefinitions, { name: 'widgets.example.com' });
    await cluster.until('gone', async () => !(await cluster.find(customResourceDefinitions, 'widgets.example.com')));
    await cluster.settle(120_000);
    // What names an owner of a kind that is not served is spared.
    await configMap('child', { ...owner, metadata: { name: 'other', uid: 'never-seen' } });
    await cluster.settle(5_000);
    expect(await cluster.find(configMaps, 'child')).toBeDefined();
  });
});
