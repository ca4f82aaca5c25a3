import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { systemClock } from '@nodeless/component-base/clock';
import { type DynamoDbEndpoint, startDynamoDb, whyNoDynamoDb } from '@nodeless/localstack-utils/dynamodb';
import { beginNewLife } from '@nodeless/store/dynamodb/begin-new-life';
import { createDynamoClient, createTable } from '@nodeless/store/dynamodb/create-table';
import { createDynamoTable } from '@nodeless/store/dynamodb/dynamo-table';
import { type DynamoDbStore, createDynamoDbStore } from '@nodeless/store/dynamodb/dynamodb-store';
import { type Operation, isStoreError } from '@nodeless/store/store';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { validateRequests } from './rigs/request-validation.ts';
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
  /** What AWS would not have taken of it. */
  readonly violations: readonly string[];
  readonly client: DynamoDBClient;
  readonly name: string;
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
  const { violations } = validateRequests(client);
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
    violations,
    client,
    name,
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
  'throughput exceeded inside of a transaction': {
    [transact]: [
      { is: 'error', name: 'TransactionCanceledException', reasons: ['ProvisionedThroughputExceeded', 'None'] },
      { is: 'error', name: 'TransactionCanceledException', reasons: ['TransactionConflict', 'TransactionConflict'] },
    ],
  },
  'a transaction that is still in progress': {
    [transact]: [{ is: 'error', name: 'TransactionInProgressException' }],
  },
  'a conflict with a transaction, for plain requests': {
    [transact]: [{ is: 'lost' }],
    PutItemCommand: [{ is: 'error', name: 'TransactionConflictException' }],
    UpdateItemCommand: [{ is: 'error', name: 'TransactionConflictException' }],
    GetItemCommand: [{ is: 'error', name: 'RequestLimitExceeded' }],
  },
  'the service answers 503': {
    UpdateItemCommand: [{ is: 'error', name: 'ServiceUnavailable', status: 503 }],
    [transact]: [{ is: 'error', name: 'ServiceUnavailable', status: 503 }],
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
      const { store, other, plan, violations, close } = await rig();
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
      expect(violations).toEqual([]);
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

  it('a ticket is asked for once by each attempt, however the client is made', async () => {
    const { store, sent, plan, close } = await rig();
    await store.commit([put(a, 'one')]);
    sent.length = 0;
    plan.set('UpdateItemCommand', [{ is: 'unanswered' }]);
    await store.commit([put(a, 'two')]);
    // One that was lost, one that was used; the hole is filled by whoever meets it.
    expect(sent.filter(({ command }) => command === 'UpdateItemCommand')).toHaveLength(2);
    await close();
  });

  it('quiet types share a generation, which grows in their transactions', async () => {
    const { store, other, sent, violations, close } = await rig();
    const role = 'rbac.authorization.k8s.io/roles/a/r';
    await store.list({ prefix: 'rbac.authorization.k8s.io/roles/' });
    sent.length = 0;
    await store.list({ prefix: 'rbac.authorization.k8s.io/roles/' });
    expect(sent.map(({ command }) => command)).toEqual(['GetItemCommand']);
    const [made] = await other.commit([put(role, 'one')]);
    expect((await store.get(role))?.revision).toBe(made!.revision);
    await store.commit([put(role, 'two', made!.revision)]);
    expect((await other.list({ prefix: 'rbac.authorization.k8s.io/roles/' })).entries).toHaveLength(1);
    expect(violations).toEqual([]);
    await close();
  });

  it('a restored table begins another life', async () => {
    const { store, other, client, name, close } = await rig();
    const begin = () => beginNewLife({ client, name, clock: systemClock });
    expect((await begin()).restored).toBe(false);
    expect((await begin()).restored).toBe(false);
    const [made] = await store.commit([put(a, 'one')]);
    // As if the table had been restored: it is another one than the life was noted for.
    const table = createDynamoTable({ client, name, clock: systemClock });
    await table.putLife({ id: 'the table that was backed up', base: 0 });
    expect((await begin()).restored).toBe(true);
    const later = createDynamoDbStore({ table: { ...table, close: () => {} }, clock: systemClock });
    const { entries, revision } = await later.list({ prefix: '/pods/' });
    expect(entries.map((entry) => entry.revision)).toEqual([made!.revision]);
    expect(revision).toBeGreaterThan(made!.revision + 2 ** 20);
    const error: unknown = await later.list({ prefix: '/pods/' }, { at: made!.revision }).catch((e: unknown) => e);
    expect(isStoreError(error, 'compacted')).toBe(true);
    // Who had it open before goes over.
    expect(await other.revision('/pods/')).toBe(revision);
    await Promise.all([later.close(), close()]);
  });

  it('large bodies are noted, and their notes go with the commit', async () => {
    const { store, client, name, violations, close } = await rig();
    const large = Buffer.from(Array.from({ length: 700_000 }, (_, i) => (i * 7919 * ((i >> 8) + 13)) & 0xff));
    const of = (bytes: Uint8Array): Operation => ({
      type: 'put',
      key: a,
      expected: 'any',
      value: () => ({ bytes }),
      attributes: plain,
    });
    const table = createDynamoTable({ client, name, clock: systemClock });
    await store.commit([of(large)]);
    expect(await table.pendingChunks(Date.now() + 60_000)).toEqual([]);
    await table.notePending({ type: '/pods/', id: 'of-somebody-dead', parts: 1, time: Date.now() - 7_200_000 });
    await table.putChunk('/pods/', 'of-somebody-dead', 0, new Uint8Array([1]), undefined);
    await store.commit([of(large.subarray(1))]);
    await store.sweep();
    for (let i = 0; i < 100 && (await table.pendingChunks(Date.now() + 60_000)).length > 0; i++) await sleep(20);
    expect(await table.pendingChunks(Date.now() + 60_000)).toEqual([]);
    expect(Buffer.compare((await store.get(a))!.value.bytes, large.subarray(1))).toBe(0);
    expect(violations).toEqual([]);
    await close();
  });
});
