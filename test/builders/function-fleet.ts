/**
 * What AWS runs of the control plane, in this process: dispatcher, controllers, scheduler, later and timer over a table in memory,
 * with models of the stream, the queues, the schedules and the event source mappings between them.
 */
import { SQSClient } from '@aws-sdk/client-sqs';
import { SchedulerClient } from '@aws-sdk/client-scheduler';
import type { Logger } from '@nodeless/component-base/logger';
import type { ManualClock } from '@nodeless/component-base/manual-clock';
import { createOneOffSchedules } from '@nodeless/controller-runtime/aws/one-off-schedules';
import { createSqsQueue } from '@nodeless/controller-runtime/aws/sqs-queue';
import { createLater } from '@nodeless/controller-runtime/queues';
import type { QueueRecord } from '@nodeless/controller-runtime/work-batch';
import { createControllersFunction } from '@nodeless/controllers/controllers-function';
import { createFunctionControllers, wakingControllers } from '@nodeless/controllers/function-controllers';
import type { AwsControllers } from '@nodeless/controllers/load-balancers/aws-controllers';
import { createSimulatedLoadBalancers } from '@nodeless/controllers/load-balancers/simulated/simulated-load-balancers';
import { createDispatcherFunction } from '@nodeless/events/dispatcher-function';
import { forward } from '@nodeless/events/forward';
import type { AdmissionPlugin } from '@nodeless/registry/admission/admission';
import { schedulerDoorbell } from '@nodeless/scheduler/doorbell';
import { defaultProfile } from '@nodeless/scheduler/profile';
import { createSchedulerFunction } from '@nodeless/scheduler/scheduler-function';
import { type DynamoDbStore, createDynamoDbStore } from '@nodeless/store/dynamodb/dynamodb-store';
import {
  type BatchResponse,
  type Mapping,
  createQueueMapping,
  createStreamMapping,
  createStreamRig,
} from '../aws/rigs/event-source-mapping.ts';
import { type QueueRig, type ReceivedMessage, createQueueRig } from '../aws/rigs/fifo-queue.ts';
import { createSchedulesEndpoint, createSqsEndpoint } from '../aws/rigs/messaging-endpoints.ts';
import { validated } from '../aws/rigs/request-validation.ts';
import { type FunctionHost, type Step, type World, createFunctionHost } from './function-host.ts';
import { type StreamedImage, createStreamingTable } from './streaming-table.ts';

/** What becomes of a record on its way; the delays say how often, and how late. */
export type Delivery = readonly { readonly afterMs: number }[];

export interface FunctionFleetOptions {
  /** Default: once, at once. [] = lost. */
  readonly deliver?: (record: StreamedImage) => Delivery;
  readonly dies?: (step: Step) => boolean;
  readonly fails?: (step: Step) => Error | undefined;
  /** Of a message, before it goes to the dead-letter queue. */
  readonly maxReceives?: number;
  /** Ticks do not come by themselves. */
  readonly ticks?: boolean;
  /** Instead of simulated ones: made anew with each start of the controllers' function. */
  readonly balancers?: (clock: ManualClock) => AwsControllers;
  readonly admission?: readonly AdmissionPlugin[];
}

export interface FunctionFleet {
  /** For those outside of the functions: over the same table, and looking at it by themselves. */
  readonly store: DynamoDbStore;
  readonly functions: Readonly<Record<FunctionName, FunctionHost<never, unknown>>>;
  readonly queues: Readonly<Record<QueueName, QueueRig>>;
  /** Puts a record into the stream that no commit made. */
  inject(record: StreamedImage): void;
  /** Batches of the stream that were given up, as the dead-letter queue is told of them. */
  readonly givenUp: readonly { readonly reason: string; readonly size: number }[];
  /** Of one-off schedules that wait. */
  schedules(): string[];
  tick(full?: boolean): Promise<void>;
  /** Begins to carry events; what was written before is carried, too. */
  start(): void;
  /** Grows with everything that happens. */
  activity(): number;
  stop(): void;
}

export type FunctionName = 'dispatcher' | 'controllers' | 'scheduler' | 'later' | 'timer';
export type QueueName = 'controllers' | 'scheduler' | 'kubelet' | 'later' | 'dead';

type DispatcherEvent =
  | {
      readonly records: readonly {
        readonly eventId: string;
        readonly sequenceNumber: string;
        readonly image: StreamedImage['image'];
      }[];
    }
  | { readonly tick: string; readonly full: boolean };

const tickMs = 5 * 60_000;
/** Functions do not poll: each invocation looks at the log itself. */
const neverMs = 2 ** 31;

