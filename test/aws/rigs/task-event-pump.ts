/**
 * In the place of "ECS Task State Change" events for engines that make none: looks at the tasks of a cluster again and again, and
 * tells a function of each change, in the form of the events. Ours, not AWS's: it may skip states that pass quickly, as AWS may.
 */
import { randomUUID } from 'node:crypto';
import { DescribeTasksCommand, type ECSClient, ListTasksCommand, type Task } from '@aws-sdk/client-ecs';
import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';

export interface TaskEventPump {
  /** Lasts seen states, by ARN, of all tasks there ever were. */
  readonly tasks: ReadonlyMap<string, Task>;
  stop(): Promise<void>;
}

export interface TaskEventPumpOptions {
  readonly ecs: ECSClient;
  readonly lambda: LambdaClient;
  readonly cluster: string;
  /** The function that the rule for these events names. */
  readonly target: string;
  readonly intervalMs?: number;
}

export function startTaskEventPump({
  ecs,
  lambda,
  cluster,
  target,
  intervalMs = 250,
}: TaskEventPumpOptions): TaskEventPump {
  const tasks = new Map<string, Task>();
  let stopped = false;

  const look = async (): Promise<void> => {
    const found: string[] = [];
    for (const desiredStatus of ['RUNNING', 'STOPPED'] as const) {
      let nextToken: string | undefined;
      do {
        const page = await ecs.send(new ListTasksCommand({ cluster, desiredStatus, nextToken }));
        found.push(...(page.taskArns ?? []));
        ({ nextToken } = page);
      } while (nextToken);
    }
    for (let at = 0; at < found.length; at += 100) {
      const { tasks: page = [] } = await ecs.send(
        new DescribeTasksCommand({ cluster, tasks: found.slice(at, at + 100) }),
      );
      for (const task of page) if (changed(tasks.get(task.taskArn!), task)) await tell(task);
    }
  };
  const tell = async (task: Task): Promise<void> => {
    tasks.set(task.taskArn!, task);
    const event = Buffer.from(JSON.stringify(taskEvent(task)));
    await lambda.send(new InvokeCommand({ FunctionName: target, InvocationType: 'Event', Payload: event }));
  };

  let wake: (() => void) | undefined;
  const run = async (): Promise<void> => {
    while (!stopped) {
      // An engine that is being stopped, or a cluster that is gone.
      await look().catch(() => {});
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, stopped ? 0 : intervalMs);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  };
  const running = run();
  return {
    tasks,
    async stop() {
      stopped = true;
      wake?.();
      await running;
    },
  };
}

function changed(before: Task | undefined, now: Task): boolean {
  return !before || before.version !== now.version || shown(before) !== shown(now);
}

const shown = ({ lastStatus, desiredStatus, containers = [] }: Task): string =>
  JSON.stringify([lastStatus, desiredStatus, containers.map(({ lastStatus: status, exitCode }) => [status, exitCode])]);

/** Without what events leave out: tags and health. */
export function taskEvent(task: Task): object {
  const { tags: _, healthStatus: __, containers = [], ...rest } = task;
  return {
    version: '0',
    id: randomUUID(),
    'detail-type': 'ECS Task State Change',
    source: 'aws.ecs',
    account: task.taskArn!.split(':')[4],
    time: new Date().toISOString(),
    region: task.taskArn!.split(':')[3],
    resources: [task.taskArn],
    detail: {
      ...rest,
      containers: containers.map(({ healthStatus: ___, ...container }) => container),
      updatedAt: new Date().toISOString(),
    },
  };
}
