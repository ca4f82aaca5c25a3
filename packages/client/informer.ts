import type { KubernetesObject } from '@nodeless/apimachinery/object';
import { isGone } from '@nodeless/apimachinery/status';
import { type Clock, type Timer } from '@nodeless/component-base/clock';
import { backoffDelay } from '@nodeless/component-base/retry';
import { type Logger, silentLogger } from '@nodeless/component-base/logger';
import type { Client, ResourceType, Watch, WatchEvent } from './client.ts';

export type InformerChange<T> =
  | { readonly type: 'added'; readonly object: T; readonly previous: undefined }
  | { readonly type: 'modified'; readonly object: T; readonly previous: T }
  | { readonly type: 'deleted'; readonly object: T; readonly previous: T };

export type InformerListener<T> = (change: InformerChange<T>) => void;

/** Values under which an object is found; [] = it is not in this index. */
export type IndexFunction<T> = (object: T) => readonly string[];

export interface InformerOptions<T> {
  readonly clock: Clock;
  readonly log?: Logger;
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly indexes?: Readonly<Record<string, IndexFunction<T>>>;
  readonly random?: () => number;
}

/**
 * A cache of one resource kept equal to the cluster by list and watch. Through a lost connection it resumes from the
 * last revision seen; after 410 Expired it lists again and reports the difference, so listeners never miss the net
 * effect and never see a change twice. The cache is updated before listeners are called, in order of revision.
 */
export interface Informer<T extends KubernetesObject> {
  start(): void;
  /** Nothing is delivered afterwards. Idempotent. */
  stop(): void;
  /** Resolves once the first list is in the cache. */
  readonly synced: Promise<void>;
  hasSynced(): boolean;
  /** Resolves once the cache is at least at this revision (of a write's answer); undefined: it is already. */
  caughtUp(revision: string): Promise<void> | undefined;
  /**
   * Resolves once the cache holds everything that was written before this call: for processes that were asleep, and for watches
   * that nobody hurries. Starts the informer where it was not. Rejects when the cluster does not answer once it has synced.
   */
  refresh(): Promise<void>;
  get(namespace: string, name: string): T | undefined;
  list(namespace?: string): readonly T[];
  /** Objects that the named index holds under `value`. Throws when there is no such index. */
  byIndex(index: string, value: string): readonly T[];
  /** Called for what is there already (as 'added'), then for each change. Returns an unsubscribe function. */
  subscribe(listener: InformerListener<T>): () => void;
}

const retryBase = 800;
const retryCap = 30_000;

