import { createManualClock } from '@nodeless/component-base/manual-clock';
import { createMemoryStore } from '@nodeless/store/memory/memory-store';
import type { Store } from '@nodeless/store/store';
import { describeStore } from './store.ts';
import type { StoreHarness } from './store-harness.ts';

const historyMs = 60_000;

function harness(revisionOffsets?: (type: string) => number): StoreHarness {
  const clock = createManualClock();
  let store: Store | undefined;
  return {
    clock,
    historyMs,
    persistent: false,
    async open() {
      await store?.close();
      store = createMemoryStore({ clock, historyMs, revisionOffsets });
      return store;
    },
    wipe: async () => {},
    dispose: async () => store?.close(),
  };
}

describeStore('memory store', async () => harness());

describeStore('memory store with an offset for each type', async () => {
  const offsets = new Map<string, number>();
  return harness((type) => {
    if (!offsets.has(type)) offsets.set(type, Math.floor(Math.random() * 1_000_000_000));
    return offsets.get(type)!;
  });
});
