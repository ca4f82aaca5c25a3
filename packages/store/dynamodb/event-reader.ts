import type { Entry, StoreEvent } from '../store.ts';
import type { WatchCache } from '../watch-cache/watch-cache.ts';
import type { EventCodec } from './event-codec.ts';
import type { States } from './states.ts';
import type { LogItem } from './table.ts';

/** A log entry of this process, with the events as their writer knows them. */
export interface OwnEntry {
  readonly seq: number;
  readonly count: number;
  readonly writer: string;
  readonly events: readonly StoreEvent[];
}

export interface EventReaderOptions {
  readonly type: string;
  readonly inRange: (key: string) => boolean;
  /** Entries that this process has written or is about to write: their events need not be decoded from the log. */
  readonly own: (writer: string) => OwnEntry | undefined;
  readonly states: States;
  readonly codec: EventCodec;
}

/** Makes events of a log entry, those of a range, over the state that it follows upon. */
export function createEventReader({ type, inRange, own, states, codec }: EventReaderOptions) {
  return async (item: LogItem, into: Pick<WatchCache, 'get'>): Promise<readonly StoreEvent[]> => {
    if (!item.events) return [];
    const known = own(item.writer);
    if (known?.seq === item.seq) return known.events.filter(({ key }) => inRange(key));
    const events: StoreEvent[] = [];
    const before = new Map<string, Entry | undefined>();
    for (const change of codec.decode(item.events)) {
      const key = type + change.rest;
      if (!inRange(key)) continue;
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
}
