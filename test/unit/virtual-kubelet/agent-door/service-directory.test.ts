import type { Pod, ServiceSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import type { Endpoint, EndpointPort } from '@nodeless/apimachinery/generated/types/discovery/v1';
import { serviceLoopback } from '@nodeless/apimachinery/service-loopback';
import { endpointSlices, services } from '@nodeless/client/resource-types';
import { createManualClock } from '@nodeless/component-base/manual-clock';
import { paths, type EndpointsResponse, type ServicesResponse } from '@nodeless/virtual-kubelet/agent/agent-protocol';
import { createServiceDirectory } from '@nodeless/virtual-kubelet/agent-door/service-directory';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AgentCluster, createAgentCluster, namespace } from '../../../builders/agent-door.ts';

let cluster: AgentCluster;
let pod: Pod;
let token: string;

beforeEach(async () => {
  cluster = await createAgentCluster({
    clock: createManualClock(),
    services: (client) =>
      createServiceDirectory({ client, dataPaths: { byDefault: 'auto', agents: true, loadBalancers: false } }),
  });
  pod = await cluster.startPod('client', {});
  token = await cluster.agentToken(pod);
});
afterEach(() => cluster.close());

const call = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> =>
  cluster.door(
    new Request(`http://door${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }),
  );
const table = async () => (await (await call('GET', paths.services)).json()) as ServicesResponse;
const endpoints = async (...list: string[]) =>
  (await (await call('POST', paths.endpoints, { services: list })).json()) as EndpointsResponse;

const create = (name: string, spec: Partial<ServiceSpec>, annotations: Record<string, string> = {}) =>
  cluster.admin.create(services, {
    metadata: { name, namespace, annotations },
    spec: { selector: { app: name }, ...spec },
  });
const slice = (name: string, list: Endpoint[], ports: EndpointPort[], more = '') =>
  cluster.admin.create(endpointSlices, {
    metadata: { name: `${name}${more}`, namespace, labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    endpoints: list,
    ports,
  });
const at = (address: string, conditions: Endpoint['conditions'] = { ready: true }): Endpoint => ({
  addresses: [address],
  conditions,
});

describe('the address of a Service inside tasks', () => {
  for (const [clusterIp, address] of [
    ['10.96.0.1', '127.224.0.1'],
    ['10.96.255.254', '127.224.255.254'],
    ['10.0.3.4', '127.128.3.4'],
    ['172.20.1.2', '127.148.1.2'],
    ['127.200.1.2', '127.200.1.2'],
    ['None', undefined],
    ['', undefined],
    ['fd00::1', undefined],
  ] as const)
    it(`of ${clusterIp || 'none'} is ${address}`, () => expect(serviceLoopback(clusterIp)).toBe(address));

  it('is another one for each ClusterIP of a range', () => {
    const all = new Set<string | undefined>();
    for (let i = 0; i < 4096; i++) all.add(serviceLoopback(`10.96.${i >> 8}.${i & 255}`));
    expect(all.size).toBe(4096);
  });
});

describe('the table of Services', () => {
  it('has those that agents carry, and no others', async () => {
    await create('mapped', { ports: [{ port: 80, targetPort: 8080 }] });
    await create('plain', { ports: [{ port: 80 }] });
    await create('sticky', { ports: [{ port: 80 }], sessionAffinity: 'ClientIP' });
    await create('headless', { clusterIP: 'None', ports: [{ port: 80, targetPort: 8080 }] });
    await create('other', { ports: [{ port: 80, targetPort: 8080 }] }, { 'nodeless.dev/data-path': 'dns' });
    await create('wanted', { ports: [{ port: 80 }] }, { 'nodeless.dev/data-path': 'agent' });
    const found = await table();
    expect(found.services.map((s) => s.name)).toEqual(['mapped', 'sticky', 'wanted']);
    expect(found.services[0]).toEqual({
      namespace,
      name: 'mapped',
      address: serviceLoopback(
        (await cluster.admin.get(services, { namespace, name: 'mapped' })).spec?.clusterIP ?? '',
      ),
      clientIpAffinitySeconds: 0,
      ports: [{ name: '', protocol: 'TCP', port: 80 }],
    });
    expect(found.services[1]?.clientIpAffinitySeconds).toBe(10_800);
  });

  it('has a Service with a named target port once its pods say another number', async () => {
    await create('named', { ports: [{ name: 'web', port: 80, targetPort: 'http' }] });
    await slice('named', [at('10.0.0.1')], [{ name: 'web', port: 80, protocol: 'TCP' }]);
    expect((await table()).services).toEqual([]);
    await slice('named', [at('10.0.0.2')], [{ name: 'web', port: 8080, protocol: 'TCP' }], '-2');
    expect((await table()).services.map((s) => s.name)).toEqual(['named']);
  });

  it('comes again only when it has changed', async () => {
    await create('mapped', { ports: [{ port: 80, targetPort: 8080 }] });
    const first = await call('GET', paths.services);
    const etag = first.headers.get('etag') ?? '';
    expect((await call('GET', paths.services, undefined, { 'if-none-match': etag })).status).toBe(304);
    await create('more', { ports: [{ port: 80, targetPort: 8080 }] });
    expect((await call('GET', paths.services, undefined, { 'if-none-match': etag })).status).toBe(200);
  });

  it('is empty for a pod that wants its ports for itself', async () => {
    await create('mapped', { ports: [{ port: 80, targetPort: 8080 }] });
    const { pods } = await import('@nodeless/client/resource-types');
    await cluster.admin.patch(pods, { namespace, name: 'client' }, 'merge', {
      metadata: { annotations: { 'nodeless.dev/data-path': 'none' } },
    });
    expect((await table()).services).toEqual([]);
  });
});

describe('endpoints', () => {
  const ports: EndpointPort[] = [
    { name: 'web', port: 8080, protocol: 'TCP' },
    { name: 'dns', port: 5353, protocol: 'UDP' },
  ];
  beforeEach(async () => {
    await create('web', {
      ports: [
        { name: 'web', port: 80, targetPort: 8080 },
        { name: 'dns', port: 53, protocol: 'UDP', targetPort: 5353 },
      ],
    });
  });

  it('are those that are ready, by the Service’s port', async () => {
    await slice('web', [at('10.0.0.1'), at('10.0.0.2', { ready: false }), at('10.0.0.3', {})], ports);
    expect((await endpoints('default/web')).services).toEqual({
      'default/web': [
        { port: 80, protocol: 'TCP', targets: ['10.0.0.1', '10.0.0.3'].map((address) => ({ address, port: 8080 })) },
        { port: 53, protocol: 'UDP', targets: ['10.0.0.1', '10.0.0.3'].map((address) => ({ address, port: 5353 })) },
      ],
    });
  });

  it('are, where none is ready, those that still serve while they end', async () => {
    await slice(
      'web',
      [at('10.0.0.1', { ready: false, serving: true, terminating: true }), at('10.0.0.2', { ready: false })],
      ports,
    );
    expect((await endpoints('default/web')).services['default/web']?.[0]?.targets).toEqual([
      { address: '10.0.0.1', port: 8080 },
    ]);
  });

  it('of several slices come together; of a Service that is not there nothing comes', async () => {
    await slice('web', [at('10.0.0.1')], ports);
    await slice('web', [at('10.0.0.2')], ports, '-2');
    const { services: found, ttl } = await endpoints('default/web', 'default/nobody', '__proto__/x');
    expect(Object.keys(found)).toEqual(['default/web']);
    expect(found['default/web']?.[0]?.targets.map((t) => t.address).toSorted()).toEqual(['10.0.0.1', '10.0.0.2']);
    expect(ttl).toBeGreaterThan(1_000);
  });

  it('are asked for in bounded numbers', async () => {
    const many = Array.from({ length: 101 }, (_, i) => `default/s${i}`);
    expect((await call('POST', paths.endpoints, { services: many })).status).toBe(400);
    expect((await call('POST', paths.endpoints, { services: [1] })).status).toBe(400);
  });
});
