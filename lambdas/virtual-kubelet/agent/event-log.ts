import { maxReportedEvents, type ReportedEvent } from './agent-protocol.ts';

/** The pod's events of this run: repeats of one are counted, and what has not been reported yet waits here. */
export interface EventLog {
  /** True when this is the first of its kind: worth a report at once. */
  add(type: 'Normal' | 'Warning', reason: string, message: string, fieldPath: string): boolean;
  /** Those that have something new, the newest ones if there are too many. */
  pending(): readonly ReportedEvent[];
  /** These have arrived. */
  settle(reported: readonly ReportedEvent[]): void;
}

interface Entry {
  event: ReportedEvent;
  settledCount: number;
}

/** A pod whose probe fails in ever new words must not fill the memory. */
const maxKnown = 200;
const maxMessage = 1024;

export function createEventLog(now: () => number): EventLog {
  const known = new Map<string, Entry>();
  const keyOf = (event: Pick<ReportedEvent, 'type' | 'reason' | 'message' | 'fieldPath'>): string =>
    JSON.stringify([event.type, event.reason, event.message, event.fieldPath]);
  return {
    add(type, reason, text, fieldPath) {
      const at = new Date(now()).toISOString();
      const message = text.slice(0, maxMessage);
      const key = keyOf({ type, reason, message, fieldPath });
      const entry = known.get(key);
      // Again at the end: the oldest goes first.
      known.delete(key);
      if (entry) {
        known.set(key, { ...entry, event: { ...entry.event, count: entry.event.count + 1, lastAt: at } });
        return false;
      }
      known.set(key, {
        event: { type, reason, message, fieldPath, count: 1, firstAt: at, lastAt: at },
        settledCount: 0,
      });
      const oldest = known.keys().next();
      if (known.size > maxKnown && !oldest.done) known.delete(oldest.value);
      return true;
    },
    pending: () =>
      [...known.values()]
        .filter((entry) => entry.event.count > entry.settledCount)
        .map((entry) => entry.event)
        .slice(-maxReportedEvents),
    settle(reported) {
      for (const event of reported) {
        const entry = known.get(keyOf(event));
        if (entry) entry.settledCount = Math.max(entry.settledCount, event.count);
      }
    },
  };
}
