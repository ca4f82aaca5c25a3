import type { Clock } from './clock.ts';

/** A clock that stands still until it is told to move: `advance` fires due timers in order of their due time. */
export interface ManualClock extends Clock {
  /** Moves time forward by `ms`, firing each timer at its own instant; lets promises settle between timers. */
  advance(ms: number): Promise<void>;
  /** Timers that have not fired and were not cancelled. */
  pending(): number;
}

export function createManualClock(start = Date.UTC(2030, 0, 1)): ManualClock {
  let now = start;
  let sequence = 0;
  const timers = new Map<number, { due: number; callback: () => void }>();
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 20; i++) await Promise.resolve();
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
  };
  return {
    now: () => now,
    setTimer(callback, ms) {
      const id = sequence++;
      timers.set(id, { due: now + Math.max(ms, 0), callback });
      return { cancel: () => void timers.delete(id) };
    },
    async advance(ms) {
      const target = now + ms;
      await settle();
      for (;;) {
        let next: [number, { due: number; callback: () => void }] | undefined;
        for (const entry of timers) {
          if (entry[1].due <= target && (!next || entry[1].due < next[1].due)) next = entry;
        }
        if (!next) break;
        timers.delete(next[0]);
        now = next[1].due;
        next[1].callback();
        await settle();
      }
      now = target;
    },
    pending: () => timers.size,
  };
}
