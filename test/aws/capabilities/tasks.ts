import { setTimeout as sleep } from 'node:timers/promises';
import { EC2Client, DescribeSubnetsCommand } from '@aws-sdk/client-ec2';
import {
  type ContainerDefinition,
  CreateClusterCommand,
  DeleteClusterCommand,
  DeregisterTaskDefinitionCommand,
  DescribeTasksCommand,
  ECSClient,
  RegisterTaskDefinitionCommand,
  RunTaskCommand,
  StopTaskCommand,
  type Task,
} from '@aws-sdk/client-ecs';
import { probeImage } from './probe-image.ts';
import { type Probed, poll, unique, withCleanUp } from './probe.ts';
import { ruleToQueue } from './rules.ts';

interface Run {
  readonly ecs: ECSClient;
  readonly cluster: string;
  readonly arn: string;
  describe(): Promise<Task>;
  /** The task once it is in this state. */
  reaches(status: string, timeoutMs?: number): Promise<Task | undefined>;
}

type Container = Partial<ContainerDefinition> & { readonly command: string[] };

async function runTask(
  { settings }: Probed,
  after: (undo: () => Promise<unknown>) => void,
  containers: Readonly<Record<string, Container>>,
): Promise<Run | string> {
  const image = await probeImage();
  if (image === undefined) return 'there is no Docker engine, or no image of it to run';
  const ecs = new ECSClient(settings);
  const ec2 = new EC2Client(settings);
  const subnet = (
    await ec2.send(new DescribeSubnetsCommand({ Filters: [{ Name: 'default-for-az', Values: ['true'] }] }))
  ).Subnets?.[0]?.SubnetId;
  if (!subnet) return 'there is no default subnet';
  const name = unique('tasks');
  const made = await ecs.send(new CreateClusterCommand({ clusterName: name }));
  const cluster = made.cluster!.clusterArn!;
  after(() => ecs.send(new DeleteClusterCommand({ cluster })));
  const definition = await ecs.send(
    new RegisterTaskDefinitionCommand({
      family: name,
      requiresCompatibilities: ['FARGATE'],
      networkMode: 'awsvpc',
      cpu: '256',
      memory: '512',
      containerDefinitions: Object.entries(containers).map(([container, more]) => ({
        name: container,
        image,
        ...more,
      })),
    }),
  );
  const taskDefinition = definition.taskDefinition!.taskDefinitionArn!;
  after(() => ecs.send(new DeregisterTaskDefinitionCommand({ taskDefinition })));
  const ran = await ecs.send(
    new RunTaskCommand({
      cluster,
      taskDefinition,
      launchType: 'FARGATE',
      networkConfiguration: { awsvpcConfiguration: { subnets: [subnet], assignPublicIp: 'ENABLED' } },
    }),
  );
  const arn = ran.tasks?.[0]?.taskArn;
  if (!arn) return `RunTask started nothing: ${JSON.stringify(ran.failures)}`;
  after(() => ecs.send(new StopTaskCommand({ cluster, task: arn })));
  const describe = async (): Promise<Task> =>
    (await ecs.send(new DescribeTasksCommand({ cluster, tasks: [arn] }))).tasks![0]!;
  const reaches = (status: string, timeoutMs = 60_000): Promise<Task | undefined> =>
    poll(timeoutMs, async () => {
      const task = await describe();
      return task.lastStatus === status ? task : undefined;
    });
  return { ecs, cluster, arn, describe, reaches };
}

const probe =
  (containers: Readonly<Record<string, Container>>, judge: (run: Run) => Promise<string | undefined>) =>
  (aws: Probed): Promise<string | undefined> =>
    withCleanUp(async (after) => {
      const run = await runTask(aws, after, containers);
      return typeof run === 'string' ? run : await judge(run);
    });

/** The first program of a container does not end by a SIGTERM unless it says so. */
const obedient = 'trap "exit 0" TERM; ';

/** A task is a container that runs, and what it ends with can be read. */
export const taskContainers = probe({ main: { command: ['sh', '-c', 'exit 7'] } }, async ({ reaches }) => {
  const task = await reaches('STOPPED');
  if (!task) return 'a task whose container ends is not stopped in a minute';
  const code = task.containers?.[0]?.exitCode;
  if (code !== 7) return `exit code ${code} instead of 7`;
  return task.stopCode === 'EssentialContainerExited' ? undefined : `stop code ${task.stopCode}`;
});

/** A container begins with its definition's entry point, whatever its image says. */
export const entryPoint = probe(
  { main: { entryPoint: ['sh', '-c', 'exit 9'], command: ['ignored'] } },
  async ({ reaches }) => {
    const code = (await reaches('STOPPED'))?.containers?.[0]?.exitCode;
    return code === 9 ? undefined : 'the entry point of a container definition is not heeded';
  },
);

/** The containers of a task are one another's localhost. */
export const sharedLocalhost = probe(
  {
    server: { command: ['sh', '-c', `${obedient}while :; do echo yes | nc -l -p 4321; done`], essential: false },
    client: {
      command: [
        'sh',
        '-c',
        'for n in 1 2 3 4 5 6; do sleep 1; [ "$(nc -w 1 127.0.0.1 4321 </dev/null)" = yes ] && exit 5; done; exit 6',
      ],
    },
  },
  async ({ reaches }) => {
    const code = (await reaches('STOPPED'))?.containers?.find(({ name }) => name === 'client')?.exitCode;
    return code === 5 ? undefined : 'the containers of a task have no localhost in common';
  },
);

/** A container that depends on another one's success starts after it. */
export const containerDependencies = probe(
  {
    first: { command: ['sh', '-c', 'sleep 3'], essential: false },
    second: {
      command: ['sh', '-c', `${obedient}while :; do sleep 0.2; done`],
      dependsOn: [{ containerName: 'first', condition: 'SUCCESS' }],
    },
  },
  async ({ reaches, describe }) => {
    await reaches('RUNNING');
    const { containers } = await describe();
    const state = (name: string): string | undefined => containers?.find((one) => one.name === name)?.lastStatus;
    return state('first') === 'STOPPED' ? undefined : 'a container does not wait for those that it depends on';
  },
);

/** StopTask sends SIGTERM and tells what the container made of it. */
export const stopExitCode = probe(
  { main: { command: ['sh', '-c', 'trap "exit 42" TERM; while :; do sleep 0.1; done'] } },
  async ({ ecs, cluster, arn, reaches }) => {
    if (!(await reaches('RUNNING'))) return 'the task does not run';
    await sleep(1000);
    await ecs.send(new StopTaskCommand({ cluster, task: arn, reason: 'probe' }));
    const code = (await reaches('STOPPED'))?.containers?.[0]?.exitCode;
    return code === 42 ? undefined : `after StopTask the exit code is ${code}, not the program's own`;
  },
);

/** Every change of a task's state is an event. */
export const taskEvents = (aws: Probed): Promise<string | undefined> =>
  withCleanUp(async (after) => {
    const events = await ruleToQueue(aws, after, { source: ['aws.ecs'], 'detail-type': ['ECS Task State Change'] });
    const run = await runTask(aws, after, { main: { command: ['sh', '-c', 'exit 0'] } });
    if (typeof run === 'string') return run;
    if (!(await run.reaches('STOPPED'))) return 'the task does not end';
    const event = await poll(10_000, async () => (await events()).find((text) => text.includes(run.arn)));
    return event === undefined ? 'a task that changes its state makes no event' : undefined;
  });