export function createInformer<T extends KubernetesObject>(
  client: Client,
  type: ResourceType<T>,
  options: InformerOptions<T>,
): Informer<T> {
  const { clock, log = silentLogger, namespace, labelSelector, fieldSelector, random } = options;
  const query = { namespace, labelSelector, fieldSelector };
  const cache = createIndexedCache<T>(options.indexes ?? {});
  const listeners = new Set<InformerListener<T>>();
  let revision = '';
  let waiting: { at: number; resolve: () => void }[] = [];
  let watch: Watch | undefined;
  let timer: Timer | undefined;
  let failures = 0;
  let stopped = false;
  let started = false;
  let isSynced = false;
  let markSynced!: () => void;
  const synced = new Promise<void>((resolve) => {
    markSynced = resolve;
  });

  const reached = (next: string): void => {
    revision = next;
    if (waiting.length === 0) return;
    const now = Number(next);
    for (const one of waiting) if (one.at <= now) one.resolve();
    waiting = waiting.filter((one) => one.at > now);
  };

  const isReached = (at: string | undefined): boolean =>
    revision !== '' && at !== undefined && Number(at) <= Number(revision);

  const notify = (change: InformerChange<T>): void => {
    for (const listener of listeners) listener(change);
  };

  const put = (object: T): void => {
    const previous = cache.put(object);
    if (previous === undefined) notify({ type: 'added', object, previous });
    else if (previous.metadata?.resourceVersion !== object.metadata?.resourceVersion)
      notify({ type: 'modified', object, previous });
  };

  const remove = (object: T): void => {
    const previous = cache.remove(object);
    if (previous !== undefined) notify({ type: 'deleted', object, previous });
  };

  const replace = (items: readonly T[]): void => {
    const present = new Set(items.map(keyOf));
    for (const object of cache.all()) if (!present.has(keyOf(object))) remove(object);
    for (const object of items) {
      const before = cache.get(object.metadata?.namespace ?? '', object.metadata?.name ?? '');
      // The same name with another uid was deleted and made again between two lists.
      if (before && before.metadata?.uid !== object.metadata?.uid) remove(before);
      put(object);
    }
  };

  const later = (step: () => void): void => {
    if (stopped) return;
    timer = clock.setTimer(step, Math.max(1, backoffDelay(failures++, { baseMs: retryBase, capMs: retryCap, random })));
  };

  const read = async (): Promise<void> => {
    const items: T[] = [];
    let next: string | undefined;
    let atRevision = '';
    do {
      const page = await client.list(type, { ...query, ...(next ? { continue: next } : {}) });
      items.push(...page.items);
      next = page.metadata.continue;
      atRevision = page.metadata.resourceVersion;
    } while (next);
    // A watch may have been faster.
    if (stopped || isReached(atRevision)) return;
    replace(items);
    reached(atRevision);
  };

  const listAll = async (): Promise<void> => {
    try {
      // After 410 Expired the revision means nothing any more.
      revision = '';
      await read();
      if (stopped) return;
      failures = 0;
      if (!isSynced) {
        isSynced = true;
        markSynced();
      }
      follow();
    } catch (error) {
      log.warn('list failed', { resource: type.resource, error });
      later(() => void listAll());
    }
  };

  const onEvent = (event: WatchEvent<T>): void => {
    if (stopped) return;
    failures = 0;
    // Told already by a list that was faster than this watch.
    if (event.type !== 'BOOKMARK' && isReached(event.object.metadata?.resourceVersion)) return;
    if (event.type === 'BOOKMARK') {
      reached(event.resourceVersion);
      return;
    }
    if (event.type === 'DELETED') remove(event.object);
    else put(event.object);
    reached(event.object.metadata?.resourceVersion ?? revision);
  };

  const follow = (): void => {
    if (stopped) return;
    watch = client.watch(
      type,
      { ...query, resourceVersion: revision },
      {
        onEvent,
        onEnd(error) {
          watch = undefined;
          if (stopped) return;
          if (error === undefined) {
            // An ordinary end (timeout, server restart): resume at once the first time, then with back-off.
            if (failures++ === 0) timer = clock.setTimer(follow, 1);
            else later(follow);
          } else if (isGone(error)) {
            void listAll();
          } else {
            log.debug('watch ended', { resource: type.resource, error });
            later(follow);
          }
        },
      },
    );
    if (stopped) watch.stop();
  };

  const start = (): void => {
    if (started) return;
    started = true;
    void listAll();
  };

  return {
    start,
    stop() {
      stopped = true;
      timer?.cancel();
      watch?.stop();
      listeners.clear();
      for (const { resolve } of waiting.splice(0)) resolve();
    },
    async refresh() {
      if (!started) {
        start();
        return synced;
      }
      await synced;
      const { metadata } = await client.list(type, { ...query, limit: 1 });
      // The watch is told before the list is answered, as a rule.
      if (!isReached(metadata.resourceVersion)) await read();
    },
    synced,
    hasSynced: () => isSynced,
    caughtUp(wanted) {
      const at = Number(wanted);
      if (stopped || Number(revision) >= at) return undefined;
      return new Promise((resolve) => {
        waiting.push({ at, resolve });
      });
    },
    get: cache.get,
    list: cache.list,
    byIndex: cache.byIndex,
    subscribe(listener) {
      for (const object of cache.all()) listener({ type: 'added', object, previous: undefined });
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function keyOf(object: KubernetesObject): string {
  return `${object.metadata?.namespace ?? ''}/${object.metadata?.name ?? ''}`;
}

interface IndexedCache<T> {
  /** Returns the object that was there. */
  put(object: T): T | undefined;
  remove(object: T): T | undefined;
  get(namespace: string, name: string): T | undefined;
  list(namespace?: string): readonly T[];
  byIndex(index: string, value: string): readonly T[];
  all(): readonly T[];
}

function createIndexedCache<T extends KubernetesObject>(
  functions: Readonly<Record<string, IndexFunction<T>>>,
): IndexedCache<T> {
  const objects = new Map<string, T>();
  const namespaces = new Map<string, Map<string, T>>();
  const indexes = Object.entries(functions).map(([name, of]) => ({
    name,
    of,
    values: new Map<string, Map<string, T>>(),
  }));

  const index = (key: string, object: T): void => {
    bucketFor(namespaces, object.metadata?.namespace ?? '').set(key, object);
    for (const { of, values } of indexes) for (const value of of(object)) bucketFor(values, value).set(key, object);
  };
  const unindex = (key: string, object: T): void => {
    dropFrom(namespaces, object.metadata?.namespace ?? '', key);
    for (const { of, values } of indexes) for (const value of of(object)) dropFrom(values, value, key);
  };
  return {
    put(object) {
      const key = keyOf(object);
      const previous = objects.get(key);
      if (previous !== undefined) unindex(key, previous);
      objects.set(key, object);
      index(key, object);
      return previous;
    },
    remove(object) {
      const key = keyOf(object);
      const previous = objects.get(key);
      if (previous === undefined) return undefined;
      unindex(key, previous);
      objects.delete(key);
      return previous;
    },
    get: (namespace, name) => objects.get(`${namespace}/${name}`),
    list: (namespace) =>
      namespace === undefined ? [...objects.values()] : [...(namespaces.get(namespace)?.values() ?? [])],
    byIndex(name, value) {
      const found = indexes.find((i) => i.name === name);
      if (!found) throw new Error(`no index ${name}`);
      return [...(found.values.get(value)?.values() ?? [])];
    },
    all: () => [...objects.values()],
  };
}

function bucketFor<T>(buckets: Map<string, Map<string, T>>, value: string): Map<string, T> {
  let bucket = buckets.get(value);
  if (!bucket) {
    bucket = new Map();
    buckets.set(value, bucket);
  }
  return bucket;
}

function dropFrom<T>(buckets: Map<string, Map<string, T>>, value: string, key: string): void {
  const bucket = buckets.get(value);
  bucket?.delete(key);
  if (bucket?.size === 0) buckets.delete(value);
}
