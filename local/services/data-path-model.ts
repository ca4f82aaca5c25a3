/**
 * What the data path of a cluster's Services must do, as data: from Services and EndpointSlices to addresses, ports and
 * targets. Pure; renderers (nft/), the dialer and the load balancer's proxy work from it.
 */
import type { Service } from '@nodeless/apimachinery/generated/types/core/v1';
import type { EndpointSlice } from '@nodeless/apimachinery/generated/types/discovery/v1';
import { type PortTargets, targetsOf } from '@nodeless/controllers/load-balancers/service-endpoints';

export interface DataPathPort {
  /** `namespace/name:port name`, with `/udp` for UDP: unique. */
  readonly id: string;
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
  /** IPv4 addresses of the cluster's network that the port answers on, in every namespace. */
  readonly clusterIps: readonly string[];
  /** externalIPs and load balancer addresses that are delivered with the destination unchanged. */
  readonly externalIps: readonly string[];
  /** Of those, the addresses that only `sourceRanges` may use. */
  readonly loadBalancerIps: readonly string[];
  /** IPv4 CIDRs; [] = everybody. */
  readonly sourceRanges: readonly string[];
  readonly nodePort: number | undefined;
  /** Seconds that a client stays with its target after its last connection; undefined = no affinity. */
  readonly affinitySeconds: number | undefined;
  /** Traffic from pods stays on their node. */
  readonly internalLocal: boolean;
  /** Traffic that comes to a node from outside stays on it. */
  readonly externalLocal: boolean;
  readonly targets: PortTargets;
}

export interface DataPathNode {
  readonly name: string;
  /** IPv4 addresses that node ports answer on. */
  readonly addresses: readonly string[];
}

export interface DataPath {
  readonly ports: readonly DataPathPort[];
  readonly nodes: readonly DataPathNode[];
}

const defaultAffinitySeconds = 10_800;
const isIpv4 = (address: string): boolean => /^\d+(?:\.\d+){3}$/.test(address);

/** Services that another proxy was asked to serve are left to it. */
const proxyNameLabel = 'service.kubernetes.io/service-proxy-name';

export function hasDataPath(service: Service): boolean {
  const { type, clusterIP } = service.spec ?? {};
  if (type === 'ExternalName' || service.metadata?.labels?.[proxyNameLabel] !== undefined) return false;
  return clusterIP !== undefined && clusterIP !== '' && clusterIP !== 'None';
}

export function planDataPath(
  services: readonly Service[],
  slicesOf: (service: Service) => readonly EndpointSlice[],
  nodes: readonly DataPathNode[],
): DataPath {
  const ports = services.filter(hasDataPath).flatMap((service) => planService(service, slicesOf(service)));
  return { ports: ports.sort((a, b) => (a.id < b.id ? -1 : 1)), nodes };
}

/** The ports of one Service that can be served. */
export function planService(service: Service, slices: readonly EndpointSlice[]): DataPathPort[] {
  const spec = service.spec ?? {};
  const { namespace = '', name = '' } = service.metadata ?? {};
  const clusterIps = (spec.clusterIPs?.length ? spec.clusterIPs : [spec.clusterIP ?? '']).filter(isIpv4);
  // An ingress in mode Proxy is reached through whatever answers there, so that it sees its own traffic.
  const loadBalancerIps = (service.status?.loadBalancer?.ingress ?? []).flatMap(({ ip, ipMode }) =>
    ip && isIpv4(ip) && ipMode !== 'Proxy' ? [ip] : [],
  );
  const isExternal = spec.type === 'NodePort' || spec.type === 'LoadBalancer';
  const shared = {
    clusterIps,
    externalIps: [...new Set([...(spec.externalIPs ?? []).filter(isIpv4), ...loadBalancerIps])],
    loadBalancerIps,
    sourceRanges: (spec.loadBalancerSourceRanges ?? [])
      .map((range) => range.trim())
      .filter((range) => isIpv4(range.split('/')[0] ?? '')),
    affinitySeconds:
      spec.sessionAffinity === 'ClientIP'
        ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? defaultAffinitySeconds)
        : undefined,
    internalLocal: spec.internalTrafficPolicy === 'Local',
    externalLocal: spec.externalTrafficPolicy === 'Local',
  };
  return (spec.ports ?? []).flatMap((port): DataPathPort[] => {
    const protocol = (port.protocol ?? 'TCP').toLowerCase();
    if (protocol !== 'tcp' && protocol !== 'udp') return [];
    return [
      {
        ...shared,
        id: `${namespace}/${name}:${port.name ?? ''}${protocol === 'udp' ? '/udp' : ''}`,
        protocol,
        port: port.port,
        nodePort: isExternal && port.nodePort ? port.nodePort : undefined,
        targets: targetsOf(port, slices),
      },
    ];
  });
}

/** Why ports of the Service cannot be served here; its others are. */
export function refusals(service: Service): string[] {
  if (!hasDataPath(service)) return [];
  return (service.spec?.ports ?? [])
    .filter(({ protocol }) => protocol === 'SCTP')
    .map(({ port }) => `port ${port}: SCTP is not supported by the local data path; use TCP or UDP`);
}
