import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import {
  DescribeStreamCommand,
  DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
} from '@aws-sdk/client-dynamodb-streams';
import { DescribeTableCommand } from '@aws-sdk/client-dynamodb';
import { deployments, nodes, pods } from '@nodeless/client/resource-types';
import type { Client } from '@nodeless/client/client';
import { systemClock } from '@nodeless/component-base/clock';
import { createManualClock } from '@nodeless/component-base/manual-clock';
import { formatIdentity, identityVariable } from '@nodeless/component-base/task-identity';
import { apiServerUser } from '@nodeless/controller-runtime/component-users';
import { type DynamoDbEndpoint, startDynamoDb, whyNoDynamoDb } from '@nodeless/localstack-utils/dynamodb';
import { reconcilePolicy } from '@nodeless/registry/authorization/reconcile-policy';
import { ensureBootstrap } from '@nodeless/registry/bootstrap/bootstrap';
import { createClusterRegistry } from '@nodeless/registry/cluster';
import { createDynamoClient, createTable } from '@nodeless/store/dynamodb/create-table';
import { createDynamoTable } from '@nodeless/store/dynamodb/dynamo-table';
import { createDynamoDbStore } from '@nodeless/store/dynamodb/dynamodb-store';
import type { Store } from '@nodeless/store/store';
import type { HttpRequest } from '@smithy/protocol-http';
import type { Context, DynamoDBRecord, DynamoDBStreamEvent, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { newDeployment } from '../builders/cluster-objects.ts';
import { type QueueRig, createQueueRig } from './rigs/fifo-queue.ts';
import { type RequestHandler, createSchedulesEndpoint, createSqsEndpoint } from './rigs/messaging-endpoints.ts';

const missing = process.env['AWS_ENDPOINT_URL'] ? 'a table of its own on DynamoDB Local' : whyNoDynamoDb();
const table = 'nodeless-handlers';
const names = ['controllers', 'scheduler', 'kubelet', 'later'] as const;
type QueueName = (typeof names)[number];

/** The functions' own entry points, with the environment that the stack gives them, over DynamoDB Local and models of the rest. */
describe.skipIf(missing !== undefined)(`handlers of the functions${missing ? ` (${missing})` : ''}`, () => {
  const clock = createManualClock(Date.now());
  const queues = Object.fromEntries(
    names.map((name) => [name, createQueueRig({ clock, name, fifo: name !== 'later', visibilityMs: 60_000 })]),
  ) as Record<QueueName, QueueRig>;
  const fired: string[] = [];
  const schedules = createSchedulesEndpoint({ clock, fire: (input) => fired.push(input) });
  let dynamo: DynamoDbEndpoint;
  let server: Server;
  let store: Store;
  let client: Client;
  let pump: () => Promise<number>;

  beforeAll(async () => {
    dynamo = await startDynamoDb();
    server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const other = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const urls = Object.fromEntries(names.map((name) => [name, `${other}/1/${name}`])) as Record<QueueName, string>;
    answer(server, {
      sqs: createSqsEndpoint({ queues: Object.fromEntries(names.map((name) => [urls[name], queues[name]])) }),
      schedules,
    });
    for (const [name, value] of Object.entries({
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      AWS_ENDPOINT_URL: other,
      AWS_ENDPOINT_URL_DYNAMODB: dynamo.endpoint,
      NODELESS_CLUSTER: 'handlers',
      NODELESS_TABLE: table,
      NODELESS_PARAMETERS: '/nodeless/handlers',
      NODELESS_SERVICE_CIDR: '10.96.0.0/16',
      NODELESS_QUEUE_CONTROLLERS: urls.controllers,
      NODELESS_QUEUE_SCHEDULER: urls.scheduler,
      NODELESS_QUEUE_KUBELET: urls.kubelet,
      NODELESS_QUEUE_LATER: urls.later,
      NODELESS_SCHEDULE_GROUP: 'nodeless-handlers',
      NODELESS_SCHEDULE_ROLE: 'arn:aws:iam::000000000000:role/timer',
      NODELESS_TIMER_ARN: 'arn:aws:lambda:us-east-1:000000000000:function:timer',
      NODELESS_VPC: 'vpc-1',
      NODELESS_LB_SUBNETS: '{"public":[],"private":[]}',
      NODELESS_LB_SECURITY_GROUP: 'sg-1',
      NODELESS_SECURITY_GROUPS: 'sg-2',
      NODELESS_HOSTED_ZONE: 'Z1',
      NODELESS_CLUSTER_DOMAIN: 'cluster.local',
    }))
      vi.stubEnv(name, value);

    const dynamoClient = createDynamoClient({ endpoint: dynamo.endpoint });
    await createTable(dynamoClient, table);
    store = createDynamoDbStore({
      table: createDynamoTable({ client: dynamoClient, name: table, clock: systemClock }),
      clock: systemClock,
    });
    const cluster = await createClusterRegistry({ store, clock: systemClock });
    const bootstrap = cluster.clientFor(apiServerUser, 'kube-apiserver');
    await ensureBootstrap(bootstrap, { serviceCidr: '10.96.0.0/16' });
    await reconcilePolicy(bootstrap);
    client = bootstrap;

    const { Table } = await dynamoClient.send(new DescribeTableCommand({ TableName: table }));
    const stream = streamOf(Table?.LatestStreamArn ?? '', dynamo.endpoint);
    const { handler: dispatch } = await import('@nodeless/events/dispatcher-handler');
    const work: [QueueName, (event: SQSEvent) => Promise<SQSBatchResponse>][] = [
      ['controllers', (await import('@nodeless/controllers/handler')).handler],
      ['scheduler', (await import('@nodeless/scheduler/handler')).handler],
    ];
    pump = async () => {
      let done = 0;
      const Records = await stream();
      for (let i = 0; i < Records.length; i += 100) {
        const event: DynamoDBStreamEvent = { Records: Records.slice(i, i + 100) };
        expect(await dispatch(event, context)).toEqual({ batchItemFailures: [] });
      }
      for (const [name, handler] of work) {
        for (;;) {
          const received = queues[name].receive(10);
          if (received.length === 0) break;
          const { batchItemFailures } = await handler(sqsEvent(received));
          expect(batchItemFailures).toEqual([]);
          for (const { receipt } of received) queues[name].delete(receipt);
          done += received.length;
        }
      }
      return done + Records.length;
    };
  }, 60_000);

  afterAll(async () => {
    vi.unstubAllEnvs();
    await store?.close();
    server?.close();
    server?.closeAllConnections();
    await dynamo?.stop();
  });

  const context = { awsRequestId: 'request' } as Context;
  const settled = async (): Promise<void> => {
    for (let turn = 0; turn < 30; turn++) if ((await pump()) === 0) return;
    throw new Error('it does not come to rest');
  };

  it('carry a Deployment to pods, and pods to a node', async () => {
    // What the making of the cluster wrote: its namespaces get their ServiceAccounts, without which there are no pods.
    await settled();
    await client.create(deployments, newDeployment('web', { replicas: 2 }));
    await settled();
    expect((await client.list(pods)).items).toHaveLength(2);
    await client.create(nodes, {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: 'n1' },
      status: {
        allocatable: { cpu: '4', memory: '8Gi', pods: '10' },
        conditions: [{ type: 'Ready', status: 'True', lastHeartbeatTime: new Date().toISOString() }],
      },
    });
    for (let turn = 0; turn < 20; turn++) {
      await settled();
      if ((await client.list(pods)).items.every(({ spec }) => spec?.nodeName === 'n1')) break;
      // Back-offs are of a second or two: the later function brings them back.
      await clock.advance(1_000);
      await later();
      await new Promise<void>((resolve) => {
        setTimeout(resolve, 250);
      });
    }
    expect((await client.list(pods)).items.map(({ spec }) => spec?.nodeName)).toEqual(['n1', 'n1']);
  }, 60_000);

  const later = async (): Promise<void> => {
    const { handler } = await import('@nodeless/events/later-handler');
    const received = queues.later.receive(10);
    if (received.length === 0) return;
    expect(await handler(sqsEvent(received))).toEqual({ batchItemFailures: [] });
    for (const { receipt } of received) queues.later.delete(receipt);
  };

  it('take ticks and events of tasks', async () => {
    const { handler } = await import('@nodeless/events/dispatcher-handler');
    await settled();
    await handler({ tick: true }, { awsRequestId: 'tick' } as Context);
    expect(queues.scheduler.bodies().map((body) => JSON.parse(body))).toEqual([
      { v: 1, controller: 'default-scheduler', name: '', attempt: 0 },
    ]);
    expect(queues.controllers.bodies().some((body) => body.includes('pod-garbage-collector'))).toBe(true);
    const before = queues.kubelet.bodies().length;
    const value = formatIdentity({ namespace: 'default', name: 'p', uid: 'u', node: 'n1', attempt: 0, init: [] });
    const detail = {
      taskArn: 'arn:task',
      overrides: { containerOverrides: [{ name: 'agent', environment: [{ name: identityVariable, value }] }] },
    };
    await handler({ id: 'event', 'detail-type': 'ECS Task State Change', detail }, context);
    expect(JSON.parse(queues.kubelet.bodies()[before] ?? '')).toMatchObject({
      controller: 'virtual-kubelet',
      namespace: 'default',
      name: 'p',
      hint: { taskArn: 'arn:task' },
    });
  }, 30_000);

  it('bring back what waited', async () => {
    const { handler } = await import('@nodeless/events/timer-handler');
    const waited = {
      v: 1,
      queue: 'kubelet',
      group: 'g',
      id: 'i',
      message: { v: 1, controller: 'virtual-kubelet', name: 'x', attempt: 0 },
    };
    const before = queues.kubelet.bodies().length;
    await handler(waited);
    expect(queues.kubelet.bodies()).toHaveLength(before + 1);
    await expect(handler({ not: 'a message' })).rejects.toThrow();
  });
});

