/**
 * Which part of the history is kept: by time, and by memory where a flood of writes would fill it before. Counts in
 * the store's own counter, from which the revisions of each type follow.
 */
export interface History {
  /**
   * Called before a batch of events becomes visible: until `now` the counter stood at `before`. `bytes` is the memory
   * that only the history will hold from then on (bodies that were replaced).
   */
  note(now: number, before: number, bytes: number): void;
  /** Everything before this counter is forgotten; never falls. `current`: where the counter stands. */
  compacted(now: number, current: number): number;
}

export interface HistoryLimits {
  /** A state can be read, and watched from, for at least this long after it was replaced. */
  readonly historyMs: number;
  /** Above this, the oldest history is forgotten before its time. */
  readonly maxBytes: number;
}

interface Window {
  readonly time: number;
  readonly before: number;
  bytes: number;
}

export function createHistory(limits: HistoryLimits, floor: number): History {
  // One mark a second is exact enough for minutes.
  const granularity = limits.historyMs / 300;
  // A window's events are those between its `before` and that of the next one.
  const windows: Window[] = [];
  let compacted = floor;
  let bytes = 0;
  let lastNote = 0;
  const forgetFirst = (): void => {
    bytes -= windows.shift()!.bytes;
    compacted = Math.max(compacted, windows[0]!.before);
  };

  return {
    note(now, before, added) {
      const last = windows[windows.length - 1];
      // A clock that was set back starts a window too, or the last one would stay for too long.
      if (!last || now - last.time >= granularity || now < last.time) windows.push({ time: now, before, bytes: added });
      else last.bytes += added;
      bytes += added;
      lastNote = now;
      while (bytes > limits.maxBytes && windows.length > 1) forgetFirst();
    },
    compacted(now, current) {
      while (windows.length > 1 && now - windows[1]!.time >= limits.historyMs) forgetFirst();
      const first = windows[0];
      if (first && now - first.time >= limits.historyMs) compacted = Math.max(compacted, first.before);
      if (windows.length === 1 && now - lastNote >= limits.historyMs) {
        compacted = Math.max(compacted, current);
        windows.length = 0;
        bytes = 0;
      }
      return compacted;
    },
  };
}

export const defaultHistory: HistoryLimits = { historyMs: 5 * 60_000, maxBytes: 256 * 1024 * 1024 };

/** Where the counter of a new store starts, and where it jumps to when it is found behind. */
export function baseCounter(now: number): number {
  return Math.floor(now / 1000) * 2 ** 20;
}
