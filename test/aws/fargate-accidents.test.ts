import type { ECSClient } from '@aws-sdk/client-ecs';
import { afterEach, describe, expect, test } from 'vitest';
import { pods } from '@nodeless/client/resource-types';
import type { Store } from '@nodeless/store/store';
import type { EcsTaskEvent } from './rigs/ecs.ts';
import { type Fault, injectFaults } from './rigs/faults.ts';
import { addMiddleware } from './rigs/sdk-middleware.ts';
import { seededRandom } from './rigs/random.ts';
import { spotNode } from '../builders/fargate.ts';
import { createFargateCluster, type FargateCluster, type FargateClusterOptions } from '../builders/fargate-cluster.ts';

let cluster: FargateCluster;
const make = async (options: FargateClusterOptions = {}): Promise<FargateCluster> =>
  (cluster = await createFargateCluster(options));
afterEach(() => cluster?.close());
const phase = (name: string, wanted: string) => async (): Promise<boolean> =>
  (await cluster.pod(name))?.status?.phase === wanted;
/** Tasks by the pod that they were started for. */
const tasksOf = (uid: string | undefined): number => cluster.ecs.tasks().filter((t) => t.startedBy === uid).length;

describe('events of ECS', () => {
  test('that repeat, and come in any order, end in the same status', async () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const random = seededRandom(seed);
      const deliver = (event: EcsTaskEvent) =>
        Array.from({ length: 1 + Math.floor(random() * 3) }, () => ({ event, afterMs: Math.floor(random() * 20_000) }));
      const { createPod, until, settle, client, pod, ecs, close } = await make({ deliver, ticks: false });
      const seen: string[] = [];
      const watch = client.watch(
        pods,
        {},
        {
          onEvent: (event) => {
            if (event.type === 'BOOKMARK') return;
            const state = event.object.status?.containerStatuses?.[0]?.state;
            const now = state ? (Object.keys(state)[0] ?? '') : '';
            if (now !== '' && seen.at(-1) !== now) seen.push(now);
          },
          onEnd() {},
        },
      );
      await createPod('web');
      await until('running', phase('web', 'Running'));
      await settle(60_000, 1_000);
      expect((await pod('web'))?.status?.containerStatuses?.[0]).toMatchObject({ ready: true, restartCount: 0 });
      expect(seen).toEqual(['waiting', 'running']);
      ecs.stopByHand(ecs.tasks()[0]?.taskArn ?? '');
      await settle(30_000, 1_000);
      await client.delete(pods, { namespace: 'default', name: 'web' });
      await until('gone', async () => (await pod('web')) === undefined);
      await settle(120_000, 2_000);
      expect(ecs.tasks().every((t) => t.lastStatus === 'STOPPED')).toBe(true);
      watch.stop();
      await close();
    }
  });

  test('that are lost are made good', async () => {
    const { createPod, until, client, pod, ecs, settle } = await make({ deliver: () => [] });
    await createPod('web');
    await until('running', phase('web', 'Running'), 180_000);
    ecs.stopByHand(ecs.tasks()[0]?.taskArn ?? '');
    await until('started again', async () => ecs.launches.length === 2, 600_000);
    await until(
      'running again',
      async () => (await pod('web'))?.status?.containerStatuses?.[0]?.restartCount === 1,
      600_000,
    );
    await client.delete(pods, { namespace: 'default', name: 'web' });
    await until('gone', async () => (await pod('web')) === undefined);
    await settle(60_000, 5_000);
    expect(ecs.tasks().every((t) => t.lastStatus === 'STOPPED')).toBe(true);
  });
});

