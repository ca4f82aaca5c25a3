import { describe, expect, it } from 'vitest';
import type { Endpoints, Pod, Service } from '@nodeless/apimachinery/generated/types/core/v1';
import type { EndpointSlice } from '@nodeless/apimachinery/generated/types/discovery/v1';
import { planEndpointSlices } from '@nodeless/controllers/endpoints/endpoint-slice-plan';
import { planMirroring } from '@nodeless/controllers/endpoints/endpoint-slice-mirroring';
import { desiredSubsets, planEndpoints } from '@nodeless/controllers/endpoints/endpoints';
import type { Action } from '@nodeless/controller-runtime/actions';
import { aPod, aReadyPod, aService } from '../../builders/objects.ts';

const noZones = { zone: () => undefined };
const at = (name: string, ip: string, overrides: Parameters<typeof aPod>[1] = {}): Pod => {
  const pod = aReadyPod(name, overrides);
  return { ...pod, status: { ...pod.status, podIP: ip, podIPs: [{ ip }] } };
};
const written = (actions: readonly Action[]): EndpointSlice[] =>
  actions.flatMap((a) => (a.do === 'create' || a.do === 'update' ? [a.object as EndpointSlice] : []));
const addresses = (slice: EndpointSlice | undefined): string[] => (slice?.endpoints ?? []).flatMap((e) => e.addresses);
/** The slices as they stand after the actions. */
function apply(slices: readonly EndpointSlice[], actions: readonly Action[]): EndpointSlice[] {
  let next = [...slices];
  for (const a of actions) {
    if (a.do === 'create')
      next.push({ ...(a.object as EndpointSlice), metadata: { ...a.object.metadata, name: `s${next.length}` } });
    if (a.do === 'update')
      next = next.map((s) => (s.metadata?.name === a.object.metadata?.name ? (a.object as EndpointSlice) : s));
    if (a.do === 'delete') next = next.filter((s) => s.metadata?.name !== a.key.name);
  }
  return next;
}
const plan = (service: Service, pods: readonly Pod[], slices: readonly EndpointSlice[] = []): Action[] =>
  planEndpointSlices(service, pods, slices, noZones);

describe('endpoint slices', () => {
  it('hold one endpoint a pod, with its conditions', () => {
    const starting = aPod('starting', { status: { phase: 'Running', podIPs: [{ ip: '10.0.0.2' }] } });
    const going = at('going', '10.0.0.3', { metadata: { deletionTimestamp: '2030-01-01T00:00:00Z' } });
    const [slice] = written(plan(aService('web'), [at('a', '10.0.0.1'), starting, going, aPod('pending')]));
    expect(slice?.endpoints?.map((e) => [e.addresses[0], e.conditions])).toEqual([
      ['10.0.0.1', { ready: true, serving: true, terminating: false }],
      ['10.0.0.2', { ready: false, serving: false, terminating: false }],
      ['10.0.0.3', { ready: false, serving: true, terminating: true }],
    ]);
    expect(slice).toMatchObject({
      addressType: 'IPv4',
      ports: [{ name: '', port: 80, protocol: 'TCP' }],
      metadata: {
        generateName: 'web-',
        labels: {
          'kubernetes.io/service-name': 'web',
          'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
        },
        ownerReferences: [{ kind: 'Service', name: 'web', controller: true }],
      },
    });
  });

  it('resolve named target ports pod by pod', () => {
    const service = aService('web', { ports: [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 'web' }] });
    const named = (name: string, ip: string, port: number): Pod =>
      at(name, ip, {
        spec: { containers: [{ name: 'c', ports: [{ name: 'web', containerPort: port, protocol: 'TCP' }] }] },
      });
    const slices = written(plan(service, [named('a', '10.0.0.1', 8080), named('b', '10.0.0.2', 9090)]));
    expect(slices.map((s) => [s.ports?.[0]?.port, addresses(s)])).toEqual([
      [8080, ['10.0.0.1']],
      [9090, ['10.0.0.2']],
    ]);
  });

  it('split at a hundred, and a second look changes nothing', () => {
    const pods = Array.from({ length: 250 }, (_, i) => at(`p${i}`, `10.0.${Math.floor(i / 200)}.${i % 200}`));
    const slices = apply([], plan(aService('web'), pods));
    expect(slices.map((s) => s.endpoints?.length)).toEqual([100, 100, 50]);
    expect(plan(aService('web'), pods, slices)).toEqual([]);
    const shrunk = plan(aService('web'), pods.slice(1), slices);
    expect(shrunk.map((a) => a.do)).toEqual(['update']);
  });

  it('keep one empty slice for a Service without pods, and drop what is left over', () => {
    const slices = apply([], plan(aService('web'), [at('a', '10.0.0.1')]));
    const emptied = apply(slices, plan(aService('web'), [], slices));
    expect(emptied.map((s) => s.endpoints)).toEqual([[]]);
    expect(apply([], plan(aService('web'), [])).map((s) => s.endpoints)).toEqual([[]]);
  });

  it('publish what is not ready where the Service asks for it', () => {
    const starting = aPod('starting', { status: { phase: 'Running', podIPs: [{ ip: '10.0.0.2' }] } });
    const [slice] = written(plan(aService('web', { publishNotReadyAddresses: true }), [starting]));
    expect(slice?.endpoints?.[0]?.conditions).toEqual({ ready: true, serving: false, terminating: false });
  });

  it('carry the hostname of a pod of the headless Service only', () => {
    const pod = at('a', '10.0.0.1', { spec: { hostname: 'db-0', subdomain: 'db' } });
    expect(written(plan(aService('db', { clusterIP: 'None' }), [pod]))[0]).toMatchObject({
      endpoints: [{ hostname: 'db-0' }],
      metadata: { labels: { 'service.kubernetes.io/headless': '' } },
    });
    expect(written(plan(aService('other'), [pod]))[0]?.endpoints?.[0]?.hostname).toBeUndefined();
  });
});

