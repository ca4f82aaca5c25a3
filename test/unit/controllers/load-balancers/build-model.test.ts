import type { ServiceSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import type { EndpointSlice } from '@nodeless/apimachinery/generated/types/discovery/v1';
import { buildModel, wantsLoadBalancer } from '@nodeless/controllers/load-balancers/build-model';
import { blockOf, candidateAddresses, isLoopback } from '@nodeless/controllers/load-balancers/loopback-addresses';
import { candidatePlaces, formatElsewhere, parseElsewhere } from '@nodeless/controllers/load-balancers/proxy/places';
import { describe, expect, it } from 'vitest';
import { serviceAddresses } from '../../../../local/services/service-addresses.ts';
import { aService } from '../../../builders/objects.ts';

const slices: EndpointSlice[] = [
  {
    addressType: 'IPv4',
    ports: [{ name: '', port: 8080, protocol: 'TCP' }],
    endpoints: [{ addresses: ['10.0.0.1'] }, { addresses: ['10.0.0.2'], conditions: { ready: false } }],
  },
];

describe('the model of a load balancer', () => {
  it('has the ready targets of each port and what the Service asks for', () => {
    const service = aService('web', {
      type: 'LoadBalancer',
      loadBalancerIP: '127.9.9.9',
      loadBalancerSourceRanges: ['10.0.0.0/8 '],
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 9 } },
      ports: [{ port: 80, nodePort: 30_000, protocol: 'TCP' }],
    });
    service.status = { loadBalancer: { ingress: [{ ip: '127.70.0.1' }] } };
    service.metadata = {
      ...service.metadata,
      annotations: { 'nodeless.dev/load-balancer-elsewhere': '80=127.70.0.1:10080' },
    };
    expect(buildModel(service, slices)).toMatchObject({
      owner: { namespace: 'default', name: 'web', uid: 'uid-web' },
      ports: [
        { name: '', protocol: 'TCP', port: 80, nodePort: 30_000, targets: [{ address: '10.0.0.1', port: 8080 }] },
      ],
      sourceRanges: ['10.0.0.0/8'],
      affinitySeconds: 9,
      requestedIp: '127.9.9.9',
      previous: [{ ip: '127.70.0.1' }],
      previousElsewhere: '80=127.70.0.1:10080',
    });
  });

  it('takes source ranges from the annotation where the spec has none', () => {
    const service = aService('web', { type: 'LoadBalancer' });
    service.metadata = {
      ...service.metadata,
      annotations: { 'service.beta.kubernetes.io/load-balancer-source-ranges': '10.0.0.0/8, 192.168.0.0/16' },
    };
    expect(buildModel(service, []).sourceRanges).toEqual(['10.0.0.0/8', '192.168.0.0/16']);
    expect(buildModel(aService('web'), []).sourceRanges).toEqual([]);
  });

  it.each<[string, Partial<ServiceSpec>, string | undefined, boolean]>([
    ['of the type', { type: 'LoadBalancer' }, undefined, true],
    ['of another type', { type: 'NodePort' }, undefined, false],
    ['of its class', { type: 'LoadBalancer', loadBalancerClass: 'nodeless.dev/local' }, undefined, true],
    ['of another class', { type: 'LoadBalancer', loadBalancerClass: 'example.com/lb' }, undefined, false],
    ['on its way out', { type: 'LoadBalancer' }, '2030-01-01T00:00:00Z', false],
  ])('is for a Service %s: %s', (_what, spec, deletionTimestamp, expected) => {
    const service = aService('web', spec);
    expect(
      wantsLoadBalancer({ ...service, metadata: { ...service.metadata, deletionTimestamp } }, 'nodeless.dev/local'),
    ).toBe(expected);
  });
});

