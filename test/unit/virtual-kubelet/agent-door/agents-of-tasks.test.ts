import type { Container, Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { configMaps, pods } from '@nodeless/client/resource-types';
import { afterEach, describe, expect, test } from 'vitest';
import { applyReport } from '@nodeless/virtual-kubelet/agent/apply-report';
import { agentReport, containerReport } from '../../../contract/agent-protocol.ts';
import {
  createFargateCluster,
  type FargateCluster,
  type FargateClusterOptions,
} from '../../../builders/fargate-cluster.ts';
import { createTaskAgents, type TaskAgents } from '../../../builders/task-agents.ts';

let cluster: FargateCluster;
let agents: TaskAgents;
const make = async (options: FargateClusterOptions = {}): Promise<void> => {
  cluster = await createFargateCluster(options);
  agents = createTaskAgents(cluster);
};
afterEach(async () => {
  await agents.close();
  await cluster.close();
});

const probe = (port: number) => ({ tcpSocket: { port }, periodSeconds: 2, failureThreshold: 2 });
const app = (more: Partial<Container>): { containers: Container[] } => ({
  containers: [{ name: 'app', image: 'app:1', ...more }],
});
const readyOf = (pod: Pod | undefined): string | undefined =>
  pod?.status?.conditions?.find((c) => c.type === 'Ready')?.status;
const isReady = (status: string) => async () => {
  const pod = await cluster.pod('web');
  return readyOf(pod) === status ? pod : undefined;
};
const isRunning = async () => {
  const pod = await cluster.pod('web');
  return pod?.status?.phase === 'Running' ? pod : undefined;
};

describe('readiness', () => {
  test('of a pod with a probe is what its agent finds, there and back', async () => {
    await make();
    await cluster.createPod('web', app({ readinessProbe: probe(80) }));
    await agents.until('running', isRunning);
    await agents.settle(10_000);
    expect(readyOf(await cluster.pod('web'))).toBe('False');
    for (const status of ['True', 'False', 'True']) {
      if (status === 'True') agents.open.add(80);
      else agents.open.clear();
      const since = cluster.clock.now();
      await agents.until(`ready: ${status}`, isReady(status));
      expect(cluster.clock.now() - since).toBeLessThanOrEqual(6_000);
    }
    expect((await cluster.eventsOf('web')).map((e) => e.reason)).toContain('Unhealthy');
  });

  // ECS' events are late by as much, or come twice and the wrong way round: the agent is sooner or later than they are.
  const deliveries: Record<string, NonNullable<FargateClusterOptions['deliver']>> = {
    late: (event) => [{ event, afterMs: 20_000 }],
    'twice and late': (event) => [
      { event, afterMs: 0 },
      { event, afterMs: 7_000 },
    ],
    'out of order': (event) => [{ event, afterMs: event.version % 2 === 0 ? 9_000 : 1_000 }],
  };
  for (const [how, deliver] of Object.entries(deliveries)) {
    test(`comes and stays when ECS’ events are ${how}`, async () => {
      await make({ deliver });
      agents.open.add(80);
      await cluster.createPod('web', app({ readinessProbe: probe(80) }));
      await agents.until('ready', isReady('True'));
      for (let i = 0; i < 20; i++) {
        await agents.settle(3_000);
        expect(readyOf(await cluster.pod('web'))).toBe('True');
      }
      agents.open.clear();
      await agents.until('not ready', isReady('False'));
    });
  }

  test('that is reported between a look at the task and its being written down is not undone', async () => {
    let reported = false;
    await make({
      ticks: false,
      store: (store) => ({
        ...store,
        async commit(operations) {
          const task = cluster?.ecs.tasks()[0];
          if (!reported && task?.lastStatus === 'RUNNING' && operations.some((o) => o.key === '/pods/default/web')) {
            reported = true;
            await report(task.containers?.find((c) => c.name === 'app')?.runtimeId ?? '');
          }
          return store.commit(operations);
        },
      }),
    });
    const report = async (runId: string): Promise<void> => {
      const pod = (await cluster.pod('web')) as Pod;
      const said = agentReport(pod, 1, { containers: [containerReport({ runId })] });
      const applied = applyReport(pod, said, '2030-01-01T00:00:00Z');
      if (applied.outcome === 'changed') await cluster.client.update(pods, applied.pod, { subresource: 'status' });
    };
    agents.cut = true;
    await cluster.createPod('web', app({ readinessProbe: probe(80) }));
    await agents.until('running', isRunning);
    await agents.settle(2_000);
    expect(reported).toBe(true);
    expect(readyOf(await cluster.pod('web'))).toBe('True');
  });

  test('survives kubelets that die', async () => {
    await make();
    agents.open.add(80);
    await cluster.createPod('web', app({ readinessProbe: probe(80) }));
    for (let i = 0; i < 15; i++) {
      await agents.settle(2_000);
      cluster.kill();
    }
    await agents.until('ready', isReady('True'));
    cluster.kill();
    agents.open.clear();
    await agents.until('not ready', isReady('False'));
  });

  test('of a pod without probes needs no agent’s word', async () => {
    await make();
    agents.cut = true;
    await cluster.createPod('web');
    await agents.until('ready', isReady('True'));
  });

  test('waits for the startup probe', async () => {
    await make();
    agents.open.add(80);
    const startupProbe = { ...probe(81), failureThreshold: 100 };
    await cluster.createPod('web', app({ startupProbe, readinessProbe: probe(80) }));
    const pod = await agents.until('running', isRunning);
    await agents.settle(20_000);
    expect(pod.status?.containerStatuses?.[0]).toMatchObject({ started: false, ready: false });
    agents.open.add(81);
    expect((await agents.until('ready', isReady('True'))).status?.containerStatuses?.[0]?.started).toBe(true);
  });
});

describe('a liveness probe that fails', () => {
  test('stops the task; the next one begins anew, and what the old agent said counts no more', async () => {
    await make();
    agents.open.add(80);
    await cluster.createPod('web', app({ livenessProbe: probe(80), readinessProbe: probe(80) }));
    await agents.until('ready', isReady('True'));
    const first = cluster.ecs.tasks()[0];
    agents.open.clear();
    await agents.until('stopped', async () => cluster.ecs.tasks()[0]?.desiredStatus === 'STOPPED');
    expect(first?.stoppedReason).toMatch(/Container app failed liveness probe: Liveness probe failed: dial tcp/);
    await agents.until('another task', async () => cluster.ecs.tasks().length === 2);
    agents.open.add(80);
    const again = await agents.until('ready again', isReady('True'));
    expect(again.status?.containerStatuses?.[0]).toMatchObject({ restartCount: 1, ready: true });
    await agents.settle(60_000);
    expect(cluster.ecs.tasks()).toHaveLength(2);
    expect(readyOf(await cluster.pod('web'))).toBe('True');
    expect((await cluster.eventsOf('web')).map((e) => e.message)).toEqual(
      expect.arrayContaining([expect.stringMatching(/^Liveness probe failed: dial tcp 10\.0\.0\.7:80/)]),
    );
  });

  test('while the door cannot be reached stops it when it can', async () => {
    await make();
    agents.open.add(80);
    await cluster.createPod('web', app({ livenessProbe: probe(80) }));
    await agents.until('ready', isReady('True'));
    await agents.settle(5_000);
    agents.cut = true;
    agents.open.clear();
    await agents.settle(60_000);
    expect(cluster.ecs.tasks()[0]?.desiredStatus).toBe('RUNNING');
    agents.cut = false;
    await agents.until('stopped', async () => cluster.ecs.tasks()[0]?.desiredStatus === 'STOPPED');
  });
});

describe('a rolling change of a pod’s ConfigMap', () => {
  test('reaches its volume without anybody asking ECS for anything', async () => {
    await make();
    await cluster.client.create(configMaps, { metadata: { name: 'c', namespace: 'default' }, data: { a: 'one' } });
    await cluster.createPod('web', {
      ...app({ volumeMounts: [{ name: 'v', mountPath: '/v' }] }),
      volumes: [{ name: 'v', configMap: { name: 'c' } }],
    });
    await agents.until('ready', isReady('True'));
    const revision = async () => JSON.parse(agentMessage(await cluster.pod('web'))) as { volumesRevision: string };
    await agents.until('reported', async () => agentMessage(await cluster.pod('web')) !== '{}');
    const before = await revision();
    const calls = [...cluster.ecs.calls.values()].reduce((a, b) => a + b, 0);
    await cluster.client.update(configMaps, { metadata: { name: 'c', namespace: 'default' }, data: { a: 'two' } });
    await agents.until('reported anew', async () => (await revision()).volumesRevision !== before.volumesRevision);
    expect([...cluster.ecs.calls.values()].reduce((a, b) => a + b, 0) - calls).toBeLessThanOrEqual(1);
  });
});

const agentMessage = (pod: Pod | undefined): string =>
  pod?.status?.conditions?.find((c) => c.type === 'nodeless.dev/agent')?.message ?? '{}';

describe('a pod that is deleted', () => {
  test('takes its task and its agent with it', async () => {
    await make();
    await cluster.createPod('web');
    await agents.until('ready', isReady('True'));
    await cluster.client.delete(pods, { namespace: 'default', name: 'web' });
    await agents.until('gone', async () => (await cluster.pod('web')) === undefined);
    expect(agents.running()).toBe(0);
  });
});
