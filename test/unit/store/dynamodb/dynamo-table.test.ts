import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { createManualClock } from '@nodeless/component-base/manual-clock';
import { createDynamoTable } from '@nodeless/store/dynamodb/dynamo-table';
import { withRetries } from '@nodeless/store/dynamodb/patience';
import { type LogItem, type Table, TableError, type Transaction } from '@nodeless/store/dynamodb/table';
import { describe, expect, it } from 'vitest';
import { type Answer, type SentRequest, createFakeDynamo } from './fake-dynamo.ts';

const type = '/pods/';
const key = '/pods/a/x';
const item: LogItem = { seq: 7, count: 1, writer: 'w', time: 1, settled: 6, events: new Uint8Array([1]), expires: 9 };
const note = { type, id: 'c1', parts: 1, time: 5 };

function setUp(answer: (sent: SentRequest) => Answer) {
  const clock = createManualClock();
  const { client, sent } = createFakeDynamo(answer);
  const table = createDynamoTable({ client, name: 't', clock, timeoutMs: 3000 });
  return { clock, table, sent, again: withRetries(table, { clock, random: () => 0 }) };
}

function transaction(clock: { now(): number }): Transaction {
  return {
    token: 'token',
    notAfter: clock.now() + 10_000,
    logs: [{ type, item }],
    objects: [
      {
        place: { key, bucket: 0 },
        condition: { is: 'at', revision: 3 },
        item: {
          key,
          revision: 7,
          time: 1,
          state: { body: { inline: new Uint8Array([2]) } },
        },
      },
      { place: { key: '/nodes//n', bucket: 0 }, condition: { is: 'absent', below: undefined } },
    ],
    used: [note],
    unused: [],
    quiet: false,
  };
}

const codeOf = async (promise: Promise<unknown>): Promise<unknown> => {
  const thrown: unknown = await promise.catch((error: unknown) => error);
  return thrown instanceof TableError ? [thrown.code, thrown.logFailed, thrown.objectFailed] : thrown;
};

const failures: Record<string, Answer> = {
  'an error of the service': { error: 'InternalServerError', status: 500 },
  'a throttle': { error: 'ProvisionedThroughputExceededException' },
  'another throttle': { error: 'ThrottlingException' },
  'a request limit': { error: 'RequestLimitExceeded' },
  'a conflict with a transaction': { error: 'TransactionConflictException' },
  'a broken connection': { broken: 'ECONNRESET' },
  'an address that is not found': { broken: 'ENOTFOUND' },
};

describe('a ticket', () => {
  it.each(Object.entries(failures))('is asked for once, whatever the answer: %s', async (_, answer) => {
    const { again, sent, clock } = setUp(() => answer);
    const asked = codeOf(again.takeTickets(type, 1, 1, 0));
    await clock.advance(60_000);
    expect((await asked) as unknown[]).toEqual([expect.stringMatching(/^(throttled|unknown)$/), false, false]);
    expect(sent).toHaveLength(1);
    expect(sent[0]).toMatchObject({
      operation: 'UpdateItem',
      input: { UpdateExpression: 'ADD n :count SET t = :now, s = :settled' },
    });
  });

  it('is given up after its time, and not asked for again', async () => {
    const { again, sent, clock } = setUp(() => undefined);
    const asked = codeOf(again.takeTickets(type, 1, 1, 0));
    await clock.advance(2999);
    expect(sent).toHaveLength(1);
    await clock.advance(1);
    expect(await asked).toEqual(['unknown', false, false]);
    await clock.advance(60_000);
    expect(sent).toHaveLength(1);
  });

  it('of a sequence that is gone is refused', async () => {
    const { again } = setUp(() => ({ error: 'ConditionalCheckFailedException' }));
    expect(await codeOf(again.takeTickets(type, 1, 1, 0))).toEqual(['refused', false, false]);
  });

  it('is not taken through a client that repeats requests by itself', async () => {
    const client = new DynamoDBClient({ region: 'us-east-1', endpoint: 'http://dynamo.invalid' });
    const table = createDynamoTable({ client, name: 't', clock: createManualClock() });
    await expect(table.takeTickets(type, 1, 1, 0)).rejects.toThrow(/maxAttempts 1/);
  });
});

