import type { Clock, Timer } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';
import {
  type Entry,
  type KeyRange,
  type Revision,
  type StoreEvent,
  StoreError,
  type Subscription,
  type WatchListener,
} from '../store.ts';
import { defaultHistory } from '../watch-cache/history.ts';
import { type InitialState, type WatchCache, createWatchCache } from '../watch-cache/watch-cache.ts';
import type { EventCodec } from './event-codec.ts';
import type { LogReader } from './log-reader.ts';
import type { States } from './states.ts';
import type { LogItem } from './table.ts';

/** One type in the memory of this process: loaded when it is first listed or watched, then kept up by its log. */
export interface TypeView {
  /** What is in memory, without looking whether that is all; undefined before it is loaded. */
  peek(): WatchCache | undefined;
  /** The cache, after everything that was committed before this call. */
  current(): Promise<WatchCache>;
  /** Has the cache, if there is one, at this log entry when it resolves; its events were delivered by then. */
  applied(entry: OwnEntry): Promise<void>;
  /** Announces an entry that this process is about to write: its events are not to be decoded from the log. */
  announce(entry: OwnEntry): void;
  forget(entry: OwnEntry): void;
  watch(range: KeyRange, after: Revision, listener: WatchListener): Subscription;
  /** The doorbell: something may have been written. */
  poke(): void;
  close(): Promise<void>;
}

/** A log entry of this process, with the events as their writer knows them. */
export interface OwnEntry {
  readonly seq: number;
  readonly count: number;
  readonly writer: string;
  readonly events: readonly StoreEvent[];
}

export interface TypeViewOptions {
  readonly type: string;
  readonly log: LogReader;
  readonly load: () => Promise<InitialState>;
  readonly states: States;
  readonly codec: EventCodec;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly historyMs: number;
  readonly pollMs: number;
  readonly unavailable: (error: unknown) => StoreError;
}

export function createTypeView(options: TypeViewOptions): TypeView {
  const { type, log, load, states, codec, clock, logger, historyMs, pollMs, unavailable } = options;
  const own = new Map<string, OwnEntry>();
  const listening = new Set<{ end: (error: StoreError | undefined) => void }>();
  let cache: WatchCache | undefined;
  let loading: Promise<WatchCache> | undefined;
  /** The reading of the log that goes on, and the one that begins after it. */
  let running: Promise<void> | undefined;
  let queued: Promise<void> | undefined;
  let readAt = 0;
  let timer: Timer | undefined;
  let polling = false;
  let closed = false;

  const eventsOf = async (item: LogItem, into: WatchCache): Promise<readonly StoreEvent[]> => {
    if (!item.events) return [];
    const known = own.get(item.writer);
    if (known?.seq === item.seq) return known.events;
    const events: StoreEvent[] = [];
    const before = new Map<string, Entry | undefined>();
    for (const change of codec.decode(item.events)) {
      const key = type + change.rest;
      const { revision } = change;
      const entry = await states.entry(key, revision, change.state, item.time);
      const previous = before.has(key) ? before.get(key) : into.get(key);
      if (previous?.revision !== change.previous?.revision) {
        throw new Error(
          `the log of ${type} at ${revision} follows ${change.previous?.revision} of ${key}, not ${previous?.revision}`,
        );
      }
      before.set(key, change.type === 'put' ? entry : undefined);
      if (change.type === 'put') events.push({ type: 'put', key, revision, entry, previous });
      else if (previous) events.push({ type: 'delete', key, revision, entry, previous });
    }
    return events;
  };

  const read = async (into: WatchCache): Promise<void> => {
    const began = clock.now();
    await log.follow(type, into.counter(), async (item) => {
      // A commit of this process may have been applied meanwhile.
      if (item.seq <= into.counter()) return;
      const events = await eventsOf(item, into);
      if (item.seq === into.counter() + 1 && into === cache) into.apply(events, item.seq + item.count - 1);
    });
    readAt = began;
  };

  /** Reads the log once, beginning after this call. */
  const sync = (into: WatchCache): Promise<void> => {
    if (!running) {
      running = read(into).finally(() => {
        running = undefined;
      });
      return running;
    }
    queued ??= running
      .catch(() => {})
      .then(() => {
        queued = undefined;
        return sync(into);
      });
    return queued;
  };

  const begin = (): Promise<WatchCache> => {
    loading ??= load()
      .then((initial) => {
        if (closed) throw new StoreError('unavailable', 'the store is closed');
        readAt = clock.now();
        cache = createWatchCache({
          clock,
          log: logger,
          limits: { ...defaultHistory, historyMs },
          offsetOf: () => 0,
          initial,
        });
        return cache;
      })
      .finally(() => {
        loading = undefined;
      });
    return loading;
  };

  /** A process that was frozen for so long would take expired log entries for holes. */
  const outdated = (): boolean => cache !== undefined && clock.now() - readAt > 2 * historyMs;
  const drop = (error: StoreError): void => {
    for (const one of listening) one.end(error);
    cache?.close();
    cache = undefined;
  };

  const current = async (): Promise<WatchCache> => {
    try {
      if (outdated()) drop(new StoreError('compacted', `the watch of ${type} was interrupted for too long`));
      if (!cache) return await begin();
      const at = cache;
      await sync(at);
      return at;
    } catch (error) {
      throw unavailable(error);
    }
  };

  const arm = (): void => {
    if (timer || polling || closed || listening.size === 0) return;
    timer = clock.setTimer(poll, pollMs);
  };
  const poll = (): void => {
    timer?.cancel();
    timer = undefined;
    if (polling || closed || listening.size === 0) return;
    polling = true;
    current()
      .catch((error: unknown) => logger.warn('cannot read the log', { type, error }))
      .finally(() => {
        polling = false;
        arm();
      });
  };

  return {
    peek: () => cache,
    current,
    announce: (entry) => void own.set(entry.writer, entry),
    forget: (entry) => void own.delete(entry.writer),
    async applied(entry) {
      const end = entry.seq + entry.count - 1;
      // A load that goes on may have read the log before.
      if (loading) await loading.catch(() => {});
      while (cache && !closed && cache.counter() < end) {
        if (cache.counter() === entry.seq - 1) cache.apply(entry.events, end);
        else await sync(cache);
      }
    },
    watch(range, after, listener) {
      let inner: Subscription | undefined;
      let over = false;
      const one = {
        end(error: StoreError | undefined): void {
          if (over) return;
          over = true;
          listening.delete(one);
          inner?.stop();
          listener.onEnd(error);
        },
      };
      const attach = (to: WatchCache): void => {
        if (over) return;
        inner = to.watch(range, after, {
          onEvents: (events, revision) => {
            if (!over) listener.onEvents(events, revision);
          },
          onEnd: one.end,
        });
      };
      listening.add(one);
      arm();
      if (cache && !outdated() && after <= cache.counter()) attach(cache);
      else current().then(attach, (error: unknown) => one.end(unavailable(error)));
      return { stop: () => one.end(undefined) };
    },
    poke: poll,
    async close() {
      closed = true;
      timer?.cancel();
      await Promise.allSettled([loading, running, queued]);
      cache?.close();
      for (const one of listening) one.end(undefined);
      cache = undefined;
    },
  };
}
