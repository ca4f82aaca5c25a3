import type { Clock, Timer } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';
import { rangeScope, typeOf } from '../keys.ts';
import {
  type KeyRange,
  type Revision,
  type StoreEvent,
  StoreError,
  type Subscription,
  type WatchListener,
} from '../store.ts';
import { defaultHistory } from '../watch-cache/history.ts';
import { type WatchCache, createWatchCache } from '../watch-cache/watch-cache.ts';
import type { EventCodec } from './event-codec.ts';
import { type OwnEntry, createEventReader } from './event-reader.ts';
import type { Loaded } from './load.ts';
import type { Generation, Moments } from './moments.ts';
import { LifeEnded, type LogReader, lifeGap } from './log-reader.ts';
import type { Positions } from './positions.ts';
import type { States } from './states.ts';

/** A type, or a part of it, in the memory of this process: loaded when it is first asked for, then kept up by its log. */
export interface TypeView {
  /** What is in memory, without looking whether that is all; undefined before it is loaded. */
  peek(): WatchCache | undefined;
  /** Whether it holds a key, if that is there. */
  covers(key: string): boolean;
  /** Whether it was up to date a moment ago: then keeping it so costs less than reading something else. */
  lively(): boolean;
  /**
   * The cache, after everything that was committed before this call, or before `sufficient` (moments.ts); with what is
   * kept of the history after `since`.
   */
  current(since?: Revision, sufficient?: number): Promise<WatchCache>;
  /** The cache, if it holds the state at a revision, however much has been committed since. */
  reached(at: Revision): WatchCache | undefined;
  /** Has the cache, if there is one, at this log entry when it resolves; its events were delivered by then. */
  applied(entry: OwnEntry): Promise<void>;
  watch(range: KeyRange, after: Revision, listener: WatchListener): Subscription;
  /** Whether it is watched. */
  watched(): boolean;
  /** The doorbell: something may have been written. */
  poke(): void;
  /** Forgets what it holds, and ends its watches. */
  drop(error: StoreError): void;
  close(): Promise<void>;
}

export interface TypeViewOptions {
  /** What it holds: a type, a namespace or a key. */
  readonly prefix: string;
  readonly log: LogReader;
  readonly load: (since: Revision | undefined) => Promise<Loaded>;
  /** Entries that this process has written or is about to write: their events need not be decoded from the log. */
  readonly own: (writer: string) => OwnEntry | undefined;
  readonly positions: Positions;
  readonly moments: Moments;
  /** For quiet types. */
  readonly generation: Generation | undefined;
  readonly states: States;
  readonly codec: EventCodec;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly historyMs: number;
  readonly pollMs: () => number;
  readonly unavailable: (error: unknown) => StoreError;
}

interface Listening {
  readonly attach: (to: WatchCache) => void;
  readonly end: (error: StoreError | undefined) => void;
  attached(): boolean;
}

/** Log entries are kept for more than an hour. A process that was frozen for longer would take expired ones for holes. */
const catchUpMs = 30 * 60_000;
const livelyMs = 5000;

