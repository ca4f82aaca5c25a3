import {
  CreateTableCommand,
  DeleteTableCommand,
  DynamoDBClient,
  TransactWriteItemsCommand,
  TransactionCanceledException,
} from '@aws-sdk/client-dynamodb';
import { type Probed, unique, withCleanUp } from './probe.ts';

/** Transactions on one item at the same time: some must be told that they met. */
export const transactionConflict = (aws: Probed): Promise<string | undefined> =>
  withCleanUp(async (after) => {
    const dynamo = new DynamoDBClient({ ...aws.settings, maxAttempts: 1 });
    const TableName = unique('table');
    await dynamo.send(
      new CreateTableCommand({
        TableName,
        AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
        KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
        BillingMode: 'PAY_PER_REQUEST',
      }),
    );
    after(() => dynamo.send(new DeleteTableCommand({ TableName })));
    const write = (): Promise<boolean> =>
      dynamo
        .send(
          new TransactWriteItemsCommand({
            TransactItems: [
              {
                Update: {
                  TableName,
                  Key: { pk: { S: 'a' } },
                  UpdateExpression: 'ADD n :one',
                  ExpressionAttributeValues: { ':one': { N: '1' } },
                },
              },
            ],
          }),
        )
        .then(
          () => false,
          (thrown: unknown) =>
            thrown instanceof TransactionCanceledException &&
            (thrown.CancellationReasons ?? []).some(({ Code }) => Code === 'TransactionConflict'),
        );
    for (let round = 0; round < 4; round++) {
      const met = await Promise.all(Array.from({ length: 40 }, write));
      if (met.includes(true)) return undefined;
    }
    return '160 transactions on one item, and none was cancelled with TransactionConflict';
  });
