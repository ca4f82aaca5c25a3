import { afterEach, describe, expect, test } from 'vitest';
import { configMaps, nodes, pods, secrets, serviceAccounts } from '@nodeless/client/resource-types';
import type { ContainerLife } from '../../../aws/rigs/ecs-task.ts';
import { spotNode } from '../../../builders/fargate.ts';
import {
  createFargateCluster,
  type FargateCluster,
  type FargateClusterOptions,
} from '../../../builders/fargate-cluster.ts';

let cluster: FargateCluster;
const make = async (options: FargateClusterOptions = {}): Promise<FargateCluster> =>
  (cluster = await createFargateCluster(options));
afterEach(() => cluster?.close());
const life = (lives: Record<string, ContainerLife>): FargateClusterOptions => ({
  lives: (_, name) => lives[name] ?? {},
});
const running = (name: string) => async () => {
  const pod = await cluster.pod(name);
  return pod?.status?.phase === 'Running' ? pod : undefined;
};

describe('virtual nodes', () => {
  test('are registered, one a zone, architecture and kind of capacity', async () => {
    const { client } = await make();
    const { items } = await client.list(nodes);
    expect(items.map((n) => n.metadata?.name)).toEqual(
      ['us-east-1a', 'us-east-1b'].flatMap((zone) =>
        ['amd64-on-demand', 'amd64-spot', 'arm64-on-demand', 'arm64-spot'].map((rest) => `fargate-${zone}-${rest}`),
      ),
    );
    const spot = items.find((n) => n.metadata?.name === spotNode);
    expect(spot?.metadata?.labels).toMatchObject({
      'kubernetes.io/arch': 'arm64',
      'topology.kubernetes.io/zone': 'us-east-1b',
      'topology.kubernetes.io/region': 'us-east-1',
      'node.kubernetes.io/instance-type': 'fargate',
      'nodeless.dev/capacity-type': 'spot',
    });
    expect(spot?.spec?.taints).toEqual(
      expect.arrayContaining([
        { key: 'kubernetes.io/arch', value: 'arm64', effect: 'NoSchedule' },
        { key: 'nodeless.dev/capacity-type', value: 'spot', effect: 'NoSchedule' },
      ]),
    );
    expect(spot?.status?.conditions?.find((c) => c.type === 'Ready')?.status).toBe('True');
  });

  test('come back when they are deleted, and are said to be well at each tick', async () => {
    const { client, settle, clock } = await make();
    await client.delete(nodes, { name: spotNode });
    await settle();
    await client.get(nodes, { name: spotNode });
    const before = clock.now();
    await settle(600_000, 10_000);
    const node = await client.get(nodes, { name: spotNode });
    const beat = node.status?.conditions?.find((c) => c.type === 'Ready')?.lastHeartbeatTime;
    expect(Date.parse(beat ?? '')).toBeGreaterThan(before + 290_000);
  });
});