export function createTypeView(options: TypeViewOptions): TypeView {
  const { prefix, log, load, own, positions, moments, generation, states, codec, clock, logger } = options;
  const { historyMs, pollMs, unavailable } = options;
  const type = typeOf(prefix);
  const scope = rangeScope(prefix);
  const inRange = (key: string): boolean =>
    scope === 'type' || (scope === 'key' ? key === prefix : key.startsWith(prefix));
  const listening = new Set<Listening>();
  /** Watches that have begun and wait for the cache. */
  const attaching = new Set<Promise<void>>();
  let cache: WatchCache | undefined;
  /** Of the cache: where its history begins, whether there is nothing earlier, and when it was loaded. */
  let floor = 0;
  let complete = false;
  let loadedAt = 0;
  let loading: Promise<unknown> | undefined;
  /** The reading of the log that goes on, and the one that begins after it. */
  let running: Promise<void> | undefined;
  let runningSince = 0;
  let runningInto: WatchCache | undefined;
  let queued: Promise<void> | undefined;
  let readAt = 0;
  /** What the cache shows is of this moment or later, and of this generation or a later one. */
  let readMoment = 0;
  let readGeneration: number | undefined;
  let timer: Timer | undefined;
  let polling = false;
  let closed = false;

  const eventsOf = createEventReader({ type, inRange, own, states, codec });
  const part = (events: readonly StoreEvent[]): readonly StoreEvent[] =>
    scope === 'type' ? events : events.filter(({ key }) => inRange(key));

  /** Reads the log up to its end into a cache, as long as that is wanted. */
  const follow = (into: WatchCache, wanted: () => boolean): Promise<void> =>
    log.follow(type, into.counter(), async (item) => {
      // A commit of this process may have been applied meanwhile.
      if (item.seq <= into.counter()) return;
      const events = await eventsOf(item, into);
      if (item.seq === into.counter() + 1 && wanted()) into.apply(events, item.seq + item.count - 1, item.time);
    });
  const read = async (into: WatchCache): Promise<void> => {
    const began = clock.now();
    const moment = (runningSince = moments.next());
    runningInto = into;
    await follow(into, () => into === cache);
    readAt = began;
    if (into === cache) readMoment = moment;
    if (into === cache) positions.note(type, into.counter());
  };

  /** Reads the log once, beginning after this call, or after a moment. */
  const sync = (into: WatchCache, sufficient = Infinity): Promise<void> => {
    if (into !== cache) return Promise.resolve();
    if (running && runningInto === into && runningSince >= sufficient) return running;
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
        return cache ? sync(cache) : undefined;
      });
    return queued;
  };

  const begin = async (since: Revision | undefined): Promise<void> => {
    const began = clock.now();
    const moment = moments.next();
    const initial = await load(since);
    const next = createWatchCache({
      clock,
      log: logger,
      limits: { ...defaultHistory, historyMs },
      offsetOf: () => 0,
      initial,
    });
    // What has been delivered already must stand in the one that takes over.
    while (cache && next.counter() < cache.counter()) await follow(next, () => true);
    if (closed) throw new StoreError('unavailable', 'the store is closed');
    const before = cache;
    cache = next;
    floor = initial.compacted;
    complete = initial.complete;
    readAt = loadedAt = began;
    readMoment = moment;
    if (!before) return;
    for (const one of listening) if (one.attached()) one.attach(next);
    before.close();
  };

  /** A process that was frozen for so long would take expired log entries for holes. */
  const outdated = (): boolean => cache !== undefined && clock.now() - readAt > catchUpMs;
  const reaches = (since: Revision | undefined): boolean =>
    since === undefined || since >= floor || complete || clock.now() - loadedAt > historyMs;
  const drop = (error: StoreError): void => {
    for (const one of listening) if (one.attached()) one.end(error);
    cache?.close();
    cache = undefined;
  };

  const current = async (since?: Revision, sufficient?: number): Promise<WatchCache> => {
    try {
      if (cache && sufficient !== undefined && readMoment >= sufficient && reaches(since)) return cache;
      if (!generation) return await upToDate(since, sufficient);
      // Read before the log is: whatever has made it grow is seen there.
      const { value, moment } = await generation.at(sufficient ?? moments.next());
      if (cache && readGeneration === value && reaches(since)) {
        readAt = clock.now();
        readMoment = Math.max(readMoment, moment);
        return cache;
      }
      const found = await upToDate(since, moment);
      if (found === cache) readGeneration = value;
      return found;
    } catch (error) {
      throw unavailable(error);
    }
  };
  const upToDate = async (since: Revision | undefined, sufficient: number | undefined): Promise<WatchCache> => {
    if (outdated()) drop(new StoreError('compacted', `the watch of ${type} was interrupted for too long`));
    for (;;) {
      if (cache && reaches(since)) {
        const at = cache;
        await sync(at, sufficient);
        // Another may have taken over, or none.
        if (cache === at) return at;
        continue;
      }
      // One that was begun before this call is at least as far as the log was then, and is read on from there.
      if (loading) await loading;
      else {
        loading = begin(since).finally(() => {
          loading = undefined;
        });
        await loading;
        if (cache && reaches(since)) return cache;
      }
    }
  };

  const arm = (): void => {
    if (timer || polling || closed || listening.size === 0) return;
    timer = clock.setTimer(poll, pollMs());
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
    covers: inRange,
    lively: () => cache !== undefined && clock.now() - readAt < livelyMs,
    current,
    reached: (at) => (cache && at >= floor && at <= cache.counter() ? cache : undefined),
    async applied(entry) {
      const end = entry.seq + entry.count - 1;
      // A load that goes on may have read the log before.
      if (loading) await loading.catch(() => {});
      while (cache && !closed && !outdated() && cache.counter() < end) {
        if (entry.seq - cache.counter() > lifeGap) throw new LifeEnded(type);
        if (cache.counter() === entry.seq - 1) cache.apply(part(entry.events), end);
        else await sync(cache);
      }
      // Who has begun to watch before the commit hears of it before that is acknowledged.
      if (attaching.size > 0) await Promise.all(attaching);
    },
    watch(range, after, listener) {
      let inner: Subscription | undefined;
      let over = false;
      /** While it moves from one cache to the next, the end of the one is not its own. */
      let moving = false;
      let at = after;
      const one: Listening = {
        attached: () => inner !== undefined,
        attach(to) {
          if (over) return;
          moving = true;
          inner?.stop();
          moving = false;
          inner = to.watch(range, at, {
            onEvents(events, revision) {
              at = revision;
              if (!over) listener.onEvents(events, revision);
            },
            onEnd(error) {
              if (!moving) one.end(error);
            },
          });
        },
        end(error) {
          if (over) return;
          over = true;
          listening.delete(one);
          inner?.stop();
          listener.onEnd(error);
        },
      };
      listening.add(one);
      arm();
      if (cache && !outdated() && after <= cache.counter() && reaches(after)) one.attach(cache);
      else {
        const waiting = current(after)
          .then(
            (to) => one.attach(cache ?? to),
            (error: unknown) => one.end(unavailable(error)),
          )
          .finally(() => attaching.delete(waiting));
        attaching.add(waiting);
      }
      return { stop: () => one.end(undefined) };
    },
    watched: () => listening.size > 0,
    poke: poll,
    drop,
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
