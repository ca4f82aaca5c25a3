import type { Endpoint, EndpointSlice } from '@nodeless/apimachinery/generated/types/discovery/v1';
import { targetsOf, usableTargets } from '@nodeless/controllers/load-balancers/service-endpoints';
import { describe, expect, it } from 'vitest';

const slice = (endpoints: readonly Endpoint[], more: Partial<EndpointSlice> = {}): EndpointSlice => ({
  addressType: 'IPv4',
  ports: [{ name: 'web', port: 8080, protocol: 'TCP' }],
  endpoints: [...endpoints],
  ...more,
});
const at = (address: string, conditions: Endpoint['conditions'], nodeName = 'n1'): Endpoint => ({
  addresses: [address],
  conditions,
  nodeName,
});
const port = { name: 'web', port: 80, protocol: 'TCP' };
const used = (slices: readonly EndpointSlice[], onlyNode?: string): string[] =>
  usableTargets(targetsOf(port, slices), onlyNode).map(({ address, port: number }) => `${address}:${number}`);

describe('endpoints that take traffic', () => {
  it.each<[string, readonly Endpoint[], string[]]>([
    ['ready ones', [at('10.0.0.1', { ready: true }), at('10.0.0.2', { ready: false })], ['10.0.0.1:8080']],
    ['those without conditions', [at('10.0.0.1', undefined), at('10.0.0.2', {})], ['10.0.0.1:8080', '10.0.0.2:8080']],
    [
      'no draining ones beside a ready one',
      [at('10.0.0.1', { ready: true }), at('10.0.0.2', { ready: false, serving: true, terminating: true })],
      ['10.0.0.1:8080'],
    ],
    [
      'draining ones when there is no other',
      [
        at('10.0.0.2', { ready: false, serving: true, terminating: true }),
        at('10.0.0.3', { ready: false, serving: false, terminating: true }),
      ],
      ['10.0.0.2:8080'],
    ],
    ['nothing that only serves', [at('10.0.0.2', { ready: false, serving: true })], []],
    ['none', [], []],
  ])('are %s', (_what, endpoints, expected) => {
    expect(used([slice(endpoints)])).toEqual(expected);
  });

  it('come from every slice that has the port, once each, sorted', () => {
    const ready = { ready: true };
    expect(
      used([
        slice([at('10.0.0.9', ready)]),
        slice([at('10.0.0.1', ready), at('10.0.0.9', ready)]),
        slice([at('10.0.0.2', ready)], { ports: [{ name: 'web', port: 9090, protocol: 'TCP' }] }),
        slice([at('10.0.0.3', ready)], { ports: [{ name: 'web', port: 8080, protocol: 'UDP' }] }),
        slice([at('10.0.0.4', ready)], { ports: [{ name: 'other', port: 8080, protocol: 'TCP' }] }),
        slice([at('10.0.0.5', ready)], { ports: [{ name: 'web' }] }),
        slice([at('fd00::1', ready)], { addressType: 'IPv6' }),
      ]),
    ).toEqual(['10.0.0.1:8080', '10.0.0.2:9090', '10.0.0.9:8080']);
  });

  it('are ready where two slices disagree', () => {
    expect(
      targetsOf(port, [
        slice([at('10.0.0.1', { ready: false, serving: true, terminating: true })]),
        slice([at('10.0.0.1', { ready: true })]),
      ]),
    ).toEqual({ ready: [{ address: '10.0.0.1', port: 8080, nodeName: 'n1' }], draining: [] });
  });

  it('may be those of one node only, its draining ones before others of elsewhere', () => {
    const slices = [
      slice([
        at('10.0.0.1', { ready: true }, 'n1'),
        at('10.0.0.2', { ready: false, serving: true, terminating: true }, 'n2'),
        at('10.0.0.3', { ready: true }, ''),
      ]),
    ];
    expect(used(slices, 'n1')).toEqual(['10.0.0.1:8080']);
    expect(used(slices, 'n2')).toEqual(['10.0.0.2:8080']);
    expect(used(slices, 'n3')).toEqual([]);
  });

  it('match a nameless port', () => {
    const one = slice([at('10.0.0.1', { ready: true })], { ports: [{ port: 1, protocol: 'TCP' }] });
    expect(usableTargets(targetsOf({ port: 80 }, [one]))).toHaveLength(1);
  });
});