describe('a pod', () => {
  test('becomes a task and then runs', async () => {
    const { createPod, until, ecs, eventsOf } = await make();
    await createPod('web');
    const pod = await until('running', running('web'));
    expect(pod.status).toMatchObject({
      podIP: expect.stringMatching(/^10\./),
      containerStatuses: [{ name: 'app', ready: true, started: true, restartCount: 0 }],
    });
    expect(pod.status?.conditions?.find((c) => c.type === 'Ready')?.status).toBe('True');
    expect(ecs.launches).toHaveLength(1);
    const events = await eventsOf('web');
    expect(events.map((e) => e.reason)).toEqual(['Launched', 'Started']);
    expect(events.at(-1)?.message).toBe('Started in 27.0s: place 8.0s, pull images 12.0s, start 7.0s');
  });

  test('is written when it changes, not at each event', async () => {
    const { createPod, until, client, settle } = await make({ ticks: false });
    let writes = 0;
    const watch = client.watch(
      pods,
      {},
      { onEvent: ({ type }) => void (writes += type === 'MODIFIED' ? 1 : 0), onEnd() {} },
    );
    await createPod('web');
    await until('running', running('web'));
    await settle(300_000, 5_000);
    watch.stop();
    // Started, its address, and that it runs.
    expect(writes).toBe(3);
  });

  test('asks ECS for nothing that events have told', async () => {
    const { createPod, until, ecs } = await make();
    await createPod('web');
    await until('running', running('web'));
    await cluster.settle(100_000, 5_000);
    expect(Object.fromEntries(ecs.calls)).toEqual({
      ListTasks: expect.any(Number),
      DescribeTaskDefinition: 1,
      RegisterTaskDefinition: 1,
      RunTask: 1,
    });
  });

  test('that is deleted is stopped within its grace and then gone', async () => {
    const { createPod, until, client, ecs, pod } = await make(
      life({ app: { onStop: { afterMs: 5_000, exitCode: 0 } } }),
    );
    await createPod('web');
    await until('running', running('web'));
    await client.delete(pods, { namespace: 'default', name: 'web' });
    await cluster.settle(2_000);
    expect((await pod('web'))?.status?.phase).toBe('Running');
    await until('gone', async () => (await pod('web')) === undefined);
    expect(ecs.tasks().map((t) => [t.lastStatus, t.stopCode])).toEqual([['STOPPED', 'UserInitiated']]);
    expect(ecs.calls.get('StopTask')).toBe(1);
    expect(ecs.calls.get('DescribeTasks')).toBeUndefined();
  });

  test('behind a load balancer is stopped when that leads nothing to it any more', async () => {
    const { createPod, until, client, ecs, clock } = await make();
    const drained = async (name: string): Promise<number> => {
      await createPod(name, { readinessGates: [{ conditionType: 'target-health.nodeless.dev/web' }] });
      await until('running', running(name));
      await client.delete(pods, { namespace: 'default', name });
      await cluster.settle(10_000);
      return clock.now();
    };
    const stops = (): boolean => ecs.tasks().at(-1)?.desiredStatus === 'STOPPED';
    await drained('told');
    expect(stops()).toBe(false);
    const condition = { type: 'nodeless.dev/drained', status: 'True', lastTransitionTime: null };
    await client.patch(
      pods,
      { namespace: 'default', name: 'told' },
      'strategic',
      { status: { conditions: [condition] } },
      { subresource: 'status' },
    );
    await cluster.settle();
    expect(stops()).toBe(true);
    // Nobody says so: after half a minute it is stopped all the same.
    await drained('untold');
    expect(stops()).toBe(false);
    await cluster.settle(19_000);
    expect(stops()).toBe(false);
    await cluster.settle(2_000);
    expect(stops()).toBe(true);
  });

  test('is stopped after its hooks have slept', async () => {
    const { createPod, until, client, ecs } = await make();
    await createPod('web', {
      containers: [{ name: 'app', image: 'app', lifecycle: { preStop: { sleep: { seconds: 7 } } } }],
    });
    await until('running', running('web'));
    await client.delete(pods, { namespace: 'default', name: 'web' });
    await cluster.settle(6_000);
    expect(ecs.tasks()[0]?.desiredStatus).toBe('RUNNING');
    await cluster.settle(1_500);
    expect(ecs.tasks()[0]?.desiredStatus).toBe('STOPPED');
  });

  test('that keeps failing gets further tasks, later and later', async () => {
    const { createPod, until, ecs, pod } = await make(life({ app: { exitAfterMs: 5_000, exitCode: 3 } }));
    await createPod('web');
    const waiting = await until('back-off', async () => {
      const found = await pod('web');
      return found?.status?.containerStatuses?.[0]?.state?.waiting?.reason === 'CrashLoopBackOff' ? found : undefined;
    });
    expect(waiting.status?.containerStatuses?.[0]).toMatchObject({
      restartCount: 1,
      lastState: { terminated: { exitCode: 3, reason: 'Error' } },
      ready: false,
    });
    await until('more tasks', async () => ecs.launches.length === 5, 1_200_000);
    const gaps = ecs.launches.slice(1).map(({ at }, i) => Math.round((at - (ecs.launches[i]?.at ?? 0)) / 1000));
    // A life takes 42 seconds; what is more is the wait.
    expect(gaps.map((gap) => gap - 42)).toEqual([0, 10, 20, 40].map((wait) => expect.closeTo(wait, -0.5) as unknown));
    expect(new Set(ecs.launches.map((l) => l.clientToken)).size).toBe(5);
    expect(waiting.status?.phase).toBe('Running');
  });

  test('that succeeds has succeeded, and its task is gone', async () => {
    const { createPod, until, pod } = await make(life({ app: { exitAfterMs: 5_000, exitCode: 0 } }));
    await createPod('job', { restartPolicy: 'Never' });
    const done = await until('done', async () => {
      const found = await pod('job');
      return found?.status?.phase === 'Succeeded' ? found : undefined;
    });
    expect(done.status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({ exitCode: 0, reason: 'Completed' });
  });

  test('whose image cannot be pulled says so', async () => {
    const { createPod, until, pod, eventsOf } = await make(
      life({ app: { pullError: 'CannotPullContainerError: not found' } }),
    );
    await createPod('web');
    const waits = (reason: string) => async () => {
      const state = (await pod('web'))?.status?.containerStatuses?.[0]?.state?.waiting;
      return state?.reason === reason ? state : undefined;
    };
    expect((await until('ErrImagePull', waits('ErrImagePull'))).message).toBe('CannotPullContainerError: not found');
    await until('ImagePullBackOff', waits('ImagePullBackOff'));
    expect((await eventsOf('web')).map((e) => e.reason)).toContain('Failed');
    expect((await pod('web'))?.status?.phase).toBe('Pending');
  });

  test('that ran out of memory was killed for it', async () => {
    const oom = { exitAfterMs: 5_000, exitCode: 137, reason: 'OutOfMemoryError: Container killed due to memory usage' };
    const { createPod, until, pod } = await make(life({ app: oom }));
    await createPod('job', { restartPolicy: 'Never' });
    const failed = await until('failed', async () => {
      const found = await pod('job');
      return found?.status?.phase === 'Failed' ? found : undefined;
    });
    expect(failed.status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({
      exitCode: 137,
      reason: 'OOMKilled',
    });
  });
});

describe('what a pod refers to', () => {
  const env = (name: string, from: object) => ({
    containers: [{ name: 'app', image: 'app', env: [{ name, valueFrom: from }] }],
  });

  test('Secrets come to the container by parameters, and nowhere else', async () => {
    const { createPod, until, client, ecs, secrets: kept } = await make();
    await client.create(secrets, { metadata: { name: 's', namespace: 'default' }, stringData: { pw: 's3cret' } });
    await createPod('web', env('PW', { secretKeyRef: { name: 's', key: 'pw' } }));
    await until('running', running('web'));
    const [name, value] = [...kept.values][0] ?? [];
    expect(value).toBe('s3cret');
    const app = ecs.definitions()[0]?.containerDefinitions?.find((c) => c.name === 'app');
    expect(app?.secrets).toEqual([{ name: 'PW', valueFrom: name }]);
    expect(JSON.stringify([ecs.definitions(), ecs.tasks()])).not.toContain('s3cret');
  });

  test('a source that is missing is waited for', async () => {
    const { createPod, until, client, ecs, pod } = await make();
    await createPod('web', env('A', { configMapKeyRef: { name: 'c', key: 'a' } }));
    const waiting = await until(
      'waiting',
      async () => (await pod('web'))?.status?.containerStatuses?.[0]?.state?.waiting,
    );
    expect(waiting).toEqual({ reason: 'CreateContainerConfigError', message: 'configmap "c" not found' });
    expect(ecs.launches).toHaveLength(0);
    await client.create(configMaps, { metadata: { name: 'c', namespace: 'default' }, data: { a: 'b' } });
    await until('running', running('web'));
  });

  test('a volume that cannot be made is waited for, with an event', async () => {
    const { createPod, until, client, ecs, eventsOf, settle } = await make();
    await createPod('web', { volumes: [{ name: 'v', configMap: { name: 'c' } }] });
    await settle(12_000, 1_000);
    expect(ecs.launches).toHaveLength(0);
    expect((await eventsOf('web')).find((e) => e.reason === 'FailedMount')?.message).toContain(
      'configmap "c" not found',
    );
    await client.create(configMaps, { metadata: { name: 'c', namespace: 'default' }, data: { a: 'b' } });
    await until('running', running('web'));
  });

  test('the ServiceAccount names the IAM role of the task', async () => {
    const { createPod, until, client, ecs } = await make();
    const role = 'arn:aws:iam::000000000000:role/app';
    await client.create(serviceAccounts, {
      metadata: { name: 'app', namespace: 'default', annotations: { 'eks.amazonaws.com/role-arn': role } },
    });
    await createPod('web', { serviceAccountName: 'app' });
    await until('running', running('web'));
    expect(ecs.tasks()[0]?.overrides?.taskRoleArn).toBe(role);
  });

  test('the API is at its endpoint, not behind a ClusterIP', async () => {
    const { createPod, until, ecs } = await make();
    await createPod('web');
    await until('running', running('web'));
    const app = ecs.definitions()[0]?.containerDefinitions?.find((c) => c.name === 'app');
    const environment = Object.fromEntries((app?.environment ?? []).map((e) => [e.name, e.value]));
    expect(environment).toMatchObject({ KUBERNETES_SERVICE_HOST: 'api.example.com', KUBERNETES_SERVICE_PORT: '443' });
  });
});

describe('the end of a pod', () => {
  const ends = (name: string, wanted: string) => async () => {
    const pod = await cluster.pod(name);
    return pod?.status?.phase === wanted ? pod : undefined;
  };

  test('by its deadline', async () => {
    const { createPod, until, ecs } = await make();
    await createPod('job', { activeDeadlineSeconds: 60 });
    await until('running', running('job'));
    const failed = await until('failed', ends('job', 'Failed'));
    expect(failed.status).toMatchObject({ reason: 'DeadlineExceeded' });
    expect(ecs.tasks().map((t) => t.lastStatus)).toEqual(['STOPPED']);
  });

  test('comes after the last of several containers', async () => {
    const { createPod, until, ecs } = await make(
      life({ app: { exitAfterMs: 5_000, exitCode: 0 }, b: { exitAfterMs: 20_000, exitCode: 1 } }),
    );
    await createPod('job', {
      restartPolicy: 'Never',
      containers: [
        { name: 'app', image: 'app' },
        { name: 'b', image: 'b' },
      ],
    });
    const failed = await until('failed', ends('job', 'Failed'));
    const codes = failed.status?.containerStatuses?.map((s) => [s.name, s.state?.terminated?.exitCode]);
    expect(codes).toEqual([
      ['app', 0],
      ['b', 1],
    ]);
    expect(ecs.launches).toHaveLength(1);
  });

  test('comes with an init container that fails, unless it is tried again', async () => {
    const initContainers = [{ name: 'init', image: 'i' }];
    const { createPod, until, ecs, pod } = await make(life({ init: { exitAfterMs: 1_000, exitCode: 7 } }));
    await createPod('job', { restartPolicy: 'Never', initContainers });
    const failed = await until('failed', ends('job', 'Failed'));
    expect(failed.status?.initContainerStatuses?.[0]?.state?.terminated).toMatchObject({ exitCode: 7 });
    expect(ecs.launches).toHaveLength(1);
    await createPod('web', { initContainers });
    await until(
      'back-off',
      async () => (await pod('web'))?.status?.initContainerStatuses?.[0]?.state?.waiting?.reason === 'CrashLoopBackOff',
    );
    expect((await pod('web'))?.status?.phase).toBe('Pending');
  });

  test('of a container whose probe fails is followed by another task', async () => {
    const { createPod, until, client, ecs, eventsOf } = await make();
    await createPod('web');
    const pod = await until('running', running('web'));
    const runId = pod.status?.containerStatuses?.[0]?.containerID?.slice('ecs://'.length) ?? '';
    const state = {
      version: '1',
      bootedAt: 1,
      sequence: 1,
      volumesRevision: '',
      containers: {
        app: {
          runId,
          state: 'running',
          started: true,
          ready: false,
          failed: { probe: 'liveness', message: 'no answer' },
        },
      },
    };
    const condition = {
      type: 'nodeless.dev/agent',
      status: 'True',
      message: JSON.stringify(state),
      lastTransitionTime: null,
    };
    await client.patch(
      pods,
      { namespace: 'default', name: 'web' },
      'strategic',
      { status: { conditions: [condition] } },
      { subresource: 'status' },
    );
    await until('another task', async () => ecs.launches.length === 2);
    expect((await eventsOf('web')).find((e) => e.reason === 'Killing')?.message).toMatch(/app.*liveness/);
    await until(
      'running again',
      async () => (await cluster.pod('web'))?.status?.containerStatuses?.[0]?.restartCount === 1,
    );
  });

  test('by somebody else’s hand is followed by another task', async () => {
    const { createPod, until, ecs } = await make();
    await createPod('web');
    await until('running', running('web'));
    ecs.stopByHand(ecs.tasks()[0]?.taskArn ?? '');
    await until('another task', async () => ecs.launches.length === 2);
  });

  test('by force leaves nothing', async () => {
    const { createPod, until, client, ecs, settle } = await make();
    await createPod('web');
    await until('running', running('web'));
    await client.delete(pods, { namespace: 'default', name: 'web' }, { gracePeriodSeconds: 0 });
    await settle(20_000, 1_000);
    expect(ecs.tasks().map((t) => t.lastStatus)).toEqual(['STOPPED']);
  });
});
