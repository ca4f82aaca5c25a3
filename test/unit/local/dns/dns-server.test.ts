import { Resolver } from 'node:dns/promises';
import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';
import type { Service } from '@nodeless/apimachinery/generated/types/core/v1';
import type { EndpointSlice } from '@nodeless/apimachinery/generated/types/discovery/v1';
import { systemClock } from '@nodeless/component-base/clock';
import { silentLogger } from '@nodeless/component-base/logger';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createQueryAnswerer, type QueryAnswerer } from '../../../../local/dns/answer-query.ts';
import { createClusterZone } from '../../../../local/dns/cluster-zone.ts';
import { type DnsServer, listenDns } from '../../../../local/dns/dns-server.ts';
import { createForwarder } from '../../../../local/dns/forwarder.ts';
import { encodeReply, parseQuery } from '../../../../local/dns/message.ts';
import { createServiceIndex } from '../../../../local/services/service-index.ts';
import { createObjectSource } from '../../../builders/sources.ts';

const services = createObjectSource<Service>();
const slices = createObjectSource<EndpointSlice>();
const address = '127.0.0.1';
const many = Array.from({ length: 200 }, (_, i) => `10.244.1.${i + 1}`);

services.put({
  metadata: { name: 'web', namespace: 'default' },
  spec: { clusterIP: '10.96.0.20', ports: [{ name: 'http', port: 80, protocol: 'TCP' }] },
});
services.put({ metadata: { name: 'many', namespace: 'default' }, spec: { clusterIP: 'None' } });
services.put({
  metadata: { name: 'outside', namespace: 'default' },
  spec: { type: 'ExternalName', externalName: 'example.com' },
});
slices.put({
  metadata: { name: 'many-1', namespace: 'default', labels: { 'kubernetes.io/service-name': 'many' } },
  addressType: 'IPv4',
  ports: [],
  endpoints: many.map((one) => ({ addresses: [one], conditions: { ready: true } })),
});

const zone = createClusterZone({
  index: createServiceIndex({ services, slices }),
  domain: 'cluster.local',
  dnsAddress: '10.96.0.10',
  ownRanges: ['10.96.0.0/16'],
  hasNamespace: () => true,
});
/** Knows one name; everything else is refused. */
const elsewhere: QueryAnswerer = {
  async answer(message) {
    const query = parseQuery(message);
    if (!query) return undefined;
    const known = query.name.join('.') === 'example.com' && query.type === 1;
    const answers = known
      ? [{ name: query.name, ttl: 60, data: { type: 'A', address: '93.184.216.34' } as const }]
      : [];
    return encodeReply(
      query,
      { rcode: known ? 0 : 3, authoritative: false, answers, authority: [], additional: [] },
      512,
    );
  },
};

let upstream: DnsServer;
let server: DnsServer;
let resolver: Resolver;

beforeAll(async () => {
  upstream = await listenDns({ address, ports: [0], answerer: elsewhere, log: silentLogger });
  const dead = createSocket('udp4');
  await new Promise<void>((resolve) => dead.bind(0, address, resolve));
  const deadPort = dead.address().port;
  dead.close();
  // A resolver that is not there is passed over.
  const resolvers = [
    { address, port: deadPort },
    { address, port: upstream.port },
  ];
  const answerer = createQueryAnswerer(zone, createForwarder({ resolvers: () => resolvers, clock: systemClock }));
  server = await listenDns({ address, ports: [0], answerer, log: silentLogger });
  resolver = new Resolver({ timeout: 2000, tries: 1 });
  resolver.setServers([`${address}:${server.port}`]);
});

afterAll(async () => {
  await Promise.all([server.close(), upstream.close()]);
});

describe('the DNS server, asked by a real resolver', () => {
  it('answers names, ports and addresses of the cluster', async () => {
    expect(await resolver.resolve4('web.default.svc.cluster.local')).toEqual(['10.96.0.20']);
    expect(await resolver.resolveSrv('_http._tcp.web.default.svc.cluster.local')).toMatchObject([
      { name: 'web.default.svc.cluster.local', port: 80, priority: 0, weight: 100 },
    ]);
    expect(await resolver.reverse('10.96.0.20')).toEqual(['web.default.svc.cluster.local']);
  });

  it('tells a name that is not there from one without such a record', async () => {
    await expect(resolver.resolve4('none.default.svc.cluster.local')).rejects.toMatchObject({ code: 'ENOTFOUND' });
    await expect(resolver.resolve6('web.default.svc.cluster.local')).rejects.toMatchObject({ code: 'ENODATA' });
  });

  it('gives answers that are too long for a datagram over TCP', async () => {
    expect((await resolver.resolve4('many.default.svc.cluster.local')).sort()).toEqual([...many].sort());
  });

  it('passes on what is not of the cluster, and leads aliases out of it to their address', async () => {
    expect(await resolver.resolve4('example.com')).toEqual(['93.184.216.34']);
    expect(await resolver.resolveCname('outside.default.svc.cluster.local')).toEqual(['example.com']);
    expect(await resolver.resolve4('outside.default.svc.cluster.local')).toEqual(['93.184.216.34']);
    await expect(resolver.resolve4('nothing.example')).rejects.toMatchObject({ code: 'ENOTFOUND' });
  });

  it('takes several questions over one TCP connection, however they are cut', async () => {
    const labels = ['web', 'default', 'svc', 'cluster', 'local'].flatMap((label) => [
      Buffer.from([label.length]),
      Buffer.from(label),
    ]);
    const question = (id: number): Buffer => {
      const body = Buffer.concat([
        Buffer.from([0, id, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
        ...labels,
        Buffer.from([0, 0, 1, 0, 1]),
      ]);
      return Buffer.concat([Buffer.from([0, body.length]), body]);
    };
    const bytes = Buffer.concat([question(1), question(2)]);
    const ids = await new Promise<number[]>((resolve) => {
      let received = Buffer.alloc(0);
      const socket = connect({ host: address, port: server.port }, () => {
        socket.write(bytes.subarray(0, 5));
        setImmediate(() => socket.write(bytes.subarray(5)));
      });
      socket.on('data', (chunk) => {
        received = Buffer.concat([received, chunk]);
        const size = 2 + (received.length > 1 ? received.readUInt16BE(0) : 0);
        if (received.length < 2 * size) return;
        resolve([received.readUInt16BE(2), received.readUInt16BE(size + 2)].sort((a, b) => a - b));
        socket.destroy();
      });
    });
    expect(ids).toEqual([1, 2]);
  });

  it('takes the next port where one is in use for either protocol', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen({ host: address, port: 0 }, resolve));
    const bound = taken.address();
    const port = typeof bound === 'object' && bound ? bound.port : 0;
    const next = await listenDns({ address, ports: [port, 0], answerer: elsewhere, log: silentLogger });
    expect(next.port).not.toBe(port);
    await expect(listenDns({ address, ports: [port], answerer: elsewhere, log: silentLogger })).rejects.toMatchObject({
      code: 'EADDRINUSE',
    });
    await next.close();
    await new Promise((resolve) => taken.close(resolve));
  });
});
