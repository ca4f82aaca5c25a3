import type { Clock, Timer } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';
import { rangeScope, typeOf } from '../keys.ts';
import {
  type Entry,
  type KeyRange,
  type ListOptions,
  type Page,
  type Revision,
  type StoreEvent,
  StoreError,
  type Subscription,
  type WatchListener,
} from '../store.ts';
import { type HistoryLimits, createHistory } from './history.ts';
import { currentPage, pageOf } from './paging.ts';
import { createSnapshots } from './snapshots.ts';
import { type TypeState, createTypeState } from './type-state.ts';

/**
 * The durable state in memory with its recent history: what every read and watch of a store is answered from. It
 * counts commits of all types with one counter; the revision of a type is that counter plus the offset of the type.
 */
export interface WatchCache {
  /** Where the store stands: the counter of the last change that is durable. */
  counter(): number;
  offset(type: string): number;
  get(key: string): Entry | undefined;
  /** Throws StoreError: compacted, future. */
  list(range: KeyRange, options: ListOptions): Page;
  watch(range: KeyRange, after: Revision, listener: WatchListener): Subscription;
  /**
   * Makes a durable batch visible, then calls the watchers. Events are in order; `counter` is where the batch ends.
   * `time`: when it was written, where that is not now.
   */
  apply(events: readonly StoreEvent[], counter: number, time?: number): void;
  /** The error for a revision that the type has not reached. */
  unreached(type: string, revision: Revision): StoreError | undefined;
  /** Forgets history of one type; `before` is a revision that was reached. */
  compact(type: string, before: Revision): void;
  /** The earliest counter whose state is still kept. */
  compacted(): number;
  /** Ends all watches and timers. */
  close(): void;
}

export interface WatchCacheOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits: HistoryLimits;
  readonly offsetOf: (type: string) => number;
  readonly initial: InitialState;
}

export interface InitialState {
  readonly counter: number;
  /** Nothing before this counter can be asked for. */
  readonly compacted: number;
  readonly entries: Iterable<Entry>;
  /** The kept history in order, each with the time when it became durable. */
  readonly history: Iterable<{
    readonly time: number;
    readonly before: number;
    readonly events: readonly StoreEvent[];
  }>;
  /** Explicit compactions by type. */
  readonly compactions: Iterable<readonly [type: string, before: Revision]>;
  /** Counters strictly between the two were never given out in this life of the store. */
  readonly jumps: readonly { readonly from: number; readonly to: number }[];
}

/** How often watchers without events learn the revision, and history is looked through, while anything happens. */
const housekeepingMs = 1000;
/** How long the decoded form of a state that was replaced is kept, for watchers that lag a little. */
const decodedMs = 10_000;

