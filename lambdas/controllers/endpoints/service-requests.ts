import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { matchesSet } from '@nodeless/apimachinery/labels';
import { services } from '@nodeless/client/resource-types';
import {
  type Change,
  type Lister,
  type Request,
  type WatchRule,
  watchRule,
} from '@nodeless/controller-runtime/controller';
import { pods } from '@nodeless/client/resource-types';

/** Services whose endpoints a pod's change may change: those that select it now or selected it before. */
async function servicesOf({ object, previous, type }: Change<Pod>, lookup: Lister): Promise<Request[]> {
  if (type === 'modified' && previous && !endpointChanged(previous, object)) return [];
  const namespace = object.metadata?.namespace;
  const all = await lookup.list(services, namespace);
  const states = [object, ...(previous ? [previous] : [])].map((pod) => pod.metadata?.labels ?? {});
  return all
    .filter((service) => service.spec?.selector && states.some((labels) => matchesSet(service.spec?.selector, labels)))
    .map((service) => ({ namespace, name: service.metadata?.name ?? '' }));
}

/** Nearly every pod write is a status write that no endpoint shows. */
function endpointChanged(before: Pod, after: Pod): boolean {
  const shown = (pod: Pod): unknown[] => [
    pod.status?.podIPs,
    pod.status?.phase,
    pod.status?.conditions?.find((c) => c.type === 'Ready')?.status,
    pod.metadata?.deletionTimestamp,
    pod.metadata?.labels,
    pod.spec?.nodeName,
    pod.spec?.hostname,
    pod.spec?.subdomain,
  ];
  return JSON.stringify(shown(before)) !== JSON.stringify(shown(after));
}

export const podToServices: WatchRule = watchRule({ type: pods, requests: servicesOf });
