import {
  BatchGetItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  UpdateItemCommand,
  type UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb';
import type { Clock } from '@nodeless/component-base/clock';
import { type Item, keyItem } from './item-codec.ts';
import { TableError } from './table.ts';
import { isConditionFailure, tableError } from './table-errors.ts';
import type { ItemKey } from './table-schema.ts';

export interface Page {
  readonly items: Item[];
  /** Where the next page begins. */
  readonly next: Item | undefined;
}

export interface QueryOptions {
  readonly from?: string;
  readonly below?: string;
  readonly startsWith?: string;
  readonly descending?: boolean;
  readonly limit?: number;
  readonly start?: Item;
}

/** The requests that the table is made of, each with its time limit; reads are strong. They throw TableError. */
export interface DynamoRequests {
  readonly client: DynamoDBClient;
  readonly name: string;
  /** Any other request. `logs`: how many of a transaction's actions, counted from the first, are log entries. */
  call<T>(send: (options: { abortSignal: AbortSignal }) => Promise<T>, logs?: number): Promise<T>;
  get(key: ItemKey): Promise<Item | undefined>;
  getMany(keys: readonly ItemKey[]): Promise<Item[]>;
  query(pk: string, options?: QueryOptions): Promise<Page>;
  queryAll(pk: string, options?: Pick<QueryOptions, 'startsWith'>): Promise<Item[]>;
  /** False: the condition did not hold. */
  put(item: Item, condition?: string): Promise<boolean>;
  /** The attributes as they are afterwards, those that changed; undefined: the condition did not hold. */
  update(key: ItemKey, options: Partial<UpdateItemCommandInput>): Promise<Item | undefined>;
}

export interface DynamoRequestsOptions {
  readonly client: DynamoDBClient;
  readonly name: string;
  readonly clock: Clock;
  readonly timeoutMs: number;
}

export function createDynamoRequests({ client, name, clock, timeoutMs }: DynamoRequestsOptions): DynamoRequests {
  let once: Promise<void> | undefined;
  /** A client that repeats by itself takes tickets that nobody knows of. */
  const repeatsNothing = async (): Promise<void> => {
    const attempts = await client.config.maxAttempts();
    if (attempts > 1)
      throw new TypeError(`the client of the table sends requests ${attempts} times: make it with maxAttempts 1`);
  };
  const call: DynamoRequests['call'] = async (send, logs = 0) => {
    await (once ??= repeatsNothing());
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
  const query: DynamoRequests['query'] = async (pk, options = {}) => {
    const { from, below, startsWith, descending = false, limit, start } = options;
    const bound = from ?? below ?? startsWith;
    const condition =
      from !== undefined
        ? ' AND sk > :bound'
        : below !== undefined
          ? ' AND sk < :bound'
          : startsWith !== undefined
            ? ' AND begins_with(sk, :bound)'
            : '';
    const command = new QueryCommand({
      TableName: name,
      KeyConditionExpression: `pk = :pk${condition}`,
      ExpressionAttributeValues: { ':pk': { S: pk }, ...(bound === undefined ? {} : { ':bound': { S: bound } }) },
      ConsistentRead: true,
      ScanIndexForward: !descending,
      Limit: limit,
      ExclusiveStartKey: start,
    });
    const answer = await call((sending) => client.send(command, sending));
    return { items: answer.Items ?? [], next: answer.LastEvaluatedKey };
  };
  const unlessRefused = async <T>(sending: Promise<T>): Promise<T | undefined> => {
    try {
      return await sending;
    } catch (error) {
      if (isConditionFailure(error)) return undefined;
      throw error;
    }
  };

  return {
    client,
    name,
    call,
    async get(key) {
      const command = new GetItemCommand({ TableName: name, Key: keyItem(key), ConsistentRead: true });
      return (await call((options) => client.send(command, options))).Item;
    },
    async getMany(wanted) {
      const found: Item[] = [];
      let keys = wanted.map(keyItem);
      while (keys.length > 0) {
        const part = keys.slice(0, 100);
        const command = new BatchGetItemCommand({ RequestItems: { [name]: { Keys: part, ConsistentRead: true } } });
        const answer = await call((options) => client.send(command, options));
        for (const item of answer.Responses?.[name] ?? []) found.push(item);
        const left = answer.UnprocessedKeys?.[name]?.Keys ?? [];
        if (left.length === part.length) throw new TableError('throttled', 'none of the keys of a batch was read');
        keys = [...keys.slice(100), ...left];
      }
      return found;
    },
    query,
    async queryAll(pk, options) {
      const all: Item[] = [];
      let start: Item | undefined;
      do {
        const { items, next } = await query(pk, { ...options, start });
        for (const item of items) all.push(item);
        start = next;
      } while (start);
      return all;
    },
    async put(item, condition) {
      const command = new PutItemCommand({ TableName: name, Item: item, ConditionExpression: condition });
      return (await unlessRefused(call((options) => client.send(command, options)))) !== undefined;
    },
    async update(key, options) {
      const command = new UpdateItemCommand({
        ...options,
        TableName: name,
        Key: keyItem(key),
        ReturnValues: 'UPDATED_NEW',
      });
      const answer = await unlessRefused(call((sending) => client.send(command, sending)));
      return answer && (answer.Attributes ?? {});
    },
  };
}