export function createWatchCache(options: WatchCacheOptions): WatchCache {
  const { clock, log, limits, initial } = options;
  const types = new Map<string, TypeState>();
  const snapshots = createSnapshots();
  const history = createHistory(limits, initial.compacted);
  let counter = initial.counter;
  let timer: Timer | undefined;
  let told = counter;
  /** Where the counter stood when; the newest of those that are old enough says what may be released. */
  const ticks: { readonly time: number; readonly counter: number }[] = [];
  let forgotten = initial.compacted;

  const stateOf = (type: string): TypeState => {
    let state = types.get(type);
    if (!state) types.set(type, (state = createTypeState(options.offsetOf(type), log)));
    return state;
  };
  const offset = (type: string): number => types.get(type)?.offset ?? options.offsetOf(type);

  /** Forgets what is older than the limits allow. */
  const compacted = (): number => {
    const floor = history.compacted(clock.now(), counter);
    if (floor > forgotten) {
      forgotten = floor;
      for (const state of types.values()) state.events.dropThrough(floor + state.offset);
      snapshots.drop((type, revision) => revision - offset(type) < floor);
    }
    return forgotten;
  };

  const unreached = (type: string, revision: Revision): StoreError | undefined => {
    const current = counter + offset(type);
    if (revision <= current) return undefined;
    return new StoreError('future', `revision ${revision} of ${type} is not reached yet: it is at ${current}`);
  };
  const unreachable = (type: string, revision: Revision): StoreError | undefined => {
    const future = unreached(type, revision);
    if (future) return future;
    const at = revision - offset(type);
    const floor = Math.max(compacted() + offset(type), types.get(type)?.compacted ?? 0);
    if (revision < floor || initial.jumps.some((jump) => jump.from < at && at < jump.to)) {
      return new StoreError('compacted', `revision ${revision} of ${type} is no longer kept: the oldest is ${floor}`);
    }
    return undefined;
  };

  const release = (now: number): void => {
    if (told < counter) ticks.push({ time: now, counter });
    let old: number | undefined;
    while (ticks[0] && now - ticks[0].time >= decodedMs) old = ticks.shift()!.counter;
    if (old === undefined) return;
    for (const state of types.values()) state.events.releaseThrough(old + state.offset);
  };

  const housekeeping = (): void => {
    timer = undefined;
    release(clock.now());
    const behind = told < counter;
    told = counter;
    const floor = compacted();
    if (behind) for (const state of types.values()) if (state.watchers.size() > 0) state.watchers.progress(counter);
    if (floor < counter)
      arm(behind || ticks.length > 0 ? housekeepingMs : Math.max(housekeepingMs, limits.historyMs / 10));
  };
  const arm = (ms: number): void => {
    timer = clock.setTimer(housekeeping, ms);
  };

  const touched = new Set<TypeState>();
  const noteHistory = (time: number, before: number, events: readonly StoreEvent[]): void => {
    let bytes = 0;
    // Beside the bodies, an event and an entry are some objects of a few hundred bytes.
    for (const event of events) bytes += 200 + (event.previous ? event.previous.value.bytes.byteLength + 300 : 0);
    history.note(time, before, bytes);
  };

  for (const entry of initial.entries) stateOf(typeOf(entry.key)).set(entry);
  for (const { time, before, events } of initial.history) {
    noteHistory(time, before, events);
    for (const event of events) stateOf(typeOf(event.key)).events.append(event);
  }
  for (const [type, before] of initial.compactions) {
    const state = stateOf(type);
    state.compacted = before;
    state.events.dropThrough(before);
  }

  return {
    counter: () => counter,
    offset,
    get: (key) => types.get(typeOf(key))?.slots.get(key)?.entry,
    list(range, { at, ...paging }) {
      const type = typeOf(range.prefix);
      const state = types.get(type);
      const current = counter + offset(type);
      if (at === undefined || at === current) return currentPage(state, range, paging, current);
      const error = unreachable(type, at);
      if (error) throw error;
      if (!state || state.events.last() <= at) return currentPage(state, range, paging, at);
      return pageOf(snapshots.at(type, state, range, at), range, paging, at);
    },
    watch(range, after, listener) {
      const type = typeOf(range.prefix);
      const scope = rangeScope(range.prefix);
      const error = unreachable(type, after);
      if (error) return endedSubscription(listener, error);
      const state = stateOf(type);
      const backlog: StoreEvent[] = [];
      if (after < counter + state.offset) {
        state.events.after(after, (event) => {
          if (scope === 'key' ? event.key !== range.prefix : !event.key.startsWith(range.prefix)) return;
          if (
            range.trigger === undefined ||
            event.entry.attributes.trigger === range.trigger ||
            event.previous?.attributes.trigger === range.trigger
          ) {
            backlog.push(event);
          }
        });
      }
      return state.watchers.add(range, listener, backlog, counter, after < counter + state.offset);
    },
    apply(events, end, time = clock.now()) {
      noteHistory(time, counter, events);
      for (const event of events) {
        const state = stateOf(typeOf(event.key));
        state.apply(event);
        if (state.watchers.size() === 0) continue;
        touched.add(state);
        state.watchers.route(event);
      }
      counter = end;
      if (!timer) arm(housekeepingMs);
      if (touched.size === 0) return;
      const listening = [...touched];
      touched.clear();
      for (const state of listening) state.watchers.deliver(end);
    },
    unreached,
    compact(type, before) {
      const state = stateOf(type);
      if (before <= state.compacted) return;
      state.compacted = before;
      state.events.dropThrough(before);
      snapshots.drop((other, revision) => other === type && revision < before);
    },
    compacted,
    close() {
      timer?.cancel();
      timer = undefined;
      for (const state of types.values()) state.watchers.end(undefined);
    },
  };
}

/** A watch that could not begin: the listener hears so after watch() has returned, unless it was stopped before. */
export function endedSubscription(listener: WatchListener, error: StoreError): Subscription {
  let ended = false;
  const end = (reason: StoreError | undefined): void => {
    if (ended) return;
    ended = true;
    listener.onEnd(reason);
  };
  queueMicrotask(() => end(error));
  return { stop: () => end(undefined) };
}
