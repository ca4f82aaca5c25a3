import {
  CreateTableCommand,
  DynamoDBClient,
  type DynamoDBClientConfig,
  UpdateTimeToLiveCommand,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb';
import { tableDefinition, timeToLiveAttribute } from './table-schema.ts';

/** A client as the table wants it: it repeats nothing by itself. */
export function createDynamoClient(config: DynamoDBClientConfig = {}): DynamoDBClient {
  return new DynamoDBClient({ ...config, maxAttempts: 1 });
}

/** Makes the table, for tests and throw-away clusters; a deployment makes it from the same definition. */
export async function createTable(client: DynamoDBClient, name: string): Promise<void> {
  const { AttributeDefinitions, KeySchema, BillingMode, StreamSpecification } = tableDefinition;
  await client.send(
    new CreateTableCommand({
      TableName: name,
      AttributeDefinitions: [...AttributeDefinitions],
      KeySchema: [...KeySchema],
      BillingMode,
      StreamSpecification,
    }),
  );
  await waitUntilTableExists({ client, maxWaitTime: 60, minDelay: 1 }, { TableName: name });
  await client.send(
    new UpdateTimeToLiveCommand({
      TableName: name,
      TimeToLiveSpecification: { Enabled: true, AttributeName: timeToLiveAttribute },
    }),
  );
}
