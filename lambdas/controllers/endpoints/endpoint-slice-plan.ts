import type { Pod, Service } from '@nodeless/apimachinery/generated/types/core/v1';
import type { Endpoint, EndpointPort, EndpointSlice } from '@nodeless/apimachinery/generated/types/discovery/v1';
import { semanticEqual } from '@nodeless/apimachinery/equality';
import { isPodReady, isPodTerminal } from '@nodeless/apimachinery/pod-conditions';
import { endpointSlices } from '@nodeless/client/resource-types';
import { type Action, create, remove, update } from '@nodeless/controller-runtime/actions';
import { portsOfPods } from './endpoint-ports.ts';

export const managedByLabel = 'endpointslice.kubernetes.io/managed-by';
export const serviceNameLabel = 'kubernetes.io/service-name';
export const managedBy = 'endpointslice-controller.k8s.io';
const headlessLabel = 'service.kubernetes.io/headless';
const proxyNameLabel = 'service.kubernetes.io/service-proxy-name';
const maxEndpoints = 100;

export interface NodeZones {
  zone(nodeName: string): string | undefined;
}

/** What one slice should hold. */
export interface DesiredSlice {
  readonly addressType: string;
  readonly ports: readonly EndpointPort[];
  readonly endpoints: readonly Endpoint[];
}

/** Writes that bring the Service's slices (those that this controller manages) to what its pods amount to. */
export function planEndpointSlices(
  service: Service,
  pods: readonly Pod[],
  slices: readonly EndpointSlice[],
  zones: NodeZones,
): Action[] {
  if (service.metadata?.deletionTimestamp) return [];
  const families = service.spec?.ipFamilies?.length ? service.spec.ipFamilies : ['IPv4'];
  const actions: Action[] = [];
  const served = new Set(families as readonly string[]);
  for (const slice of slices) if (!served.has(slice.addressType)) actions.push(removeSlice(slice));
  for (const family of families) {
    const existing = slices.filter((slice) => slice.addressType === family && !slice.metadata?.deletionTimestamp);
    actions.push(...reconcileSlices(service, desiredGroups(service, pods, family, zones), existing, family));
  }
  return actions;
}

/** Pods grouped by the ports that they have: pods that name a port differently stand in different slices. */
export function desiredGroups(
  service: Service,
  pods: readonly Pod[],
  family: string,
  zones: NodeZones,
): DesiredSlice[] {
  const groups = new Map<string, { ports: EndpointPort[]; endpoints: Endpoint[] }>();
  const portsOf = portsOfPods(service.spec?.ports ?? []);
  for (const pod of pods) {
    if (isPodTerminal(pod) || !pod.status?.podIPs?.length) continue;
    const address = pod.status.podIPs.find(({ ip }) => (ip?.includes(':') ? 'IPv6' : 'IPv4') === family)?.ip;
    if (!address) continue;
    // A headless Service without ports still publishes its pods' addresses.
    const { ports, key } = portsOf(pod);
    let group = groups.get(key);
    if (!group)
      groups.set(
        key,
        (group = {
          ports: ports.map(({ name, port, protocol, appProtocol }) => ({
            name,
            port,
            protocol,
            ...(appProtocol ? { appProtocol } : {}),
          })),
          endpoints: [],
        }),
      );
    group.endpoints.push(endpointOf(service, pod, address, zones));
  }
  return [...groups.values()].map(({ ports, endpoints }) => ({ addressType: family, ports, endpoints }));
}

function endpointOf(service: Service, pod: Pod, address: string, zones: NodeZones): Endpoint {
  const { namespace, name, uid, deletionTimestamp } = pod.metadata ?? {};
  const serving = isPodReady(pod);
  const terminating = Boolean(deletionTimestamp);
  const nodeName = pod.spec?.nodeName;
  const zone = nodeName ? zones.zone(nodeName) : undefined;
  const hostname = pod.spec?.hostname && pod.spec.subdomain === service.metadata?.name ? pod.spec.hostname : undefined;
  return {
    addresses: [address],
    conditions: {
      ready: service.spec?.publishNotReadyAddresses === true || (serving && !terminating),
      serving,
      terminating,
    },
    ...(hostname ? { hostname } : {}),
    targetRef: { kind: 'Pod', namespace, name, uid },
    ...(nodeName ? { nodeName } : {}),
    ...(zone ? { zone } : {}),
  };
}

