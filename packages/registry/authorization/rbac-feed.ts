import type { Role } from '@nodeless/apimachinery/generated/types/rbac/v1';
import { StoreError, type Entry, type Store, type StoreEvent, type Subscription } from '@nodeless/store/store';
import { rbacGroup } from './bootstrap-policy.ts';
import { type RbacIndex, type RbacResource, rbacResources } from './rbac-index.ts';

export interface RbacFeed {
  /** Resolves once everything that exists is in the index. */
  readonly ready: Promise<void>;
  stop(): void;
}

/**
 * Keeps an index equal to the store: a role or binding counts from the moment its commit is acknowledged.
 * `objectOf` reads a stored value (registry/stored-value.ts).
 */
export function feedRbacIndex(
  store: Store,
  index: RbacIndex,
  objectOf: (value: Entry['value']) => Readonly<object>,
): RbacFeed {
  let stopped = false;
  const subscriptions = new Map<RbacResource, Subscription>();

  const put = (resource: RbacResource, entry: Entry): void => index.put(resource, objectOf(entry.value) as Role);
  const apply = (resource: RbacResource, event: StoreEvent): void => {
    if (event.type === 'put') return put(resource, event.entry);
    const { metadata } = objectOf(event.entry.value) as Role;
    return index.remove(resource, metadata?.namespace ?? '', metadata?.name ?? '');
  };

  const follow = async (resource: RbacResource): Promise<void> => {
    const prefix = `${rbacGroup}/${resource}/`;
    const page = await store.list({ prefix });
    if (stopped) return;
    index.replace(
      resource,
      page.entries.map((entry) => objectOf(entry.value) as Role),
    );
    const subscription = store.watch({ prefix }, page.revision, {
      onEvents: (events) => {
        for (const event of events) apply(resource, event);
      },
      onEnd: (error) => {
        // What was missed is found by listing again.
        if (!stopped && error instanceof StoreError && error.code !== 'unavailable') void follow(resource);
      },
    });
    subscriptions.set(resource, subscription);
  };

  return {
    ready: Promise.all(rbacResources.map(follow)).then(() => undefined),
    stop() {
      stopped = true;
      for (const subscription of subscriptions.values()) subscription.stop();
    },
  };
}
