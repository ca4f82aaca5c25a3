import { randomUUID } from 'node:crypto';
import { systemClock } from '@nodeless/component-base/clock';
import { type DynamoDbEndpoint, startDynamoDb, whyNoDynamoDb } from '@nodeless/localstack-utils/dynamodb';
import { createDynamoClient, createTable } from '@nodeless/store/dynamodb/create-table';
import { createDynamoTable } from '@nodeless/store/dynamodb/dynamo-table';
import { type DynamoDbStore, createDynamoDbStore } from '@nodeless/store/dynamodb/dynamodb-store';
import { type Operation, isStoreError } from '@nodeless/store/store';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Fault, type Sent, injectFaults, pass } from '../unit/store/dynamodb/fault-injector.ts';

const missing = whyNoDynamoDb();
const plain = { labels: undefined, fields: undefined, owners: undefined, trigger: undefined };
const a = '/pods/default/a';
let dynamo: DynamoDbEndpoint | undefined;

beforeAll(async () => {
  if (!missing) dynamo = await startDynamoDb();
}, 100_000);
afterAll(() => dynamo?.stop());

interface Rig {
  readonly store: DynamoDbStore;
  /** Another process on the same table, without faults. */
  readonly other: DynamoDbStore;
  readonly sent: Sent[];
  /** Faults for the next requests of a command, in order. */
  readonly plan: Map<string, Fault[]>;
  readonly close: () => Promise<void>;
}

async function rig(): Promise<Rig> {
  const config = {
    endpoint: dynamo!.endpoint,
    region: process.env['AWS_REGION'] ?? 'us-east-1',
    ...(process.env['AWS_ACCESS_KEY_ID'] ? {} : { credentials: { accessKeyId: 'test', secretAccessKey: 'test' } }),
  };
  const name = `faults-${randomUUID()}`;
  const client = createDynamoClient(config);
  await createTable(client, name);
  const plan = new Map<string, Fault[]>();
  const sent = injectFaults(client, ({ command }) => plan.get(command)?.shift() ?? pass);
  const open = (through: typeof client): DynamoDbStore =>
    createDynamoDbStore({
      table: createDynamoTable({ client: through, name, clock: systemClock, timeoutMs: 5000 }),
      clock: systemClock,
      pollMs: 50,
    });
  const store = open(client);
  const other = open(createDynamoClient(config));
  return {
    store,
    other,
    sent,
    plan,
    close: async () => {
      await Promise.all([store.close(), other.close()]);
    },
  };
}

function put(key: string, text: string, expected: 'any' | 'absent' | number = 'any'): Operation {
  const value = (revision: number) => ({ bytes: Buffer.from(`${text}@${revision}`) });
  return { type: 'put', key, expected, value, attributes: plain };
}

const transact = 'TransactWriteItemsCommand';
const cases: Record<string, Record<string, Fault[]>> = {
  'a conflict of transactions': {
    [transact]: [{ is: 'error', name: 'TransactionCanceledException', reasons: ['TransactionConflict', 'None'] }],
  },
  'throttled inside of a transaction': {
    [transact]: [{ is: 'error', name: 'TransactionCanceledException', reasons: ['None', 'ThrottlingError'] }],
  },
  'throttled twice': {
    [transact]: [
      { is: 'error', name: 'ProvisionedThroughputExceededException' },
      { is: 'error', name: 'ThrottlingException' },
    ],
    UpdateItemCommand: [{ is: 'error', name: 'ThrottlingException' }],
    BatchGetItemCommand: [{ is: 'error', name: 'ProvisionedThroughputExceededException' }],
  },
  'an internal error': { [transact]: [{ is: 'error', name: 'InternalServerError', status: 500 }] },
  'a transaction that was lost': { [transact]: [{ is: 'lost' }] },
  'a transaction whose answer was lost': { [transact]: [{ is: 'unanswered' }] },
  'a transaction that arrived twice': { [transact]: [{ is: 'twice' }] },
  'a ticket that was lost': { UpdateItemCommand: [{ is: 'lost' }] },
  'a ticket whose answer was lost': { UpdateItemCommand: [{ is: 'unanswered' }] },
  'a ticket that was taken twice': { UpdateItemCommand: [{ is: 'twice' }] },
  'an answer lost, and then its tombstone': {
    [transact]: [{ is: 'lost' }],
    PutItemCommand: [{ is: 'unanswered' }],
    GetItemCommand: [pass, { is: 'lost' }],
  },
};

describe.skipIf(missing !== undefined)(`faults between the SDK and DynamoDB${missing ? ` (${missing})` : ''}`, () => {
  for (const [title, faults] of Object.entries(cases)) {
    it(`${title}: the commit is done once, and everybody sees it`, async () => {
      const { store, other, plan, close } = await rig();
      const [first] = await store.commit([put(a, 'one', 'absent')]);
      const start = first!.revision;
      const seen: string[] = [];
      other.watch({ prefix: '/pods/' }, start, {
        onEvents: (events) => void seen.push(...events.map(({ entry }) => Buffer.from(entry.value.bytes).toString())),
        onEnd: () => {},
      });
      for (const [command, list] of Object.entries(faults)) plan.set(command, [...list]);
      const [second, third] = await store.commit([put(a, 'two', start), put('/pods/default/b', 'b', 'absent')]);
      for (const [command, list] of plan) expect([command, list.length]).toEqual([command, 0]);
      const [last] = await other.commit([put(a, 'three', second!.revision)]);
      expect((await store.list({ prefix: '/pods/' })).entries.map(({ key, revision }) => [key, revision])).toEqual([
        [a, last!.revision],
        ['/pods/default/b', third!.revision],
      ]);
      await other.list({ prefix: '/pods/' });
      expect(seen).toEqual([`two@${second!.revision}`, `b@${third!.revision}`, `three@${last!.revision}`]);
      await close();
    });
  }

  it('without permission the answer is unavailable at once, and nothing was done', async () => {
    const { store, sent, plan, close } = await rig();
    await store.commit([put(a, 'one')]);
    plan.set(transact, [{ is: 'error', name: 'AccessDeniedException' }]);
    sent.length = 0;
    const error: unknown = await store.commit([put(a, 'two')]).catch((thrown: unknown) => thrown);
    expect(isStoreError(error, 'unavailable') && error.message).toContain('AccessDeniedException');
    expect(sent.filter(({ command }) => command === transact)).toHaveLength(1);
    expect(Buffer.from((await store.get(a))!.value.bytes).toString()).toMatch(/^one@/);
    await close();
  });

  it('a body near the limit of etcd is kept in pieces and comes back', async () => {
    const { store, other, close } = await rig();
    const large = Buffer.from(Array.from({ length: 1_400_000 }, (_, i) => (i * 7919 * ((i >> 8) + 13)) & 0xff));
    const value = () => ({ bytes: large });
    const [made] = await store.commit([{ type: 'put', key: a, expected: 'absent', value, attributes: plain }]);
    expect(Buffer.compare((await other.get(a))!.value.bytes, large)).toBe(0);
    const listed = await other.list({ prefix: '/pods/' });
    expect(Buffer.compare(listed.entries[0]!.value.bytes, large)).toBe(0);
    await other.commit([put(a, 'small', made!.revision)]);
    const earlier = await store.list({ prefix: '/pods/' }, { at: made!.revision });
    expect(Buffer.compare(earlier.entries[0]!.value.bytes, large)).toBe(0);
    await close();
  });
});
