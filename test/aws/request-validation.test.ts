import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { DynamoDBClient, GetItemCommand, PutItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import { EC2Client, DescribeSubnetsCommand } from '@aws-sdk/client-ec2';
import { DescribeTasksCommand, ECSClient, RunTaskCommand, type RunTaskCommandInput } from '@aws-sdk/client-ecs';
import { CreateTargetGroupCommand, ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { ChangeResourceRecordSetsCommand, Route53Client } from '@aws-sdk/client-route-53';
import { CreateScheduleCommand, SchedulerClient } from '@aws-sdk/client-scheduler';
import { SendMessageBatchCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { HttpResponse } from '@smithy/protocol-http';
import { describe, expect, it } from 'vitest';
import { addMiddleware, type SdkClient } from './rigs/sdk-middleware.ts';
import { InvalidRequestError, validateRequests } from './rigs/request-validation.ts';
import { operationModel, serviceModel } from './rigs/service-models.ts';
import { patternOf } from './rigs/shape-validation.ts';

/** A client whose service answers each request with this body. */
function config(body = '{}'): object {
  return {
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
    requestHandler: {
      handle: () =>
        Promise.resolve({
          response: new HttpResponse({
            statusCode: 200,
            headers: { 'content-type': 'application/x-amz-json-1.0' },
            body: new Blob([body]).stream(),
          }),
        }),
    },
  };
}

interface Sender extends SdkClient {
  send(command: never): Promise<unknown>;
}

async function refusal(client: Sender, command: object): Promise<string> {
  const validation = validateRequests(client);
  // So that nothing needs a service: what got this far was accepted.
  addMiddleware(client, 'end', () => Promise.resolve({ $metadata: {} }));
  const error: unknown = await client.send(command as never).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error === undefined) {
    expect(validation.violations).toEqual([]);
    return '';
  }
  expect(error).toBeInstanceOf(InvalidRequestError);
  expect(validation.violations).not.toEqual([]);
  return (error as Error).message;
}

const task = 'arn:aws:ecs:us-east-1:000000000000:task-definition/a:1';
const run = (input: object): object => new RunTaskCommand({ taskDefinition: task, ...input } as RunTaskCommandInput);
const fifo = 'https://sqs.us-east-1.amazonaws.com/000000000000/q.fifo';

const cases: readonly (readonly [string, () => Sender, object, string])[] = [
  [
    'a required member',
    () => new ECSClient(config()),
    new RunTaskCommand({} as never),
    'required member taskDefinition',
  ],
  ['nothing wrong', () => new ECSClient(config()), run({ count: 1, launchType: 'FARGATE' }), ''],
  ['an unknown member', () => new ECSClient(config()), run({ launchtype: 'FARGATE' }), 'has no member launchtype'],
  ['an enumeration', () => new ECSClient(config()), run({ launchType: 'fargate' }), 'launchType: must be one of EC2'],
  ['a type', () => new ECSClient(config()), run({ count: '1' }), 'count: must be a whole number'],
  [
    'a nested list',
    () => new ECSClient(config()),
    run({ networkConfiguration: { awsvpcConfiguration: { subnets: 'subnet-1' } } }),
    'networkConfiguration.awsvpcConfiguration.subnets: must be a list',
  ],
  ['null', () => new ECSClient(config()), run({ group: null }), 'group: must be a string (String), is null'],
  [
    'a length',
    () => new LambdaClient(config()),
    new InvokeCommand({ FunctionName: 'x'.repeat(500) }),
    'FunctionName: must have at most',
  ],
  [
    'an empty part of the path',
    () => new LambdaClient(config()),
    new InvokeCommand({ FunctionName: '' }),
    'part of the path',
  ],
  [
    'a union',
    () => new DynamoDBClient(config()),
    new PutItemCommand({ TableName: 'table', Item: { pk: { S: 'a', N: '1' } as never } }),
    'Item.pk: exactly one member of a union must be set, are S, N',
  ],
  [
    'bytes',
    () => new DynamoDBClient(config()),
    new PutItemCommand({ TableName: 'table', Item: { pk: { B: [1] as never } } }),
    'Item.pk.B: must be bytes',
  ],
  [
    'a number as text',
    () => new DynamoDBClient(config()),
    new PutItemCommand({ TableName: 'table', Item: { pk: { N: 1 as never } } }),
    'Item.pk.N: must be a string',
  ],
  [
    'a range',
    () => new ElasticLoadBalancingV2Client(config()),
    new CreateTargetGroupCommand({ Name: 'a', Port: 70_000 }),
    'Port: must be at most 65535',
  ],
  [
    'a pattern',
    () => new SchedulerClient(config()),
    new CreateScheduleCommand({
      Name: 'a/b',
      ScheduleExpression: 'at(2026-01-01T00:00:00)',
      FlexibleTimeWindow: { Mode: 'OFF' },
      Target: { Arn: 'arn:aws:lambda:us-east-1:0:function:x', RoleArn: 'arn:aws:iam::000000000000:role/x' },
    }),
    'Name: must match',
  ],
  [
    'a list that is too short',
    () => new Route53Client(config()),
    new ChangeResourceRecordSetsCommand({ HostedZoneId: 'Z1', ChangeBatch: { Changes: [] } }),
    'ChangeBatch.Changes: must have at least 1',
  ],
  [
    'a page that is too small',
    () => new EC2Client(config()),
    new DescribeSubnetsCommand({ MaxResults: 1 }),
    'MaxResults: must be at least 5',
  ],
  [
    'a FIFO message without group',
    () => new SQSClient(config()),
    new SendMessageCommand({ QueueUrl: fifo, MessageBody: 'x' }),
    'MessageGroupId: needed by a FIFO queue',
  ],
  [
    'a delay on a FIFO queue',
    () => new SQSClient(config()),
    new SendMessageCommand({ QueueUrl: fifo, MessageBody: 'x', MessageGroupId: 'g', DelaySeconds: 3 }),
    'a FIFO queue has none per message',
  ],
  [
    'eleven messages',
    () => new SQSClient(config()),
    new SendMessageBatchCommand({
      QueueUrl: fifo.replace('.fifo', ''),
      Entries: Array.from({ length: 11 }, (_, index) => ({ Id: String(index), MessageBody: 'x' })),
    }),
    'Entries: 1 to 10, are 11',
  ],
];

describe('requests are checked against the models of the services', () => {
  for (const [title, client, command, wanted] of cases) {
    it(`${title}: ${wanted === '' ? 'accepted' : wanted}`, async () => {
      const said = await refusal(client(), command);
      if (wanted === '') expect(said).toBe('');
      else expect(said).toContain(wanted);
    });
  }

  it('records what was sent, and passes on what is right', async () => {
    const client = new DynamoDBClient(config('{"Item":{"pk":{"S":"a"}}}'));
    const validation = validateRequests(client);
    const answer = await client.send(new GetItemCommand({ TableName: 'table', Key: { pk: { S: 'a' } } }));
    expect(answer.Item).toEqual({ pk: { S: 'a' } });
    expect([...validation.operations]).toEqual(['dynamodb:GetItem']);
  });

  it('tells of an operation that has no model how to get one', async () => {
    const client = new ECSClient(config());
    validateRequests(client);
    addMiddleware(client, 'rename', () => Promise.reject(new Error('not reached')));
    expect(() => operationModel('ecs', 'DeleteService')).toThrow(/operations\.txt/);
    expect(() => serviceModel('nothing')).toThrow(/operations\.txt/);
  });

  it('checks answers of rigs, and their errors', async () => {
    const answers: unknown[] = [
      { $metadata: {}, tasks: [{ lastStatus: 'RUNNING' }], failures: [] },
      { $metadata: {}, tasks: [{ status: 'RUNNING' }] },
      { $metadata: {}, tasks: [{ createdAt: '2026-01-01' }] },
      Object.assign(new Error('no'), { name: 'ClusterNotFoundException' }),
      Object.assign(new Error('no'), { name: 'ClusterMissing' }),
    ];
    const client = new ECSClient(config());
    const validation = validateRequests(client, { responses: true });
    addMiddleware(client, 'rig', () => {
      const answer = answers.shift();
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    });
    const outcomes: unknown[] = [];
    for (let n = 0; n < 5; n++)
      outcomes.push(
        await client.send(new DescribeTasksCommand({ tasks: ['a'] })).then(
          () => 'answered',
          (thrown: unknown) => (thrown as Error).name,
        ),
      );
    expect(outcomes).toEqual([
      'answered',
      'answered',
      'InvalidRequestError',
      'ClusterNotFoundException',
      'InvalidRequestError',
    ]);
    expect(validation.violations).toEqual([
      expect.stringContaining('tasks[0].createdAt: must be a Date'),
      expect.stringContaining('was answered with ClusterMissing'),
    ]);
  });

  it('does not change what is sent', async () => {
    const client = new DynamoDBClient(config('{"Items":[]}'));
    const sent: object[] = [];
    validateRequests(client);
    addMiddleware(client, 'see', (call) => {
      sent.push(call.input);
      return call.proceed();
    });
    const input = {
      TableName: 'table',
      KeyConditionExpression: 'pk = :pk',
      ExpressionAttributeValues: { ':pk': { S: 'a' } },
      Limit: undefined,
    };
    await client.send(new QueryCommand(input));
    expect(sent[0]).toEqual(input);
  });
});

describe('the models', () => {
  const names = [...new Set(['dynamodb', 'ecs', 'elbv2', 'sqs', 'scheduler', 'logs', 'ssm', 'kms', 'route53', 'ec2'])];
  it('name every error and pagination that the rigs need', () => {
    expect(operationModel('Elastic Load Balancing v2', 'CreateLoadBalancer').errors.map(({ name }) => name)).toContain(
      'TooManyLoadBalancersException',
    );
    expect(operationModel('ECS', 'ListTasks').pagination).toMatchObject({ input: ['nextToken'], limit: 'maxResults' });
  });

  it('have patterns that JavaScript understands', () => {
    let count = 0;
    for (const name of names) {
      for (const { pattern } of Object.values(serviceModel(name).shapes)) {
        if (pattern === undefined) continue;
        count++;
        expect(() => patternOf(pattern)).not.toThrow();
      }
    }
    expect(count).toBeGreaterThan(30);
    expect(patternOf('\\p{Print}+').test('a b')).toBe(true);
    expect(patternOf('\\p{Print}+').test('a\u0001')).toBe(false);
    expect(patternOf('(?i)all|[0-9]{12}').test('ALL')).toBe(true);
    expect(patternOf('[a-z]+').test('abc1')).toBe(false);
  });

  it('are what scripts/update-aws-models.mjs writes', (context) => {
    const script = join(import.meta.dirname, '..', '..', 'scripts', 'verify-aws-models.mjs');
    const { status, stdout, stderr } = spawnSync(process.execPath, [script], { encoding: 'utf8' });
    if (status === 3) context.skip(stdout.trim());
    expect(stdout + stderr).toMatch(/are current/);
  });
});
