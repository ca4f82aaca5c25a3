/** Names of Services and their pods, after the Kubernetes DNS specification 1.1. Pure. */
import type { Service, ServicePort } from '@nodeless/apimachinery/generated/types/core/v1';
import type { Endpoint, EndpointSlice } from '@nodeless/apimachinery/generated/types/discovery/v1';
import type { DataPath, EndpointPorts } from '@nodeless/apimachinery/service-data-path';
import { serviceLoopback } from '@nodeless/apimachinery/service-loopback';

export interface DnsRecord {
  /** Lower case, ends with a dot. */
  readonly name: string;
  readonly type: 'A' | 'AAAA' | 'CNAME' | 'SRV';
  readonly ttl: number;
  /** Sorted, each once. */
  readonly values: readonly string[];
}

export interface RecordOptions {
  /** `cluster.local` */
  readonly domain: string;
  /** Of the API, for kubernetes.default: its certificate is good for this name only. '' = none. */
  readonly apiHost?: string;
}

export const ttlSeconds = 5;
/** More addresses than that do not fit into one record; clients would not use them either. */
export const mostValues = 100;

const absolute = (name: string): string => (name.endsWith('.') ? name : `${name}.`).toLowerCase();
const family = (address: string): 'A' | 'AAAA' => (address.includes(':') ? 'AAAA' : 'A');

interface Known {
  readonly endpoint: Endpoint;
  readonly slice: EndpointSlice;
}

export function recordsOf(
  service: Service,
  slices: readonly EndpointSlice[],
  path: DataPath,
  options: RecordOptions,
): DnsRecord[] {
  const { namespace = '', name = '' } = service.metadata ?? {};
  const { spec } = service;
  const own = absolute(`${name}.${namespace}.svc.${options.domain}`);
  if (spec?.type === 'ExternalName') return isHost(spec.externalName) ? [cname(own, spec.externalName as string)] : [];
  if (name === 'kubernetes' && namespace === 'default' && options.apiHost) return [cname(own, options.apiHost)];
  const usable = usableEndpoints(slices, spec?.publishNotReadyAddresses === true);
  if (spec?.clusterIP === 'None') return headless(own, usable, spec.ports ?? []);

  const clusterIps = spec?.clusterIPs?.length ? spec.clusterIPs : spec?.clusterIP ? [spec.clusterIP] : [];
  const carried = path === 'agent' ? clusterIps.flatMap((ip) => serviceLoopback(ip) ?? []) : [];
  const direct = path === 'dns' ? usable.flatMap(({ endpoint }) => endpoint.addresses.slice(0, 1)) : [];
  // Without pods the ClusterIP stands in: connections fail, but "no such name" would be remembered by resolvers.
  const addresses = addressRecords(own, [direct, carried].find((those) => those.length > 0) ?? clusterIps);
  const ports = (spec?.ports ?? []).flatMap((port) =>
    port.name ? [srv(port, own, [`0 100 ${port.port} ${own}`])] : [],
  );
  return addresses.length > 0 ? [...addresses, ...ports] : [];
}

/** Ports that the pods of a Service have, by the name of the Service's port. */
export function endpointPortsOf(slices: readonly EndpointSlice[]): EndpointPorts {
  const found = new Map<string, number[]>();
  for (const { ports, endpoints } of slices)
    if ((endpoints?.length ?? 0) > 0)
      for (const { name = '', port } of ports ?? [])
        if (port && !found.get(name)?.includes(port)) found.set(name, [...(found.get(name) ?? []), port]);
  return found;
}

function usableEndpoints(slices: readonly EndpointSlice[], unready: boolean): Known[] {
  const ready: Known[] = [];
  const draining: Known[] = [];
  for (const slice of slices) {
    if (slice.addressType !== 'IPv4' && slice.addressType !== 'IPv6') continue;
    for (const endpoint of slice.endpoints ?? []) {
      const { conditions } = endpoint;
      if (unready || (conditions?.ready ?? true)) ready.push({ endpoint, slice });
      else if (conditions?.terminating && conditions.serving) draining.push({ endpoint, slice });
    }
  }
  return ready.length > 0 ? ready : draining;
}

function headless(own: string, usable: readonly Known[], ports: readonly ServicePort[]): DnsRecord[] {
  const named = ports.filter(({ name }) => name);
  const hosts = new Map<string, string[]>();
  const hostOf = ({ hostname, addresses }: Endpoint): string =>
    `${hostname ?? (addresses[0] ?? '').replaceAll(/[.:]+/g, '-')}.${own}`.toLowerCase();
  for (const { endpoint } of usable)
    // Pods without a name of their own need one only where a port is to lead to them.
    if (endpoint.hostname || named.length > 0)
      hosts.set(hostOf(endpoint), [...(hosts.get(hostOf(endpoint)) ?? []), endpoint.addresses[0] ?? '']);
  return [
    ...addressRecords(
      own,
      usable.flatMap(({ endpoint }) => endpoint.addresses.slice(0, 1)),
    ),
    ...[...hosts].flatMap(([host, addresses]) => addressRecords(host, addresses)),
    ...named.flatMap((port) => {
      const values = usable.flatMap(({ endpoint, slice }) => {
        const found = slice.ports?.find((one) => one.name === port.name)?.port;
        return found ? [`0 100 ${found} ${hostOf(endpoint)}`] : [];
      });
      return values.length > 0 ? [srv(port, own, values)] : [];
    }),
  ];
}

const sorted = (values: readonly string[]): string[] => [...new Set(values)].toSorted().slice(0, mostValues);

function addressRecords(name: string, addresses: readonly string[]): DnsRecord[] {
  return (['A', 'AAAA'] as const).flatMap((type) => {
    const values = sorted(addresses.filter((address) => address !== '' && family(address) === type));
    return values.length > 0 ? [{ name, type, ttl: ttlSeconds, values }] : [];
  });
}

const srv = ({ name, protocol = 'TCP' }: ServicePort, own: string, values: readonly string[]): DnsRecord => ({
  name: `_${name}._${protocol.toLowerCase()}.${own}`,
  type: 'SRV',
  ttl: ttlSeconds,
  values: sorted(values),
});
const cname = (name: string, target: string): DnsRecord => ({
  name,
  type: 'CNAME',
  ttl: ttlSeconds,
  values: [absolute(target)],
});

/** A name and no address: a CNAME cannot lead to one. */
export function isHost(name: string | undefined): boolean {
  return (
    name !== undefined &&
    /^(?=.{1,253}\.?$)[a-z0-9_]([a-z0-9_-]*[a-z0-9])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9])?)*\.?$/i.test(name) &&
    !/^[\d.]+$/.test(name)
  );
}
