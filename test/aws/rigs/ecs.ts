/**
 * A model of Amazon ECS with Fargate, for the real SDK client: states and timing, quotas and throttles, idempotence, eventual
 * consistency, and the events that ECS sends to EventBridge. Rules and numbers: AWS's documentation of ECS (quotas, throttling,
 * idempotency, task life cycle). Not AWS: what it proves is that our side keeps the documented rules.
 */
import { createHash } from 'node:crypto';
import type {
  Failure,
  RegisterTaskDefinitionRequest,
  RunTaskRequest,
  Tag,
  Task,
  TaskDefinition,
} from '@aws-sdk/client-ecs';
import type { Clock } from '@nodeless/component-base/clock';
import { checkDefinition, checkSize, client } from './ecs-definitions.ts';
import { beginTask, type ContainerLife, type TaskLife, type TaskTiming, usualTiming } from './ecs-task.ts';
import { createJsonService, type JsonService, ServiceFault } from './json-service.ts';
import { createTokenBucket } from './token-bucket.ts';

export interface EcsOptions {
  readonly clock: Clock;
  readonly cluster?: string;
  readonly timing?: Partial<TaskTiming>;
  /** vCPUs at once: AWS's default is 6. */
  readonly quotas?: { readonly onDemandVcpu?: number; readonly spotVcpu?: number };
  /** ListTasks and startedBy do not know a task before so long. */
  readonly listLagMs?: number;
  /** What a task's containers do. */
  readonly lives?: (task: Task, container: string) => ContainerLife;
  /** `detail` of an EventBridge event `ECS Task State Change`, as JSON would have it. */
  readonly onEvent?: (detail: EcsTaskEvent) => void;
  /** No API limits but the quotas: for tests about other things. */
  readonly unthrottled?: boolean;
}

/** Dates are texts in events. */
export type EcsTaskEvent = Readonly<Record<string, unknown>> & { readonly taskArn: string; readonly version: number };

export interface EcsFault {
  readonly operation: string;
  /** `ThrottlingException`, `ServerException`, `AccessDeniedException` …, or `lost`: it is done, and the answer is an error. */
  readonly code: string;
  readonly message?: string;
  /** Default 1. */
  readonly times?: number;
}

export interface EcsModel extends JsonService {
  readonly clusterArn: string;
  /** All that ever ran, the oldest first. */
  tasks(): readonly Task[];
  definitions(): readonly TaskDefinition[];
  fail(fault: EcsFault): void;
  /** The next launches meet this: a failure of RunTask (`RESOURCE:ENI`), or a task that fails to start. */
  failLaunches(
    failure: { readonly reason: string; readonly detail?: string } | { readonly startError: string },
    times?: number,
  ): void;
  interruptSpot(taskArn: string): void;
  /** Someone else stops it, as the console does. */
  stopByHand(taskArn: string, reason?: string): void;
  setQuota(kind: 'onDemandVcpu' | 'spotVcpu', vcpu: number): void;
  /** The launches (RunTask calls that made a task), with their times. */
  readonly launches: readonly { readonly at: number; readonly taskArn: string; readonly clientToken: string }[];
}

const region = 'us-east-1';
const account = '000000000000';
const stoppedKeptMs = 3_600_000;
const maxOverrides = 8_192;

