import type { Logger } from '@nodeless/component-base/logger';
import type { Entry, Revision, StoreEvent } from '../store.ts';
import { type EventLog, createEventLog } from './event-log.ts';
import { type SortedIndex, createSortedIndex } from './sorted-index.ts';
import { type Watchers, createWatchers } from './watchers.ts';

/** The place of a key in the indexes: an update changes only the entry and leaves the order alone. */
export interface Slot {
  readonly key: string;
  entry: Entry;
}

/** Everything the cache holds of one type. */
export interface TypeState {
  /** Revision of the type = the store's counter + this. */
  readonly offset: number;
  readonly slots: Map<string, Slot>;
  readonly order: SortedIndex<Slot>;
  /** By value of the trigger attribute. */
  readonly triggers: Map<string, SortedIndex<Slot>>;
  readonly events: EventLog;
  readonly watchers: Watchers;
  /** Set by explicit compaction. */
  compacted: Revision;
  set(entry: Entry): void;
  remove(key: string): void;
  /** Makes the event's outcome the current state and keeps the event. */
  apply(event: StoreEvent): void;
}

export function createTypeState(offset: number, log: Logger): TypeState {
  const slots = new Map<string, Slot>();
  const order = createSortedIndex<Slot>();
  const triggers = new Map<string, SortedIndex<Slot>>();
  const events = createEventLog();

  const addTrigger = (value: string, slot: Slot): void => {
    let index = triggers.get(value);
    if (!index) triggers.set(value, (index = createSortedIndex()));
    index.add(slot);
  };
  const removeTrigger = (value: string, key: string): void => {
    const index = triggers.get(value);
    index?.remove(key);
    if (index?.size() === 0) triggers.delete(value);
  };

  const set = (entry: Entry): void => {
    const trigger = entry.attributes.trigger;
    const slot = slots.get(entry.key);
    if (slot) {
      const before = slot.entry.attributes.trigger;
      slot.entry = entry;
      if (before === trigger) return;
      if (before !== undefined) removeTrigger(before, entry.key);
      if (trigger !== undefined) addTrigger(trigger, slot);
      return;
    }
    const added: Slot = { key: entry.key, entry };
    slots.set(entry.key, added);
    order.add(added);
    if (trigger !== undefined) addTrigger(trigger, added);
  };

  const remove = (key: string): void => {
    const slot = slots.get(key);
    if (!slot) return;
    slots.delete(key);
    order.remove(key);
    if (slot.entry.attributes.trigger !== undefined) removeTrigger(slot.entry.attributes.trigger, key);
  };

  return {
    offset,
    slots,
    order,
    triggers,
    events,
    watchers: createWatchers(offset, log),
    compacted: 0,
    set,
    remove,
    apply(event) {
      if (event.type === 'put') set(event.entry);
      else remove(event.key);
      events.append(event);
    },
  };
}
