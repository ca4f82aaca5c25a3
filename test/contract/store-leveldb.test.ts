import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@nodeless/component-base/logger';
import { createManualClock } from '@nodeless/component-base/manual-clock';
import { openLevelDbStore } from '@nodeless/store/leveldb/leveldb-store';
import type { Store } from '@nodeless/store/store';
import type { ValueTransformer } from '@nodeless/store/value-transformer';
import { describeStore } from './store.ts';
import type { StoreHarness } from './store-harness.ts';

const historyMs = 60_000;
const log = createLogger({ level: 'error', write: (line) => line.includes('listener threw') || console.error(line) });

async function harness(transformer?: ValueTransformer): Promise<StoreHarness> {
  const clock = createManualClock();
  const folder = await mkdtemp(join(tmpdir(), 'store-'));
  let life = 0;
  let store: Store | undefined;
  return {
    clock,
    historyMs,
    persistent: true,
    async open() {
      await store?.close();
      store = await openLevelDbStore({ path: join(folder, `${life}`), clock, log, historyMs, transformer });
      return store;
    },
    async wipe() {
      await store?.close();
      store = undefined;
      life++;
    },
    async dispose() {
      await store?.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

describeStore('LevelDB store', () => harness());

/** Not a cipher: it shows that nothing is read but what was put through it, under its own key. */
const scrambled: ValueTransformer = {
  toStorage: (bytes, key) => bytes.map((byte, i) => byte ^ key.charCodeAt(i % key.length) ^ 0x5a),
  fromStorage: (bytes, key) => bytes.map((byte, i) => byte ^ key.charCodeAt(i % key.length) ^ 0x5a),
};

describeStore('LevelDB store with encryption', () => harness(scrambled));
