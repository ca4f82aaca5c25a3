import type { Clock } from '@nodeless/component-base/clock';

/** How AWS limits API calls: a bucket of `burst` tokens that fills at `perSecond`; a call that finds none is refused. */
export interface TokenBucket {
  /** False: refused, and nothing was taken. */
  take(tokens?: number): boolean;
}

export function createTokenBucket(clock: Clock, burst: number, perSecond: number): TokenBucket {
  let level = burst;
  let at = clock.now();
  return {
    take(tokens = 1) {
      const now = clock.now();
      level = Math.min(burst, level + ((now - at) / 1000) * perSecond);
      at = now;
      if (level < tokens) return false;
      level -= tokens;
      return true;
    },
  };
}
