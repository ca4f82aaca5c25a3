import { typeOf } from '../keys.ts';
import { type Store, StoreError } from '../store.ts';
import type { Committer } from './committer.ts';
import { type WatchCache, endedSubscription } from './watch-cache.ts';

export interface CachedStoreOptions {
  readonly cache: WatchCache;
  readonly committer: Committer;
  /** Called once, after the commits in flight are finished and the watches have ended. */
  readonly release: () => Promise<void>;
}

/** A Store whose reads come from a watch cache and whose writes go through a committer. */
export function createCachedStore({ cache, committer, release }: CachedStoreOptions): Store {
  let closing: Promise<void> | undefined;
  const closed = (): StoreError => new StoreError('unavailable', 'the store is closed');
  const read = <T>(answer: () => T): Promise<T> =>
    new Promise((resolve) => {
      if (closing) throw closed();
      resolve(answer());
    });

  return {
    get: (key) => read(() => cache.get(key)),
    list: (range, options = {}) => read(() => cache.list(range, options)),
    commit: (operations) => committer.commit(operations),
    watch: (range, after, listener) =>
      closing ? endedSubscription(listener, closed()) : cache.watch(range, after, listener),
    revision: (type) => read(() => cache.counter() + cache.offset(typeOf(type))),
    compact: (type, before) => committer.compact(typeOf(type), before),
    close() {
      closing ??= (async () => {
        await committer.close(closed());
        cache.close();
        await release();
      })();
      return closing;
    },
  };
}
