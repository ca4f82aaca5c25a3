import { type TransactWriteItem, TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';
import type { Clock } from '@nodeless/component-base/clock';
import type { DynamoRequests } from './dynamo-requests.ts';
import { keyItem, logToItem, objectToItem, pendingToItem } from './item-codec.ts';
import { type Condition, type ObjectAction, TableError, type Transaction } from './table.ts';
import { generationItemKey, objectItemKey, pendingItemKey } from './table-schema.ts';

export const growth = { UpdateExpression: 'ADD n :one', ExpressionAttributeValues: { ':one': { N: '1' } } };

export async function transact(requests: DynamoRequests, clock: Clock, transaction: Transaction): Promise<void> {
  const { client, name, call } = requests;
  const { token, logs, objects, used, unused, quiet, notAfter } = transaction;
  const actions: TransactWriteItem[] = logs.map(({ type, item }) => ({
    Put: { TableName: name, Item: logToItem(type, item), ConditionExpression: 'attribute_not_exists(pk)' },
  }));
  for (const action of objects) actions.push(objectAction(name, action));
  for (const chunks of used) {
    actions.push({
      Delete: {
        TableName: name,
        Key: keyItem(pendingItemKey(chunks)),
        ConditionExpression: 'attribute_exists(pk) AND attribute_not_exists(q)',
      },
    });
  }
  for (const chunks of unused) actions.push({ Put: { TableName: name, Item: pendingToItem(chunks) } });
  if (quiet) {
    actions.push({ Update: { TableName: name, Key: keyItem(generationItemKey), ...growth } });
  }
  const command = new TransactWriteItemsCommand({ TransactItems: actions, ClientRequestToken: token });
  // After it was signed: a process may have been frozen since it looked at the clock, and from here on the age of the
  // signature says how late it may arrive.
  command.middlewareStack.add(
    (next) => async (args) => {
      if (clock.now() > notAfter) throw new TableError('late', 'the ticket has become too old');
      return await next(args);
    },
    { step: 'deserialize', priority: 'low', name: 'notAfter' },
  );
  await call((options) => client.send(command, options), logs.length);
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
