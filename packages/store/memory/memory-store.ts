import type { Clock } from '@nodeless/component-base/clock';
import { type Logger, silentLogger } from '@nodeless/component-base/logger';
import { typeOf } from '../keys.ts';
import { type Store, StoreError } from '../store.ts';
import { createCommitter } from '../watch-cache/committer.ts';
import { createWatchCache } from '../watch-cache/watch-cache.ts';
import { baseCounter, defaultHistory } from '../watch-cache/history.ts';

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
  let closed = false;
  const open = (): void => {
    if (closed) throw new StoreError('unavailable', 'the store is closed');
  };

  return {
    async get(key) {
      open();
      return cache.get(key);
    },
    async list(range, listOptions = {}) {
      open();
      return cache.list(range, listOptions);
    },
    commit: (operations) => committer.commit(operations),
    watch(range, after, listener) {
      open();
      return cache.watch(range, after, listener);
    },
    async revision(type) {
      open();
      return cache.counter() + cache.offset(typeOf(type));
    },
    async compact(type, before) {
      open();
      cache.compact(typeOf(type), before);
    },
    async close() {
      if (closed) return;
      committer.refuse(new StoreError('unavailable', 'the store is closed'));
      await committer.idle();
      closed = true;
      cache.close();
    },
  };
}
