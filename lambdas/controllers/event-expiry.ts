import type { Event } from '@nodeless/apimachinery/generated/types/core/v1';
import { events } from '@nodeless/client/resource-types';
import { type Action, perform, remove, requeue } from '@nodeless/controller-runtime/actions';
import { type Controller, watchRule } from '@nodeless/controller-runtime/controller';

/** kube-apiserver's --event-ttl. */
const eventTtlMs = 3_600_000;
/** Events that a sweep removes at once. */
const slice = 80;

/** An event goes an hour after its last write. */
export function planEventExpiry(event: Event, now: number): Action[] {
  const written = [
    event.lastTimestamp,
    event.eventTime,
    event.series?.lastObservedTime,
    event.metadata?.creationTimestamp,
  ];
  const last = Math.max(...written.map((time) => (time ? Date.parse(time) : 0)));
  const left = last + eventTtlMs - now;
  if (left > 0) return [requeue(left)];
  const { namespace, name = '', resourceVersion } = event.metadata ?? {};
  return [remove(events, { namespace, name }, { preconditions: { resourceVersion } })];
}

/**
 * All of them at once, every so often: where a timer for each event costs more than that it stays a little longer. Events are
 * many, and each pod makes some.
 */
export function createEventSweep(everyMs: number): Controller {
  return {
    name: 'event-ttl',
    actsAs: 'apiserver',
    concurrency: 1,
    resyncMs: everyMs,
    watches: [],
    async reconcile(_request, context) {
      const now = context.clock.now();
      const expired = (await context.cache.list(events)).flatMap((event) =>
        planEventExpiry(event, now).filter((action) => action.do !== 'requeue'),
      );
      // Those of a slice share commits.
      for (let i = 0; i < expired.length; i += slice)
        await Promise.all(expired.slice(i, i + slice).map((action) => perform([action], context)));
    },
  };
}

/** Upstream gives events a lease in etcd. */
export const eventExpiryController: Controller = {
  name: 'event-ttl',
  actsAs: 'apiserver',
  watches: [
    watchRule({
      type: events,
      requests: ({ object, type }) =>
        type === 'deleted' ? [] : [{ namespace: object.metadata?.namespace, name: object.metadata?.name ?? '' }],
    }),
  ],
  async reconcile(request, context) {
    const event = await context.cache.get(events, request);
    return event ? perform(planEventExpiry(event, context.clock.now()), context) : {};
  },
};
