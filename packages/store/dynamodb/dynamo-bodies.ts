import { DeleteItemCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoRequests } from './dynamo-requests.ts';
import { keyItem, pendingFromItem, pendingToItem } from './item-codec.ts';
import type { Table } from './table.ts';
import { chunkPartition, chunkSortKey, logSortKey, pendingItemKey, pendingPartition } from './table-schema.ts';

type Bodies = Pick<
  Table,
  'putChunk' | 'chunks' | 'expireChunks' | 'notePending' | 'pendingChunks' | 'claimPending' | 'dropPending'
>;

/** Large bodies: their pieces, and the notes of those that no object refers to. */
export function createDynamoBodies(requests: DynamoRequests): Bodies {
  const { client, name, call, queryAll, query, put, update } = requests;
  return {
    async putChunk(type, id, index, data, expires) {
      await put({
        ...keyItem({ pk: chunkPartition(type, id), sk: chunkSortKey(index) }),
        d: { B: data },
        ...(expires === undefined ? {} : { x: { N: String(expires) } }),
      });
    },
    async chunks(type, { id }) {
      const items = await queryAll(chunkPartition(type, id));
      return items.map((item) => item['d']?.B ?? new Uint8Array());
    },
    async expireChunks(type, { id, parts }, expires) {
      for (let index = 0; index < parts; index++) {
        await update(
          { pk: chunkPartition(type, id), sk: chunkSortKey(index) },
          {
            UpdateExpression: 'SET x = :expires',
            ConditionExpression: 'attribute_exists(pk)',
            ExpressionAttributeValues: { ':expires': { N: String(expires) } },
          },
        );
      }
    },
    async notePending(chunks) {
      await put(pendingToItem(chunks));
    },
    async pendingChunks(before) {
      const { items } = await query(pendingPartition, { below: logSortKey(before), limit: 25 });
      return items.map(pendingFromItem);
    },
    async claimPending(chunks) {
      const claimed = await update(pendingItemKey(chunks), {
        UpdateExpression: 'SET q = :true',
        ConditionExpression: 'attribute_exists(pk)',
        ExpressionAttributeValues: { ':true': { BOOL: true } },
      });
      return claimed !== undefined;
    },
    async dropPending(chunks) {
      const command = new DeleteItemCommand({ TableName: name, Key: keyItem(pendingItemKey(chunks)) });
      await call((options) => client.send(command, options));
    },
  };
}
