import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  clusterRoles,
  configMaps,
  deployments,
  events,
  namespaces,
  pods,
  serviceAccounts,
} from '@nodeless/client/resource-types';
import { createEventRecorder } from '@nodeless/controller-runtime/event-recorder';
import { silentLogger } from '@nodeless/component-base/logger';
import { type Cluster, createCluster } from '../builders/cluster.ts';
import { newDeployment, newPod } from '../builders/cluster-objects.ts';
import { refusal } from '../unit/registry/harness.ts';

let cluster: Cluster;
beforeEach(async () => {
  cluster = await createCluster();
});
afterEach(() => cluster.stop());

const namespace = async (name: string): Promise<void> => {
  await cluster.client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  await cluster.until('default account', async () =>
    cluster.find(serviceAccounts, { namespace: name, name: 'default' }),
  );
};
const gone = (name: string) => cluster.until(`${name} gone`, async () => !(await cluster.find(namespaces, name)));
const condition = async (name: string, type: string) =>
  (await cluster.find(namespaces, name))?.status?.conditions?.find((c) => c.type === type);

describe('a namespace', () => {
  it('goes with all that is in it', async () => {
    await namespace('n');
    await cluster.client.create(deployments, newDeployment('web', {}, { namespace: 'n' }));
    await cluster.client.create(configMaps, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { namespace: 'n', name: 'c' },
    });
    await cluster.until(
      'up',
      async () => (await cluster.find(deployments, { namespace: 'n', name: 'web' }))?.status?.readyReplicas === 3,
    );
    await cluster.client.delete(namespaces, { name: 'n' });
    expect((await cluster.find(namespaces, 'n'))?.status?.phase).toBe('Terminating');
    expect(
      (
        await refusal(
          cluster.client.create(configMaps, {
            apiVersion: 'v1',
            kind: 'ConfigMap',
            metadata: { namespace: 'n', name: 'late' },
          }),
        )
      ).message,
    ).toBe(
      'configmaps "late" is forbidden: unable to create new content in namespace n because it is being terminated',
    );
    await gone('n');
    for (const type of [pods, configMaps, deployments, events] as const)
      expect((await cluster.client.list(type as typeof pods, { namespace: 'n' })).items).toEqual([]);
  });

  it('lets its pods go first and says what it waits for', async () => {
    await namespace('n');
    await cluster.client.create(pods, newPod('p', { namespace: 'n', metadata: { finalizers: ['test.io/hold'] } }));
    await cluster.client.create(configMaps, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { namespace: 'n', name: 'c', finalizers: ['test.io/too'] },
    });
    await cluster.client.delete(namespaces, { name: 'n' });
    const remaining = await cluster.until('told', () => condition('n', 'NamespaceContentRemaining'));
    expect(remaining).toMatchObject({
      status: 'True',
      reason: 'SomeResourcesRemain',
      message: 'Some resources are remaining: pods. has 1 resource instances',
    });
    expect(await condition('n', 'NamespaceFinalizersRemaining')).toMatchObject({
      status: 'True',
      message: 'Some content in the namespace has finalizers remaining: test.io/hold in 1 resource instances',
    });
    await cluster.settle(10_000);
    expect(
      (await cluster.find(configMaps, { namespace: 'n', name: 'c' }))?.metadata?.deletionTimestamp,
    ).toBeUndefined();
    await cluster.edit(pods, { namespace: 'n', name: 'p' }, (pod) => delete pod.metadata?.finalizers);
    await cluster.until(
      'only the config map',
      async () =>
        (await condition('n', 'NamespaceContentRemaining'))?.message ===
        'Some resources are remaining: configmaps. has 1 resource instances',
    );
    await cluster.edit(configMaps, { namespace: 'n', name: 'c' }, (c) => delete c.metadata?.finalizers);
    await gone('n');
  });

  it('stays while others hold it with finalizers of its spec', async () => {
    await namespace('n');
    const current = await cluster.client.get(namespaces, { name: 'n' });
    await cluster.client.update(
      namespaces,
      { ...current, spec: { finalizers: ['kubernetes', 'test.io/mine'] } },
      { subresource: 'finalize' },
    );
    await cluster.client.delete(namespaces, { name: 'n' });
    await cluster.until(
      'done with its part',
      async () => (await cluster.find(namespaces, 'n'))?.spec?.finalizers?.join() === 'test.io/mine',
    );
    const now = await cluster.client.get(namespaces, { name: 'n' });
    await cluster.client.update(namespaces, { ...now, spec: { finalizers: [] } }, { subresource: 'finalize' });
    await gone('n');
  });

  it('gets back its account and its certificate', async () => {
    await namespace('n');
    const certificate = { namespace: 'n', name: 'kube-root-ca.crt' };
    await cluster.until('certificate', () => cluster.find(configMaps, certificate));
    await cluster.client.delete(serviceAccounts, { namespace: 'n', name: 'default' });
    await cluster.client.delete(configMaps, certificate);
    await cluster.until('account', () => cluster.find(serviceAccounts, { namespace: 'n', name: 'default' }));
    await cluster.until('certificate', () => cluster.find(configMaps, certificate));
    await cluster.edit(configMaps, certificate, (c) => (c.data = { 'ca.crt': 'forged', more: 'x' }));
    await cluster.until(
      'mended',
      async () => JSON.stringify((await cluster.find(configMaps, certificate))?.data) === '{"ca.crt":"PEM"}',
    );
    expect(cluster.logged).toEqual([]);
  });
});

