import type { Clock } from '@nodeless/component-base/clock';
import { type Logger, silentLogger } from '@nodeless/component-base/logger';
import type { Store } from '../store.ts';
import { createCachedStore } from '../watch-cache/cached-store.ts';
import { createCommitter } from '../watch-cache/committer.ts';
import { baseCounter, defaultHistory } from '../watch-cache/history.ts';
import { createWatchCache } from '../watch-cache/watch-cache.ts';

export interface MemoryStoreOptions {
  readonly clock: Clock;
  /** How long earlier states can be listed and watched from. Five minutes by default. */
  readonly historyMs?: number;
  /**
   * Added to the revisions of a type (called with `<group>/<resource>/`; a pure function into the natural numbers):
   * shows tests that nothing compares revisions across types.
   */
  readonly revisionOffsets?: (type: string) => number;
  readonly log?: Logger;
}

/** A store without a disk: the watch cache alone, durable as soon as it is told. For tests and throw-away clusters. */
export function createMemoryStore(options: MemoryStoreOptions): Store {
  const { clock, historyMs = defaultHistory.historyMs, revisionOffsets = () => 0, log = silentLogger } = options;
  const counter = baseCounter(clock.now());
  const cache = createWatchCache({
    clock,
    log,
    limits: { ...defaultHistory, historyMs },
    offsetOf: revisionOffsets,
    initial: { counter, compacted: counter, entries: [], history: [], compactions: [], jumps: [] },
  });
  const committer = createCommitter({ cache, persist: () => undefined });
  return createCachedStore({ cache, committer, release: () => Promise.resolve() });
}
