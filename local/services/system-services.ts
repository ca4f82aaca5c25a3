/**
 * The two Services that this process itself is behind: `kubernetes` (the API server) and `kube-dns`. Neither has a selector:
 * their endpoints are the address at which pods reach this process.
 */
import type { Endpoints, Service } from '@nodeless/apimachinery/generated/types/core/v1';
import type { EndpointSlice } from '@nodeless/apimachinery/generated/types/discovery/v1';
import { semanticEqual } from '@nodeless/apimachinery/equality';
import type { KubernetesObject } from '@nodeless/apimachinery/object';
import { isAlreadyExists, isNotFound } from '@nodeless/apimachinery/status';
import type { Client, ResourceType } from '@nodeless/client/client';
import { endpoints, endpointSlices, services } from '@nodeless/client/resource-types';

export interface SystemPort {
  readonly name: string;
  readonly protocol: 'TCP' | 'UDP';
  readonly port: number;
  /** Where this process listens. */
  readonly endpointPort: number;
}

export interface SystemService {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly clusterIp: string;
  readonly ports: readonly SystemPort[];
  /** undefined = pods have no way to this process: the Service has no endpoints. */
  readonly endpointAddress: string | undefined;
}

export function kubernetesService(
  clusterIp: string,
  endpointAddress: string | undefined,
  endpointPort: number,
): SystemService {
  const ports: SystemPort[] = [{ name: 'https', protocol: 'TCP', port: 443, endpointPort }];
  return {
    namespace: 'default',
    name: 'kubernetes',
    labels: { component: 'apiserver', provider: 'kubernetes' },
    clusterIp,
    ports,
    endpointAddress,
  };
}

export function dnsService(
  clusterIp: string,
  endpointAddress: string | undefined,
  endpointPort: number,
): SystemService {
  const ports: SystemPort[] = [
    { name: 'dns', protocol: 'UDP', port: 53, endpointPort },
    { name: 'dns-tcp', protocol: 'TCP', port: 53, endpointPort },
  ];
  const labels = { 'k8s-app': 'kube-dns', 'kubernetes.io/cluster-service': 'true', 'kubernetes.io/name': 'CoreDNS' };
  return { namespace: 'kube-system', name: 'kube-dns', labels, clusterIp, ports, endpointAddress };
}

/** What the API should hold of it. */
export function systemObjects({ namespace, name, labels, clusterIp, ports, endpointAddress }: SystemService): {
  service: Service;
  endpoints: Endpoints;
  slice: EndpointSlice;
} {
  const endpointPorts = ports.map((port) => ({ name: port.name, port: port.endpointPort, protocol: port.protocol }));
  return {
    service: {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace, name, labels: { ...labels } },
      spec: {
        type: 'ClusterIP',
        clusterIP: clusterIp,
        clusterIPs: [clusterIp],
        ipFamilies: ['IPv4'],
        ipFamilyPolicy: 'SingleStack',
        sessionAffinity: 'None',
        internalTrafficPolicy: 'Cluster',
        ports: ports.map((port) => ({
          name: port.name,
          protocol: port.protocol,
          port: port.port,
          targetPort: port.endpointPort,
        })),
      },
    },
    endpoints: {
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata: { namespace, name, labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } },
      ...(endpointAddress ? { subsets: [{ addresses: [{ ip: endpointAddress }], ports: endpointPorts }] } : {}),
    },
    slice: {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { namespace, name, labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      endpoints: endpointAddress ? [{ addresses: [endpointAddress], conditions: { ready: true } }] : [],
      ports: endpointPorts,
    },
  };
}

/** Makes or mends its objects; writes nothing where all is as it should be. */
export async function ensureSystemService(client: Client, system: SystemService): Promise<void> {
  const wanted = systemObjects(system);
  await ensure(client, services, wanted.service, (current) => {
    if (semanticEqual(current.spec?.ports, wanted.service.spec?.ports)) return undefined;
    return { ...current, spec: { ...current.spec, ports: wanted.service.spec?.ports ?? [] } };
  });
  await Promise.all([
    ensure(client, endpoints, wanted.endpoints, (current) =>
      semanticEqual(current.subsets ?? [], wanted.endpoints.subsets ?? [])
        ? undefined
        : { ...current, subsets: wanted.endpoints.subsets },
    ),
    ensure(client, endpointSlices, wanted.slice, (current) =>
      semanticEqual(current.endpoints ?? [], wanted.slice.endpoints) &&
      semanticEqual(current.ports ?? [], wanted.slice.ports)
        ? undefined
        : { ...current, endpoints: wanted.slice.endpoints, ports: wanted.slice.ports },
    ),
  ]);
}

/** `mend` gives the object to write, undefined when it may stay. */
async function ensure<T extends KubernetesObject>(
  client: Client,
  type: ResourceType<T>,
  wanted: T,
  mend: (current: T) => T | undefined,
): Promise<void> {
  const key = { namespace: wanted.metadata?.namespace, name: wanted.metadata?.name ?? '' };
  let current: T;
  try {
    current = await client.get(type, key);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    try {
      await client.create(type, wanted);
    } catch (failure) {
      if (!isAlreadyExists(failure)) throw failure;
    }
    return;
  }
  const mended = mend(current);
  if (mended) await client.update(type, mended);
}
