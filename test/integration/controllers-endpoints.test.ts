import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Service, ServiceSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import type { EndpointSlice } from '@nodeless/apimachinery/generated/types/discovery/v1';
import { deployments, endpoints, endpointSlices, pods, services } from '@nodeless/client/resource-types';
import { type Cluster, createCluster } from '../builders/cluster.ts';
import { newDeployment, newPod } from '../builders/cluster-objects.ts';

let cluster: Cluster;
beforeEach(async () => {
  cluster = await createCluster();
});
afterEach(() => cluster.stop());

const service = (spec: Partial<ServiceSpec> = {}, labels?: Record<string, string>): Promise<Service> =>
  cluster.client.create(services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace: 'default', name: 'web', ...(labels && { labels }) },
    spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }], ...spec },
  });
const slices = async (): Promise<readonly EndpointSlice[]> =>
  (await cluster.client.list(endpointSlices, { namespace: 'default', labelSelector: 'kubernetes.io/service-name=web' }))
    .items;
const inSlices = async () => (await slices()).flatMap((slice) => slice.endpoints ?? []);
const addressesOf = (list: readonly { addresses: readonly string[] }[]): string[] =>
  list.flatMap((e) => e.addresses).toSorted();
const subsets = async () => (await cluster.find(endpoints, 'web'))?.subsets;
const podIps = async (): Promise<string[]> =>
  (await cluster.client.list(pods)).items.map((pod) => pod.status?.podIP ?? '').toSorted();
const web = (replicas: number): Promise<unknown> =>
  cluster.client.create(
    deployments,
    newDeployment(
      'web',
      { replicas },
      { spec: { containers: [{ name: 'c', image: 'run', ports: [{ name: 'http', containerPort: 8080 }] }] } },
    ),
  );