describe('endpoints', () => {
  it('list ready and unready addresses by set of ports', () => {
    const starting = {
      ...aPod('s', { status: { phase: 'Running', podIP: '10.0.0.2', podIPs: [{ ip: '10.0.0.2' }] } }),
    };
    const subsets = desiredSubsets(aService('web'), [at('b', '10.0.0.9'), at('a', '10.0.0.1'), starting]);
    expect(subsets).toMatchObject([
      {
        addresses: [{ ip: '10.0.0.1' }, { ip: '10.0.0.9' }],
        notReadyAddresses: [{ ip: '10.0.0.2' }],
        ports: [{ port: 80, protocol: 'TCP' }],
      },
    ]);
  });
  it('are written once', () => {
    const service = aService('web');
    const [made] = planEndpoints(service, [at('a', '10.0.0.1')], undefined);
    const existing = (made as { object: Endpoints }).object;
    expect(planEndpoints(service, [at('a', '10.0.0.1')], existing)).toEqual([]);
    expect(planEndpoints(service, [], existing)).toMatchObject([
      { do: 'update', object: { metadata: { name: 'web' } } },
    ]);
  });
});

describe('mirroring', () => {
  const own: Endpoints = {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { name: 'ext', namespace: 'default', uid: 'u' },
    subsets: [
      {
        addresses: [{ ip: '192.0.2.1' }, { ip: '2001:db8::1' }],
        notReadyAddresses: [{ ip: '192.0.2.2' }],
        ports: [{ name: 'db', port: 5432, protocol: 'TCP' }],
      },
    ],
  };
  const service = aService('ext', { selector: undefined });
  it('makes a slice for each family', () => {
    expect(
      written(planMirroring(own, service, [])).map((s) => [
        s.addressType,
        s.endpoints?.map((e) => [e.addresses[0], e.conditions?.ready]),
      ]),
    ).toEqual([
      [
        'IPv4',
        [
          ['192.0.2.1', true],
          ['192.0.2.2', false],
        ],
      ],
      ['IPv6', [['2001:db8::1', true]]],
    ]);
  });
  it('leaves alone what a selector makes, what says so, and what is mirrored already', () => {
    expect(planMirroring(own, aService('ext'), [])).toEqual([]);
    expect(
      planMirroring(
        { ...own, metadata: { ...own.metadata, labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } } },
        service,
        [],
      ),
    ).toEqual([]);
    const slices = apply([], planMirroring(own, service, []));
    expect(planMirroring(own, service, slices)).toEqual([]);
    expect(planMirroring(undefined, service, slices).map((a) => a.do)).toEqual(['delete', 'delete']);
  });
});
