/**
 * What each request to the DynamoDB store costs, in counts that no noise can touch: `node bench/dynamodb.ts`. Requests,
 * units, and dollars per million at us-east-1's on-demand prices ($0.625 for a million write units, $0.125 for a million
 * read units). Units are what DynamoDB Local reports, with what it leaves out and the service charges: a transaction
 * counts twice, and a read that finds nothing counts as one unit.
 */
import { randomUUID } from 'node:crypto';
import type { ConsumedCapacity, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { systemClock } from '@nodeless/component-base/clock';
import { startDynamoDb } from '@nodeless/localstack-utils/dynamodb';
import { createDynamoClient, createTable } from '@nodeless/store/dynamodb/create-table';
import { createDynamoTable } from '@nodeless/store/dynamodb/dynamo-table';
import { type DynamoDbStore, createDynamoDbStore } from '@nodeless/store/dynamodb/dynamodb-store';
import type { Attributes, Operation } from '@nodeless/store/store';

const dollarsAWrite = 0.625e-6;
const dollarsARead = 0.125e-6;
const attributes: Attributes = {
  labels: { app: 'web', 'pod-template-hash': '5d4f8c7b9' },
  fields: { 'status.phase': 'Running', 'spec.nodeName': 'node-1' },
  owners: ['3f2a1c9e-0000-4000-8000-000000000000'],
  trigger: 'node-1',
};

/** About what a Deployment's pod with its status is, 3.5 KB, and no two alike. */
function pod(name: string): Buffer {
  const conditions = ['Initialized', 'Ready', 'ContainersReady', 'PodScheduled'].map((type) => ({
    type,
    status: 'True',
    lastTransitionTime: '2030-01-01T00:00:00Z',
  }));
  const managedFields = Array.from({ length: 3 }, (_, i) => ({
    manager: `manager-${i}`,
    operation: 'Update',
    fieldsV1: Object.fromEntries(Array.from({ length: 18 }, (__, f) => [`f:field${f}${i}`, { '.': {}, 'f:name': {} }])),
  }));
  const metadata = { name, uid: randomUUID(), labels: attributes.labels, managedFields };
  const spec = {
    containers: [{ name: 'web', image: 'registry.example/web:1.2.3', env: [{ name: 'A', value: name }] }],
  };
  return Buffer.from(
    JSON.stringify({ kind: 'Pod', apiVersion: 'v1', metadata, spec, status: { phase: 'Running', conditions } }),
  );
}

interface Costs {
  requests: string[];
  reads: number;
  writes: number;
}

function metered(client: DynamoDBClient): Costs {
  const costs: Costs = { requests: [], reads: 0, writes: 0 };
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const command = context.commandName ?? '';
      costs.requests.push(command.replace('Command', ''));
      const answer = await next({ ...args, input: { ...args.input, ReturnConsumedCapacity: 'TOTAL' } });
      const { ConsumedCapacity: of } = answer.output as { ConsumedCapacity?: ConsumedCapacity | ConsumedCapacity[] };
      const units = (Array.isArray(of) ? of : of ? [of] : []).reduce(
        (sum, { CapacityUnits = 0 }) => sum + CapacityUnits,
        0,
      );
      if (/Get|Query/.test(command)) costs.reads += Math.max(1, units);
      else costs.writes += command.startsWith('Transact') ? 2 * units : units;
      return answer;
    },
    { step: 'initialize', name: 'meter' },
  );
  return costs;
}

function put(key: string, expected: 'absent' | number): Operation {
  const body = pod(key);
  return { type: 'put', key, expected, attributes, value: () => ({ bytes: body }) };
}

const dynamo = await startDynamoDb();
const config = {
  endpoint: dynamo.endpoint,
  region: 'us-east-1',
  credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
};
const client = createDynamoClient(config);
const costs = metered(client);
const name = `bench-${randomUUID()}`;
await createTable(client, name);
const open = (): DynamoDbStore =>
  createDynamoDbStore({
    table: { ...createDynamoTable({ client, name, clock: systemClock, timeoutMs: 10_000 }), close: () => {} },
    clock: systemClock,
  });

console.log(`${dynamo.engine}; a pod is ${pod('p').byteLength} bytes before compression`);
console.log(
  `${'request'.padEnd(46)} ${'calls'.padStart(5)} ${'reads'.padStart(7)} ${'writes'.padStart(7)}  $ per million`,
);
async function row<T>(what: string, run: () => Promise<T>): Promise<T> {
  Object.assign(costs, { requests: [], reads: 0, writes: 0 });
  const result = await run();
  const { requests, reads, writes } = costs;
  const dollars = (reads * dollarsARead + writes * dollarsAWrite) * 1e6;
  const calls = [...new Set(requests)]
    .map((one) => `${one}×${requests.filter((other) => other === one).length}`)
    .join(' ');
  console.log(
    `${what.padEnd(46)} ${String(requests.length).padStart(5)} ${reads.toFixed(1).padStart(7)} ${writes.toFixed(1).padStart(7)}  ${dollars.toFixed(2).padStart(8)}   ${calls}`,
  );
  return result;
}

const warm = open();
await warm.list({ prefix: '/pods/' });
await warm.list({ prefix: '/services/' });
await warm.list({ prefix: 'networking.k8s.io/ipaddresses/' });
const [made] = await row('create a pod, warm', () => warm.commit([put('/pods/a/p', 'absent')]));
const [updated] = await row('update it, warm', () => warm.commit([put('/pods/a/p', made!.revision)]));
await row('update it at an old revision: refused', () =>
  warm.commit([put('/pods/a/p', made!.revision)]).catch(() => {}),
);
await row('ten pods in one commit, warm', () =>
  warm.commit(Array.from({ length: 10 }, (_, i) => put(`/pods/b/p${i}`, 'absent'))),
);
await row('a Service with its IPAddress, warm', () =>
  warm.commit([put('/services/a/s', 'absent'), put('networking.k8s.io/ipaddresses//10.0.0.1', 'absent')]),
);
await row('get a pod, warm', () => warm.get('/pods/a/p'));
await row('list the pods, warm (a watch looks the same)', () => warm.list({ prefix: '/pods/' }));
await row('delete it, warm', () =>
  warm.commit([
    { type: 'delete', key: '/pods/a/p', expected: updated!.revision, attributes, value: () => ({ bytes: pod('p') }) },
  ]),
);

const cold = open();
await row('get a pod, cold', () => cold.get('/pods/b/p1'));
const [created] = await row('create a pod, cold', () => cold.commit([put('/pods/a/q', 'absent')]));
await row('update what was just written, not loaded', () => cold.commit([put('/pods/a/q', created!.revision)]));
for (const count of [100, 1000]) {
  for (let i = 0; i < count; i += 50) {
    await warm.commit(Array.from({ length: 50 }, (_, n) => put(`/pods/c${count}/p${i + n}`, 'absent')));
  }
  const loading = open();
  await row(`list the pods, cold, ${(await warm.list({ prefix: '/pods/' })).entries.length} of them just written`, () =>
    loading.list({ prefix: '/pods/' }),
  );
  await loading.close();
}
await Promise.all([warm.close(), cold.close()]);
client.destroy();
await dynamo.stop();
