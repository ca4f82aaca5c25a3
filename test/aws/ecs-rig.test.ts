/** The model of ECS by itself, through the real SDK client: what AWS documents, and nothing of ours. */
import {
  DeregisterTaskDefinitionCommand,
  DeleteTaskDefinitionsCommand,
  DescribeTaskDefinitionCommand,
  DescribeTasksCommand,
  ECSClient,
  ListTaskDefinitionsCommand,
  ListTasksCommand,
  RegisterTaskDefinitionCommand,
  type RegisterTaskDefinitionRequest,
  RunTaskCommand,
  type RunTaskRequest,
  StopTaskCommand,
  TagResourceCommand,
} from '@aws-sdk/client-ecs';
import { describe, expect, test } from 'vitest';
import { createManualClock } from '@nodeless/component-base/manual-clock';
import { createEcs, type EcsOptions, type EcsTaskEvent } from './rigs/ecs.ts';

const cluster = 'nodeless-test';
const definition: RegisterTaskDefinitionRequest = {
  family: 'web',
  requiresCompatibilities: ['FARGATE'],
  networkMode: 'awsvpc',
  cpu: '256',
  memory: '512',
  containerDefinitions: [{ name: 'app', image: 'nginx', stopTimeout: 10 }],
};
const run: RunTaskRequest = {
  cluster,
  taskDefinition: 'web',
  networkConfiguration: { awsvpcConfiguration: { subnets: ['subnet-1'] } },
};

function rig(options: Partial<EcsOptions> = {}) {
  const clock = createManualClock();
  const events: EcsTaskEvent[] = [];
  const ecs = createEcs({ clock, onEvent: (event) => events.push(structuredClone(event)), ...options });
  // Without a check of requests: what is wrong with one is for the model to say.
  const client = new ECSClient({
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
    requestHandler: ecs.requestHandler,
  });
  return {
    clock,
    ecs,
    events,
    client,
    register: (change: Partial<RegisterTaskDefinitionRequest> = {}) =>
      client.send(new RegisterTaskDefinitionCommand({ ...definition, ...change })),
    run: (change: Partial<RunTaskRequest> = {}) => client.send(new RunTaskCommand({ ...run, ...change })),
    async task(arn: string | undefined) {
      return (await client.send(new DescribeTasksCommand({ cluster, tasks: [arn ?? ''] }))).tasks?.[0];
    },
  };
}

