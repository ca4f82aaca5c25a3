/**
 * Many writers to one type: `node bench/writers.ts [seconds]`. Each is a process of its own to the protocol (its own store and
 * client); they run in one process of this machine, against DynamoDB Local, and against a table in memory whose requests
 * take as long as the service's (4 ms a read or ticket, 10 ms a transaction), where only the protocol is measured.
 * Told: pods made a second, revisions that were lost to others and tombstones, latency of a commit.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '@nodeless/component-base/clock';
import { startDynamoDb, whyNoDynamoDb } from '@nodeless/localstack-utils/dynamodb';
import { createDynamoClient, createTable } from '@nodeless/store/dynamodb/create-table';
import { createDynamoTable } from '@nodeless/store/dynamodb/dynamo-table';
import { createDynamoDbStore } from '@nodeless/store/dynamodb/dynamodb-store';
import type { Table } from '@nodeless/store/dynamodb/table';
import { createMemoryTable } from '../test/unit/store/dynamodb/memory-table.ts';
import { podOf } from '../test/builders/api-operations.ts';

const seconds = Number(process.argv[2] ?? 5);
// The clock's timers keep no process alive.
setInterval(() => {}, 1000);
const attributes = { labels: { app: 'web' }, fields: undefined, owners: undefined, trigger: undefined };

async function measure(what: string, writers: number, batch: number, open: () => Table): Promise<void> {
  let tickets = 0;
  let transactions = 0;
  let tombstones = 0;
  const counted = (table: Table): Table => ({
    ...table,
    takeTickets: (...args) => (tickets++, table.takeTickets(...args)),
    transact: (...args) => (transactions++, table.transact(...args)),
    putLog: (...args) => (tombstones++, table.putLog(...args)),
  });
  const stores = Array.from({ length: writers }, () =>
    createDynamoDbStore({ table: counted(open()), clock: systemClock, pollMs: 60_000 }),
  );
  await Promise.all(stores.map((store) => store.revision('/pods/')));
  const end = performance.now() + seconds * 1000;
  const times: number[] = [];
  let made = 0;
  let failed = 0;
  await Promise.all(
    stores.map(async (store, writer) => {
      for (let n = 0; performance.now() < end; n++) {
        const began = performance.now();
        const bytes = Buffer.from(JSON.stringify(podOf(`pod-${writer}-${n}`)));
        try {
          await store.commit(
            Array.from({ length: batch }, (_, i) => ({
              type: 'put' as const,
              key: `/pods/w${writer}/pod-${n}-${i}`,
              expected: 'absent' as const,
              attributes,
              value: () => ({ bytes }),
            })),
          );
          made += batch;
        } catch {
          failed++;
        }
        times.push(performance.now() - began);
      }
    }),
  );
  await Promise.all(stores.map((store) => store.close()));
  times.sort((a, b) => a - b);
  const quantile = (q: number): string => `${(times[Math.floor(times.length * q)] ?? 0).toFixed(0)} ms`;
  console.log(
    `${what.padEnd(34)} ${String(writers).padStart(3)} writers, ${String(batch).padStart(2)} a commit: ${(made / seconds).toFixed(0).padStart(5)} pods/s, ` +
      `p50 ${quantile(0.5)}, p99 ${quantile(0.99)}; ${tickets} tickets, ${transactions} transactions, ${tombstones} tombstones, ${failed} failed`,
  );
}

/** As far away as the service, with as much jitter. */
function distant(table: Table): Table {
  const wrapped = Object.entries(table).map(([name, method]) => [
    name,
    async (...args: unknown[]): Promise<unknown> => {
      await sleep((name === 'transact' ? 10 : 4) * (0.7 + Math.random() * 0.9));
      return await (method as (...all: unknown[]) => unknown)(...args);
    },
  ]);
  return { ...(Object.fromEntries(wrapped) as unknown as Table), close: () => {} };
}

for (const [writers, batch] of [
  [1, 1],
  [16, 1],
  [16, 10],
  [64, 1],
] as const) {
  const shared = createMemoryTable();
  await measure('in memory, at a distance', writers, batch, () => distant(shared));
}
const missing = whyNoDynamoDb();
if (missing) console.log(missing);
else {
  const dynamo = await startDynamoDb();
  const config = {
    endpoint: dynamo.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  };
  for (const [writers, batch] of [
    [1, 1],
    [16, 1],
    [16, 10],
  ] as const) {
    const name = `writers-${randomUUID()}`;
    const admin = createDynamoClient(config);
    await createTable(admin, name);
    admin.destroy();
    await measure(dynamo.engine, writers, batch, () =>
      createDynamoTable({ client: createDynamoClient(config), name, clock: systemClock, timeoutMs: 10_000 }),
    );
  }
  await dynamo.stop();
}
process.exit(0);