describe('a transaction', () => {
  it.each<[readonly string[], string, boolean, boolean]>([
    [['ConditionalCheckFailed', 'None', 'None', 'None'], 'cancelled', true, false],
    [['None', 'ConditionalCheckFailed', 'None', 'None'], 'cancelled', false, true],
    [['None', 'None', 'ConditionalCheckFailed', 'None'], 'cancelled', false, true],
    [['None', 'None', 'None', 'ConditionalCheckFailed'], 'cancelled', false, true],
    [['ConditionalCheckFailed', 'ConditionalCheckFailed', 'None', 'None'], 'cancelled', true, true],
    [['TransactionConflict', 'None', 'None', 'None'], 'cancelled', false, false],
    [['None', 'TransactionConflict', 'None', 'TransactionConflict'], 'cancelled', false, false],
    [['None', 'TransactionConflict', 'ConditionalCheckFailed', 'None'], 'cancelled', false, true],
    [['None', 'ProvisionedThroughputExceeded', 'None', 'None'], 'cancelled', false, false],
    [['ThrottlingError', 'None', 'None', 'None'], 'cancelled', false, false],
    [['None', 'ValidationError', 'None', 'None'], 'refused', false, false],
    [['None', 'ItemCollectionSizeLimitExceeded', 'None', 'None'], 'refused', false, false],
  ])('cancelled for %j: %s', async (reasons, code, logFailed, objectFailed) => {
    const { table, sent, clock } = setUp(() => ({ error: 'TransactionCanceledException', reasons }));
    expect(await codeOf(table.transact(transaction(clock)))).toEqual([code, logFailed, objectFailed]);
    expect(sent).toHaveLength(1);
  });

  it.each([
    ['TransactionInProgressException', 'unknown'],
    ['IdempotentParameterMismatchException', 'unknown'],
    ['InternalServerError', 'unknown'],
    ['ProvisionedThroughputExceededException', 'throttled'],
    ['ThrottlingException', 'throttled'],
    ['AccessDeniedException', 'refused'],
    ['ResourceNotFoundException', 'refused'],
    ['ValidationException', 'refused'],
  ])('%s: %s', async (error, code) => {
    const { again, sent, clock } = setUp(() => ({ error, status: error.startsWith('Internal') ? 500 : 400 }));
    expect(await codeOf(again.transact(transaction(clock)))).toEqual([code, false, false]);
    expect(sent).toHaveLength(1);
  });

  it('is not sent once its time has passed, also when that happens while it is made', async () => {
    const { table, sent, clock } = setUp(() => ({ body: {} }));
    const mutable = clock as { now: () => number };
    const { now } = clock;
    const one = transaction(clock);
    // Looked at when the request is made, and again after it was signed: by then hours have passed.
    const sending = codeOf(table.transact(one));
    mutable.now = () => now() + 3 * 3_600_000;
    expect(await sending).toEqual(['late', false, false]);
    expect(sent).toHaveLength(0);
    mutable.now = now;
    await table.transact(one);
    expect(sent).toHaveLength(1);
  });
});

describe('plain requests', () => {
  type Step = [string, (table: Table) => Promise<unknown>];
  const writes: Step[] = [
    ['putLog', (table) => table.putLog(type, item)],
    ['raiseCompacted', (table) => table.raiseCompacted(type, 5)],
    ['putChunk', (table) => table.putChunk(type, 'c1', 0, new Uint8Array([1]), undefined)],
    ['expireChunks', (table) => table.expireChunks(type, { id: 'c1', parts: 1 }, 5)],
    ['notePending', (table) => table.notePending(note)],
    ['claimPending', (table) => table.claimPending(note)],
    ['dropPending', (table) => table.dropPending(note)],
    ['putLife', (table) => table.putLife({ id: 'i', base: 1 })],
  ];
  const reads: Step[] = [
    ['sequence', (table) => table.sequence(type)],
    ['objects', (table) => table.objects([{ key, bucket: 0 }])],
    ['scan', (table) => table.scan('/pods/a/', 1)],
    ['logEntry', (table) => table.logEntry(type, 7)],
    ['logAfter', (table) => table.logAfter(type, 7)],
    ['logBefore', (table) => table.logBefore(type, 7)],
    ['chunks', (table) => table.chunks(type, { id: 'c1', parts: 1 })],
    ['pendingChunks', (table) => table.pendingChunks(7)],
    ['life', (table) => table.life()],
  ];

  for (const [name, step] of [...writes, ...reads]) {
    it(`${name}: tried again through everything that passes, at once given up for what does not`, async () => {
      const troubles = [...Object.values(failures).slice(0, 5)];
      const { again, sent, clock } = setUp(() => troubles.shift() ?? { body: { Items: [], Attributes: {} } });
      let done = false;
      const outcome = step(again).finally(() => (done = true));
      for (let i = 0; i < 50 && !done; i++) await clock.advance(100);
      await outcome;
      expect(sent).toHaveLength(6);
      const refused = setUp(() => ({ error: 'AccessDeniedException' }));
      expect(await codeOf(step(refused.again))).toEqual(['refused', false, false]);
      expect(refused.sent).toHaveLength(1);
    });

    it(`${name}: bounded`, async () => {
      const { again, sent, clock } = setUp(() => ({ error: 'ThrottlingException' }));
      const outcome = codeOf(step(again));
      await clock.advance(60_000);
      expect(await outcome).toEqual(['throttled', false, false]);
      expect(sent).toHaveLength(6);
    });
  }

  it('reads are strong', async () => {
    const { table, sent } = setUp(() => ({ body: { Items: [] } }));
    for (const [, step] of reads) await step(table);
    for (const { input } of sent) expect(input).toMatchObject({ ConsistentRead: true });
  });

  it('a batch of keys goes on with what was left, and says so when nothing moves', async () => {
    const places = Array.from({ length: 150 }, (_, i) => ({ key: `/pods/a/${i}`, bucket: 0 }));
    let left = 2;
    const { table, sent } = setUp(({ input }) => {
      const { t } = input['RequestItems'] as { t: { Keys: object[] } };
      return {
        body: { Responses: { t: [] }, UnprocessedKeys: left-- > 0 ? { t: { Keys: t.Keys.slice(0, 10) } } : {} },
      };
    });
    expect(await table.objects(places)).toEqual([]);
    const sizes = sent.map(({ input }) => (input['RequestItems'] as { t: { Keys: object[] } }).t.Keys.length);
    expect(sizes).toEqual([100, 60, 10]);
    const stuck = setUp(({ input }) => ({
      body: { Responses: { t: [] }, UnprocessedKeys: input['RequestItems'] as object },
    }));
    expect(await codeOf(stuck.table.objects(places))).toEqual(['throttled', false, false]);
  });
});