/** Fills existing slices of the same ports first, changes as few as it can, and makes or drops whole ones at the end. */
function reconcileSlices(
  service: Service,
  groups: readonly DesiredSlice[],
  existing: readonly EndpointSlice[],
  family: string,
): Action[] {
  const actions: Action[] = [];
  const wantedGroups = groups.length > 0 ? groups : [{ addressType: family, ports: [], endpoints: [] }];
  const unused = new Set(existing);
  for (const group of wantedGroups) {
    const same = existing.filter((slice) => unused.has(slice) && semanticEqual(slice.ports ?? [], group.ports));
    const pending = new Map(group.endpoints.map((endpoint) => [endpoint.addresses[0] as string, endpoint]));
    const kept = same.map((slice) => ({ slice, endpoints: keep(slice, pending) }));
    for (const { slice, endpoints } of kept) {
      for (const [address, endpoint] of pending) {
        if (endpoints.length >= maxEndpoints) break;
        endpoints.push(endpoint);
        pending.delete(address);
      }
      // The last slice of a Service stays, empty: its absence would say that nobody has looked yet.
      if (endpoints.length === 0 && (pending.size > 0 || wantedGroups.length > 1 || slice !== same[0])) continue;
      unused.delete(slice);
      const wanted = sliceObject(service, { ...group, endpoints }, slice);
      if (!sameSlice(slice, wanted)) actions.push(update(endpointSlices, wanted));
    }
    const rest = [...pending.values()];
    const fresh = rest.length > 0 ? chunk(rest, maxEndpoints) : same.length === 0 ? [[]] : [];
    for (const endpoints of fresh) {
      // A slice with other ports that is to go may as well become this one.
      const reused = [...unused].find((slice) => !groups.some((g) => semanticEqual(slice.ports ?? [], g.ports)));
      const wanted = sliceObject(service, { ...group, endpoints }, reused);
      if (reused) {
        unused.delete(reused);
        actions.push(update(endpointSlices, wanted));
      } else actions.push(create(endpointSlices, wanted));
    }
  }
  for (const slice of unused) actions.push(removeSlice(slice));
  return actions;
}

/** Endpoints of the slice that are still wanted, as they should be now; takes them out of `pending`. */
function keep(slice: EndpointSlice, pending: Map<string, Endpoint>): Endpoint[] {
  const kept: Endpoint[] = [];
  for (const { addresses } of slice.endpoints ?? []) {
    const address = addresses[0] as string;
    const endpoint = pending.get(address);
    if (!endpoint) continue;
    kept.push(endpoint);
    pending.delete(address);
  }
  return kept;
}

function sliceObject(
  service: Service,
  { addressType, ports, endpoints }: DesiredSlice,
  base: EndpointSlice | undefined,
): EndpointSlice {
  const { name = '', namespace, uid = '', labels } = service.metadata ?? {};
  const copied = Object.entries(labels ?? {}).filter(
    ([key]) => key !== headlessLabel && key !== proxyNameLabel && key !== serviceNameLabel && key !== managedByLabel,
  );
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      ...(base
        ? base.metadata
        : {
            generateName: `${name}-`,
            namespace,
            ownerReferences: [
              { apiVersion: 'v1', kind: 'Service', name, uid, controller: true, blockOwnerDeletion: true },
            ],
          }),
      labels: {
        ...Object.fromEntries(copied),
        ...(service.spec?.clusterIP === 'None' ? { [headlessLabel]: '' } : {}),
        [serviceNameLabel]: name,
        [managedByLabel]: managedBy,
      },
    },
    addressType,
    endpoints: [...endpoints],
    ports: [...ports],
  };
}

function sameSlice(a: EndpointSlice, b: EndpointSlice): boolean {
  return (
    semanticEqual(a.endpoints ?? [], b.endpoints ?? []) &&
    semanticEqual(a.ports ?? [], b.ports ?? []) &&
    semanticEqual(a.metadata?.labels, b.metadata?.labels)
  );
}

function removeSlice(slice: EndpointSlice): Action {
  return remove(endpointSlices, { namespace: slice.metadata?.namespace, name: slice.metadata?.name ?? '' });
}

function chunk<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}
