import type { Logger } from '@nodeless/component-base/logger';
import { namespaceOf, rangeScope } from '../keys.ts';
import { type KeyRange, type StoreEvent, StoreError, type Subscription, type WatchListener } from '../store.ts';

/**
 * The watchers of one type, found by what they want: an event looks up the groups of its type, namespace, key and
 * trigger values, so watchers of anything else cost it nothing. Watchers of one group want the same events and get
 * the same array.
 */
export interface Watchers {
  size(): number;
  /**
   * `position`: the counter up to which the watcher is served with `backlog`, which it gets in a microtask. `behind`:
   * whether it stood further back before, so that it is told the position also without events.
   */
  add(range: KeyRange, listener: WatchListener, backlog: StoreEvent[], position: number, behind: boolean): Subscription;
  /** Notes who wants an event of the batch that is being applied; nobody is called yet. */
  route(event: StoreEvent): void;
  /** Calls everybody noted by `route`; `counter` is where the store stands after the batch. */
  deliver(counter: number): void;
  /** Tells watchers that have seen nothing since that the store stands at `counter`. */
  progress(counter: number): void;
  end(error: StoreError | undefined): void;
}

interface Watcher {
  readonly listener: WatchListener;
  /** The counter up to which everything was delivered. */
  position: number;
  /** Events that wait: for the first delivery, or for the listener to return; undefined while none may be kept back. */
  backlog: StoreEvent[] | undefined;
  calling: boolean;
  ended: boolean;
}

interface Group {
  readonly watchers: Set<Watcher>;
  inbox: StoreEvent[];
}

const nothing: readonly StoreEvent[] = Object.freeze([]);

/** `offset`: what makes a revision of the type out of the store's counter. */
export function createWatchers(offset: number, log: Logger): Watchers {
  const groups = new Map<string, Group>();
  const all = new Set<Watcher>();
  let touched: Group[] = [];
  // How many groups of a sort exist, so that sorts nobody uses are not looked up.
  let withTrigger = 0;
  let withKey = 0;

  const count = (range: KeyRange, change: number): void => {
    if (range.trigger !== undefined) withTrigger += change;
    if (rangeScope(range.prefix) === 'key') withKey += change;
  };

  const end = (watcher: Watcher, error: StoreError | undefined): void => {
    watcher.ended = true;
    watcher.backlog = undefined;
    try {
      watcher.listener.onEnd(error);
    } catch (thrown) {
      log.error('a watch listener threw', { error: thrown });
    }
  };

  const call = (watcher: Watcher, events: readonly StoreEvent[], counter: number): void => {
    watcher.position = counter;
    watcher.calling = true;
    try {
      watcher.listener.onEvents(events, counter + offset);
    } catch (thrown) {
      // It has lost its place: a listener that throws is ended rather than left with a gap.
      log.error('a watch listener threw', { error: thrown });
      if (!watcher.ended) end(watcher, new StoreError('unavailable', 'the watch listener failed', { cause: thrown }));
    }
    watcher.calling = false;
  };

  /** Hands out what was kept back, and what its listener causes by committing. */
  const drain = (watcher: Watcher, behind = false): void => {
    let tell = behind;
    while (watcher.backlog && !watcher.ended) {
      const events = watcher.backlog;
      watcher.backlog = undefined;
      if (events.length > 0 || tell) call(watcher, events, watcher.position);
      tell = false;
    }
  };

  const post = (id: string, event: StoreEvent): void => {
    const group = groups.get(id);
    if (!group) return;
    if (group.inbox.length === 0) touched.push(group);
    group.inbox.push(event);
  };

  const postTo = (prefix: string, event: StoreEvent): void => {
    post(prefix, event);
    if (withTrigger === 0) return;
    const now = event.entry.attributes.trigger;
    const before = event.previous?.attributes.trigger;
    if (now !== undefined) post(groupId(prefix, now), event);
    if (before !== undefined && before !== now) post(groupId(prefix, before), event);
  };

  return {
    size: () => all.size,
    add(range, listener, backlog, position, behind) {
      const id = range.trigger === undefined ? range.prefix : groupId(range.prefix, range.trigger);
      const watcher: Watcher = { listener, position, backlog, calling: false, ended: false };
      let group = groups.get(id);
      if (!group) {
        groups.set(id, (group = { watchers: new Set(), inbox: [] }));
        count(range, 1);
      }
      group.watchers.add(watcher);
      all.add(watcher);
      queueMicrotask(() => drain(watcher, behind));
      return {
        stop() {
          if (all.delete(watcher)) {
            group.watchers.delete(watcher);
            if (group.watchers.size === 0 && groups.get(id) === group) {
              groups.delete(id);
              count(range, -1);
            }
          }
          if (!watcher.ended) end(watcher, undefined);
        },
      };
    },
    route(event) {
      if (groups.size === 0) return;
      const namespace = namespaceOf(event.key);
      postTo(namespace.slice(0, namespace.lastIndexOf('/', namespace.length - 2) + 1), event);
      postTo(namespace, event);
      if (withKey > 0) postTo(event.key, event);
    },
    deliver(counter) {
      const due = touched;
      touched = [];
      for (const group of due) {
        const events = group.inbox;
        group.inbox = [];
        for (const watcher of group.watchers) {
          // Whoever began to watch during this delivery stands at the counter already.
          if (watcher.ended || watcher.position >= counter) continue;
          if (!watcher.backlog && !watcher.calling) {
            call(watcher, events, counter);
            drain(watcher);
            continue;
          }
          watcher.backlog ??= [];
          for (const event of events) watcher.backlog.push(event);
          watcher.position = counter;
        }
      }
    },
    progress(counter) {
      for (const watcher of all) {
        if (!watcher.ended && !watcher.backlog && !watcher.calling && watcher.position < counter)
          call(watcher, nothing, counter);
      }
    },
    end(error) {
      const ending = [...all];
      all.clear();
      groups.clear();
      touched = [];
      withTrigger = withKey = 0;
      for (const watcher of ending) if (!watcher.ended) end(watcher, error);
    },
  };
}

function groupId(prefix: string, trigger: string): string {
  return `${prefix}\0${trigger}`;
}