export function createFunctionFleet(clock: ManualClock, log: Logger, options: FunctionFleetOptions): FunctionFleet {
  const { deliver = () => [{ afterMs: 0 }], dies, fails } = options;
  const onError = (error: unknown): void => log.error('a function failed', { error });
  let activity = 0;
  const stream = createStreamRig<StreamedImage>({ clock, shards: 2 });
  const plainTable = createStreamingTable((record) => {
    activity += 1;
    if (record.eventName !== 'INSERT') return void stream.put(record.partitionKey, record);
    for (const { afterMs } of deliver(record)) {
      if (afterMs === 0) stream.put(record.partitionKey, record);
      else clock.setTimer(() => void stream.put(record.partitionKey, record), afterMs);
    }
  });

  const dead = createQueueRig({ clock, name: 'dead', fifo: true, visibilityMs: 30_000 });
  const fifo = (name: string, visibilityMs: number): QueueRig =>
    createQueueRig({
      clock,
      name,
      fifo: true,
      visibilityMs,
      redrive: { to: dead, maxReceives: options.maxReceives ?? 5 },
    });
  const queues = {
    controllers: fifo('controllers', 10_000),
    scheduler: fifo('scheduler', 10_000),
    kubelet: fifo('kubelet', 10_000),
    later: createQueueRig({ clock, name: 'later', fifo: false, visibilityMs: 10_000 }),
    dead,
  };
  const queueUrl = (name: string): string => `http://queues.test/1/${name}${name === 'later' ? '' : '.fifo'}`;
  const sqs = validated(
    new SQSClient({
      region: 'us-east-1',
      credentials: { accessKeyId: 'a', secretAccessKey: 's' },
      endpoint: 'http://queues.test',
      useQueueUrlAsEndpoint: false,
      requestHandler: createSqsEndpoint({
        queues: Object.fromEntries(Object.entries(queues).map(([name, queue]) => [queueUrl(name), queue])),
      }),
    }),
    { responses: true },
  );
  const schedulesEndpoint = createSchedulesEndpoint({ clock, fire: (input) => void fireTimer(input) });
  const schedules = createOneOffSchedules({
    client: validated(
      new SchedulerClient({
        region: 'us-east-1',
        credentials: { accessKeyId: 'a', secretAccessKey: 's' },
        requestHandler: schedulesEndpoint,
      }),
      { responses: true },
    ),
    group: 'nodeless-test',
    target: 'arn:aws:lambda:us-east-1:000000000000:function:timer',
    role: 'arn:aws:iam::000000000000:role/timer',
  });
  const queueOf = (world: World, name: QueueName) => world.queue(createSqsQueue(sqs, queueUrl(name), clock));
  const laterOf = (world: World, queue: QueueName) =>
    createLater({ queue, delays: queueOf(world, 'later'), schedules, clock: world.clock });
  const storeOf = (world: Pick<World, 'table' | 'clock'>, pollMs = neverMs) =>
    createDynamoDbStore({ ...world, pollMs, log });
  const random = (): number => 0.5;
  const loadBalancers = createSimulatedLoadBalancers({ clusterId: 'test' });

  const controllers = createFunctionHost<readonly QueueRecord[], string[]>({
    name: 'controllers',
    table: plainTable,
    clock,
    dies,
    fails,
    onError,
    make: (world) =>
      createControllersFunction({
        store: storeOf(world),
        later: laterOf(world, 'controllers'),
        rootCertificate: 'PEM',
        ...(options.balancers
          ? { balancers: options.balancers(clock), admission: options.admission }
          : { loadBalancers }),
        clock: world.clock,
        log,
        random,
      }),
  });
  const scheduler = createFunctionHost<readonly QueueRecord[], string[]>({
    name: 'scheduler',
    table: plainTable,
    clock,
    dies,
    fails,
    onError,
    make: (world) =>
      createSchedulerFunction({
        store: storeOf(world),
        later: laterOf(world, 'scheduler'),
        clock: world.clock,
        log,
        random: () => 0,
      }),
  });
  const dispatcher = createFunctionHost<DispatcherEvent, BatchResponse>({
    name: 'dispatcher',
    table: plainTable,
    clock,
    dies,
    fails,
    onError,
    async make(world) {
      const made = await createDispatcherFunction({
        store: storeOf(world),
        table: world.table,
        queues: {
          controllers: queueOf(world, 'controllers'),
          scheduler: queueOf(world, 'scheduler'),
        },
        wakes: (served) => ({
          controllers: options.balancers
            ? wakingControllers(served)
            : createFunctionControllers({ served, rootCertificate: '', loadBalancers }),
          scheduler: [schedulerDoorbell(defaultProfile)],
        }),
        clock: world.clock,
        log,
        tickMs,
      });
      return async (event) => {
        if ('tick' in event) {
          await made.tick(event.tick, event.full);
          return {};
        }
        const failed = await made.dispatch(event.records);
        return { batchItemFailures: failed === undefined ? [] : [{ itemIdentifier: failed }] };
      };
    },
  });
  const forwardWith = (world: World) => {
    const targets = { controllers: queueOf(world, 'controllers'), scheduler: queueOf(world, 'scheduler') };
    return (records: readonly { id: string; body: string }[]) => forward(records, { queues: targets, log });
  };
  const later = createFunctionHost<readonly ReceivedMessage[], string[]>({
    name: 'later',
    table: plainTable,
    clock,
    dies,
    fails,
    onError,
    async make(world) {
      const send = forwardWith(world);
      return (messages) => send(messages.map(({ messageId, body }) => ({ id: messageId, body })));
    },
  });
  const timer = createFunctionHost<string, void>({
    name: 'timer',
    table: plainTable,
    clock,
    dies,
    fails,
    onError,
    async make(world) {
      const send = forwardWith(world);
      return async (body) => {
        if ((await send([{ id: '', body }])).length > 0) throw new Error('not sent');
      };
    },
  });
  /** EventBridge Scheduler tries again for an hour. */
  async function fireTimer(input: string): Promise<void> {
    try {
      await timer.invoke(input);
    } catch {
      clock.setTimer(() => void fireTimer(input), 10_000);
    }
  }
  const failures = (ids: readonly string[]): BatchResponse => ({
    batchItemFailures: ids.map((itemIdentifier) => ({ itemIdentifier })),
  });
  const worked =
    (host: FunctionHost<readonly QueueRecord[], string[]>) =>
    async (messages: readonly ReceivedMessage[]): Promise<BatchResponse> =>
      failures(await host.invoke(messages.map(({ messageId, group = '', body }) => ({ id: messageId, group, body }))));

  const givenUp: { reason: string; size: number }[] = [];
  const mappings = (): Mapping[] => [
    createStreamMapping<StreamedImage>({
      clock,
      stream,
      invoke: (records) =>
        dispatcher.invoke({
          records: records.map(({ sequenceNumber, data }) => ({
            eventId: `event-${sequenceNumber}`,
            sequenceNumber,
            image: data.image,
          })),
        }),
      batchSize: 100,
      windowMs: 50,
      filter: ({ eventName, partitionKey }) => eventName === 'INSERT' && partitionKey.startsWith('LOG#'),
      parallelization: 2,
      maxRetries: 10,
      onFailure: (given) => givenUp.push(given),
      bisect: true,
      reportFailures: true,
    }),
    createQueueMapping({ clock, queue: queues.controllers, invoke: worked(controllers), batchSize: 10 }),
    createQueueMapping({ clock, queue: queues.scheduler, invoke: worked(scheduler), batchSize: 10 }),
    createQueueMapping({
      clock,
      queue: queues.later,
      invoke: async (messages) => failures(await later.invoke(messages)),
      batchSize: 10,
    }),
  ];

  let ticks = 0;
  let stopped = false;
  const tick = async (full = false): Promise<void> => {
    ticks += 1;
    const id = `tick-${ticks}`;
    for (let attempt = 0; attempt < 3; attempt++) {
      try {
        await dispatcher.invoke({ tick: id, full });
        return;
      } catch {
        // An asynchronous invocation is tried twice more.
      }
    }
  };
  const everyTick = (): void => {
    clock.setTimer(() => {
      if (stopped) return;
      void tick();
      everyTick();
    }, tickMs);
  };
  const functions = { dispatcher, controllers, scheduler, later, timer };
  let carried: Mapping[] = [];

  return {
    store: storeOf({ table: plainTable, clock }, 200),
    functions: functions as unknown as FunctionFleet['functions'],
    queues,
    inject: (record) => void stream.put(record.partitionKey, record),
    givenUp,
    schedules: () => schedulesEndpoint.names(),
    tick,
    start() {
      carried = mappings();
      if (options.ticks !== false) everyTick();
    },
    activity: () =>
      activity +
      Object.values(functions).reduce(
        (sum, { counts }) => sum + counts.invocations + [...counts.steps.values()].reduce((a, b) => a + b, 0),
        0,
      ) +
      Object.values(queues).reduce((sum, { counts }) => sum + counts.sent + counts.received, 0),
    stop() {
      stopped = true;
      for (const mapping of carried) mapping.stop();
    },
  };
}