describe('addresses', () => {
  const candidates = (more: Partial<Parameters<typeof candidateAddresses>[0]> = {}): string[] => [
    ...candidateAddresses({
      clusterId: 'c1',
      owner: 'default/web',
      previous: '',
      requested: '',
      used: new Set(),
      ...more,
    }),
  ];

  it("are those of the cluster's own block, each once, and never 127.0.0.x", () => {
    const all = candidates();
    expect(new Set(all).size).toBe(254);
    expect(all.every((address) => isLoopback(address) && address.startsWith(`${blockOf('c1')}.`))).toBe(true);
    const second = Number(blockOf('c1').split('.')[1]);
    expect(second >= 64 && second < 128).toBe(true);
    expect(blockOf('c2')).not.toBe(blockOf('c1'));
  });

  it('are the same for the same Service, and mostly others for others', () => {
    expect(candidates()[0]).toBe(candidates()[0]);
    expect(new Set(['a', 'b', 'c', 'd'].map((owner) => candidates({ owner })[0])).size).toBeGreaterThan(2);
  });

  it.each<[string, Parameters<typeof candidates>[0], string[]]>([
    ['what was had before', { previous: '127.99.1.1' }, ['127.99.1.1']],
    [
      'what is asked for, before what was had',
      { previous: '127.99.1.1', requested: '127.5.5.5' },
      ['127.5.5.5', '127.99.1.1'],
    ],
    ['not what is no address of this machine', { requested: '192.0.2.1', previous: '127.0.0.1' }, []],
    ['not what another Service has', { previous: '127.99.1.1', used: new Set(['127.99.1.1']) }, []],
  ])('begin with %s', (_what, more, expected) => {
    const found = candidates(more);
    expect(found.slice(0, expected.length)).toEqual(expected);
    expect(found[expected.length]?.startsWith(blockOf('c1'))).toBe(true);
    expect(found.filter((address) => more?.used?.has(address))).toEqual([]);
  });

  it.each([
    ['127.0.0.1', true],
    ['127.255.255.255', true],
    ['127.256.0.1', false],
    ['128.0.0.1', false],
    ['127.1', false],
    ['127.00.0.1', false],
  ])('%s is of this machine: %s', (address, expected) => {
    expect(isLoopback(address)).toBe(expected);
  });
});

describe('places', () => {
  const port = (number: number, protocol: 'TCP' | 'UDP' = 'TCP') => ({
    name: '',
    protocol,
    port: number,
    nodePort: undefined,
    targets: [],
  });

  it.each([
    ['its own first, one like it, any', 80, '', [80, 10_080, 0]],
    ['where it was before', 80, '80=127.1.1.1:4444', [80, 4444, 10_080, 0]],
    ['not where it was on another address', 80, '80=127.2.2.2:4444', [80, 10_080, 0]],
    ['no port beyond the last', 60_000, '', [60_000, 0]],
  ])('are %s', (_what, number, before, expected) => {
    expect(candidatePlaces('127.1.1.1', port(number), parseElsewhere(before)).map((place) => place.port)).toEqual(
      expected,
    );
  });

  it('are written and read', () => {
    const text = '80=127.1.1.1:10080,53/udp=127.1.1.1:10053';
    expect(formatElsewhere(parseElsewhere(text))).toBe(text);
    expect(parseElsewhere('x=y,80=1,__proto__=127.1.1.1:1').size).toBe(0);
  });

  it('are shown for people', () => {
    const service = aService('web', { ports: [{ port: 80 }, { port: 53, protocol: 'UDP' }, { port: 443 }] });
    expect(serviceAddresses(service)).toEqual([]);
    service.status = { loadBalancer: { ingress: [{ ip: '127.1.1.1' }] } };
    service.metadata = {
      ...service.metadata,
      annotations: { 'nodeless.dev/load-balancer-elsewhere': '80=127.1.1.1:10080,53/udp=127.1.1.1:10053' },
    };
    expect(serviceAddresses(service)).toEqual(['127.1.1.1:10080', '127.1.1.1:10053', '127.1.1.1:443']);
  });
});
