import type { Clock, Timer } from '@nodeless/component-base/clock';
import { expired } from '@nodeless/apimachinery/status';
import {
  type Revision,
  type Store,
  type StoreError,
  type StoreEvent,
  type Subscription,
  isStoreError,
} from '@nodeless/store/store';
import type { Endpoint } from './endpoint.ts';
import { parseRevision } from './revisions.ts';
import type { ListOptions, WatchEvent, WatchSession, WatchSink } from './registry.ts';
import type { Selection } from './selection.ts';
import { storeFailure } from './store-errors.ts';
import type { WatchEvents } from './watch-events.ts';

export interface WatchDependencies {
  readonly store: Store;
  readonly clock: Clock;
  readonly events: WatchEvents;
  /** Sessions that are open, to be ended when the registry closes. */
  readonly open: Set<{ end(): void }>;
}

/** Upstream sends bookmarks about once a minute. */
const bookmarkIntervalMs = 60_000;

export async function startWatch(
  { store, clock, events, open }: WatchDependencies,
  endpoint: Endpoint,
  selection: Selection,
  options: ListOptions,
  sink: WatchSink,
): Promise<WatchSession> {
  const asked = parseRevision(options.resourceVersion);
  // no revision, or any: what exists comes first, unless the client says it does not want it
  const sendInitial = options.sendInitialEvents ?? (asked === undefined || asked === 0);
  const wantsBookmarks = options.allowWatchBookmarks === true;
  const { range } = selection;
  let position: Revision;
  let initial: WatchEvent[] | undefined;
  if (sendInitial || asked === undefined || asked === 0) {
    const page = await store
      .list(range, sendInitial ? { filter: selection.filter } : { limit: 1 })
      .catch((error: unknown) => Promise.reject(storeFailure(error)));
    position = page.revision;
    if (sendInitial) initial = page.entries.map((entry) => events.initial(entry.value, endpoint));
  } else {
    position = asked;
  }

  let ended = false;
  let subscription: Subscription | undefined;
  let bookmarkTimer: Timer | undefined;
  let endTimer: Timer | undefined;
  let bookmarked = position;
  const finish = (): void => {
    ended = true;
    open.delete(handle);
    bookmarkTimer?.cancel();
    endTimer?.cancel();
    subscription?.stop();
  };
  const end = (): void => {
    if (ended) return;
    if (wantsBookmarks) deliver([events.bookmark(position, endpoint, false)]);
    finish();
    sink.onEnd(undefined);
  };
  const handle = { end };
  const deliver = (batch: readonly WatchEvent[]): void => {
    if (!ended && batch.length > 0) sink.onEvents(batch);
  };
  const onEvents = (batch: readonly StoreEvent[], revision: Revision): void => {
    if (ended || revision <= position) return;
    const wanted: WatchEvent[] = [];
    for (let i = 0; i < batch.length; i++) {
      const event = batch[i] as StoreEvent;
      const type = transition(event, selection);
      // a watch that was asked for from a future revision starts there
      if (type !== undefined && event.revision > position) wanted.push(events.of(event, type, endpoint));
    }
    position = revision;
    deliver(wanted);
  };
  const subscribe = (after: Revision): void => {
    subscription = store.watch(range, after, {
      onEvents,
      onEnd(error) {
        if (ended) return;
        if (error && isStoreError(error, 'future')) return void followFrom(error);
        finish();
        sink.onEnd(error && endOf(error, position));
      },
    });
  };
  /** Upstream waits without a word when the revision is not reached yet. */
  const followFrom = async (cause: StoreError): Promise<void> => {
    try {
      const current = await store.revision(endpoint.storage.prefix);
      if (!ended) subscribe(Math.min(current, position));
    } catch (error) {
      if (ended) return;
      finish();
      sink.onEnd(storeFailure(isStoreError(error) ? error : cause));
    }
  };
  const tick = (): void => {
    if (ended) return;
    if (position > bookmarked) {
      bookmarked = position;
      deliver([events.bookmark(position, endpoint, false)]);
    }
    if (!ended) bookmarkTimer = clock.setTimer(tick, bookmarkIntervalMs);
  };

  open.add(handle);
  if (initial) {
    if (options.sendInitialEvents && wantsBookmarks) initial.push(events.bookmark(position, endpoint, true));
    deliver(initial);
  }
  if (!ended) subscribe(position);
  if (wantsBookmarks && !ended) bookmarkTimer = clock.setTimer(tick, bookmarkIntervalMs);
  if (options.timeoutSeconds !== undefined && options.timeoutSeconds > 0 && !ended)
    endTimer = clock.setTimer(end, options.timeoutSeconds * 1000);
  return {
    stop: () => {
      if (!ended) finish();
    },
    bookmark: () => (wantsBookmarks && !ended ? events.bookmark(position, endpoint, false) : undefined),
  };
}

/** What an event means to a watcher that selects: objects come and go as they start and stop to match. */
function transition(event: StoreEvent, { filter }: Selection): 'ADDED' | 'MODIFIED' | 'DELETED' | undefined {
  const before = event.previous !== undefined && (filter === undefined || filter(event.previous));
  if (event.type === 'delete') return before ? 'DELETED' : undefined;
  const now = filter === undefined || filter(event.entry);
  if (now) return before ? 'MODIFIED' : 'ADDED';
  return before ? 'DELETED' : undefined;
}

function endOf(error: StoreError, position: Revision): ReturnType<typeof storeFailure> | undefined {
  if (error.code === 'compacted') return expired(`too old resource version: ${position}`);
  return storeFailure(error);
}