export function createEcs(options: EcsOptions): EcsModel {
  const { clock, cluster = 'nodeless-test', listLagMs = 0, lives = () => ({}) } = options;
  const timing = { ...usualTiming, ...options.timing };
  const quotas = { onDemandVcpu: 1_000_000, spotVcpu: 1_000_000, ...options.quotas };
  const arn = (rest: string): string => `arn:aws:ecs:${region}:${account}:${rest}`;
  const clusterArn = arn(`cluster/${cluster}`);
  const definitions = new Map<string, TaskDefinition & { tags?: Tag[] }>();
  const tasks = new Map<string, TaskLife & { readonly at: number }>();
  const tokens = new Map<string, { readonly digest: string; readonly taskArn: string }>();
  const launches: { at: number; taskArn: string; clientToken: string }[] = [];
  const faults: { operation: string; code: string; message: string; left: number }[] = [];
  const launchFailures: ({ reason: string; detail?: string } | { startError: string })[] = [];
  let sequence = 0;

  // https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html
  const buckets = {
    runTask: createTokenBucket(clock, 100, 20),
    modify: createTokenBucket(clock, 100, 40),
    read: createTokenBucket(clock, 100, 20),
    register: createTokenBucket(clock, 20, 1),
    describeDefinition: createTokenBucket(clock, 50, 20),
    deleteDefinitions: createTokenBucket(clock, 5, 1),
    tags: createTokenBucket(clock, 20, 10),
    // Of Fargate, one for each kind of capacity.
    launches: { FARGATE: createTokenBucket(clock, 100, 20), FARGATE_SPOT: createTokenBucket(clock, 100, 20) },
  };
  const bucketOf: Readonly<Record<string, keyof Omit<typeof buckets, 'launches'>>> = {
    RunTask: 'runTask',
    StopTask: 'modify',
    DescribeTasks: 'read',
    ListTasks: 'read',
    ListTaskDefinitions: 'read',
    RegisterTaskDefinition: 'register',
    DeregisterTaskDefinition: 'register',
    DescribeTaskDefinition: 'describeDefinition',
    DeleteTaskDefinitions: 'deleteDefinitions',
    TagResource: 'tags',
  };

  const before = (operation: string): (() => void) | undefined => {
    const bucket = bucketOf[operation];
    if (bucket && !options.unthrottled && !buckets[bucket].take()) throw throttled();
    const fault = faults.find((f) => f.operation === operation && f.left > 0);
    if (!fault) return undefined;
    fault.left--;
    const error = (code: string): ServiceFault =>
      new ServiceFault(code, fault.message, { status: code === 'ServerException' ? 500 : 400 });
    if (fault.code !== 'lost') throw error(fault.code);
    return () => {
      throw error('ServerException');
    };
  };

  const checkCluster = (given: unknown): void => {
    if (given !== clusterArn && given !== cluster)
      throw new ServiceFault('ClusterNotFoundException', 'Cluster not found.');
  };
  const definitionOf = (given: string): TaskDefinition & { tags?: Tag[] } => {
    const exact = definitions.get(given);
    if (exact) return exact;
    const newest = [...definitions.values()]
      .filter((d) => (d.family === given || `${d.family}:${d.revision}` === given) && d.status === 'ACTIVE')
      .at(-1);
    if (!newest) throw client('Unable to describe task definition.');
    return newest;
  };

  const usedVcpu = (spot: boolean): number => {
    let used = 0;
    for (const { task } of tasks.values())
      if (task.lastStatus !== 'STOPPED' && (task.capacityProviderName === 'FARGATE_SPOT') === spot)
        used += Number(task.cpu) / 1024;
    return used;
  };

  const runTask = (input: RunTaskRequest): { tasks: unknown[]; failures: Failure[] } => {
    checkCluster(input.cluster);
    const definition = definitionOf(input.taskDefinition ?? '');
    if (definition.status !== 'ACTIVE') throw client('TaskDefinition is inactive');
    const { overrides, clientToken = '', startedBy = '' } = input;
    if (!/^[\x21-\x7e]{0,64}$/.test(clientToken))
      throw invalid('clientToken must be at most 64 characters in the range of 33-126.');
    if (!/^[A-Za-z0-9/_-]{0,128}$/.test(startedBy)) throw invalid('startedBy must match [a-zA-Z0-9-_/]{0,128}.');
    if (JSON.stringify(overrides ?? {}).length > maxOverrides)
      throw invalid('Container Overrides length must be at most 8192');
    if ((input.tags?.length ?? 0) > 50) throw invalid('Too many tags.');
    const network = input.networkConfiguration?.awsvpcConfiguration;
    if (!network?.subnets?.length)
      throw invalid('Network Configuration must be provided when networkMode awsvpc is specified.');
    for (const { name = '' } of overrides?.containerOverrides ?? [])
      if (!definition.containerDefinitions?.some((c) => c.name === name))
        throw invalid(`Override for container named ${name} is not a container in the TaskDefinition.`);
    const digest = createHash('sha256').update(JSON.stringify(input)).digest('hex');
    const known = tokens.get(clientToken);
    if (clientToken !== '' && known) {
      if (known.digest !== digest)
        throw new ServiceFault('ConflictException', 'The clientToken is in use with a different request.', {
          fields: { resourceIds: [known.taskArn] },
        });
      return { tasks: [wire((tasks.get(known.taskArn) as TaskLife).task)], failures: [] };
    }
    const provider = input.capacityProviderStrategy?.[0]?.capacityProvider ?? 'FARGATE';
    if (provider !== 'FARGATE' && provider !== 'FARGATE_SPOT') throw invalid('The capacity provider was not found.');
    const spot = provider === 'FARGATE_SPOT';
    const cpu = overrides?.cpu ?? definition.cpu ?? '';
    const memory = overrides?.memory ?? definition.memory ?? '';
    checkSize(cpu, memory);
    if (!options.unthrottled && !buckets.launches[provider].take()) throw throttled();
    if (usedVcpu(spot) + Number(cpu) / 1024 > quotas[spot ? 'spotVcpu' : 'onDemandVcpu'])
      // Its name is documented nowhere; of those that RunTask may answer, this is the one for quotas.
      throw client("You've reached the limit on the number of vCPUs you can run concurrently");
    const failure = launchFailures.shift();
    if (failure && 'reason' in failure) return { tasks: [], failures: [{ arn: clusterArn, ...failure }] };

    const id = createHash('md5').update(String(++sequence)).digest('hex');
    const taskArn = arn(`task/${cluster}/${id}`);
    const address = `10.${(sequence >> 16) & 255}.${(sequence >> 8) & 255}.${sequence & 255}`;
    const task: Task = {
      taskArn,
      clusterArn,
      taskDefinitionArn: definition.taskDefinitionArn,
      ...(input.capacityProviderStrategy ? { capacityProviderName: provider } : {}),
      launchType: 'FARGATE',
      platformVersion: '1.4.0',
      group: input.group ?? `family:${definition.family}`,
      startedBy: startedBy || undefined,
      cpu,
      memory,
      overrides: structuredClone(overrides),
      tags: input.tags,
      createdAt: new Date(clock.now()),
      lastStatus: 'PROVISIONING',
      desiredStatus: 'RUNNING',
      version: 1,
      availabilityZone: `${region}a`,
      attachments: [
        {
          id: `eni-${id}`,
          type: 'ElasticNetworkInterface',
          status: 'PRECREATED',
          details: [{ name: 'subnetId', value: network.subnets[0] }],
        },
      ],
      containers: (definition.containerDefinitions ?? []).map((c) => ({
        name: c.name,
        containerArn: arn(`container/${cluster}/${id}/${c.name}`),
        taskArn,
        image: c.image,
        lastStatus: 'PENDING',
        ...(c.healthCheck ? { healthStatus: 'UNKNOWN' as const } : {}),
        networkInterfaces: [{ privateIpv4Address: address, attachmentId: `eni-${id}` }],
      })),
    };
    const life = beginTask({
      task,
      definitions: definition.containerDefinitions ?? [],
      clock,
      timing,
      lives: (name) => lives(task, name),
      onChange: (changed) => options.onEvent?.(eventOf(changed)),
      ...(failure && 'startError' in failure ? { startError: failure.startError } : {}),
    });
    tasks.set(taskArn, Object.assign(Object.create(life) as TaskLife, { at: clock.now() }));
    if (clientToken !== '') tokens.set(clientToken, { digest, taskArn });
    launches.push({ at: clock.now(), taskArn, clientToken });
    options.onEvent?.(eventOf(task));
    return { tasks: [wire(task)], failures: [] };
  };

  /** Stopped tasks are shown for an hour. */
  const visible = (): (TaskLife & { readonly at: number })[] =>
    [...tasks.values()].filter(
      ({ task }) => task.lastStatus !== 'STOPPED' || clock.now() - (task.stoppedAt?.getTime() ?? 0) < stoppedKeptMs,
    );
  const find = (given: unknown): TaskLife | undefined => {
    const wanted = String(given);
    return visible().find(({ task }) => task.taskArn === wanted || task.taskArn?.endsWith(`/${wanted}`));
  };

  const page = <T>(
    all: readonly T[],
    input: Readonly<Record<string, unknown>>,
  ): { items: readonly T[]; nextToken?: string } => {
    const from = Number(input['nextToken'] ?? 0);
    const size = Math.min(Number(input['maxResults'] ?? 100), 100);
    const items = all.slice(from, from + size);
    return from + size < all.length ? { items, nextToken: String(from + size) } : { items };
  };

  const register = (request: RegisterTaskDefinitionRequest): { taskDefinition: unknown; tags: unknown } => {
    checkDefinition(request);
    const { tags, ...rest } = request;
    const revision = [...definitions.values()].filter((d) => d.family === request.family).length + 1;
    const taskDefinitionArn = arn(`task-definition/${request.family}:${revision}`);
    const definition: TaskDefinition & { tags?: Tag[] } = {
      ...rest,
      taskDefinitionArn,
      revision,
      status: 'ACTIVE',
      tags,
    };
    definitions.set(taskDefinitionArn, definition);
    return { taskDefinition: { ...definition, tags: undefined }, tags: tags ?? [] };
  };

  const service = createJsonService(
    {
      RegisterTaskDefinition: (input) => register(input as unknown as RegisterTaskDefinitionRequest),
      DescribeTaskDefinition(input) {
        const { tags, ...taskDefinition } = definitionOf(String(input['taskDefinition']));
        return {
          taskDefinition,
          tags: (input['include'] as string[] | undefined)?.includes('TAGS') ? (tags ?? []) : [],
        };
      },
      ListTaskDefinitions(input) {
        const status = (input['status'] ?? 'ACTIVE') as string;
        const family = input['familyPrefix'] as string | undefined;
        const all = [...definitions.values()]
          .filter((d) => d.status === status && (family === undefined || d.family === family))
          .map((d) => d.taskDefinitionArn as string)
          .sort();
        const { items, nextToken } = page(all, input);
        return { taskDefinitionArns: items, nextToken };
      },
      DeregisterTaskDefinition(input) {
        const definition = definitionOf(String(input['taskDefinition']));
        definition.status = 'INACTIVE';
        return { taskDefinition: { ...definition, tags: undefined } };
      },
      DeleteTaskDefinitions(input) {
        const given = input['taskDefinitions'] as string[];
        if (given.length > 10) throw invalid('At most 10 task definitions.');
        const failures: Failure[] = [];
        for (const one of given) {
          const definition = definitions.get(one);
          if (definition?.status === 'INACTIVE') definitions.delete(one);
          else failures.push({ arn: one, reason: 'The specified task definition is not in INACTIVE status.' });
        }
        return { taskDefinitions: [], failures };
      },
      RunTask: (input) => runTask(input as unknown as RunTaskRequest),
      DescribeTasks(input) {
        checkCluster(input['cluster']);
        const given = input['tasks'] as string[];
        if (given.length > 100) throw invalid('Tasks cannot be more than 100.');
        const withTags = (input['include'] as string[] | undefined)?.includes('TAGS') === true;
        const found = given.map(find);
        return {
          tasks: found.flatMap((life) => (life ? [wire(life.task, withTags)] : [])),
          failures: given.flatMap((one, i) => (found[i] ? [] : [{ arn: one, reason: 'MISSING' }])),
        };
      },
      ListTasks(input) {
        checkCluster(input['cluster']);
        const { startedBy } = input;
        const wanted = (input['desiredStatus'] ?? 'RUNNING') as string;
        if (startedBy !== undefined && (input['family'] !== undefined || input['serviceName'] !== undefined))
          throw invalid('When startedBy is specified it must be the only filter.');
        const all = visible()
          .filter(
            ({ task, at }) =>
              clock.now() - at >= listLagMs &&
              task.desiredStatus === wanted &&
              (startedBy === undefined || task.startedBy === startedBy),
          )
          .map(({ task }) => task.taskArn as string);
        const { items, nextToken } = page(all, input);
        return { taskArns: items, nextToken };
      },
      StopTask(input) {
        checkCluster(input['cluster']);
        const life = find(input['task']);
        if (!life) throw invalid('The referenced task was not found.');
        life.stop('UserInitiated', String(input['reason'] ?? 'Task stopped by user'));
        return { task: wire(life.task) };
      },
      TagResource(input) {
        const life = find(input['resourceArn']);
        if (!life) throw new ServiceFault('ResourceNotFoundException', 'The specified resource was not found.');
        const given = input['tags'] as Tag[];
        life.task.tags = [...(life.task.tags ?? []).filter((t) => !given.some((g) => g.key === t.key)), ...given];
        return {};
      },
    },
    before,
  );

  return {
    ...service,
    clusterArn,
    tasks: () => [...tasks.values()].map(({ task }) => task),
    definitions: () => [...definitions.values()],
    fail: ({ operation, code, message = code === 'ThrottlingException' ? 'Rate exceeded' : code, times = 1 }) =>
      void faults.push({ operation, code, message, left: times }),
    failLaunches(failure, times = 1) {
      for (let i = 0; i < times; i++) launchFailures.push(failure);
    },
    interruptSpot: (taskArn) => tasks.get(taskArn)?.interrupt(),
    stopByHand: (taskArn, reason = 'Task stopped by user') => tasks.get(taskArn)?.stop('UserInitiated', reason),
    setQuota(kind, vcpu) {
      quotas[kind] = vcpu;
    },
    launches,
  };
}

const throttled = (): ServiceFault => new ServiceFault('ThrottlingException', 'Rate exceeded');
const invalid = (message: string): ServiceFault => new ServiceFault('InvalidParameterException', message);

/** As the API answers: dates are seconds. */
function wire(task: Task, withTags = false): unknown {
  const { tags, ...rest } = task;
  return dated({ ...rest, tags: withTags ? (tags ?? []) : [] }, (date) => date.getTime() / 1000);
}

function eventOf(task: Task): EcsTaskEvent {
  const { tags: _, ...rest } = task;
  const updatedAt = task.stoppedAt ?? task.startedAt ?? task.createdAt;
  return dated({ ...rest, updatedAt }, (date) => date.toISOString()) as EcsTaskEvent;
}

function dated(value: unknown, write: (date: Date) => unknown): unknown {
  if (value instanceof Date) return write(value);
  if (Array.isArray(value)) return value.map((one) => dated(one, write));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, one]) => (one === undefined ? [] : [[key, dated(one, write)]])),
  );
}
