import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { limitRanges, pods, resourceQuotas, services } from '@nodeless/client/resource-types';
import { type Cluster, createCluster } from '../builders/cluster.ts';
import { newPod } from '../builders/cluster-objects.ts';
import { refusal } from '../unit/registry/harness.ts';

let cluster: Cluster;
beforeEach(async () => {
  cluster = await createCluster();
});
afterEach(() => cluster.stop());

const quota = (name: string, hard: Record<string, string>, more: object = {}) =>
  cluster.client.create(resourceQuotas, {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { namespace: 'default', name },
    spec: { hard, ...more },
  });
const used = async (name: string) =>
  (await cluster.client.get(resourceQuotas, { namespace: 'default', name })).status?.used;

describe('resource quotas', () => {
  it('count what is there, charge what is made, and give back what goes', async () => {
    await cluster.client.create(pods, newPod('a'));
    await quota('q', { pods: '2', services: '1', 'count/configmaps': '5' });
    await cluster.until('status', async () => (await used('q'))?.['pods'] === '1');
    expect(await used('q')).toEqual({ pods: '1', services: '0', 'count/configmaps': '1' });
    await cluster.client.create(pods, newPod('b'));
    // At once, with the create: no controller was waited for.
    expect(await used('q')).toMatchObject({ pods: '2' });
    expect((await refusal(cluster.client.create(pods, newPod('c')))).message).toBe(
      'pods "c" is forbidden: exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2',
    );
    await cluster.client.delete(pods, { namespace: 'default', name: 'a' });
    await cluster.until('given back', async () => (await used('q'))?.['pods'] === '1');
    await cluster.client.create(pods, newPod('c'));
    expect(await used('q')).toMatchObject({ pods: '2' });
  });

  it('never lets two at once use more than there is', async () => {
    await quota('q', { pods: '3' });
    await cluster.settle();
    const results = await Promise.allSettled(
      Array.from({ length: 40 }, (_, i) => cluster.client.create(pods, newPod(`p${i}`))),
    );
    expect(results.filter((r) => r.status === 'fulfilled')).toHaveLength(3);
    expect(await used('q')).toEqual({ pods: '3' });
  });

  it('asks for requests where it limits them', async () => {
    await quota('q', { cpu: '1', memory: '1Gi' });
    await cluster.settle();
    expect((await refusal(cluster.client.create(pods, newPod('x')))).message).toBe(
      'pods "x" is forbidden: failed quota: q: must specify cpu for: c; memory for: c',
    );
    const withDefaults = {
      apiVersion: 'v1',
      kind: 'LimitRange',
      metadata: { namespace: 'default', name: 'defaults' },
      spec: { limits: [{ type: 'Container', defaultRequest: { cpu: '300m', memory: '100Mi' } }] },
    };
    await cluster.client.create(limitRanges, withDefaults);
    await cluster.client.create(pods, newPod('x'));
    expect(await used('q')).toEqual({ cpu: '300m', memory: '100Mi' });
    await cluster.client.create(pods, newPod('y', { resources: { requests: { cpu: '700m', memory: '1Mi' } } }));
    expect((await refusal(cluster.client.create(pods, newPod('z')))).message).toBe(
      'pods "z" is forbidden: exceeded quota: q, requested: cpu=300m, used: cpu=1, limited: cpu=1',
    );
  });

  it('does not charge a dry run or a create that fails', async () => {
    await quota('q', { pods: '1' });
    await cluster.settle();
    await cluster.client.create(pods, newPod('a'), { dryRun: true });
    expect(await used('q')).toEqual({ pods: '0' });
    await cluster.client.create(pods, newPod('a'));
    expect((await refusal(cluster.client.create(pods, newPod('b'), { dryRun: true }))).reason).toBe('Forbidden');
    await cluster.client.delete(pods, { namespace: 'default', name: 'a' });
    await cluster.until('free', async () => (await used('q'))?.['pods'] === '0');
    await cluster.client.create(pods, newPod('a'));
    expect((await refusal(cluster.client.create(pods, newPod('a')))).message).toContain('exceeded quota: q');
    expect(await used('q')).toEqual({ pods: '1' });
  });

  it('charges a service that grows', async () => {
    await quota('q', { services: '2', 'services.nodeports': '1', 'services.loadbalancers': '0' });
    await cluster.settle();
    const service = await cluster.client.create(services, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace: 'default', name: 's' },
      spec: { ports: [{ port: 80 }] },
    });
    expect(await used('q')).toMatchObject({ services: '1', 'services.nodeports': '0' });
    await cluster.client.update(services, { ...service, spec: { ...service.spec, type: 'NodePort' } });
    expect(await used('q')).toMatchObject({ services: '1', 'services.nodeports': '1' });
    const current = await cluster.client.get(services, { namespace: 'default', name: 's' });
    const error = await refusal(
      cluster.client.update(services, { ...current, spec: { ...current.spec, type: 'LoadBalancer' } }),
    );
    expect(error.message).toBe(
      'services "s" is forbidden: exceeded quota: q, requested: services.loadbalancers=1, used: services.loadbalancers=0, limited: services.loadbalancers=0',
    );
  });

  it('counts only what is in its scopes', async () => {
    await quota('best', { pods: '1' }, { scopes: ['BestEffort'] });
    await quota('rest', { pods: '1' }, { scopes: ['NotBestEffort'] });
    await cluster.settle();
    await cluster.client.create(pods, newPod('a'));
    expect([await used('best'), await used('rest')]).toEqual([{ pods: '1' }, { pods: '0' }]);
    await cluster.client.create(pods, newPod('b', { resources: { requests: { cpu: '1m' } } }));
    expect(await used('rest')).toEqual({ pods: '1' });
    expect((await refusal(cluster.client.create(pods, newPod('c')))).message).toContain('exceeded quota: best');
  });

  it('frees what a finished pod computed with, not its place', async () => {
    await quota('q', { pods: '5', 'requests.cpu': '1', 'count/pods': '5' });
    await cluster.settle();
    await cluster.client.create(
      pods,
      newPod('a', { image: 'exit-0', restartPolicy: 'Never', resources: { requests: { cpu: '1' } } }),
    );
    await cluster.until('finished', async () => (await used('q'))?.['requests.cpu'] === '0');
    expect(await used('q')).toEqual({ pods: '0', 'requests.cpu': '0', 'count/pods': '1' });
  });
});
