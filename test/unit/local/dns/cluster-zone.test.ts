import type { Service, ServiceSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import type { Endpoint, EndpointSlice } from '@nodeless/apimachinery/generated/types/discovery/v1';
import { describe, expect, it } from 'vitest';
import { createClusterZone } from '../../../../local/dns/cluster-zone.ts';
import { recordTypes, type ResourceRecord } from '../../../../local/dns/message.ts';
import { toName } from '../../../../local/dns/names.ts';
import { createServiceIndex } from '../../../../local/services/service-index.ts';
import { createObjectSource } from '../../../builders/sources.ts';

const services = createObjectSource<Service>();
const slices = createObjectSource<EndpointSlice>();
const zone = createClusterZone({
  index: createServiceIndex({ services, slices }),
  domain: 'cluster.local',
  dnsAddress: '10.96.0.10',
  ownRanges: ['10.96.0.0/16', '10.244.0.0/16'],
  hasNamespace: (name) => name === 'default' || name === 'empty',
});

function add(
  name: string,
  spec: ServiceSpec,
  endpoints: readonly Endpoint[] = [],
  more: Partial<EndpointSlice> = {},
): void {
  services.put({ metadata: { name, namespace: 'default' }, spec });
  const labels = { 'kubernetes.io/service-name': name };
  slices.put({
    metadata: { name: `${name}-1`, namespace: 'default', labels },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: [...endpoints],
    ...more,
  });
}
const ready = (address: string, hostname?: string): Endpoint => ({
  addresses: [address],
  conditions: { ready: true },
  ...(hostname ? { hostname } : {}),
});

add(
  'web',
  {
    clusterIP: '10.96.0.20',
    clusterIPs: ['10.96.0.20', 'fd00::20'],
    ports: [
      { name: 'http', port: 80, protocol: 'TCP' },
      { name: 'dns', port: 53, protocol: 'UDP' },
    ],
  },
  [ready('10.244.1.5')],
);
add('db', { clusterIP: 'None', ports: [{ name: 'http', port: 5432, protocol: 'TCP' }] }, [
  ready('10.244.1.6', 'db-0'),
  ready('10.244.1.7'),
  { addresses: ['10.244.1.8'], conditions: { ready: false } },
]);
add('portless', { clusterIP: 'None' }, [ready('10.244.1.9')], { ports: [] });
add('unready', { clusterIP: 'None', ports: [{ name: 'http', port: 1 }] }, [
  { addresses: ['10.244.1.10'], conditions: { ready: false } },
]);
add('outside', { type: 'ExternalName', externalName: 'example.com' });
add('inside', { type: 'ExternalName', externalName: 'web.default.svc.cluster.local' });

const text = ({ data }: ResourceRecord): string => {
  if ('address' in data) return data.address;
  if (data.type === 'SRV') return `${data.priority} ${data.weight} ${data.port} ${data.target.join('.')}`;
  if ('target' in data) return data.target.join('.');
  return data.type === 'TXT' ? data.text : data.type;
};
const ask = (name: string, type: keyof typeof recordTypes): string | string[] => {
  const reply = zone.answer(toName(name), recordTypes[type]);
  if (!reply) return 'not ours';
  if (reply.answers.length > 0) return reply.answers.map(text).sort();
  expect(reply.authority[0]?.data.type).toBe('SOA');
  return reply.rcode === 3 ? 'NXDOMAIN' : 'NODATA';
};

describe('names of the cluster', () => {
  it.each<[string, keyof typeof recordTypes, string | string[]]>([
    ['web.default.svc.cluster.local', 'A', ['10.96.0.20']],
    ['WEB.Default.svc.CLUSTER.local', 'A', ['10.96.0.20']],
    ['web.default.svc.cluster.local', 'AAAA', ['fd00::20']],
    ['web.default.svc.cluster.local', 'TXT', 'NODATA'],
    ['missing.default.svc.cluster.local', 'A', 'NXDOMAIN'],
    ['web.other.svc.cluster.local', 'A', 'NXDOMAIN'],
    // Service names and namespaces are names on the way to others.
    ['default.svc.cluster.local', 'A', 'NODATA'],
    ['empty.svc.cluster.local', 'A', 'NODATA'],
    ['other.svc.cluster.local', 'A', 'NXDOMAIN'],
    ['svc.cluster.local', 'A', 'NODATA'],
    ['cluster.local', 'A', 'NODATA'],
    ['cluster.local', 'NS', ['ns.dns.cluster.local']],
    ['ns.dns.cluster.local', 'A', ['10.96.0.10']],
    ['dns-version.cluster.local', 'TXT', ['1.1.0']],
    ['else.cluster.local', 'A', 'NXDOMAIN'],
    ['_http._tcp.web.default.svc.cluster.local', 'SRV', ['0 100 80 web.default.svc.cluster.local']],
    ['_dns._udp.web.default.svc.cluster.local', 'SRV', ['0 100 53 web.default.svc.cluster.local']],
    ['_http._udp.web.default.svc.cluster.local', 'SRV', 'NXDOMAIN'],
    ['_http._tcp.web.default.svc.cluster.local', 'A', 'NODATA'],
    ['_tcp.web.default.svc.cluster.local', 'SRV', 'NODATA'],
    ['_sctp.web.default.svc.cluster.local', 'SRV', 'NXDOMAIN'],
    // Headless: ready endpoints, by address and by name.
    ['db.default.svc.cluster.local', 'A', ['10.244.1.6', '10.244.1.7']],
    ['db.default.svc.cluster.local', 'AAAA', 'NODATA'],
    ['db-0.db.default.svc.cluster.local', 'A', ['10.244.1.6']],
    ['10-244-1-7.db.default.svc.cluster.local', 'A', ['10.244.1.7']],
    ['10-244-1-8.db.default.svc.cluster.local', 'A', 'NXDOMAIN'],
    ['a.db-0.db.default.svc.cluster.local', 'A', 'NXDOMAIN'],
    [
      '_http._tcp.db.default.svc.cluster.local',
      'SRV',
      ['0 50 8080 10-244-1-7.db.default.svc.cluster.local', '0 50 8080 db-0.db.default.svc.cluster.local'],
    ],
    ['portless.default.svc.cluster.local', 'A', ['10.244.1.9']],
    ['unready.default.svc.cluster.local', 'A', 'NODATA'],
    ['outside.default.svc.cluster.local', 'A', ['example.com']],
    ['outside.default.svc.cluster.local', 'CNAME', ['example.com']],
    ['10-244-1-5.default.pod.cluster.local', 'A', ['10.244.1.5']],
    ['10-244-1-5.default.pod.cluster.local', 'AAAA', 'NODATA'],
    ['10-244-1.default.pod.cluster.local', 'A', 'NXDOMAIN'],
    ['10-244-1-5.other.pod.cluster.local', 'A', 'NXDOMAIN'],
    ['20.0.96.10.in-addr.arpa', 'PTR', ['web.default.svc.cluster.local']],
    [
      '0.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa',
      'PTR',
      ['web.default.svc.cluster.local'],
    ],
    ['6.1.244.10.in-addr.arpa', 'PTR', ['db-0.db.default.svc.cluster.local']],
    ['5.1.244.10.in-addr.arpa', 'PTR', ['10-244-1-5.web.default.svc.cluster.local']],
    ['99.1.244.10.in-addr.arpa', 'PTR', 'NXDOMAIN'],
    ['8.8.8.8.in-addr.arpa', 'PTR', 'not ours'],
    ['example.com', 'A', 'not ours'],
    ['local', 'A', 'not ours'],
  ])('%s %s', (name, type, expected) => {
    expect(ask(name, type)).toEqual(expected);
  });

  it('sends the addresses along with SRV', () => {
    const reply = zone.answer(toName('_http._tcp.db.default.svc.cluster.local'), recordTypes.SRV);
    expect(reply?.additional.map(text).sort()).toEqual(['10.244.1.6', '10.244.1.7']);
  });

  it('lets answers live between 5 and 30 seconds', () => {
    const reply = zone.answer(toName('web.default.svc.cluster.local'), recordTypes.A);
    for (const { ttl } of reply?.answers ?? []) expect(ttl >= 5 && ttl <= 30).toBe(true);
  });
});