describe('faults of ECS', () => {
  const faults: readonly Fault[] = [
    'throttle',
    'server-error',
    'access-denied',
    'expired-credentials',
    'lost',
    'unanswered',
    'twice',
    'stale',
  ];
  const operations = [
    'DescribeTaskDefinition',
    'RegisterTaskDefinition',
    'RunTask',
    'DescribeTasks',
    'StopTask',
    'ListTasks',
    'TagResource',
  ];
  const cases = operations.flatMap((operation) => faults.map((fault) => [fault, operation] as const));

  test.each(cases)('%s at %s: each pod has one task in the end', async (fault, operation) => {
    const prepare = (client: ECSClient): void =>
      void injectFaults(client, { operations: [operation], plan: ({ calls }) => (calls < 3 ? fault : undefined) });
    const { createPod, until, client, pod, ecs, settle } = await make({ prepare });
    const created = await createPod('web');
    await until('running', phase('web', 'Running'), 900_000);
    expect(tasksOf(created.metadata?.uid)).toBe(1);
    await client.delete(pods, { namespace: 'default', name: 'web' });
    await until('gone', async () => (await pod('web')) === undefined, 900_000);
    await settle(20_000, 2_000);
    expect(ecs.tasks().map((t) => t.lastStatus)).toEqual(['STOPPED']);
  });

  test('by chance, everywhere', async () => {
    for (const seed of [11, 12, 13]) {
      const rates = { throttle: 0.1, 'server-error': 0.1, lost: 0.05, unanswered: 0.1, twice: 0.1, stale: 0.1 };
      const { createPod, until, client, ecs, settle, close } = await make({
        prepare: (sdk) => void injectFaults(sdk, { seed, rates }),
        listLagMs: 5_000,
      });
      const names = Array.from({ length: 8 }, (_, i) => `p${i}`);
      for (const name of names) await createPod(name);
      for (const name of names) await until(`${name} running`, phase(name, 'Running'), 900_000);
      expect(ecs.tasks()).toHaveLength(names.length);
      for (const name of names) await client.delete(pods, { namespace: 'default', name });
      await until('gone', async () => (await client.list(pods, {})).items.length === 0, 900_000);
      await settle(20_000, 2_000);
      expect(ecs.tasks().every((t) => t.lastStatus === 'STOPPED')).toBe(true);
      await close();
    }
  });
});

describe('a process that dies', () => {
  /** Every call to ECS and every write to the store is a step: it is begun, and the process ends, before or after it is done. */
  const lastStep = 30;
  const cases = Array.from({ length: lastStep + 1 }, (_, at) =>
    ['before', 'after'].map((when) => [when, at] as const),
  ).flat();
  test.each(cases)('%s its step %d leaves one task a pod', async (when, at) => {
    let steps = 0;
    let armed = false;
    let killed = 0;
    // The answer reaches nobody.
    const never = new Promise<never>(() => {});
    const perform = async <T>(generation: number, work: () => Promise<T>): Promise<T> => {
      if (generation !== killed) return never;
      const dies = armed && steps++ === at;
      if (dies) {
        armed = false;
        killed++;
        cluster.kill();
        if (when === 'before') return never;
      }
      const answer = await work();
      return generation === killed ? answer : never;
    };
    const prepare = (client: ECSClient): void => {
      const generation = killed;
      addMiddleware(client, 'die', ({ proceed }) => perform(generation, () => proceed()));
    };
    const store = (real: Store): Store => {
      const generation = killed;
      return { ...real, commit: (...args) => perform(generation, () => real.commit(...args)) };
    };
    const { createPod, until, client, ecs, settle, pod } = await make({ prepare, store });
    armed = true;
    const created = await createPod('web');
    await until('running', phase('web', 'Running'), 900_000);
    await settle(100_000, 5_000);
    expect(tasksOf(created.metadata?.uid)).toBe(1);
    await client.delete(pods, { namespace: 'default', name: 'web' });
    await until('gone', async () => (await pod('web')) === undefined, 900_000);
    // The last case is there to see that there are no more steps.
    if (at === lastStep) expect(armed).toBe(true);
    armed = false;
    await settle(700_000, 20_000);
    expect(ecs.tasks().map((t) => t.lastStatus)).toEqual(['STOPPED']);
  });
});

