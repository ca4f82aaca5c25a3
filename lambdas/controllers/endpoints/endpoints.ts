import type {
  EndpointAddress,
  EndpointPort,
  Endpoints,
  EndpointSubset,
  Pod,
  Service,
} from '@nodeless/apimachinery/generated/types/core/v1';
import { semanticEqual } from '@nodeless/apimachinery/equality';
import { matchesSet } from '@nodeless/apimachinery/labels';
import { isPodReady, isPodTerminal } from '@nodeless/apimachinery/pod-conditions';
import { endpoints, pods, services } from '@nodeless/client/resource-types';
import { type Action, create, perform, remove, update } from '@nodeless/controller-runtime/actions';
import { type Controller, watchRule } from '@nodeless/controller-runtime/controller';
import { portsOfPods, type ResolvedPort } from './endpoint-ports.ts';
import { podToServices } from './service-requests.ts';

const headlessLabel = 'service.kubernetes.io/headless';
const managedByLabel = 'endpoints.kubernetes.io/managed-by';
const overCapacity = 'endpoints.kubernetes.io/over-capacity';
const maxAddresses = 1000;

/** Subsets in upstream's canonical form: addresses that share a set of ports stand together, everything sorted. */
export function desiredSubsets(service: Service, selected: readonly Pod[]): EndpointSubset[] {
  const groups = new Map<string, { ports: EndpointPort[]; ready: EndpointAddress[]; notReady: EndpointAddress[] }>();
  const portsOf = portsOfPods(service.spec?.ports ?? []);
  for (const pod of selected) {
    if (isPodTerminal(pod) || !pod.status?.podIP) continue;
    const tolerant = service.spec?.publishNotReadyAddresses === true;
    // A pod on its way out is in neither list, unless the Service wants addresses whatever their state.
    if (pod.metadata?.deletionTimestamp && !tolerant) continue;
    const { ports, key } = portsOf(pod);
    if (ports.length === 0 && (service.spec?.ports ?? []).length > 0) continue;
    let group = groups.get(key);
    if (!group) groups.set(key, (group = { ports: endpointPorts(ports), ready: [], notReady: [] }));
    (tolerant || isPodReady(pod) ? group.ready : group.notReady).push(addressOf(service, pod));
  }
  const byIp = (a: EndpointAddress, b: EndpointAddress): number => compareText(a.ip, b.ip);
  return [...groups.values()].map(({ ports, ready, notReady }) => ({
    ...(ready.length ? { addresses: ready.toSorted(byIp) } : {}),
    ...(notReady.length ? { notReadyAddresses: notReady.toSorted(byIp) } : {}),
    ...(ports.length ? { ports } : {}),
  }));
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function endpointPorts(ports: readonly ResolvedPort[]): EndpointPort[] {
  const sorted = ports.toSorted(
    (a, b) => compareText(a.name, b.name) || a.port - b.port || compareText(a.protocol, b.protocol),
  );
  return sorted.map(({ name, port, protocol, appProtocol }) => ({
    ...(name ? { name } : {}),
    port,
    protocol,
    ...(appProtocol ? { appProtocol } : {}),
  }));
}

function addressOf(service: Service, pod: Pod): EndpointAddress {
  const { namespace, name, uid } = pod.metadata ?? {};
  const hostname = pod.spec?.hostname && pod.spec.subdomain === service.metadata?.name ? pod.spec.hostname : undefined;
  return {
    ip: pod.status?.podIP ?? '',
    ...(hostname ? { hostname } : {}),
    ...(pod.spec?.nodeName ? { nodeName: pod.spec.nodeName } : {}),
    targetRef: { kind: 'Pod', namespace, name, uid },
  };
}

export function planEndpoints(service: Service, selected: readonly Pod[], existing: Endpoints | undefined): Action[] {
  const subsets = desiredSubsets(service, selected);
  const { name, namespace, labels } = service.metadata ?? {};
  const { [headlessLabel]: _, ...others } = labels ?? {};
  const wantedLabels: Record<string, string> = {
    ...others,
    [managedByLabel]: 'endpoint-controller',
    ...(service.spec?.clusterIP === 'None' ? { [headlessLabel]: '' } : {}),
  };
  const total = subsets.reduce((sum, s) => sum + (s.addresses?.length ?? 0) + (s.notReadyAddresses?.length ?? 0), 0);
  const annotations = { ...existing?.metadata?.annotations };
  if (total > maxAddresses) annotations[overCapacity] = 'truncated';
  else delete annotations[overCapacity];
  const wanted: Endpoints = {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: {
      ...(existing ? existing.metadata : { name, namespace }),
      labels: wantedLabels,
      ...(Object.keys(annotations).length || existing?.metadata?.annotations ? { annotations } : {}),
    },
    ...(subsets.length ? { subsets: truncate(subsets) } : {}),
  };
  if (!existing) return [create(endpoints, wanted)];
  const same =
    semanticEqual(existing.subsets ?? [], wanted.subsets ?? []) &&
    semanticEqual(existing.metadata?.labels, wantedLabels) &&
    semanticEqual(existing.metadata?.annotations ?? {}, annotations);
  return same ? [] : [update(endpoints, wanted)];
}

function truncate(subsets: readonly EndpointSubset[]): EndpointSubset[] {
  let room = maxAddresses;
  return subsets.map((subset) => {
    const addresses = subset.addresses?.slice(0, room);
    room -= addresses?.length ?? 0;
    const notReadyAddresses = subset.notReadyAddresses?.slice(0, room);
    room -= notReadyAddresses?.length ?? 0;
    return { ...subset, ...(addresses ? { addresses } : {}), ...(notReadyAddresses ? { notReadyAddresses } : {}) };
  });
}

export const endpointsController: Controller = {
  name: 'endpoint-controller',
  minIntervalMs: 100,
  watches: [
    watchRule({
      type: services,
      requests: ({ object }) => [{ namespace: object.metadata?.namespace, name: object.metadata?.name ?? '' }],
    }),
    podToServices,
    watchRule({
      type: endpoints,
      requests: ({ object }) => [{ namespace: object.metadata?.namespace, name: object.metadata?.name ?? '' }],
    }),
  ],
  async reconcile(request, context) {
    const { cache } = context;
    const [service, existing] = [await cache.get(services, request), await cache.get(endpoints, request)];
    if (!service) {
      // Endpoints of their own (leader election of old, hand-made ones) are not ours to remove.
      if (existing?.metadata?.labels?.[managedByLabel] !== 'endpoint-controller') return;
      await perform([remove(endpoints, request, { preconditions: { uid: existing.metadata.uid } })], context);
      return;
    }
    if (service.spec?.type === 'ExternalName' || !service.spec?.selector || service.metadata?.deletionTimestamp) return;
    const selected = (await cache.list(pods, service.metadata?.namespace)).filter((pod: Pod) =>
      matchesSet(service.spec?.selector, pod.metadata?.labels ?? {}),
    );
    await perform(planEndpoints(service, selected, existing), context);
  },
};