describe('a task', () => {
  test('goes through its states, with times, addresses and an event for each', async () => {
    const { clock, register, run: start, task, events } = rig();
    await register();
    const arn = (await start()).tasks?.[0]?.taskArn;
    expect(await task(arn)).toMatchObject({ lastStatus: 'PROVISIONING', desiredStatus: 'RUNNING', version: 1 });
    await clock.advance(60_000);
    const running = await task(arn);
    expect(running).toMatchObject({ lastStatus: 'RUNNING', containers: [{ name: 'app', lastStatus: 'RUNNING' }] });
    const times = [running?.createdAt, running?.pullStartedAt, running?.pullStoppedAt, running?.startedAt].map(
      (d) => d?.getTime() ?? 0,
    );
    expect(times.map((t) => t - (times[0] ?? 0))).toEqual([0, 8_000, 20_000, 22_000]);
    expect(events.map((e) => [e['lastStatus'], e.version])).toEqual([
      ['PROVISIONING', 1],
      ['PENDING', 2],
      ['ACTIVATING', 3],
      ['RUNNING', 4],
    ]);
    expect(events[3]?.['startedAt']).toBe('2030-01-01T00:00:22.000Z');
    expect(events[3]).not.toHaveProperty('tags');
  });

  test('ends with its essential container, which takes the others along', async () => {
    const {
      clock,
      register,
      run: start,
      task,
    } = rig({
      lives: (_, name) => (name === 'app' ? { exitAfterMs: 5_000, exitCode: 3 } : { onStop: 'never' }),
    });
    await register({
      containerDefinitions: [
        { name: 'app', image: 'i' },
        { name: 'side', image: 'i', essential: false, stopTimeout: 10 },
      ],
    });
    const arn = (await start()).tasks?.[0]?.taskArn;
    await clock.advance(28_000);
    expect(await task(arn)).toMatchObject({ lastStatus: 'DEACTIVATING', desiredStatus: 'STOPPED' });
    await clock.advance(60_000);
    const ended = await task(arn);
    expect(ended).toMatchObject({ lastStatus: 'STOPPED', stopCode: 'EssentialContainerExited' });
    expect(ended?.containers?.map((c) => [c.name, c.exitCode])).toEqual([
      ['app', 3],
      ['side', 137],
    ]);
  });

  test('goes on without a container that is not essential', async () => {
    const {
      clock,
      register,
      run: start,
      task,
      events,
    } = rig({
      lives: (_, name) => (name === 'job' ? { exitAfterMs: 5_000, exitCode: 0 } : {}),
    });
    await register({
      containerDefinitions: [
        { name: 'app', image: 'i' },
        { name: 'job', image: 'i', essential: false },
      ],
    });
    const arn = (await start()).tasks?.[0]?.taskArn;
    await clock.advance(60_000);
    expect(await task(arn)).toMatchObject({ lastStatus: 'RUNNING', version: 5 });
    expect(events.at(-1)).toMatchObject({ containers: [{}, { name: 'job', lastStatus: 'STOPPED', exitCode: 0 }] });
  });

  test('is restarted in place only after it has run for its restart period', async () => {
    for (const [exitAfterMs, ends] of [
      [59_000, true],
      [61_000, false],
    ] as const) {
      const { clock, register, run: start, task } = rig({ lives: () => ({ exitAfterMs, exitCode: 1 }) });
      await register({
        containerDefinitions: [{ name: 'app', image: 'i', restartPolicy: { enabled: true, restartAttemptPeriod: 60 } }],
      });
      const arn = (await start()).tasks?.[0]?.taskArn;
      await clock.advance(200_000);
      expect((await task(arn))?.lastStatus === 'STOPPED').toBe(ends);
    }
  });

  test('starts containers when their dependencies allow it', async () => {
    const {
      clock,
      register,
      run: start,
      task,
    } = rig({
      lives: (_, name) => (name === 'init' ? { exitAfterMs: 3_000, exitCode: 0 } : {}),
    });
    await register({
      containerDefinitions: [
        { name: 'probed', image: 'i', essential: false, healthCheck: { command: ['CMD', 'x'], interval: 5 } },
        { name: 'init', image: 'i', essential: false, dependsOn: [{ containerName: 'probed', condition: 'HEALTHY' }] },
        { name: 'app', image: 'i', dependsOn: [{ containerName: 'init', condition: 'SUCCESS' }] },
      ],
    });
    const arn = (await start()).tasks?.[0]?.taskArn;
    const states = async (): Promise<unknown> => (await task(arn))?.containers?.map((c) => c.lastStatus);
    await clock.advance(24_000);
    expect(await states()).toEqual(['RUNNING', 'PENDING', 'PENDING']);
    await clock.advance(4_000);
    expect(await states()).toEqual(['RUNNING', 'RUNNING', 'PENDING']);
    await clock.advance(4_000);
    expect(await states()).toEqual(['RUNNING', 'STOPPED', 'RUNNING']);
    expect((await task(arn))?.startedAt?.getTime()).toBe(Date.UTC(2030, 0, 1) + 30_000);
  });

  test.each([
    ['pullError', { pullError: 'CannotPullContainerError: not found' }, 'CannotPullContainerError: not found'],
    ['a failed dependency', { exitAfterMs: 1_000, exitCode: 1 }, 'A dependency of a container failed to start'],
  ])('that cannot start says why: %s', async (_, life, reason) => {
    const { clock, register, run: start, task } = rig({ lives: (__, name) => (name === 'init' ? life : {}) });
    await register({
      containerDefinitions: [
        { name: 'init', image: 'i', essential: false },
        { name: 'app', image: 'i', dependsOn: [{ containerName: 'init', condition: 'SUCCESS' }] },
      ],
    });
    const arn = (await start()).tasks?.[0]?.taskArn;
    await clock.advance(60_000);
    expect(await task(arn)).toMatchObject({
      lastStatus: 'STOPPED',
      stopCode: 'TaskFailedToStart',
      stoppedReason: reason,
    });
  });

  test('of Spot is warned two minutes before it is stopped', async () => {
    const { clock, ecs, register, run: start, task } = rig();
    await register();
    const arn =
      (await start({ capacityProviderStrategy: [{ capacityProvider: 'FARGATE_SPOT' }] })).tasks?.[0]?.taskArn ?? '';
    await clock.advance(60_000);
    ecs.interruptSpot(arn);
    expect(await task(arn)).toMatchObject({
      lastStatus: 'RUNNING',
      desiredStatus: 'STOPPED',
      stopCode: 'SpotInterruption',
    });
    await clock.advance(119_000);
    expect((await task(arn))?.lastStatus).toBe('RUNNING');
    await clock.advance(20_000);
    expect((await task(arn))?.lastStatus).toBe('STOPPED');
  });

  test('is shown for an hour after it has stopped', async () => {
    const { clock, client, register, run: start, task } = rig();
    await register();
    const arn = (await start()).tasks?.[0]?.taskArn;
    await client.send(new StopTaskCommand({ cluster, task: arn, reason: 'enough' }));
    await clock.advance(60_000);
    expect(await task(arn)).toMatchObject({
      lastStatus: 'STOPPED',
      stopCode: 'UserInitiated',
      stoppedReason: 'enough',
    });
    await clock.advance(3_600_000);
    const gone = await client.send(new DescribeTasksCommand({ cluster, tasks: [arn ?? ''] }));
    expect(gone.failures).toEqual([{ arn, reason: 'MISSING' }]);
    await expect(client.send(new StopTaskCommand({ cluster, task: arn }))).rejects.toThrow(/not found/);
  });
});