describe('endpoints of a service', () => {
  it('follow its pods', async () => {
    await service({}, { tier: 'front' });
    await cluster.until('an empty slice', async () => (await slices()).length === 1);
    const [empty] = await slices();
    expect(empty).toMatchObject({ addressType: 'IPv4', endpoints: [], ports: [] });
    expect(empty?.metadata?.generateName).toBe('web-');
    expect(empty?.metadata?.labels).toEqual({
      tier: 'front',
      'kubernetes.io/service-name': 'web',
      'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
    });
    await web(3);
    await cluster.until('three', async () => (await inSlices()).filter((e) => e.conditions?.ready).length === 3);
    expect(addressesOf(await inSlices())).toEqual(await podIps());
    expect((await slices())[0]?.ports).toEqual([{ name: '', port: 8080, protocol: 'TCP' }]);
    expect((await subsets())?.map((s) => [s.addresses?.map((a) => a.ip), s.ports])).toEqual([
      [await podIps(), [{ port: 8080, protocol: 'TCP' }]],
    ]);
    expect((await cluster.find(endpoints, 'web'))?.metadata?.labels).toEqual({
      tier: 'front',
      'endpoints.kubernetes.io/managed-by': 'endpoint-controller',
    });
    await cluster.edit(deployments, 'web', (d) => d.spec && (d.spec.replicas = 1));
    await cluster.until('one', async () => (await inSlices()).length === 1);
    await cluster.until('one', async () => (await subsets())?.[0]?.addresses?.length === 1);
    await cluster.client.delete(services, { namespace: 'default', name: 'web' });
    await cluster.until('none', async () => (await slices()).length === 0 && !(await cluster.find(endpoints, 'web')));
    expect(cluster.logged).toEqual([]);
  });

  it('tell which pods are ready', async () => {
    await service();
    await web(2);
    await cluster.until('two', async () => (await inSlices()).filter((e) => e.conditions?.ready).length === 2);
    const [pod] = (await cluster.client.list(pods)).items;
    await cluster.kubelet.setReady('default', pod?.metadata?.name ?? '', false);
    await cluster.until('one not ready', async () =>
      (await inSlices()).some(
        (e) =>
          e.conditions?.ready === false && e.conditions.serving === false && e.targetRef?.name === pod?.metadata?.name,
      ),
    );
    await cluster.until(
      'not ready',
      async () => (await subsets())?.[0]?.notReadyAddresses?.map((a) => a.ip).join() === pod?.status?.podIP,
    );
    await cluster.edit(services, 'web', (s) => s.spec && (s.spec.publishNotReadyAddresses = true));
    await cluster.until(
      'all published',
      async () =>
        (await inSlices()).every((e) => e.conditions?.ready) && (await subsets())?.[0]?.notReadyAddresses === undefined,
    );
  });

  it('show pods that are on their way out until they are gone', async () => {
    await cluster.stop();
    cluster = await createCluster({ life: () => ({ stopMs: 20_000 }) });
    await service();
    await cluster.client.create(pods, newPod('p', { labels: { app: 'web' } }));
    await cluster.until('there', async () => (await inSlices()).some((e) => e.conditions?.ready));
    await cluster.client.delete(pods, { namespace: 'default', name: 'p' });
    await cluster.until('terminating', async () => (await inSlices())[0]?.conditions?.terminating);
    expect((await inSlices())[0]?.conditions).toEqual({ ready: false, serving: true, terminating: true });
    expect(await subsets()).toBeUndefined();
    await cluster.until('gone', async () => (await inSlices()).length === 0);
  });

  it('follow a change of the selector, of the ports and of a label', async () => {
    await service();
    await cluster.client.create(pods, newPod('a', { labels: { app: 'web' } }));
    await cluster.client.create(pods, newPod('b', { labels: { app: 'other' } }));
    const names = async () =>
      (await inSlices())
        .map((e) => e.targetRef?.name)
        .toSorted()
        .join();
    await cluster.until('a', async () => (await names()) === 'a');
    await cluster.edit(services, 'web', (s) => s.spec && (s.spec.selector = { app: 'other' }));
    await cluster.until('b', async () => (await names()) === 'b');
    await cluster.edit(pods, 'a', (pod) => (pod.metadata = { ...pod.metadata, labels: { app: 'other' } }));
    await cluster.until('both', async () => (await names()) === 'a,b');
    await cluster.edit(
      services,
      'web',
      (s) =>
        s.spec &&
        (s.spec.ports = [
          { name: 'x', port: 81, targetPort: 9090 },
          { name: 'y', port: 82, protocol: 'UDP' },
        ]),
    );
    await cluster.until('ports', async () => (await slices())[0]?.ports?.length === 2);
    expect(await slices()).toHaveLength(1);
    expect((await slices())[0]?.ports).toEqual([
      { name: 'x', port: 9090, protocol: 'TCP' },
      { name: 'y', port: 82, protocol: 'UDP' },
    ]);
    expect((await subsets())?.[0]?.ports).toEqual([
      { name: 'x', port: 9090, protocol: 'TCP' },
      { name: 'y', port: 82, protocol: 'UDP' },
    ]);
  });

  it('name pods of a headless service, and resolve named ports pod by pod', async () => {
    await service({ clusterIP: 'None', ports: [{ name: 'http', port: 80, targetPort: 'http' }] });
    const pod = (name: string, containerPort: number) =>
      newPod(name, {
        labels: { app: 'web' },
        spec: {
          hostname: name,
          subdomain: 'web',
          containers: [{ name: 'c', image: 'run', ports: [{ name: 'http', containerPort }] }],
        },
      });
    await cluster.client.create(pods, pod('a', 8080));
    await cluster.client.create(pods, pod('b', 9090));
    await cluster.until('both', async () => (await inSlices()).length === 2);
    expect(
      (await slices())
        .map((s) => [
          s.ports?.[0]?.port,
          s.endpoints?.map((e) => e.hostname),
          s.metadata?.labels?.['service.kubernetes.io/headless'],
        ])
        .toSorted(),
    ).toEqual([
      [8080, ['a'], ''],
      [9090, ['b'], ''],
    ]);
  });

  it('fill slices of a hundred', async () => {
    await cluster.kubelet.addNode('big', { allocatable: { pods: '1000' } });
    await service();
    await web(230);
    await cluster.until('all', async () => (await inSlices()).filter((e) => e.conditions?.ready).length === 230);
    expect((await slices()).map((s) => s.endpoints?.length).toSorted()).toEqual([100, 100, 30]);
    await cluster.edit(deployments, 'web', (d) => d.spec && (d.spec.replicas = 0));
    await cluster.until('none', async () => (await inSlices()).length === 0);
    await cluster.settle(1_000);
    expect(await slices()).toHaveLength(1);
  });

  it('come back when somebody removes or changes them', async () => {
    await service();
    await cluster.client.create(pods, newPod('p', { labels: { app: 'web' } }));
    await cluster.until(
      'there',
      async () =>
        (await inSlices()).some((e) => e.conditions?.ready) && (await subsets())?.[0]?.addresses?.length === 1,
    );
    const [slice] = await slices();
    await cluster.client.delete(endpointSlices, { namespace: 'default', name: slice?.metadata?.name ?? '' });
    await cluster.client.delete(endpoints, { namespace: 'default', name: 'web' });
    await cluster.until(
      'back',
      async () => (await inSlices()).length === 1 && (await subsets())?.[0]?.addresses?.length === 1,
    );
    await cluster.edit(endpointSlices, (await slices())[0]?.metadata?.name ?? '', (s) => (s.endpoints = []));
    await cluster.edit(endpoints, 'web', (e) => delete e.subsets);
    await cluster.until(
      'mended',
      async () => (await inSlices()).length === 1 && (await subsets())?.[0]?.addresses?.length === 1,
    );
  });

  it('that are written by hand are mirrored', async () => {
    await service({ selector: undefined });
    const byHand = await cluster.client.create(endpoints, {
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata: { namespace: 'default', name: 'web', labels: { own: 'x' }, annotations: { note: 'y' } },
      subsets: [{ addresses: [{ ip: '10.1.2.3' }], ports: [{ name: 'http', port: 80 }] }],
    });
    await cluster.until('mirrored', async () => (await slices()).length === 1);
    const [slice] = await slices();
    expect(slice).toMatchObject({
      addressType: 'IPv4',
      endpoints: [{ addresses: ['10.1.2.3'], conditions: { ready: true } }],
      ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
    });
    expect(slice?.metadata).toMatchObject({
      annotations: { note: 'y' },
      labels: { own: 'x', 'endpointslice.kubernetes.io/managed-by': 'endpointslicemirroring-controller.k8s.io' },
      ownerReferences: [{ kind: 'Endpoints', uid: byHand.metadata?.uid }],
    });
    await cluster.edit(
      endpoints,
      'web',
      (e) => (e.subsets = [{ addresses: [{ ip: '10.2.3.4' }], ports: [{ name: 'http', port: 80 }] }]),
    );
    await cluster.until('changed', async () => addressesOf(await inSlices()).join() === '10.2.3.4');
    expect((await slices())[0]?.metadata?.uid).toBe(slice?.metadata?.uid);
    await cluster.client.delete(endpoints, { namespace: 'default', name: 'web' });
    await cluster.until('gone', async () => (await slices()).length === 0);
    expect(cluster.logged).toEqual([]);
  });

  it('that stand for no service are left alone', async () => {
    await cluster.client.create(endpoints, {
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata: { namespace: 'default', name: 'own' },
      subsets: [{ addresses: [{ ip: '10.1.2.3' }], ports: [{ port: 80 }] }],
    });
    await cluster.settle(5_000);
    expect(await cluster.find(endpoints, 'own')).toBeDefined();
    expect((await cluster.client.list(endpointSlices, { namespace: 'default' })).items).toEqual([]);
  });
});