describe('capacity', () => {
  test('beyond the quota: the pod waits, an event names the quota, and it starts when there is room', async () => {
    const { createPod, until, eventsOf, ecs, pod } = await make({ quotas: { onDemandVcpu: 0.25 } });
    await createPod('first');
    await until('running', phase('first', 'Running'));
    await createPod('second');
    const waiting = await until(
      'refused',
      async () => (await pod('second'))?.status?.containerStatuses?.[0]?.state?.waiting,
    );
    expect(waiting).toMatchObject({
      reason: 'QuotaExceeded',
      message: expect.stringContaining('Raise the quota "Fargate On-Demand vCPU'),
    });
    const told = (await eventsOf('second')).find((e) => e.reason === 'QuotaExceeded');
    expect(told).toMatchObject({ type: 'Warning', message: expect.stringContaining('Service Quotas') });
    await cluster.settle(60_000, 1_000);
    const attempts = ecs.calls.get('RunTask') ?? 0;
    expect(attempts).toBeLessThan(8);
    ecs.setQuota('onDemandVcpu', 6);
    await until('running', phase('second', 'Running'));
    expect(ecs.tasks()).toHaveLength(2);
  });

  test.each([
    ['RESOURCE:ENI', 'NoAddresses', /larger subnets/],
    [
      'Capacity is unavailable at this time. Please try again later or in a different availability zone',
      'InsufficientCapacity',
      /Other zones/,
    ],
  ])('%s: told, and tried again', async (reason, event, remedy) => {
    const { createPod, until, eventsOf, ecs } = await make();
    ecs.failLaunches({ reason }, 2);
    await createPod('web');
    await until('running', phase('web', 'Running'));
    expect((await eventsOf('web')).find((e) => e.reason === event)?.message).toMatch(remedy);
    expect(ecs.tasks()).toHaveLength(1);
  });

  test('a task that cannot be started is replaced', async () => {
    const { createPod, until, eventsOf, ecs } = await make();
    ecs.failLaunches({ startError: 'ResourceInitializationError: unable to pull secrets or registry auth' });
    await createPod('web');
    await until('running', phase('web', 'Running'));
    expect(ecs.tasks()).toHaveLength(2);
    expect((await eventsOf('web')).map((e) => e.message).join('\n')).toContain(
      'Task failed to start: ResourceInitializationError',
    );
  });

  test('taken back by Spot: the pod is a disruption target, is deleted, and its task stops', async () => {
    const { createPod, until, eventsOf, ecs, pod, settle } = await make();
    await createPod('web', { nodeName: spotNode, tolerations: [{ operator: 'Exists' }] });
    await until('running', phase('web', 'Running'));
    expect(ecs.tasks()[0]?.capacityProviderName).toBe('FARGATE_SPOT');
    ecs.interruptSpot(ecs.tasks()[0]?.taskArn ?? '');
    const condemned = await until('condemned', async () => {
      const found = await pod('web');
      return found?.metadata?.deletionTimestamp ? found : undefined;
    });
    expect(condemned.status?.conditions?.find((c) => c.type === 'DisruptionTarget')).toMatchObject({
      status: 'True',
      reason: 'TerminationByKubelet',
    });
    await until('gone', async () => (await pod('web')) === undefined);
    await settle(180_000, 5_000);
    expect(ecs.tasks().map((t) => [t.lastStatus, t.stopCode])).toEqual([['STOPPED', 'SpotInterruption']]);
    expect((await eventsOf('web')).map((e) => e.reason)).toContain('SpotInterruption');
  });
});

describe('the sweep', () => {
  test('stops a task without a pod, the second time that it finds it', async () => {
    const { createPod, until, client, ecs, tick, settle } = await make({ ticks: false });
    await createPod('web');
    await until('running', phase('web', 'Running'));
    cluster.kill();
    // Deleted by force while no kubelet looked: nothing is left that knows of the task.
    await client.delete(pods, { namespace: 'default', name: 'web' }, { gracePeriodSeconds: 0 });
    await settle(70_000, 5_000);
    await tick();
    expect(ecs.tasks()[0]?.desiredStatus).toBe('RUNNING');
    await settle(70_000, 5_000);
    await tick();
    expect(ecs.tasks()[0]?.desiredStatus).toBe('STOPPED');
  });

  test('fails a pod whose task ECS has forgotten, or starts another, by its policy', async () => {
    const { createPod, until, ecs, pod, settle } = await make({ deliver: () => [], ticks: false });
    await createPod('job', { restartPolicy: 'Never' });
    await createPod('web');
    await until('running', phase('job', 'Running'));
    await until('running', phase('web', 'Running'));
    for (const task of ecs.tasks()) ecs.stopByHand(task.taskArn ?? '');
    await settle(4_000_000, 50_000);
    await cluster.tick();
    await until('failed', phase('job', 'Failed'));
    expect((await pod('job'))?.status?.reason).toBe('TaskLost');
    await until('another', async () => ecs.launches.length === 3);
  });
});
