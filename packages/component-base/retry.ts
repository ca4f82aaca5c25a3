import { type Clock, sleep } from './clock.ts';

/** Exponential back-off with full jitter: attempt 0 waits up to `base`, attempt n up to min(cap, base × 2^n). */
export function backoffDelay(
  attempt: number,
  options: { baseMs: number; capMs: number; random?: () => number },
): number {
  const ceiling = Math.min(options.capMs, options.baseMs * 2 ** Math.min(attempt, 30));
  return Math.ceil((options.random ?? Math.random)() * ceiling);
}

export interface RetryOptions {
  clock: Clock;
  /** Calls in all, the first included. */
  attempts: number;
  baseMs: number;
  capMs: number;
  retryable: (error: unknown) => boolean;
  signal?: AbortSignal;
  random?: () => number;
}

/** Calls `operation` until it succeeds, an error is not retryable or the attempts are used up; throws the last error. */
export async function retry<T>(operation: (attempt: number) => Promise<T>, options: RetryOptions): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await operation(attempt);
    } catch (error) {
      if (attempt + 1 >= options.attempts || !options.retryable(error)) throw error;
      await sleep(options.clock, backoffDelay(attempt, options), options.signal);
    }
  }
}
