import { createLogger } from '@nodeless/component-base/logger';
import { createManualClock } from '@nodeless/component-base/manual-clock';
import { largestCommit } from '@nodeless/store/dynamodb/committer';
import { createDynamoDbStore } from '@nodeless/store/dynamodb/dynamodb-store';
import type { Store } from '@nodeless/store/store';
import { createMemoryTable } from '../unit/store/dynamodb/memory-table.ts';
import { describeStore } from './store.ts';
import { type StoreHarness, settleWith } from './store-harness.ts';

const historyMs = 60_000;
const log = createLogger({ level: 'error', write: (line) => line.includes('listener threw') || console.error(line) });

settleWith(async () => {
  for (let turn = 0; turn < 3; turn++) {
    for (let i = 0; i < 200; i++) await Promise.resolve();
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
  }
});

/** The protocol without the network: the table is in memory, everything above it is the real thing. */
function harness(): Promise<StoreHarness> {
  const clock = createManualClock();
  let table = createMemoryTable();
  let store: Store | undefined;
  return Promise.resolve({
    clock,
    historyMs,
    largestCommit,
    persistent: true,
    async open() {
      await store?.close();
      store = createDynamoDbStore({ table, clock, log, historyMs });
      return store;
    },
    async wipe() {
      await store?.close();
      store = undefined;
      table = createMemoryTable();
    },
    async dispose() {
      await store?.close();
    },
  });
}

describeStore('DynamoDB store over a table in memory', harness);
