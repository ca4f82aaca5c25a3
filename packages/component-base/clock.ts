/**
 * Time as a dependency. Production passes `systemClock`; tests pass a ManualClock
 * (packages/component-base/manual-clock.ts) and move it by hand, so that no test sleeps.
 */
export interface Clock {
  /** Milliseconds since the epoch (wall clock). */
  now(): number;
  /** Calls `callback` once after `ms` milliseconds. The timer never keeps the process alive. */
  setTimer(callback: () => void, ms: number): Timer;
}

export interface Timer {
  /** Idempotent. After it returns the callback is not called any more. */
  cancel(): void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  setTimer(callback, ms) {
    // Node clamps delays above 2^31-1 ms to 1 ms, which would fire at once.
    const handle = setTimeout(callback, Math.min(Math.max(ms, 0), 0x7fffffff));
    handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
};

/** Resolves after `ms` milliseconds of `clock`; rejects with the signal's reason when it is aborted first. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const onAbort = (): void => {
      timer.cancel();
      reject(signal?.reason as Error);
    };
    const timer = clock.setTimer(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
