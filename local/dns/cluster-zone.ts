/** The names of a cluster (Kubernetes DNS specification 1.1), answered from Services and endpoint slices as they are now. */
import { isIP } from 'node:net';
import type { Service } from '@nodeless/apimachinery/generated/types/core/v1';
import type { Endpoint, EndpointSlice } from '@nodeless/apimachinery/generated/types/discovery/v1';
import { cidrContains, parseCidr, parseIp } from '@nodeless/apimachinery/ip';
import type { ServiceIndex } from '../services/service-index.ts';
import { type Name, rcodes, recordTypes, type Reply, type ResourceRecord } from './message.ts';
import { addressData, below, dashed, dashedAddress, lower, reverseAddress, toName } from './names.ts';

export interface ClusterZoneOptions {
  readonly index: Pick<ServiceIndex, 'service' | 'slicesOf' | 'servicesAt' | 'slicesAt' | 'hasServices'>;
  /** `cluster.local` */
  readonly domain: string;
  /** The server's own address in the cluster. */
  readonly dnsAddress: string;
  /** Addresses whose reverse names are answered here and never asked for elsewhere. */
  readonly ownRanges: readonly string[];
  readonly hasNamespace: (name: string) => boolean;
}

export interface ClusterZone {
  /** undefined = the name is not of this cluster. An answer may end in a CNAME that leads out of it. */
  answer(name: Name, type: number): Reply | undefined;
}

const ttl = 5;
const specVersion = '1.1.0';

