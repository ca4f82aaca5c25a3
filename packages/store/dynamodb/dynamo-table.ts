import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Clock } from '@nodeless/component-base/clock';
import { typeOf } from '../keys.ts';
import { createDynamoBodies } from './dynamo-bodies.ts';
import { createDynamoRequests } from './dynamo-requests.ts';
import { growth, transact } from './dynamo-transaction.ts';
import {
  lifeFromItem,
  lifeToItem,
  logFromItem,
  logToItem,
  objectFromItem,
  sequenceFromItem,
  sequenceToItem,
} from './item-codec.ts';
import { type Table, TableError } from './table.ts';
import {
  epochOf,
  epochSize,
  generationItemKey,
  lifeItemKey,
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

const number = (value: number): { N: string } => ({ N: String(value) });

export function createDynamoTable({ client, name, clock, timeoutMs = 3000 }: DynamoTableOptions): Table {
  const requests = createDynamoRequests({ client, name, clock, timeoutMs });
  const { get, getMany, query, queryAll, put, update } = requests;
  const present = async (type: string): ReturnType<Table['createSequence']> => {
    const item = await get(sequenceItemKey(type));
    if (!item) throw new TableError('refused', `the sequence of ${type} is gone`);
    return sequenceFromItem(item);
  };

  return {
    async sequence(type) {
      const item = await get(sequenceItemKey(type));
      return item && sequenceFromItem(item);
    },
    async createSequence(type, sequence) {
      const item = sequenceToItem(sequenceItemKey(type), sequence);
      return (await put(item, 'attribute_not_exists(pk)')) ? sequence : await present(type);
    },
    async takeTickets(type, count, now, settled) {
      const changed = await update(sequenceItemKey(type), {
        UpdateExpression: 'ADD n :count SET t = :now, s = :settled',
        // Without it, a sequence that was lost would begin again at 0.
        ConditionExpression: 'attribute_exists(n)',
        ExpressionAttributeValues: { ':count': number(count), ':now': number(now), ':settled': number(settled) },
      });
      if (!changed) throw new TableError('refused', `the sequence of ${type} is gone`);
      return Number(changed['n']?.N);
    },
    async raiseCompacted(type, before) {
      await update(sequenceItemKey(type), {
        UpdateExpression: 'SET compacted = :before',
        ConditionExpression: 'compacted < :before',
        ExpressionAttributeValues: { ':before': number(before) },
      });
    },

    async objects(places) {
      const keys = places.map(({ key, bucket }) => objectItemKey(key, bucket));
      if (keys.length > 1) {
        return (await getMany(keys)).map((item) => {
          const pk = item['pk']?.S ?? '';
          return objectFromItem(pk.slice('OBJ#'.length, pk.lastIndexOf('#')), item);
        });
      }
      const item = keys[0] && (await get(keys[0]));
      return item ? [objectFromItem(typeOf(places[0]!.key), item)] : [];
    },
    async scan(prefix, buckets) {
      const type = typeOf(prefix);
      const namespace = prefix.slice(type.length);
      const partitions = await Promise.all(
        Array.from({ length: buckets }, (_, bucket) =>
          queryAll(objectPartition(type, bucket), namespace === '' ? {} : { startsWith: namespace }),
        ),
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
      const next = epochOf(reached + overlap);
      if (next === epoch) return { items, more: false };
      // The last entry may take numbers far into later epochs.
      if (next > epoch + 1) return { items, more: true };
      const second = await query(logPartition(type, epoch + 1), { from: logSortKey(after) });
      items.push(...second.items.map(logFromItem));
      // Beyond the next epoch there can only be something if this one is full.
      return { items, more: second.next !== undefined || second.items.length > epochSize / 2 };
    },
    async logBefore(type, before, limit) {
      const { items, next } = await query(logPartition(type, epochOf(before - 1)), {
        below: logSortKey(before),
        descending: true,
        ...(limit === undefined ? {} : { limit }),
      });
      return { items: items.map(logFromItem), more: next !== undefined };
    },
    putLog: (type, item) => put(logToItem(type, item), 'attribute_not_exists(pk)'),

    transact: (transaction) => transact(requests, clock, transaction),

    ...createDynamoBodies(requests),

    async generation() {
      const item = await get(generationItemKey);
      return Number(item?.['n']?.N ?? 0);
    },
    async growGeneration() {
      await update(generationItemKey, growth);
    },
    async life() {
      const item = await get(lifeItemKey);
      return item && lifeFromItem(item);
    },
    async putLife(life) {
      await put(lifeToItem(life));
    },
    async rebase(type, base, now) {
      await update(sequenceItemKey(type), {
        UpdateExpression: 'SET n = :base, #base = :base, compacted = :base, s = :base, t = :now',
        ConditionExpression: '#base < :base AND n < :base',
        // A word of the language.
        ExpressionAttributeNames: { '#base': 'base' },
        ExpressionAttributeValues: { ':base': number(base), ':now': number(now) },
      });
      return await present(type);
    },
    close: () => client.destroy(),
  };
}
