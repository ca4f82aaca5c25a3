/** The Cloud over the SDK. Every call has a time limit and few retries: somebody waits at a terminal. */
import {
  CloudFormationClient,
  DeleteStackCommand,
  DescribeStackEventsCommand,
  DescribeStacksCommand,
  GetTemplateSummaryCommand,
  UpdateTerminationProtectionCommand,
} from '@aws-sdk/client-cloudformation';
import {
  DeleteTableCommand,
  DescribeTableCommand,
  DynamoDBClient,
  ListTablesCommand,
  UpdateTableCommand,
} from '@aws-sdk/client-dynamodb';
import { GetFunctionConcurrencyCommand, LambdaClient } from '@aws-sdk/client-lambda';
import {
  DescribeParametersCommand,
  GetParameterCommand,
  GetParametersByPathCommand,
  SSMClient,
} from '@aws-sdk/client-ssm';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import type { Cloud, StackEvent } from './cloud.ts';
import { type AwsOptions, findCredentials, findRegion } from './credentials.ts';
import { explained } from './errors.ts';
import { createQuotaReader } from './sdk-quotas.ts';

export async function createCloud(options: AwsOptions): Promise<Cloud> {
  const region = await findRegion(options);
  const profile = options.profile ?? process.env['AWS_PROFILE'];
  const credentials = () => findCredentials(options);
  const config = {
    region,
    credentials,
    maxAttempts: 4,
    requestHandler: { requestTimeout: 15_000, connectionTimeout: 5_000 },
  };
  const sts = new STSClient(config);
  const ssm = new SSMClient(config);
  const cloudformation = new CloudFormationClient(config);
  const dynamodb = new DynamoDBClient(config);
  const lambda = new LambdaClient(config);
  const ask = <T>(run: () => Promise<T>): Promise<T> => explained({ region, profile }, run);

  const parametersAt = async (path: string): Promise<Map<string, string>> => {
    const found = new Map<string, string>();
    let NextToken: string | undefined;
    do {
      const page = await ssm.send(new GetParametersByPathCommand({ Path: path, NextToken }));
      // Values of secrets stay encrypted: nobody asks for them here.
      for (const { Name, Value, Type } of page.Parameters ?? [])
        if (Name && Value !== undefined && Type !== 'SecureString') found.set(Name, Value);
      NextToken = page.NextToken;
    } while (NextToken);
    return found;
  };

  return {
    region,
    profile,
    credentials,
    identity: () =>
      ask(async () => {
        const { Account = '', Arn = '' } = await sts.send(new GetCallerIdentityCommand({}));
        return { account: Account, arn: Arn };
      }),
    parameters: (cluster) =>
      ask(async () => {
        const path = `/nodeless/${cluster}`;
        const found = await parametersAt(path);
        return found.size === 0
          ? undefined
          : new Map([...found].map(([name, value]) => [name.slice(path.length + 1), value]));
      }),
    clusters: () =>
      ask(async () => {
        const found: string[] = [];
        let NextToken: string | undefined;
        do {
          const page = await ssm.send(
            new DescribeParametersCommand({
              // Not by the path: below that stand the values of every Secret, too.
              ParameterFilters: [{ Key: 'Name', Option: 'Contains', Values: ['/endpoint'] }],
              MaxResults: 50,
              NextToken,
            }),
          );
          for (const { Name = '' } of page.Parameters ?? [])
            found.push(...(/^\/nodeless\/([^/]+)\/endpoint$/.exec(Name)?.slice(1) ?? []));
          NextToken = page.NextToken;
        } while (NextToken);
        return found.toSorted();
      }),
    stack: (StackName) =>
      ask(async () => {
        const found = await cloudformation.send(new DescribeStacksCommand({ StackName })).catch(noStack(undefined));
        const stack = found?.Stacks?.[0];
        if (!stack || stack.StackStatus === 'DELETE_COMPLETE') return undefined;
        return {
          id: stack.StackId ?? StackName,
          status: stack.StackStatus ?? '',
          reason: stack.StackStatusReason,
          terminationProtection: stack.EnableTerminationProtection === true,
          outputs: Object.fromEntries(
            (stack.Outputs ?? []).map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue]),
          ),
          tags: Object.fromEntries((stack.Tags ?? []).map(({ Key = '', Value = '' }) => [Key, Value])),
        };
      }),
    stackEvents: (StackName, after) =>
      ask(async () => {
        const events: StackEvent[] = [];
        let NextToken: string | undefined;
        do {
          const page = await cloudformation
            .send(new DescribeStackEventsCommand({ StackName, NextToken }))
            .catch(noStack(undefined));
          for (const event of page?.StackEvents ?? []) {
            if (event.EventId === after) return events.toReversed();
            events.push({
              id: event.EventId ?? '',
              time: event.Timestamp?.getTime() ?? 0,
              logicalId: event.LogicalResourceId ?? '',
              type: event.ResourceType ?? '',
              status: event.ResourceStatus ?? '',
              reason: event.ResourceStatusReason,
              ofStack: event.PhysicalResourceId === event.StackId,
            });
          }
          NextToken = page?.NextToken;
          // What came before the first question is of an earlier deploy: one page tells where that ends.
        } while (NextToken && after !== undefined);
        return events.toReversed();
      }),
    stackOptions: (StackName) =>
      ask(async () => {
        const found = await cloudformation.send(new GetTemplateSummaryCommand({ StackName })).catch(noStack(undefined));
        const metadata = JSON.parse(found?.Metadata ?? '{}') as { nodeless?: { options?: Record<string, unknown> } };
        return metadata.nodeless?.options;
      }),
    deleteStack: (StackName) =>
      ask(async () => {
        await cloudformation.send(
          new UpdateTerminationProtectionCommand({ StackName, EnableTerminationProtection: false }),
        );
        await cloudformation.send(new DeleteStackCommand({ StackName }));
      }),
    isBootstrapped: () =>
      ask(async () => {
        const found = await ssm
          .send(new GetParameterCommand({ Name: '/cdk-bootstrap/hnb659fds/version' }))
          .catch((error: Error) => {
            if (error.name === 'ParameterNotFound') return undefined;
            throw error;
          });
        return Number(found?.Parameter?.Value ?? 0) >= 6;
      }),
    quota: createQuotaReader(config),
    reservedConcurrency: (FunctionName) =>
      ask(async () => {
        const found = await lambda.send(new GetFunctionConcurrencyCommand({ FunctionName })).catch((error: Error) => {
          if (error.name === 'ResourceNotFoundException') return undefined;
          throw error;
        });
        return found?.ReservedConcurrentExecutions;
      }),
    tables: (prefix) =>
      ask(async () => {
        const { TableNames = [] } = await dynamodb.send(
          new ListTablesCommand({ ExclusiveStartTableName: prefix, Limit: 100 }),
        );
        return TableNames.filter((name) => name.startsWith(prefix));
      }),
    streamOf: (TableName) =>
      ask(async () => {
        const found = await dynamodb.send(new DescribeTableCommand({ TableName })).catch((error: Error) => {
          if (error.name === 'ResourceNotFoundException') return undefined;
          throw error;
        });
        return found?.Table?.LatestStreamArn;
      }),
    deleteTable: (TableName) =>
      ask(async () => {
        await dynamodb.send(new UpdateTableCommand({ TableName, DeletionProtectionEnabled: false }));
        await dynamodb.send(new DeleteTableCommand({ TableName }));
      }),
  };
}

/** CloudFormation tells of a stack that is not there by a ValidationError. */
function noStack<T>(value: T): (error: Error) => T {
  return (error) => {
    if (error.name === 'ValidationError' && /does not exist/.test(error.message)) return value;
    throw error;
  };
}