export function createClusterZone(options: ClusterZoneOptions): ClusterZone {
  const { index, hasNamespace } = options;
  const domain = lower(toName(options.domain));
  const ranges = options.ownRanges.map(parseCidr);
  const soa: ResourceRecord = {
    name: domain,
    ttl,
    data: {
      type: 'SOA',
      primary: ['ns', 'dns', ...domain],
      mailbox: ['hostmaster', ...domain],
      serial: 1,
      minimum: ttl,
    },
  };

  const reply = (answers: readonly ResourceRecord[], additional: readonly ResourceRecord[] = []): Reply => ({
    rcode: rcodes.noError,
    authoritative: true,
    answers,
    authority: answers.length > 0 ? [] : [soa],
    additional,
  });
  const nothing = (): Reply => reply([]);
  const noName = (): Reply => ({ ...nothing(), rcode: rcodes.nameError });
  /** The records of one name, of the type that was asked for. */
  const only = (
    type: number,
    records: readonly ResourceRecord[],
    additional: readonly ResourceRecord[] = [],
  ): Reply => {
    const matching = records.filter(({ data }) => type === recordTypes.ANY || recordTypes[data.type] === type);
    return reply(matching, matching.some(({ data }) => data.type === 'SRV') ? additional : []);
  };

  const serviceName = (service: Service): string[] => [
    service.metadata?.name ?? '',
    service.metadata?.namespace ?? '',
    'svc',
    ...domain,
  ];
  const slicesOf = (service: Service): readonly EndpointSlice[] =>
    index.slicesOf(service.metadata?.namespace ?? '', service.metadata?.name ?? '');

  const serviceRecords = (asked: Name, service: Service): ResourceRecord[] => {
    if (service.spec?.type === 'ExternalName') {
      const target = service.spec.externalName ?? '';
      return target === ''
        ? []
        : [{ name: asked, ttl, data: isIP(target) ? addressData(target) : { type: 'CNAME', target: toName(target) } }];
    }
    const addresses = isHeadless(service)
      ? readyEndpoints(slicesOf(service)).map(({ address }) => address)
      : clusterIpsOf(service);
    return shuffled([...new Set(addresses)]).map((address) => ({ name: asked, ttl, data: addressData(address) }));
  };

  /** SRV records of one named port, and the addresses that they point to. */
  const portRecords = (
    asked: Name,
    service: Service,
    portName: string,
    protocol: string,
  ): { records: ResourceRecord[]; additional: ResourceRecord[] } => {
    const target = serviceName(service);
    const records: ResourceRecord[] = [];
    const additional: ResourceRecord[] = [];
    const add = (host: Name, port: number, addresses: readonly string[], share: number): void => {
      records.push({
        name: asked,
        ttl,
        data: { type: 'SRV', priority: 0, weight: Math.max(1, Math.floor(100 / share)), port, target: host },
      });
      additional.push(...addresses.map((address): ResourceRecord => ({ name: host, ttl, data: addressData(address) })));
    };
    const matches = (port: { name?: string; protocol?: string }): boolean =>
      (port.name ?? '') === portName && (port.protocol ?? 'TCP').toLowerCase() === protocol;
    if (!isHeadless(service)) {
      for (const port of (service.spec?.ports ?? []).filter(matches)) add(target, port.port, clusterIpsOf(service), 1);
      return { records, additional };
    }
    const endpoints = readyEndpoints(slicesOf(service)).flatMap(({ address, endpoint, slice }) =>
      (slice.ports ?? [])
        .filter(matches)
        .flatMap((port) => (port.port ? [{ address, endpoint, port: port.port }] : [])),
    );
    for (const { address, endpoint, port } of shuffled(endpoints))
      add([hostLabel(endpoint, address), ...target], port, [address], endpoints.length);
    return { records, additional };
  };

  const inServices = (asked: Name, labels: readonly string[], type: number): Reply => {
    const [namespace, name, third, fourth, ...more] = labels.toReversed();
    if (namespace === undefined) return nothing();
    const service = name === undefined ? undefined : index.service(namespace, name);
    if (name === undefined) return hasNamespace(namespace) || index.hasServices(namespace) ? nothing() : noName();
    if (!service || more.length > 0) return noName();
    if (third === undefined) {
      const records = serviceRecords(asked, service);
      // A client that asks for addresses is to be led on.
      return records.some(({ data }) => data.type === 'CNAME') ? reply(records) : only(type, records);
    }
    if (fourth === undefined && !third.startsWith('_')) {
      const hosts = readyEndpoints(slicesOf(service)).filter(
        ({ address, endpoint }) => hostLabel(endpoint, address).toLowerCase() === third,
      );
      return hosts.length === 0
        ? noName()
        : only(
            type,
            hosts.map(({ address }) => ({ name: asked, ttl, data: addressData(address) })),
          );
    }
    const ports = service.spec?.ports ?? [];
    if (fourth === undefined)
      return ports.some((port) => `_${(port.protocol ?? 'TCP').toLowerCase()}` === third) ? nothing() : noName();
    if (!third.startsWith('_') || !fourth.startsWith('_') || service.spec?.type === 'ExternalName') return noName();
    const exists = ports.some(
      (port) => port.name === fourth.slice(1) && (port.protocol ?? 'TCP').toLowerCase() === third.slice(1),
    );
    if (!exists) return noName();
    const { records, additional } = portRecords(asked, service, fourth.slice(1), third.slice(1));
    return only(type, records, additional);
  };

  const inPods = (asked: Name, labels: readonly string[], type: number): Reply => {
    if (labels.length === 0) return nothing();
    const namespace = labels.at(-1) as string;
    if (!hasNamespace(namespace)) return noName();
    if (labels.length === 1) return nothing();
    const address = labels.length === 2 ? dashedAddress(labels[0] as string) : undefined;
    return address === undefined ? noName() : only(type, [{ name: asked, ttl, data: addressData(address) }]);
  };

  const reverse = (asked: Name, address: string, type: number): Reply | undefined => {
    const names = index.servicesAt(address).map(serviceName);
    if (names.length === 0) {
      for (const slice of index.slicesAt(address)) {
        const service = slice.metadata?.labels?.['kubernetes.io/service-name'];
        if (!service) continue;
        for (const { endpoint } of readyEndpoints([slice]).filter((one) => one.address === address))
          names.push([hostLabel(endpoint, address), service, slice.metadata?.namespace ?? '', 'svc', ...domain]);
      }
    }
    if (names.length > 0)
      return only(
        type,
        names.map((target) => ({ name: asked, ttl, data: { type: 'PTR', target } })),
      );
    const ip = parseIp(address);
    return ip && ranges.some((range) => range && cidrContains(range, ip)) ? noName() : undefined;
  };

  return {
    answer(asked, type) {
      const name = lower(asked);
      const address = reverseAddress(name);
      if (address !== undefined) return reverse(asked, address, type);
      const labels = below(name, domain);
      if (!labels) return undefined;
      const kind = labels.at(-1);
      if (kind === 'svc') return inServices(asked, labels.slice(0, -1), type);
      if (kind === 'pod') return inPods(asked, labels.slice(0, -1), type);
      if (labels.length === 0)
        return only(type, [
          { ...soa, name: asked },
          { name: asked, ttl, data: { type: 'NS', target: ['ns', 'dns', ...domain] } },
        ]);
      if (kind === 'dns' && labels.length === 1) return nothing();
      if (kind === 'dns' && labels.length === 2 && labels[0] === 'ns')
        return only(type, [{ name: asked, ttl, data: addressData(options.dnsAddress) }]);
      if (kind === 'dns-version' && labels.length === 1)
        return only(type, [{ name: asked, ttl, data: { type: 'TXT', text: specVersion } }]);
      return noName();
    },
  };
}

const isHeadless = (service: Service): boolean => service.spec?.clusterIP === 'None';
const clusterIpsOf = ({ spec }: Service): readonly string[] =>
  spec?.clusterIPs?.length ? spec.clusterIPs : spec?.clusterIP ? [spec.clusterIP] : [];

/** `ready` has publishNotReadyAddresses in it already. */
function readyEndpoints(
  slices: readonly EndpointSlice[],
): { address: string; endpoint: Endpoint; slice: EndpointSlice }[] {
  return slices.flatMap((slice) =>
    slice.addressType === 'FQDN'
      ? []
      : (slice.endpoints ?? [])
          .filter((endpoint) => endpoint.conditions?.ready ?? true)
          .flatMap((endpoint) => endpoint.addresses.map((address) => ({ address, endpoint, slice }))),
  );
}

const hostLabel = (endpoint: Endpoint, address: string): string => endpoint.hostname || dashed(address);

/** Clients take the first. */
function shuffled<T>(items: readonly T[]): T[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [result[i], result[j]] = [result[j] as T, result[i] as T];
  }
  return result;
}
