import {
  BatchGetItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  TransactWriteItemsCommand,
  type TransactWriteItem,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import type { Clock } from '@nodeless/component-base/clock';
import { typeOf } from '../keys.ts';
import {
  type Item,
  keyItem,
  logFromItem,
  logToItem,
  objectFromItem,
  objectToItem,
  sequenceFromItem,
  sequenceToItem,
} from './item-codec.ts';
import { type Condition, type ObjectAction, type ObjectItem, type Table, TableError } from './table.ts';
import { isConditionFailure, tableError } from './table-errors.ts';
import {
  type ItemKey,
  chunkPartition,
  chunkSortKey,
  epochOf,
  epochSize,
  logItemKey,
  logPartition,
  logSortKey,
  objectItemKey,
  objectPartition,
  sequenceItemKey,
} from './table-schema.ts';

export interface DynamoTableOptions {
  /** Must not retry by itself (`maxAttempts: 1`): a ticket taken twice is a hole, and all else is retried above. */
  readonly client: DynamoDBClient;
  readonly name: string;
  readonly clock: Clock;
  /** After this long the outcome of a request is unknown. */
  readonly timeoutMs?: number;
}

/** So near the end of an epoch, entries of the next one may stand already while some of this one are missing. */
const overlap = 1024;

export function createDynamoTable({ client, name, clock, timeoutMs = 3000 }: DynamoTableOptions): Table {
  /** One request with its time limit, and its errors told apart. */
  const call = async <T>(send: (options: { abortSignal: AbortSignal }) => Promise<T>, logs = 0): Promise<T> => {
    const abort = new AbortController();
    const timer = clock.setTimer(() => abort.abort(), timeoutMs);
    try {
      return await send({ abortSignal: abort.signal });
    } catch (thrown) {
      if (isConditionFailure(thrown)) throw thrown;
      throw tableError(thrown, logs);
    } finally {
      timer.cancel();
    }
  };
  const get = async (key: ItemKey): Promise<Item | undefined> => {
    const command = new GetItemCommand({ TableName: name, Key: keyItem(key), ConsistentRead: true });
    return (await call((options) => client.send(command, options))).Item;
  };
  interface QueryOptions {
    readonly from?: string;
    readonly below?: string;
    readonly descending?: boolean;
    readonly limit?: number;
    readonly start?: Item;
  }
  const query = async (pk: string, options: QueryOptions): Promise<{ items: Item[]; next: Item | undefined }> => {
    const { from, below, descending = false, limit, start } = options;
    const bound = from !== undefined ? ' AND sk > :bound' : below !== undefined ? ' AND sk < :bound' : '';
    const command = new QueryCommand({
      TableName: name,
      KeyConditionExpression: `pk = :pk${bound}`,
      ExpressionAttributeValues: {
        ':pk': { S: pk },
        ...(bound === '' ? {} : { ':bound': { S: from ?? below ?? '' } }),
      },
      ConsistentRead: true,
      ScanIndexForward: !descending,
      Limit: limit,
      ExclusiveStartKey: start,
    });
    const answer = await call((sending) => client.send(command, sending));
    return { items: answer.Items ?? [], next: answer.LastEvaluatedKey };
  };
  const queryAll = async (pk: string): Promise<Item[]> => {
    const all: Item[] = [];
    let start: Item | undefined;
    do {
      const { items, next } = await query(pk, { start });
      for (const item of items) all.push(item);
      start = next;
    } while (start);
    return all;
  };

  return {
    async sequence(type) {
      const item = await get(sequenceItemKey(type));
      return item && sequenceFromItem(item);
    },
    async createSequence(type, sequence) {
      const key = sequenceItemKey(type);
      const command = new PutItemCommand({
        TableName: name,
        Item: sequenceToItem(key, sequence),
        ConditionExpression: 'attribute_not_exists(pk)',
      });
      try {
        await call((options) => client.send(command, options));
        return sequence;
      } catch (error) {
        if (!isConditionFailure(error)) throw error;
      }
      const item = await get(key);
      if (!item) throw tableError(new Error(`the sequence of ${type} vanished`));
      return sequenceFromItem(item);
    },
    async takeTickets(type, count, now) {
      const command = new UpdateItemCommand({
        TableName: name,
        Key: keyItem(sequenceItemKey(type)),
        UpdateExpression: 'ADD n :count SET t = :now',
        // Without it, a sequence that was lost would begin again at 0.
        ConditionExpression: 'attribute_exists(n)',
        ExpressionAttributeValues: { ':count': { N: String(count) }, ':now': { N: String(now) } },
        ReturnValues: 'UPDATED_NEW',
      });
      try {
        const answer = await call((options) => client.send(command, options));
        return Number(answer.Attributes?.['n']?.N);
      } catch (error) {
        if (!isConditionFailure(error)) throw error;
        throw new TableError('refused', `the sequence of ${type} is gone`);
      }
    },
    async raiseCompacted(type, before) {
      const command = new UpdateItemCommand({
        TableName: name,
        Key: keyItem(sequenceItemKey(type)),
        UpdateExpression: 'SET compacted = :before',
        ConditionExpression: 'compacted < :before',
        ExpressionAttributeValues: { ':before': { N: String(before) } },
      });
      try {
        await call((options) => client.send(command, options));
      } catch (error) {
        if (!isConditionFailure(error)) throw error;
      }
    },

    async objects(places) {
      if (places.length === 0) return [];
      if (places.length === 1) {
        const { key, bucket } = places[0]!;
        const item = await get(objectItemKey(key, bucket));
        return item ? [objectFromItem(typeOf(key), item)] : [];
      }
      const found: ObjectItem[] = [];
      let keys = places.map(({ key, bucket }) => keyItem(objectItemKey(key, bucket)));
      while (keys.length > 0) {
        const command = new BatchGetItemCommand({
          RequestItems: { [name]: { Keys: keys.slice(0, 100), ConsistentRead: true } },
        });
        const answer = await call((options) => client.send(command, options));
        for (const item of answer.Responses?.[name] ?? []) {
          const pk = item['pk']?.S ?? '';
          found.push(objectFromItem(pk.slice('OBJ#'.length, pk.lastIndexOf('#')), item));
        }
        keys = [...keys.slice(100), ...(answer.UnprocessedKeys?.[name]?.Keys ?? [])];
      }
      return found;
    },
    async scan(type, buckets) {
      const partitions = await Promise.all(
        Array.from({ length: buckets }, (_, bucket) => queryAll(objectPartition(type, bucket))),
      );
      return partitions.flat().map((item) => objectFromItem(type, item));
    },

    async logEntry(type, seq) {
      const item = await get(logItemKey(type, seq));
      return item && logFromItem(item);
    },
    async logAfter(type, after) {
      const epoch = epochOf(after + 1);
      const first = await query(logPartition(type, epoch), { from: logSortKey(after) });
      const items = first.items.map(logFromItem);
      if (first.next) return { items, more: true };
      const last = items.at(-1);
      const reached = last ? last.seq + last.count : after + 1;
      if (epochOf(reached + overlap) === epoch) return { items, more: false };
      const second = await query(logPartition(type, epoch + 1), { from: logSortKey(after) });
      items.push(...second.items.map(logFromItem));
      // Beyond the next epoch there can only be something if this one is full.
      return { items, more: second.next !== undefined || second.items.length > epochSize / 2 };
    },
    async logBefore(type, before) {
      const { items, next } = await query(logPartition(type, epochOf(before - 1)), {
        below: logSortKey(before),
        descending: true,
      });
      return { items: items.map(logFromItem), more: next !== undefined };
    },
    async putLog(type, item) {
      const command = new PutItemCommand({
        TableName: name,
        Item: logToItem(type, item),
        ConditionExpression: 'attribute_not_exists(pk)',
      });
      try {
        await call((options) => client.send(command, options));
        return true;
      } catch (error) {
        if (isConditionFailure(error)) return false;
        throw error;
      }
    },

    async transact({ token, logs, objects }) {
      const actions: TransactWriteItem[] = logs.map(({ type, item }) => ({
        Put: {
          TableName: name,
          Item: logToItem(type, item),
          ConditionExpression: 'attribute_not_exists(pk)',
        },
      }));
      for (const action of objects) actions.push(objectAction(name, action));
      const command = new TransactWriteItemsCommand({ TransactItems: actions, ClientRequestToken: token });
      await call((options) => client.send(command, options), logs.length);
    },

    async putChunk(type, id, index, data, expires) {
      const command = new PutItemCommand({
        TableName: name,
        Item: {
          ...keyItem({ pk: chunkPartition(type, id), sk: chunkSortKey(index) }),
          d: { B: data },
          ...(expires === undefined ? {} : { x: { N: String(expires) } }),
        },
      });
      await call((options) => client.send(command, options));
    },
    async chunks(type, { id }) {
      const items = await queryAll(chunkPartition(type, id));
      return items.map((item) => item['d']?.B ?? new Uint8Array());
    },
    async expireChunks(type, { id, parts }, expires) {
      for (let index = 0; index < parts; index++) {
        const command = new UpdateItemCommand({
          TableName: name,
          Key: keyItem({ pk: chunkPartition(type, id), sk: chunkSortKey(index) }),
          UpdateExpression: 'SET x = :expires',
          ConditionExpression: 'attribute_exists(pk)',
          ExpressionAttributeValues: { ':expires': { N: String(expires) } },
        });
        try {
          await call((options) => client.send(command, options));
        } catch (error) {
          if (!isConditionFailure(error)) throw error;
        }
      }
    },
    close: () => client.destroy(),
  };
}

function objectAction(table: string, { place, condition, item }: ObjectAction): TransactWriteItem {
  const key = objectItemKey(place.key, place.bucket);
  const expression = conditionOf(condition);
  if (item) return { Put: { TableName: table, Item: objectToItem(key, item), ...expression } };
  return { ConditionCheck: { TableName: table, Key: keyItem(key), ...expression } };
}

function conditionOf(condition: Condition): {
  ConditionExpression: string;
  ExpressionAttributeValues?: Record<string, { N: string }>;
} {
  switch (condition.is) {
    case 'absent':
      if (condition.below === undefined)
        return { ConditionExpression: 'attribute_not_exists(pk) OR attribute_exists(g)' };
      return {
        ConditionExpression: 'attribute_not_exists(pk) OR (attribute_exists(g) AND r < :seq)',
        ExpressionAttributeValues: { ':seq': { N: String(condition.below) } },
      };
    case 'at':
      return {
        ConditionExpression: 'r = :revision AND attribute_not_exists(g)',
        ExpressionAttributeValues: { ':revision': { N: String(condition.revision) } },
      };
  }
}
