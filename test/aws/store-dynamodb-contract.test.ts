import { randomUUID } from 'node:crypto';
import { systemClock } from '@nodeless/component-base/clock';
import { createLogger } from '@nodeless/component-base/logger';
import { createManualClock } from '@nodeless/component-base/manual-clock';
import { type DynamoDbEndpoint, startDynamoDb, whyNoDynamoDb } from '@nodeless/localstack-utils/dynamodb';
import { createDynamoClient, createTable } from '@nodeless/store/dynamodb/create-table';
import { createDynamoTable } from '@nodeless/store/dynamodb/dynamo-table';
import { createDynamoDbStore } from '@nodeless/store/dynamodb/dynamodb-store';
import { largestCommit } from '@nodeless/store/dynamodb/committer';
import type { Table } from '@nodeless/store/dynamodb/table';
import type { Store } from '@nodeless/store/store';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { describeStore } from '../contract/store.ts';
import { type StoreHarness, settleWith } from '../contract/store-harness.ts';

const historyMs = 60_000;
const log = createLogger({ level: 'error', write: (line) => line.includes('listener threw') || console.error(line) });
const missing = whyNoDynamoDb();
let dynamo: DynamoDbEndpoint | undefined;

/** Requests that go on, so that "everything that was started is finished" can be told. */
let inFlight = 0;
function counted(table: Table): Table {
  const wrapped = Object.entries(table).map(([name, method]) => [
    name,
    name === 'close'
      ? method
      : async (...args: unknown[]): Promise<unknown> => {
          inFlight++;
          try {
            return await (method as (...all: unknown[]) => Promise<unknown>)(...args);
          } finally {
            inFlight--;
          }
        },
  ]);
  return Object.fromEntries(wrapped) as Table;
}

const turn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

settleWith(async () => {
  for (let quiet = 0; quiet < 3; quiet = inFlight === 0 ? quiet + 1 : 0) await turn();
});

async function harness(): Promise<StoreHarness> {
  const clock = createManualClock();
  const config = {
    endpoint: dynamo!.endpoint,
    region: process.env['AWS_REGION'] ?? 'us-east-1',
    ...(process.env['AWS_ENDPOINT_URL'] ? {} : { credentials: { accessKeyId: 'test', secretAccessKey: 'test' } }),
  };
  const admin = createDynamoClient(config);
  const client = createDynamoClient(config);
  let name = '';
  const renew = async (): Promise<void> => {
    name = `store-${randomUUID()}`;
    await createTable(admin, name);
  };
  await renew();
  let store: Store | undefined;
  return {
    clock,
    historyMs,
    largestCommit,
    runs: 12,
    persistent: true,
    async open() {
      await store?.close();
      const table = createDynamoTable({ client, name, clock: systemClock, timeoutMs: 10_000 });
      store = createDynamoDbStore({
        table: counted({ ...table, close: () => {} }),
        clock,
        waitClock: systemClock,
        log,
        historyMs,
      });
      return store;
    },
    async wipe() {
      await store?.close();
      store = undefined;
      await renew();
    },
    async dispose() {
      await store?.close();
      client.destroy();
      admin.destroy();
    },
  };
}

beforeAll(async () => {
  if (missing) return;
  dynamo = await startDynamoDb();
  console.info(`the store on ${dynamo.engine}`);
}, 100_000);
afterAll(() => dynamo?.stop());

if (missing) {
  describe('DynamoDB store', () => {
    it.skip(missing, () => {});
  });
} else describeStore('DynamoDB store', harness);
