import { setTimeout as sleep } from 'node:timers/promises';
import { CreateTableCommand, DeleteTableCommand, DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import {
  AddPermissionCommand,
  CreateEventSourceMappingCommand,
  CreateFunctionUrlConfigCommand,
  DeleteEventSourceMappingCommand,
  type LambdaClient,
} from '@aws-sdk/client-lambda';
import { requestFunctionUrl } from '../function-url.ts';
import { type Probed, poll, probeFunction, unique, withCleanUp } from './probe.ts';

/** A table with a stream, and a function that reads it. */
async function streamReader(
  aws: Probed,
  after: (undo: () => Promise<unknown>) => void,
  code: string,
  mapping: object,
): Promise<{ put(id: string): Promise<unknown>; lines(): Promise<string[]> }> {
  const dynamo = new DynamoDBClient(aws.settings);
  const TableName = unique('table');
  const made = await dynamo.send(
    new CreateTableCommand({
      TableName,
      AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      BillingMode: 'PAY_PER_REQUEST',
      StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_IMAGE' },
    }),
  );
  after(() => dynamo.send(new DeleteTableCommand({ TableName })));
  const { name, lambda, lines } = await probeFunction(aws, after, code);
  const { UUID } = await lambda.send(
    new CreateEventSourceMappingCommand({
      FunctionName: name,
      EventSourceArn: made.TableDescription!.LatestStreamArn,
      StartingPosition: 'TRIM_HORIZON',
      BatchSize: 10,
      ...mapping,
    }),
  );
  after(() => lambda.send(new DeleteEventSourceMappingCommand({ UUID })));
  return { put: (id) => dynamo.send(new PutItemCommand({ TableName, Item: { pk: { S: id } } })), lines };
}

/** A record whose handler names it as failed must come again; the records after it must wait for it. */
export const streamPartialFailures = (aws: Probed): Promise<string | undefined> =>
  withCleanUp(async (after) => {
    const { put, lines } = await streamReader(
      aws,
      after,
      `let failed = 0;
       export const handler = async ({ Records }) => {
         for (const { dynamodb } of Records) console.log('probe', dynamodb.Keys.pk.S);
         const first = Records[0].dynamodb.SequenceNumber;
         return { batchItemFailures: failed++ < 2 ? [{ itemIdentifier: first }] : [] };
       };`,
      { FunctionResponseTypes: ['ReportBatchItemFailures'], MaximumRetryAttempts: 5 },
    );
    await put('a');
    const seen = await poll(20_000, async () => ((await lines()).length > 0 ? true : undefined));
    if (!seen) return 'the function was not called in 20 s';
    const again = await poll(4000, async () => ((await lines()).length > 1 ? true : undefined));
    return again ? undefined : 'a record that a function reports as failed is not sent again';
  });

/** A handler that throws must be called MaximumRetryAttempts times more, and no oftener. */
export const streamRetryLimit = (aws: Probed): Promise<string | undefined> =>
  withCleanUp(async (after) => {
    const { put, lines } = await streamReader(
      aws,
      after,
      `export const handler = async () => { console.log('probe'); throw new Error('no'); };`,
      { MaximumRetryAttempts: 1 },
    );
    await put('a');
    const seen = await poll(20_000, async () => ((await lines()).length > 0 ? true : undefined));
    if (!seen) return 'the function was not called in 20 s';
    const often = await poll(6000, async () => ((await lines()).length > 3 ? true : undefined));
    return often ? 'MaximumRetryAttempts is not kept: a batch that fails comes for ever' : undefined;
  });

async function urlOf(lambda: LambdaClient, name: string, mode: 'BUFFERED' | 'RESPONSE_STREAM'): Promise<string> {
  for (const [Action, more] of [
    ['lambda:InvokeFunctionUrl', { FunctionUrlAuthType: 'NONE' }],
    ['lambda:InvokeFunction', { InvokedViaFunctionUrl: true }],
  ] as const)
    await lambda.send(
      new AddPermissionCommand({ FunctionName: name, StatementId: unique('url'), Principal: '*', Action, ...more }),
    );
  const made = await lambda.send(
    new CreateFunctionUrlConfigCommand({ FunctionName: name, AuthType: 'NONE', InvokeMode: mode }),
  );
  return made.FunctionUrl!;
}

export const functionUrl = (aws: Probed): Promise<string | undefined> =>
  withCleanUp(async (after) => {
    const { name, lambda } = await probeFunction(
      aws,
      after,
      `export const handler = async ({ rawPath, requestContext }) =>
         ({ statusCode: 201, headers: { 'x-probe': requestContext.http.method }, body: rawPath });`,
    );
    const url = await urlOf(lambda, name, 'BUFFERED');
    const answer = await requestFunctionUrl(aws, new URL('/a/b', url), { method: 'POST' });
    const { status, headers } = answer;
    const body = await answer.text();
    return status === 201 && body === '/a/b' && headers.get('x-probe') === 'POST'
      ? undefined
      : `answers ${status} ${body.slice(0, 100)}`;
  });

export const urlStreaming = (aws: Probed): Promise<string | undefined> =>
  withCleanUp(async (after) => {
    const { name, lambda } = await probeFunction(
      aws,
      after,
      `export const handler = awslambda.streamifyResponse(async (event, stream) => {
         stream = awslambda.HttpResponseStream.from(stream, { statusCode: 200, headers: {} });
         stream.write('first');
         await new Promise((resolve) => setTimeout(resolve, 2000));
         stream.end('second');
       });`,
    );
    const url = await urlOf(lambda, name, 'RESPONSE_STREAM');
    const answer = await requestFunctionUrl(aws, new URL(url), {});
    if (answer.status !== 200)
      return `a streaming function answers ${answer.status} ${(await answer.text()).slice(0, 100)}`;
    const arrived: number[] = [];
    for await (const _ of answer.body!) arrived.push(Date.now());
    return arrived.length > 1 && arrived.at(-1)! - arrived[0]! > 1000
      ? undefined
      : 'what a function streams arrives in one piece at its end';
  });

/** Two calls at once must run in two places. */
export const parallelInvocations = (aws: Probed): Promise<string | undefined> =>
  withCleanUp(async (after) => {
    const { name, lambda } = await probeFunction(
      aws,
      after,
      `export const handler = async () => { await new Promise((r) => setTimeout(r, 1500)); return { statusCode: 200, body: String(process.pid) }; };`,
    );
    const url = new URL(await urlOf(lambda, name, 'BUFFERED'));
    const call = async (): Promise<string> => (await requestFunctionUrl(aws, url, {})).text();
    await sleep(0);
    const [one, two] = await Promise.all([call(), call()]);
    return one === two ? 'two calls at once run in one process' : undefined;
  });