function sqsEvent(received: readonly { messageId: string; body: string; group: string | undefined }[]): SQSEvent {
  return {
    Records: received.map(({ messageId, body, group }) => ({
      messageId,
      body,
      attributes: { MessageGroupId: group },
    })) as unknown as SQSEvent['Records'],
  };
}

/** Reads the table's stream on from where it was read last, in the form of Lambda's events. */
function streamOf(StreamArn: string, endpoint: string): () => Promise<DynamoDBRecord[]> {
  const streams = new DynamoDBStreamsClient({ endpoint });
  const positions = new Map<string, string | undefined>();
  return async () => {
    const { StreamDescription } = await streams.send(new DescribeStreamCommand({ StreamArn }));
    expect(StreamDescription?.StreamViewType).toBe('NEW_IMAGE');
    const found: DynamoDBRecord[] = [];
    for (const { ShardId = '' } of StreamDescription?.Shards ?? []) {
      if (!positions.has(ShardId)) {
        const input = { StreamArn, ShardId, ShardIteratorType: 'TRIM_HORIZON' as const };
        positions.set(ShardId, (await streams.send(new GetShardIteratorCommand(input))).ShardIterator);
      }
      for (;;) {
        const ShardIterator = positions.get(ShardId);
        if (!ShardIterator) break;
        const { Records = [], NextShardIterator } = await streams.send(new GetRecordsCommand({ ShardIterator }));
        positions.set(ShardId, NextShardIterator);
        for (const record of Records) found.push(record as unknown as DynamoDBRecord);
        if (Records.length === 0) break;
      }
    }
    // The filter of the event source mapping.
    const wanted = found.filter(
      ({ eventName, dynamodb }) => eventName === 'INSERT' && dynamodb?.Keys?.['pk']?.S?.startsWith('LOG#'),
    );
    return JSON.parse(
      JSON.stringify(wanted, (_key, value: unknown) =>
        value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value,
      ),
    ) as DynamoDBRecord[];
  };
}

/** SQS and EventBridge Scheduler of the rigs; parameters there are none; everything else is refused. */
function answer(server: Server, { sqs, schedules }: { sqs: RequestHandler; schedules: RequestHandler }): void {
  server.on('request', (request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const target = String(request.headers['x-amz-target'] ?? '');
      const path = new URL(request.url ?? '/', 'http://x').pathname;
      const asked = { method: request.method, path, headers: request.headers, body: Buffer.concat(chunks) };
      if (target.startsWith('AmazonSSM.')) return void response.end('{"Parameters":[]}');
      const handler = target.startsWith('AmazonSQS.') ? sqs : path.startsWith('/schedules/') ? schedules : undefined;
      if (!handler) return void response.writeHead(400).end('{"__type":"AccessDeniedException"}');
      const { response: made } = await handler.handle(asked as unknown as HttpRequest);
      response.writeHead(made.statusCode, made.headers).end(made.body);
    })();
  });
}