describe('requests', () => {
  test('a client token starts one task, whatever else is asked with it', async () => {
    const { register, run: start, ecs } = rig();
    await register();
    const first = (await start({ clientToken: 'a' })).tasks?.[0]?.taskArn;
    expect((await start({ clientToken: 'a' })).tasks?.[0]?.taskArn).toBe(first);
    await expect(start({ clientToken: 'a', startedBy: 'b' })).rejects.toMatchObject({
      name: 'ConflictException',
      resourceIds: [first],
    });
    await start({ clientToken: 'b' });
    expect(ecs.launches).toHaveLength(2);
  });

  test('are throttled by buckets that fill again', async () => {
    const { clock, register, run: start } = rig();
    for (let i = 0; i < 20; i++) await register();
    await expect(register()).rejects.toMatchObject({ name: 'ThrottlingException', message: 'Rate exceeded' });
    await clock.advance(1_000);
    await register();
    const results = await Promise.allSettled(Array.from({ length: 121 }, () => start()));
    expect(results.filter((r) => r.status === 'fulfilled')).toHaveLength(100);
    await clock.advance(1_000);
    const more = await Promise.allSettled(Array.from({ length: 30 }, () => start()));
    expect(more.filter((r) => r.status === 'fulfilled')).toHaveLength(20);
  });

  test('beyond the vCPU quota start nothing', async () => {
    const { clock, client, register, run: start, ecs } = rig({ quotas: { onDemandVcpu: 0.5 } });
    await register();
    const first = (await start()).tasks?.[0]?.taskArn;
    await start();
    await expect(start()).rejects.toThrow(/limit on the number of vCPUs/);
    // Spot has a quota of its own.
    await start({ capacityProviderStrategy: [{ capacityProvider: 'FARGATE_SPOT' }] });
    await client.send(new StopTaskCommand({ cluster, task: first }));
    await clock.advance(60_000);
    await start();
    expect(ecs.launches).toHaveLength(4);
  });

  test.each<[string, Partial<RunTaskRequest>, RegExp]>([
    [
      'overrides of more than 8192 characters',
      { overrides: { containerOverrides: [{ name: 'app', environment: [{ name: 'A', value: 'x'.repeat(8192) }] }] } },
      /8192/,
    ],
    ['a container that is not there', { overrides: { containerOverrides: [{ name: 'nobody' }] } }, /not a container/],
    ['a token of 65 characters', { clientToken: 'x'.repeat(65) }, /64/],
    ['no subnet', { networkConfiguration: undefined }, /Network Configuration/],
    ['another cluster', { cluster: 'other' }, /Cluster not found/],
    ['a definition that is not there', { taskDefinition: 'other' }, /Unable to describe/],
  ])('%s is refused', async (_, change, message) => {
    const { register, run: start } = rig();
    await register();
    await expect(start(change)).rejects.toThrow(message);
  });

  test.each<[string, Partial<RegisterTaskDefinitionRequest>, RegExp]>([
    ['a size that Fargate does not have', { memory: '600' }, /No Fargate configuration/],
    [
      'eleven containers',
      { containerDefinitions: Array.from({ length: 11 }, (_, i) => ({ name: `c${i}`, image: 'i' })) },
      /Too many containers/,
    ],
    [
      '64 KB',
      { containerDefinitions: [{ name: 'app', image: 'i', environment: [{ name: 'A', value: 'x'.repeat(65_536) }] }] },
      /65536/,
    ],
    ['nothing essential', { containerDefinitions: [{ name: 'app', image: 'i', essential: false }] }, /essential/],
    ['DNS servers', { containerDefinitions: [{ name: 'app', image: 'i', dnsServers: ['1.1.1.1'] }] }, /dnsServers/],
    ['privileges', { containerDefinitions: [{ name: 'app', image: 'i', privileged: true }] }, /privileged/],
    ['three minutes to stop', { containerDefinitions: [{ name: 'app', image: 'i', stopTimeout: 180 }] }, /stopTimeout/],
  ])('a definition with %s is refused', async (_, change, message) => {
    await expect(rig().register(change)).rejects.toThrow(message);
  });

  test('lists come in pages, and a task appears in them after a while', async () => {
    const { clock, client, register, run: start } = rig({ listLagMs: 2_000 });
    await register();
    for (let i = 0; i < 5; i++) await start({ startedBy: i < 2 ? 'me' : 'you' });
    expect((await client.send(new ListTasksCommand({ cluster }))).taskArns).toEqual([]);
    await clock.advance(2_000);
    const first = await client.send(new ListTasksCommand({ cluster, maxResults: 3 }));
    expect(first.taskArns).toHaveLength(3);
    const rest = await client.send(new ListTasksCommand({ cluster, maxResults: 3, nextToken: first.nextToken }));
    expect(rest.taskArns).toHaveLength(2);
    expect(rest.nextToken).toBeUndefined();
    expect((await client.send(new ListTasksCommand({ cluster, startedBy: 'me' }))).taskArns).toHaveLength(2);
  });

  test('definitions have revisions, are deregistered, then deleted', async () => {
    const { client, register, run: start } = rig();
    await register();
    const second = (await register()).taskDefinition?.taskDefinitionArn ?? '';
    expect(second).toMatch(/task-definition\/web:2$/);
    expect((await start()).tasks?.[0]?.taskDefinitionArn).toBe(second);
    const deleted = await client.send(new DeleteTaskDefinitionsCommand({ taskDefinitions: [second] }));
    expect(deleted.failures).toHaveLength(1);
    await client.send(new DeregisterTaskDefinitionCommand({ taskDefinition: second }));
    expect(
      (await client.send(new DescribeTaskDefinitionCommand({ taskDefinition: 'web' }))).taskDefinition?.revision,
    ).toBe(1);
    await expect(start({ taskDefinition: second })).rejects.toThrow(/inactive/);
    await client.send(new DeleteTaskDefinitionsCommand({ taskDefinitions: [second] }));
    expect((await client.send(new ListTaskDefinitionsCommand({ status: 'INACTIVE' }))).taskDefinitionArns).toEqual([]);
  });

  test('tags are added and shown when they are asked for', async () => {
    const { client, register, run: start } = rig();
    await register();
    const arn = (await start({ tags: [{ key: 'a', value: '1' }] })).tasks?.[0]?.taskArn ?? '';
    await client.send(new TagResourceCommand({ resourceArn: arn, tags: [{ key: 'b', value: '2' }] }));
    const found = await client.send(new DescribeTasksCommand({ cluster, tasks: [arn], include: ['TAGS'] }));
    expect(found.tasks?.[0]?.tags).toEqual([
      { key: 'a', value: '1' },
      { key: 'b', value: '2' },
    ]);
  });

  test('fail on request: before anything is done, or with the answer lost', async () => {
    const { register, run: start, ecs } = rig();
    await register();
    ecs.fail({ operation: 'RunTask', code: 'AccessDeniedException' });
    await expect(start()).rejects.toMatchObject({ name: 'AccessDeniedException' });
    expect(ecs.launches).toHaveLength(0);
    ecs.fail({ operation: 'RunTask', code: 'lost' });
    await expect(start()).rejects.toMatchObject({ name: 'ServerException' });
    expect(ecs.launches).toHaveLength(1);
    ecs.failLaunches({ reason: 'RESOURCE:ENI' });
    expect(await start()).toMatchObject({ tasks: [], failures: [{ reason: 'RESOURCE:ENI' }] });
    await start();
    expect(ecs.launches).toHaveLength(2);
  });
});
