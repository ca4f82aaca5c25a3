import type { Revision, StoreEvent } from '../store.ts';

/** The kept events of one type in order of revision: appended at one end, forgotten at the other. */
export interface EventLog {
  /** The revision of the newest kept event; 0 without one. */
  last(): Revision;
  append(event: StoreEvent): void;
  /** Forgets events up to and including `revision`. */
  dropThrough(revision: Revision): void;
  /**
   * Lets go of the decoded objects of states that were replaced up to and including `revision`: whoever still wants
   * one reads its bytes. They are several times as large as these.
   */
  releaseThrough(revision: Revision): void;
  /** Calls `visit` for each event after `revision`, oldest first. */
  after(revision: Revision, visit: (event: StoreEvent) => void): void;
  /** Calls `visit` for each event after `revision`, newest first. */
  backTo(revision: Revision, visit: (event: StoreEvent) => void): void;
}

export function createEventLog(): EventLog {
  let events: StoreEvent[] = [];
  let start = 0;
  let released = 0;

  /** The index of the first event after `revision`. */
  const indexAfter = (revision: Revision): number => {
    let low = start;
    let high = events.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (events[middle]!.revision <= revision) low = middle + 1;
      else high = middle;
    }
    return low;
  };

  return {
    last: () => (start < events.length ? events[events.length - 1]!.revision : 0),
    append: (event) => void events.push(event),
    dropThrough(revision) {
      const next = indexAfter(revision);
      if (next === start) return;
      // Moving what is kept costs as much as what was dropped since the last time, so it is constant an event.
      if (next > events.length >>> 1) {
        events = events.slice(next);
        start = 0;
      } else {
        events.fill(undefined as unknown as StoreEvent, start, next);
        start = next;
      }
    },
    releaseThrough(revision) {
      for (let i = indexAfter(released); i < events.length && events[i]!.revision <= revision; i++) {
        const { type, entry, previous } = events[i]!;
        if (previous) previous.value.decoded = undefined;
        if (type === 'delete') entry.value.decoded = undefined;
      }
      released = revision;
    },
    after(revision, visit) {
      for (let i = indexAfter(revision); i < events.length; i++) visit(events[i]!);
    },
    backTo(revision, visit) {
      const end = indexAfter(revision);
      for (let i = events.length - 1; i >= end; i--) visit(events[i]!);
    },
  };
}
