/** When the scheduler of a function is woken: what it then does follows from what it finds. */
import { deepEqual } from '@nodeless/apimachinery/equality';
import { nodes, pods } from '@nodeless/client/resource-types';
import { type Change, type Controller, type Request, watchRule } from '@nodeless/controller-runtime/controller';
import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { sameLabels } from './cache.ts';
import { nodeEvents } from './node-events.ts';
import type { Profile } from './framework.ts';
import { holdsResources } from './pod-info.ts';

/** All doorbells of a profile are one request, and one message group: it drains whatever is pending. */
const ring: readonly Request[] = [{ name: '' }];
const silence: readonly Request[] = [];

/** Pods that found no node are tried again after so long even when nothing happens, as upstream flushes them. */
export const flushMs = 5 * 60_000;

/** The profile's name is that of the controller. */
export function schedulerDoorbell(profile: Profile): Pick<Controller, 'name' | 'watches' | 'concurrency' | 'resyncMs'> {
  return {
    name: profile.schedulerName,
    concurrency: 1,
    resyncMs: flushMs,
    watches: [
      watchRule({ type: pods, requests: (change) => (concerns(change, profile.schedulerName) ? ring : silence) }),
      watchRule({
        type: nodes,
        requests: ({ type, object, previous }) =>
          type !== 'deleted' && nodeEvents(previous, object).length > 0 ? ring : silence,
      }),
    ],
  };
}

function concerns({ type, object, previous }: Change<Pod>, schedulerName: string): boolean {
  const bound = Boolean(object.spec?.nodeName);
  const gone = type === 'deleted' || !holdsResources(object);
  // Room was made.
  if (gone) return bound && (previous === undefined || holdsResources(previous));
  if (bound) {
    // What others count: where it went, and what it is called.
    return previous?.spec?.nodeName !== undefined && !sameLabels(previous.metadata?.labels, object.metadata?.labels);
  }
  if ((object.spec?.schedulerName ?? 'default-scheduler') !== schedulerName || object.metadata?.deletionTimestamp)
    return false;
  if ((object.spec?.schedulingGates ?? []).length > 0) return false;
  // Its own marks on a pod that waits are no news.
  return (
    previous === undefined ||
    previous.metadata?.generation !== object.metadata?.generation ||
    !sameLabels(previous.metadata?.labels, object.metadata?.labels) ||
    !deepEqual(previous.spec, object.spec)
  );
}
