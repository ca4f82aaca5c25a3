/**
 * The whole control plane as functions, in this process: dispatcher, controllers, scheduler, later and timer over a table in
 * memory, with models of the stream, the queues and the event source mappings between them, kubelets without containers, and one
 * clock for all. Nothing happens but through what AWS would carry.
 */
import { SQSClient } from '@aws-sdk/client-sqs';
import { SchedulerClient } from '@aws-sdk/client-scheduler';
import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import type { KubernetesObject } from '@nodeless/apimachinery/object';
import { isConflict, isNotFound } from '@nodeless/apimachinery/status';
import type { Client, ObjectKey, ResourceType } from '@nodeless/client/client';
import { createLogger } from '@nodeless/component-base/logger';
import { createManualClock, type ManualClock } from '@nodeless/component-base/manual-clock';
import { apiServerUser } from '@nodeless/controller-runtime/component-users';
import { createOneOffSchedules } from '@nodeless/controller-runtime/aws/one-off-schedules';
import { createSqsQueue } from '@nodeless/controller-runtime/aws/sqs-queue';
import { createLater } from '@nodeless/controller-runtime/queues';
import type { QueueRecord } from '@nodeless/controller-runtime/work-batch';
import { createControllersFunction } from '@nodeless/controllers/controllers-function';
import { createSimulatedLoadBalancers } from '@nodeless/controllers/load-balancers/simulated/simulated-load-balancers';
import { createFunctionControllers, wakingControllers } from '@nodeless/controllers/function-controllers';
import type { AwsControllers } from '@nodeless/controllers/load-balancers/aws-controllers';
import type { AdmissionPlugin } from '@nodeless/registry/admission/admission';
import { createDispatcherFunction } from '@nodeless/events/dispatcher-function';
import { forward } from '@nodeless/events/forward';
import { reconcilePolicy } from '@nodeless/registry/authorization/reconcile-policy';
import { ensureBootstrap } from '@nodeless/registry/bootstrap/bootstrap';
import { createClusterRegistry } from '@nodeless/registry/cluster';
import { schedulerDoorbell } from '@nodeless/scheduler/doorbell';
import { defaultProfile } from '@nodeless/scheduler/profile';
import { createSchedulerFunction } from '@nodeless/scheduler/scheduler-function';
import { createDynamoDbStore } from '@nodeless/store/dynamodb/dynamodb-store';
import {
  type BatchResponse,
  type Mapping,
  createQueueMapping,
  createStreamMapping,
  createStreamRig,
} from '../aws/rigs/event-source-mapping.ts';
import { type QueueRig, type ReceivedMessage, createQueueRig } from '../aws/rigs/fifo-queue.ts';
import { validated } from '../aws/rigs/request-validation.ts';
import { createSchedulesEndpoint, createSqsEndpoint } from '../aws/rigs/messaging-endpoints.ts';
import { type FakeKubelet, type PodLife, createFakeKubelet } from './fake-kubelet.ts';
import { type FunctionHost, type Step, type World, createFunctionHost } from './function-host.ts';
import { type StreamedImage, createStreamingTable } from './streaming-table.ts';

/** What becomes of a record on its way; the delays say how often, and how late. */
export type Delivery = readonly { readonly afterMs: number }[];

export interface FunctionsClusterOptions {
  readonly nodes?: readonly string[];
  readonly life?: (pod: Pod) => PodLife;
  /** Default: once, at once. [] = lost. */
  readonly deliver?: (record: StreamedImage) => Delivery;
  readonly dies?: (step: Step) => boolean;
  /** Of a message, before it goes to the dead-letter queue. */
  readonly maxReceives?: number;
  /** Ticks do not come by themselves. */
  readonly ticks?: boolean;
  readonly heartbeats?: 'leases' | 'status';
  /** Instead of simulated ones: made anew with each start of the controllers' function. */
  readonly balancers?: (clock: ManualClock) => AwsControllers;
  readonly admission?: readonly AdmissionPlugin[];
  readonly onLog?: (line: string) => void;
}

