import { type Clock, sleep } from '@nodeless/component-base/clock';

/** Keeps calls to what their API allows: a bucket of `burst` calls that fills at `perSecond`. Callers wait in turn. */
export interface Pacer {
  /** Resolves when the caller may call. False at once: it would have to wait longer than `patienceMs`. */
  turn(patienceMs: number): Promise<boolean>;
  /** The API has refused a call: others use up what we thought was ours. */
  refused(): void;
}

export function createPacer(clock: Clock, burst: number, perSecond: number): Pacer {
  const stepMs = 1000 / perSecond;
  /** When the bucket will be full again, if nobody calls. */
  let fullAt = -Infinity;
  return {
    async turn(patienceMs) {
      const now = clock.now();
      const nextFullAt = Math.max(fullAt, now) + stepMs;
      const waitMs = nextFullAt - now - burst * stepMs;
      if (waitMs > patienceMs) return false;
      fullAt = nextFullAt;
      if (waitMs > 0) await sleep(clock, waitMs);
      return true;
    },
    refused() {
      fullAt = Math.max(fullAt, clock.now() + (burst - 1) * stepMs);
    },
  };
}
