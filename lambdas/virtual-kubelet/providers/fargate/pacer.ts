import { type Clock, sleep } from '@nodeless/component-base/clock';

/** Keeps calls to what their API allows: a bucket of `burst` calls that fills at `perSecond`. Callers wait in turn. */
export interface Pacer {
  /** Resolves when the caller may call. False at once: it would have to wait longer than `patienceMs`. */
  turn(patienceMs: number): Promise<boolean>;
  /** The API has refused a call: others share it, of whom this process knows nothing. */
  refused(): void;
}

/** Half as fast after a refusal, down to a quarter; a tenth faster with each call that comes after a while without any. */
const slowest = 4;
const calmMs = 1_000;

export function createPacer(clock: Clock, burst: number, perSecond: number): Pacer {
  const stepMs = 1000 / perSecond;
  /** When the bucket will be full again, if nobody calls. */
  let fullAt = -Infinity;
  let slow = 1;
  let refusedAt = -Infinity;
  return {
    async turn(patienceMs) {
      const now = clock.now();
      if (now - refusedAt >= calmMs) slow = Math.max(1, slow * 0.9);
      const nextFullAt = Math.max(fullAt, now) + stepMs * slow;
      const waitMs = nextFullAt - now - burst * stepMs;
      if (waitMs > patienceMs) return false;
      fullAt = nextFullAt;
      if (waitMs > 0) await sleep(clock, waitMs);
      return true;
    },
    refused() {
      const now = clock.now();
      fullAt = Math.max(fullAt, now + (burst - 1) * stepMs);
      // Of many that were under way together the first says it all.
      if (now - refusedAt < calmMs) return;
      refusedAt = now;
      slow = Math.min(slowest, slow * 2);
    },
  };
}