export interface FunctionsCluster {
  readonly clock: ManualClock;
  /** Of system:masters. */
  readonly client: Client;
  readonly kubelet: FakeKubelet;
  readonly functions: Readonly<Record<FunctionName, FunctionHost<never, unknown>>>;
  readonly queues: Readonly<Record<QueueName, QueueRig>>;
  /** Puts a record into the stream that no commit made. */
  inject(record: StreamedImage): void;
  /** Batches of the stream that were given up, as the dead-letter queue is told of them. */
  readonly givenUp: readonly { readonly reason: string; readonly size: number }[];
  /** Of one-off schedules that wait. */
  schedules(): string[];
  /** Everything that was done to the table, by step: the API server's and the kubelets' part, too. */
  readonly logged: readonly string[];
  until<T>(what: string, probe: () => Promise<T | undefined | false>, withinMs?: number): Promise<T>;
  /** Resolves when nothing happens any more without time passing, then lets `ms` pass in small steps. */
  settle(ms?: number): Promise<void>;
  tick(full?: boolean): Promise<void>;
  find<T extends KubernetesObject>(type: ResourceType<T>, key: ObjectKey | string): Promise<T | undefined>;
  edit<T extends KubernetesObject>(
    type: ResourceType<T>,
    key: ObjectKey | string,
    change: (object: T) => unknown,
  ): Promise<T>;
  stop(): Promise<void>;
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
const stepMs = 50;
/** Functions do not poll: each invocation looks at the log itself. */
const neverMs = 2 ** 31;

export async function createFunctionsCluster(options: FunctionsClusterOptions = {}): Promise<FunctionsCluster> {
  const { deliver = () => [{ afterMs: 0 }], dies, heartbeats = 'status' } = options;
  const clock = createManualClock();
  const logged: string[] = [];
  const log = createLogger({
    level: 'warn',
    now: clock.now,
    write: (line) => {
      logged.push(line);
      options.onLog?.(line);
    },
  });
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

  // The cluster from outside: the API server's part, and the kubelets'.
  const store = storeOf({ table: plainTable, clock }, 200);
  const cluster = await createClusterRegistry({ store, clock });
  const client = cluster.clientFor(
    { name: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] },
    'kubectl',
  );
  const bootstrap = cluster.clientFor(apiServerUser, 'kube-apiserver');
  await ensureBootstrap(bootstrap, { serviceCidr: '10.96.0.0/16' });
  await reconcilePolicy(bootstrap);

  const givenUp: { reason: string; size: number }[] = [];
  const mappings: Mapping[] = [
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
  if (options.ticks !== false) everyTick();

  const kubelet = createFakeKubelet({
    clientFor: (user) => cluster.clientFor(user, 'kubelet'),
    clock,
    life: options.life,
    heartbeats,
  });
  const hosts = { dispatcher, controllers, scheduler, later, timer };
  const busy = (): number =>
    activity +
    Object.values(hosts).reduce(
      (sum, { counts }) => sum + counts.invocations + [...counts.steps.values()].reduce((a, b) => a + b, 0),
      0,
    ) +
    Object.values(queues).reduce((sum, { counts }) => sum + counts.sent + counts.received, 0);
  const quiet = async (): Promise<void> => {
    for (let calm = 0, before = busy(); calm < 5;) {
      await new Promise<void>((resolve) => {
        setImmediate(resolve);
      });
      const after = busy();
      calm = after === before ? calm + 1 : 0;
      before = after;
    }
  };
  const settle = async (ms = 0): Promise<void> => {
    await quiet();
    const step = ms > 3_600_000 ? 10_000 : ms > 60_000 ? 1_000 : stepMs;
    for (let left = ms; left > 0; left -= step) {
      await clock.advance(Math.min(step, left));
      await quiet();
    }
  };
  /** Lets time pass while something is waited for: a hole in the log is only filled when its time has come. */
  const driven = async <T>(pending: Promise<T>): Promise<T> => {
    let over = false;
    const end = (): void => {
      over = true;
    };
    pending.then(end, end);
    for (;;) {
      for (let turn = 0; turn < 20 && !over; turn++)
        await new Promise<void>((resolve) => {
          setImmediate(resolve);
        });
      if (over) return pending;
      await clock.advance(stepMs);
    }
  };
  const patient: Client = {
    get: (...args) => driven(client.get(...args)),
    list: (...args) => driven(client.list(...args)),
    create: (...args) => driven(client.create(...args)),
    update: (...args) => driven(client.update(...args)),
    patch: (...args) => driven(client.patch(...args)),
    apply: (...args) => driven(client.apply(...args)),
    delete: (...args) => driven(client.delete(...args)),
    deleteCollection: (...args) => driven(client.deleteCollection(...args)),
    watch: (...args) => client.watch(...args),
  };
  for (const name of options.nodes ?? ['n1', 'n2']) await driven(kubelet.addNode(name));
  await settle(500);

  return {
    clock,
    client: patient,
    kubelet,
    functions: hosts as unknown as FunctionsCluster['functions'],
    queues,
    inject: (record) => void stream.put(record.partitionKey, record),
    givenUp,
    schedules: () => schedulesEndpoint.names(),
    logged,
    settle,
    tick,
    async until(what, probe, withinMs = 120_000) {
      for (const start = clock.now(); ;) {
        await quiet();
        const found = await probe();
        if (found !== undefined && found !== false) return found as never;
        if (clock.now() - start >= withinMs) throw new Error(`did not happen: ${what}\n${logged.slice(-5).join('\n')}`);
        await clock.advance(stepMs);
      }
    },
    async edit(type, key, change) {
      for (;;) {
        const object = structuredClone(await patient.get(type, keyOf(type, key)));
        change(object);
        try {
          return await patient.update(type, object);
        } catch (error) {
          if (!isConflict(error)) throw error;
        }
      }
    },
    async find(type, key) {
      try {
        return await patient.get(type, keyOf(type, key));
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    },
    async stop() {
      stopped = true;
      for (const mapping of mappings) mapping.stop();
      kubelet.stop();
      cluster.close();
      await store.close();
    },
  };
}

const keyOf = (type: { namespaced: boolean }, key: ObjectKey | string): ObjectKey =>
  typeof key === 'string' ? { ...(type.namespaced ? { namespace: 'default' } : {}), name: key } : key;
