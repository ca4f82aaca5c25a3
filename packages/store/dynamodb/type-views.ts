import { rangeScope } from '../keys.ts';
import {
  type Entry,
  type KeyRange,
  type ListOptions,
  type Page,
  type Revision,
  StoreError,
  type Subscription,
  type WatchListener,
  isStoreError,
} from '../store.ts';
import type { WatchCache } from '../watch-cache/watch-cache.ts';
import type { Moments } from './moments.ts';
import type { OwnEntry } from './event-reader.ts';
import type { TypeView } from './type-view.ts';

/**
 * What this process holds of one type: all of it, once it was watched or listed as a whole; before that, the namespaces
 * and keys that were listed lately.
 */
export interface TypeViews {
  readonly whole: TypeView;
  watch(range: KeyRange, after: Revision, listener: WatchListener): Subscription;
  /** The doorbell, for all that is held of it. */
  poke(): void;
  /** Brings the parts that are watched up to date. */
  syncWatched(): Promise<void>;
  list(range: KeyRange, options: ListOptions): Promise<Page>;
  /** What is believed to stand at a key; undefined where nothing in memory covers it. */
  covering(key: string): { readonly entry: Entry | undefined; readonly counter: number } | undefined;
  applied(entry: OwnEntry): Promise<void>;
  /** Lets everybody who holds a part of the type do something with it. */
  each(visit: (cache: WatchCache) => void): void;
  drop(error: StoreError): void;
  close(): Promise<void>;
}

/** Whoever lists so many parts of a type is better off with all of it. */
const mostParts = 8;

export interface TypeViewsOptions {
  readonly view: (prefix: string) => TypeView;
  readonly moments: Moments;
  /** Small and asked for often: never in parts. */
  readonly quiet: boolean;
}

export function createTypeViews(type: string, { view, moments, quiet }: TypeViewsOptions): TypeViews {
  const whole = view(type);
  /** Those used last stand last. */
  const parts = new Map<string, TypeView>();
  const letGo = (prefix: string, error: StoreError): void => {
    parts.get(prefix)?.drop(error);
    parts.delete(prefix);
  };
  const unused = (): StoreError => new StoreError('compacted', 'no longer kept in memory');

  /** The oldest first; what is watched stays. */
  const letGoUnwatched = (most: number): void => {
    let left = most;
    for (const [prefix, part] of [...parts]) {
      if (left <= 0 || part.watched()) continue;
      letGo(prefix, unused());
      left--;
    }
  };

  const partOf = (prefix: string): TypeView | undefined => {
    const part = parts.get(prefix);
    if (!part) {
      const namespaces = [...parts.keys()].filter((one) => one.endsWith('/')).length;
      if (rangeScope(prefix) === 'namespace' && namespaces >= mostParts) return undefined;
      if (parts.size >= 2 * mostParts) letGoUnwatched(1);
      if (parts.size >= 2 * mostParts) return undefined;
    }
    const found = part ?? view(prefix);
    parts.delete(prefix);
    parts.set(prefix, found);
    return found;
  };
  const fromWhole = async (range: KeyRange, options: ListOptions): Promise<Page> => {
    const cache = await whole.current(options.at, moments.sufficient());
    letGoUnwatched(Infinity);
    return cache.list(range, options);
  };

  return {
    whole,
    async list(range, options) {
      const { at } = options;
      const reached = at === undefined ? undefined : (whole.reached(at) ?? parts.get(range.prefix)?.reached(at));
      if (reached) return reached.list(range, options);
      if (quiet || whole.peek() || rangeScope(range.prefix) === 'type') return await fromWhole(range, options);
      const part = partOf(range.prefix);
      if (!part) return await fromWhole(range, options);
      try {
        return (await part.current(undefined, moments.sufficient())).list(range, options);
      } catch (error) {
        // It has no history from before it was loaded.
        if (at !== undefined && isStoreError(error, 'compacted')) return await fromWhole(range, options);
        throw error;
      }
    },
    watch(range, after, listener) {
      const inPart = !quiet && !whole.peek() && rangeScope(range.prefix) !== 'type';
      return ((inPart ? partOf(range.prefix) : undefined) ?? whole).watch(range, after, listener);
    },
    poke() {
      for (const one of [whole, ...parts.values()]) one.poke();
    },
    async syncWatched() {
      await Promise.all([...parts.values()].map(async (one) => (one.watched() ? await one.current() : undefined)));
    },
    covering(key) {
      for (const one of [whole, ...parts.values()]) {
        const cache = one.peek();
        if (cache && one.covers(key)) return { entry: cache.get(key), counter: cache.counter() };
      }
      return undefined;
    },
    async applied(entry) {
      await Promise.all([whole, ...parts.values()].map((one) => one.applied(entry)));
    },
    each(visit) {
      for (const one of [whole, ...parts.values()]) {
        const cache = one.peek();
        if (cache) visit(cache);
      }
    },
    drop(error) {
      whole.drop(error);
      for (const prefix of [...parts.keys()]) letGo(prefix, error);
    },
    async close() {
      await Promise.all([whole, ...parts.values()].map((one) => one.close()));
    },
  };
}
