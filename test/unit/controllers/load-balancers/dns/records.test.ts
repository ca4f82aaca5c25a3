import type { ServiceSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import type { Endpoint, EndpointSlice } from '@nodeless/apimachinery/generated/types/discovery/v1';
import type { DataPath } from '@nodeless/apimachinery/service-data-path';
import { isHost, mostValues, recordsOf } from '@nodeless/controllers/load-balancers/dns/records';
import { batches, planZone } from '@nodeless/controllers/load-balancers/dns/zone-plan';
import { describe, expect, it } from 'vitest';
import { aService } from '../../../../builders/objects.ts';

const slice = (endpoints: Endpoint[], more: Partial<EndpointSlice> = {}): EndpointSlice => ({
  addressType: 'IPv4',
  ports: [{ name: 'http', port: 8080 }],
  endpoints,
  ...more,
});
const at = (address: string, more: Partial<Endpoint> = {}): Endpoint => ({
  addresses: [address],
  conditions: { ready: true },
  ...more,
});
const unready = { conditions: { ready: false } };
const http = { ports: [{ name: 'http', port: 80 }] };
const own = 'web.default.svc.cluster.local.';

function named(spec: Partial<ServiceSpec>, slices: EndpointSlice[], path: DataPath = 'dns'): string[] {
  return recordsOf(aService('web', spec), slices, path, { domain: 'cluster.local' }).map(
    ({ name, type, values }) => `${name.replace(own, '@')} ${type} ${values.join(' | ')}`,
  );
}

describe('records', () => {
  it.each<[string, Partial<ServiceSpec>, EndpointSlice[], DataPath, string[]]>([
    [
      'ready pods',
      {},
      [slice([at('10.0.0.2'), at('10.0.0.1'), at('10.0.0.3', unready)])],
      'dns',
      ['@ A 10.0.0.1 | 10.0.0.2'],
    ],
    ['the ClusterIP without pods', {}, [slice([at('10.0.0.3', unready)])], 'dns', ['@ A 10.96.0.9']],
    ['where agents listen', {}, [slice([at('10.0.0.1')])], 'agent', ['@ A 127.224.0.9']],
    ['the ClusterIP of a load balancer', {}, [slice([at('10.0.0.1')])], 'nlb', ['@ A 10.96.0.9']],
    [
      'draining pods where there is nothing else',
      {},
      [slice([at('10.0.0.1', { conditions: { ready: false, serving: true, terminating: true } })])],
      'dns',
      ['@ A 10.0.0.1'],
    ],
    [
      'named ports',
      http,
      [slice([at('10.0.0.1')])],
      'dns',
      ['@ A 10.0.0.1', '_http._tcp.@ SRV 0 100 80 web.default.svc.cluster.local.'],
    ],
    [
      'both families',
      {},
      [slice([at('10.0.0.1')]), slice([at('2001:db8::1')], { addressType: 'IPv6' })],
      'dns',
      ['@ A 10.0.0.1', '@ AAAA 2001:db8::1'],
    ],
    [
      'headless pods by their names',
      { clusterIP: 'None' },
      [slice([at('10.0.0.1', { hostname: 'web-0' }), at('10.0.0.2')])],
      'names',
      ['@ A 10.0.0.1 | 10.0.0.2', 'web-0.@ A 10.0.0.1'],
    ],
    [
      'headless pods and ports',
      { clusterIP: 'None', ...http },
      [slice([at('10.0.0.1', { hostname: 'web-0' })])],
      'names',
      ['@ A 10.0.0.1', 'web-0.@ A 10.0.0.1', '_http._tcp.@ SRV 0 100 8080 web-0.web.default.svc.cluster.local.'],
    ],
    [
      'headless pods that are not ready',
      { clusterIP: 'None', publishNotReadyAddresses: true },
      [slice([at('10.0.0.1', unready)])],
      'names',
      ['@ A 10.0.0.1'],
    ],
    ['headless without pods', { clusterIP: 'None', ...http }, [], 'names', []],
    ['another name', { type: 'ExternalName', externalName: 'Example.COM' }, [], 'names', ['@ CNAME example.com.']],
    ['no name', { type: 'ExternalName', externalName: '10.0.0.1' }, [], 'names', []],
  ])('of %s', (_what, spec, slices, path, expected) => {
    expect(named(spec, slices, path)).toEqual(expected);
  });

  it('of the API lead to its host', () => {
    const service = { ...aService('kubernetes'), metadata: { name: 'kubernetes', namespace: 'default' } };
    expect(
      recordsOf(service, [], 'dns', { domain: 'cluster.local', apiHost: 'x.lambda-url.us-east-1.on.aws' }),
    ).toMatchObject([
      { name: 'kubernetes.default.svc.cluster.local.', type: 'CNAME', values: ['x.lambda-url.us-east-1.on.aws.'] },
    ]);
  });

  it('hold as many addresses as fit', () => {
    const many = Array.from({ length: 300 }, (_, i) => at(`10.0.${i >> 8}.${i & 255}`));
    const [record] = recordsOf(aService('web'), [slice(many)], 'dns', { domain: 'cluster.local' });
    expect(record?.values).toHaveLength(mostValues);
  });

  it.each(['example.com', 'example.com.', 'a', '_a.b'])('%s is a host', (name) => expect(isHost(name)).toBe(true));
  it.each(['10.0.0.1', '', 'a..b', '-a.com', `${'a.'.repeat(130)}b`, undefined])('%s is none', (name) =>
    expect(isHost(name)).toBe(false),
  );
});

describe('changes of a zone', () => {
  const record = (name: string, type: string, ...values: string[]) => ({ name, type, ttl: 5, values }) as never;
  it('are upserts of what differs, then deletes, those of one name together', () => {
    const present = new Map([
      ['a A', record('a', 'A', '1', '2')],
      ['b A', record('b', 'A', '1')],
      ['c A', record('c', 'A', '1')],
    ]);
    const changes = planZone([record('a', 'A', '2', '1'), record('b', 'CNAME', 'x.'), record('d', 'A', '1')], present);
    expect(changes.map((name) => name.map(({ action, record: one }) => `${action} ${one.name} ${one.type}`))).toEqual([
      ['UPSERT d A'],
      ['DELETE b A', 'UPSERT b CNAME'],
      ['DELETE c A'],
    ]);
  });

  it('fit into batches of a thousand elements and 32,000 characters', () => {
    const upsert = (values: string[]) => [{ action: 'UPSERT', record: record('x', 'A', ...values) }] as never;
    const hundred = Array.from({ length: 100 }, () => '10.0.0.1');
    expect(batches(Array.from({ length: 11 }, () => upsert(hundred))).map((batch) => batch.length)).toEqual([4, 4, 3]);
    expect(batches([upsert(['x'.repeat(10_000)]), upsert(['x'.repeat(10_000)])])).toHaveLength(2);
  });
});
