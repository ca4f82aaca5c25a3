import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { semanticEqual } from '@nodeless/apimachinery/equality';
import { matchesSet } from '@nodeless/apimachinery/labels';
import { isPodReady } from '@nodeless/apimachinery/pod-conditions';
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
  return (
    before.status?.phase !== after.status?.phase ||
    before.status?.podIP !== after.status?.podIP ||
    isPodReady(before) !== isPodReady(after) ||
    before.metadata?.deletionTimestamp !== after.metadata?.deletionTimestamp ||
    before.spec?.nodeName !== after.spec?.nodeName ||
    before.spec?.hostname !== after.spec?.hostname ||
    before.spec?.subdomain !== after.spec?.subdomain ||
    !semanticEqual(before.metadata?.labels, after.metadata?.labels) ||
    !semanticEqual(before.status?.podIPs, after.status?.podIPs)
  );
}

export const podToServices: WatchRule = watchRule({ type: pods, requests: servicesOf });
