import type { Clock, Timer } from '@nodeless/component-base/clock';

/**
 * A queue of keys with the guarantees of client-go's workqueue: a key stands in it once, is never worked on twice at
 * the same time, and a key added while it is being worked on runs again afterwards.
 */
export interface WorkQueue {
  add(key: string): void;
  addAfter(key: string, ms: number): void;
  /** After a failure: 5 ms × 2^n, at most 1000 s, n = failures since the last forget. */
  addRateLimited(key: string): void;
  /** The key succeeded: its failures are forgotten. */
  forget(key: string): void;
  failures(key: string): number;
  /** Keys waiting, delayed ones not counted. */
  length(): number;
  /** Nothing is started any more; resolves when what runs has ended. */
  stop(): Promise<void>;
}

export interface WorkQueueOptions {
  readonly clock: Clock;
  /** Keys that are worked on at once. */
  readonly concurrency: number;
  /** Between two beginnings of one key. Default 0. */
  readonly minIntervalMs?: number | undefined;
  readonly work: (key: string) => Promise<void>;
}

/** So many beginnings are remembered before those of no more use are looked for. */
const maxRemembered = 1024;

export function createWorkQueue(options: WorkQueueOptions): WorkQueue {
  const { clock, concurrency, minIntervalMs = 0, work } = options;
  const waiting = new Set<string>();
  const running = new Set<string>();
  const again = new Set<string>();
  const failures = new Map<string, number>();
  const delayed = new Map<string, { due: number; timer: Timer }>();
  const begun = new Map<string, number>();
  let stopped = false;
  let scheduled = false;
  let onIdle: (() => void) | undefined;

  const pump = (): void => {
    scheduled = false;
    for (const key of waiting) {
      if (stopped || running.size >= concurrency) return;
      waiting.delete(key);
      running.add(key);
      if (minIntervalMs > 0) remember(key);
      void work(key).finally(() => {
        running.delete(key);
        if (again.delete(key)) add(key);
        if (stopped && running.size === 0) onIdle?.();
        schedule();
      });
    }
  };
  // A microtask later, so that a burst of events for one key becomes one request.
  const schedule = (): void => {
    if (scheduled || stopped || waiting.size === 0) return;
    scheduled = true;
    queueMicrotask(pump);
  };
  const remember = (key: string): void => {
    const now = clock.now();
    if (begun.size >= maxRemembered)
      for (const [other, at] of begun) if (at + minIntervalMs <= now) begun.delete(other);
    begun.set(key, now);
  };
  const add = (key: string): void => {
    if (stopped) return;
    if (!running.has(key)) {
      const early = (begun.get(key) ?? -Infinity) + minIntervalMs - clock.now();
      if (early > 0) return addAfter(key, early);
    }
    const delay = delayed.get(key);
    if (delay) {
      delay.timer.cancel();
      delayed.delete(key);
    }
    if (running.has(key)) again.add(key);
    else waiting.add(key);
    schedule();
  };
  const addAfter = (key: string, ms: number): void => {
    if (stopped) return;
    if (ms <= 0) return add(key);
    if (waiting.has(key)) return;
    const due = clock.now() + ms;
    const existing = delayed.get(key);
    if (existing) {
      if (existing.due <= due) return;
      existing.timer.cancel();
    }
    const timer = clock.setTimer(() => {
      delayed.delete(key);
      add(key);
    }, ms);
    delayed.set(key, { due, timer });
  };
  return {
    add,
    addAfter,
    addRateLimited(key) {
      const count = failures.get(key) ?? 0;
      failures.set(key, count + 1);
      addAfter(key, Math.min(1_000_000, 5 * 2 ** Math.min(count, 30)));
    },
    forget: (key) => void failures.delete(key),
    failures: (key) => failures.get(key) ?? 0,
    length: () => waiting.size,
    stop() {
      stopped = true;
      for (const { timer } of delayed.values()) timer.cancel();
      delayed.clear();
      waiting.clear();
      if (running.size === 0) return Promise.resolve();
      return new Promise((resolve) => {
        onIdle = resolve;
      });
    },
  };
}
