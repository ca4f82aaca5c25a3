import type { Role } from '@nodeless/apimachinery/generated/types/rbac/v1';
import { StoreError, type Entry, type Store, type StoreEvent, type Subscription } from '@nodeless/store/store';
import { rbacGroup } from './bootstrap-policy.ts';
import { type RbacIndex, type RbacResource, rbacResources } from './rbac-index.ts';

export interface RbacFeed {
  /** Resolves once everything that exists is in the index. */
  readonly ready: Promise<void>;
  /** Resolves once nothing is missing of what was delivered to the watchers before: after an interruption it is listed anew. */
  caughtUp(): Promise<void>;
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
  const following = new Map<RbacResource, Promise<void>>();
  const interrupted = new Set<RbacResource>();

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
        if (stopped || !(error instanceof StoreError)) return;
        // What was missed is found by listing again.
        interrupted.add(resource);
        if (error.code !== 'unavailable') void begin(resource).catch(() => {});
      },
    });
    subscriptions.set(resource, subscription);
  };

  const begin = (resource: RbacResource): Promise<void> => {
    interrupted.delete(resource);
    const done = follow(resource).catch((error: unknown) => {
      interrupted.add(resource);
      throw error;
    });
    following.set(resource, done);
    return done;
  };

  return {
    ready: Promise.all(rbacResources.map(begin)).then(() => undefined),
    async caughtUp() {
      for (const resource of interrupted) void begin(resource).catch(() => {});
      await Promise.all(following.values());
    },
    stop() {
      stopped = true;
      for (const subscription of subscriptions.values()) subscription.stop();
    },
  };
}
