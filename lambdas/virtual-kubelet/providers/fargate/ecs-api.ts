/** ECS as the provider uses it: paced, retried, with errors that say what to do. */
import {
  DescribeTaskDefinitionCommand,
  DescribeTasksCommand,
  type ECSClient,
  ListTasksCommand,
  RegisterTaskDefinitionCommand,
  type RegisterTaskDefinitionRequest,
  RunTaskCommand,
  type RunTaskRequest,
  StopTaskCommand,
  TagResourceCommand,
} from '@aws-sdk/client-ecs';
import type { Clock } from '@nodeless/component-base/clock';
import { retry } from '@nodeless/component-base/retry';
import { ProviderError } from '../provider.ts';
import { providerError } from './ecs-errors.ts';
import { createPacer, type Pacer } from './pacer.ts';
import { type TaskState, taskState } from './task-state.ts';

export interface EcsApi {
  /** Registers it unless there is one of this family, which is named by its content. */
  ensureDefinition(definition: RegisterTaskDefinitionRequest): Promise<void>;
  /** Somebody removed a definition: it is looked for again. */
  forgetDefinition(family: string): void;
  /** The task of the request's clientToken: started now, or by an earlier call whose answer was lost. */
  runTask(request: Omit<RunTaskRequest, 'cluster'> & { clientToken: string }): Promise<TaskState>;
  /** undefined = ECS does not know it. Calls that come together travel together. */
  describe(arn: string): Promise<TaskState | undefined>;
  /** With tags. */
  describeAll(arns: readonly string[]): Promise<readonly TaskState[]>;
  /** ARNs of tasks that are to run, and with `stopped` those that are ending or were within the last hour. */
  list(options?: { startedBy?: string; stopped?: boolean }): Promise<readonly string[]>;
  /** The task as it is then; undefined = it is not there (any more). */
  stop(arn: string, reason: string): Promise<TaskState | undefined>;
  tag(arn: string, key: string, value: string): Promise<void>;
}

export interface EcsApiOptions {
  /** Made with maxAttempts 1 and time-outs: retrying is done here, by this clock. */
  readonly client: ECSClient;
  readonly cluster: string;
  readonly clock: Clock;
  readonly random?: () => number;
  /** Longest wait for a turn. Default 20 s: less than a reconcile may take. */
  readonly patienceMs?: number;
}

const attempts = 5;
const pageSize = 100;