describe('cluster roles', () => {
  const role = (name: string, more: object) =>
    cluster.client.create(clusterRoles, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name, ...(more as { metadata?: object }).metadata },
      ...more,
    } as never);
  const rule = (resource: string) => ({ apiGroups: ['example.com'], resources: [resource], verbs: ['get'] });

  it('gather the rules of those that they select', async () => {
    await role('all', { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { to: 'all' } }] } });
    await role('one', { metadata: { name: 'one', labels: { to: 'all' } }, rules: [rule('a')] });
    await cluster.until('first', async () => (await cluster.find(clusterRoles, 'all'))?.rules?.length === 1);
    await role('two', { metadata: { name: 'two', labels: { to: 'all' } }, rules: [rule('b'), rule('a')] });
    await cluster.until('second', async () => (await cluster.find(clusterRoles, 'all'))?.rules?.length === 2);
    await cluster.client.delete(clusterRoles, { name: 'one' });
    await cluster.edit(clusterRoles, 'two', (r) => (r.rules = [rule('b')]));
    await cluster.until('less', async () => (await cluster.find(clusterRoles, 'all'))?.rules?.length === 1);
    // The default roles did it too: edit holds what view may.
    expect((await cluster.find(clusterRoles, 'edit'))?.rules?.length).toBeGreaterThan(
      (await cluster.find(clusterRoles, 'view'))?.rules?.length ?? Infinity,
    );
    expect(cluster.logged).toEqual([]);
  });
});

describe('events', () => {
  const told = async () =>
    (await cluster.client.list(events, { namespace: 'default' })).items.filter((e) => e.source?.component === 'tester');

  it('that repeat are counted on one object', async () => {
    const recorder = createEventRecorder({
      client: cluster.client,
      clock: cluster.clock,
      log: silentLogger,
      component: 'tester',
    });
    const pod = await cluster.client.create(pods, newPod('p'));
    for (let i = 0; i < 5; i++) recorder.event(pod, 'Warning', 'BackOff', 'again');
    recorder.event(pod, 'Warning', 'BackOff', 'something else');
    await cluster.settle(1_000);
    expect((await told()).map((e) => [e.message, e.count]).toSorted()).toEqual([
      ['again', 5],
      ['something else', 1],
    ]);
    await cluster.client.deleteCollection(events, { namespace: 'default' });
    recorder.event(pod, 'Warning', 'BackOff', 'again');
    await cluster.settle();
    expect((await told()).map((e) => [e.message, e.count])).toEqual([['again', 1]]);
    await cluster.settle(11 * 60_000);
    recorder.event(pod, 'Warning', 'BackOff', 'again');
    await cluster.settle();
    expect(await told()).toHaveLength(2);
  });

  it('from one source about one object come 25 at once and then one every five minutes', async () => {
    const recorder = createEventRecorder({
      client: cluster.client,
      clock: cluster.clock,
      log: silentLogger,
      component: 'tester',
    });
    const pod = await cluster.client.create(pods, newPod('p'));
    for (let i = 0; i < 40; i++) recorder.event(pod, 'Normal', 'Say', `number ${i}`);
    await cluster.settle();
    const count = async () => (await told()).reduce((sum, e) => sum + (e.count ?? 0), 0);
    expect(await count()).toBe(25);
    await cluster.settle(5 * 60_000);
    for (let i = 0; i < 5; i++) recorder.event(pod, 'Normal', 'Say', `later ${i}`);
    await cluster.settle();
    expect(await count()).toBe(26);
  });

  it('of many alike are put together', async () => {
    const recorder = createEventRecorder({
      client: cluster.client,
      clock: cluster.clock,
      log: silentLogger,
      component: 'tester',
    });
    const pod = await cluster.client.create(pods, newPod('p'));
    for (let i = 0; i < 15; i++) recorder.event(pod, 'Normal', 'Say', `number ${i}`);
    await cluster.settle();
    const all = await told();
    expect(all).toHaveLength(10);
    expect(all.find((e) => e.message?.startsWith('(combined from similar events): '))).toMatchObject({
      message: '(combined from similar events): number 14',
      count: 6,
    });
  });

  it('go after an hour', async () => {
    await cluster.client.create(pods, newPod('p'));
    await cluster.until(
      'told',
      async () => (await cluster.client.list(events, { namespace: 'default' })).items.length > 0,
    );
    await cluster.settle(59 * 60_000);
    expect((await cluster.client.list(events, { namespace: 'default' })).items.length).toBeGreaterThan(0);
    await cluster.settle(2 * 60_000);
    expect((await cluster.client.list(events, { namespace: 'default' })).items).toEqual([]);
    expect(cluster.logged).toEqual([]);
  });
});