export function createEcsApi(options: EcsApiOptions): EcsApi {
  const { client, cluster, clock, patienceMs = 20_000 } = options;
  // https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html
  const pace = {
    run: createPacer(clock, 100, 20),
    modify: createPacer(clock, 100, 40),
    read: createPacer(clock, 100, 20),
    register: createPacer(clock, 20, 1),
    lookUp: createPacer(clock, 50, 20),
    tags: createPacer(clock, 20, 10),
  };
  const registered = new Map<string, Promise<void>>();
  let waiting: Map<string, ((task: TaskState | undefined | Error) => void)[]> | undefined;

  const call = <T>(pacer: Pacer, send: () => Promise<T>): Promise<T> =>
    retry(
      async () => {
        if (!(await pacer.turn(patienceMs)))
          throw new ProviderError('throttled', 'too many requests wait for ECS already', { reason: 'Throttled' });
        try {
          return await send();
        } catch (error) {
          const known = providerError(error);
          if (known.code === 'throttled') pacer.refused();
          throw known;
        }
      },
      {
        clock,
        attempts,
        baseMs: 250,
        capMs: 4_000,
        ...(options.random ? { random: options.random } : {}),
        // A turn that would come too late was never taken: trying at once again changes nothing.
        retryable: (error) =>
          error instanceof ProviderError &&
          error.cause !== undefined &&
          (error.code === 'throttled' || error.reason === 'EcsUnavailable'),
      },
    );

  const ensure = async (definition: RegisterTaskDefinitionRequest): Promise<void> => {
    const taskDefinition = definition.family;
    try {
      await call(pace.lookUp, () => client.send(new DescribeTaskDefinitionCommand({ taskDefinition })));
      return;
    } catch (error) {
      if (!isUnknownDefinition(error)) throw error;
    }
    await call(pace.register, () => client.send(new RegisterTaskDefinitionCommand(definition)));
  };

  const describe = async (arns: readonly string[], withTags: boolean): Promise<TaskState[]> => {
    const answer = await call(pace.read, () =>
      client.send(
        new DescribeTasksCommand({ cluster, tasks: [...arns], ...(withTags ? { include: ['TAGS' as const] } : {}) }),
      ),
    );
    return (answer.tasks ?? []).flatMap((task) => taskState(task) ?? []);
  };

  const flush = async (): Promise<void> => {
    const batch = waiting ?? new Map<string, ((task: TaskState | undefined | Error) => void)[]>();
    waiting = undefined;
    const arns = [...batch.keys()];
    for (let at = 0; at < arns.length; at += pageSize) {
      const page = arns.slice(at, at + pageSize);
      try {
        const found = new Map((await describe(page, false)).map((task) => [task.arn, task]));
        for (const arn of page) for (const tell of batch.get(arn) ?? []) tell(found.get(arn));
      } catch (error) {
        for (const arn of page) for (const tell of batch.get(arn) ?? []) tell(error as Error);
      }
    }
  };

  return {
    ensureDefinition(definition) {
      const family = definition.family ?? '';
      const known = registered.get(family);
      if (known) return known;
      const work = ensure(definition);
      registered.set(family, work);
      work.catch(() => registered.delete(family));
      return work;
    },
    forgetDefinition: (family) => void registered.delete(family),
    async runTask(request) {
      try {
        const answer = await call(pace.run, () => client.send(new RunTaskCommand({ ...request, cluster })));
        const task = taskState(answer.tasks?.[0]);
        if (task) return task;
        const [failure] = answer.failures ?? [];
        const why = [failure?.reason, failure?.detail].filter(Boolean).join(': ');
        throw providerError(
          Object.assign(new Error(why === '' ? 'ECS started no task and gave no reason' : why), {
            $metadata: { httpStatusCode: why === '' ? 500 : 400 },
          }),
        );
      } catch (error) {
        const arn = takenBy(error);
        if (arn === undefined) throw error;
        const [task] = await describe([arn], false);
        return task ?? justStarted(arn);
      }
    },
    describe(arn) {
      return new Promise((resolve, reject) => {
        if (!waiting) {
          waiting = new Map();
          setImmediate(() => void flush());
        }
        const list = waiting.get(arn) ?? [];
        list.push((task) => (task instanceof Error ? reject(task) : resolve(task)));
        waiting.set(arn, list);
      });
    },
    async describeAll(arns) {
      const all: TaskState[] = [];
      for (let at = 0; at < arns.length; at += pageSize)
        all.push(...(await describe(arns.slice(at, at + pageSize), true)));
      return all;
    },
    async list({ startedBy, stopped = false } = {}) {
      const arns: string[] = [];
      let nextToken: string | undefined;
      do {
        const page: { taskArns?: string[]; nextToken?: string } = await call(pace.read, () =>
          client.send(
            new ListTasksCommand({
              cluster,
              nextToken,
              ...(startedBy === undefined ? { maxResults: pageSize } : { startedBy }),
              ...(stopped ? { desiredStatus: 'STOPPED' as const } : {}),
            }),
          ),
        );
        arns.push(...(page.taskArns ?? []));
        nextToken = page.nextToken;
      } while (nextToken);
      return arns;
    },
    async stop(arn, reason) {
      try {
        const command = new StopTaskCommand({ cluster, task: arn, reason: reason.slice(0, 255) });
        return taskState((await call(pace.modify, () => client.send(command))).task);
      } catch (error) {
        if (error instanceof ProviderError && error.code === 'invalid' && /not found/i.test(error.message))
          return undefined;
        throw error;
      }
    },
    async tag(arn, key, value) {
      await call(pace.tags, () => client.send(new TagResourceCommand({ resourceArn: arn, tags: [{ key, value }] })));
    },
  };
}

/** The task that this clientToken started before, with a request that differs in its token for the agent. */
function takenBy(error: unknown): string | undefined {
  const cause =
    error instanceof ProviderError ? (error.cause as { name?: string; resourceIds?: string[] } | undefined) : undefined;
  return cause?.name === 'ConflictException' ? cause.resourceIds?.[0] : undefined;
}

export function isUnknownDefinition(error: unknown): boolean {
  return (
    error instanceof ProviderError &&
    error.code === 'invalid' &&
    /unable to describe task definition|task ?definition.*(not found|does not exist|inactive)/i.test(error.message)
  );
}

/** Reading may lag behind starting. */
const justStarted = (arn: string): TaskState => ({
  arn,
  version: 0,
  lastStatus: 'PROVISIONING',
  desiredStatus: 'RUNNING',
  stopCode: '',
  stoppedReason: '',
  addresses: [],
  spot: false,
  definition: '',
  createdAt: undefined,
  pullStartedAt: undefined,
  pullStoppedAt: undefined,
  startedAt: undefined,
  executionStoppedAt: undefined,
  stoppedAt: undefined,
  containers: [],
  identity: undefined,
  tags: {},
});
