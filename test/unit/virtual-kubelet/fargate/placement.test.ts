/** From a selector to a task: admission, the scheduler and the virtual kubelet agree on what a node of Fargate is. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { PodSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import { nodes } from '@nodeless/client/resource-types';
import { silentLogger } from '@nodeless/component-base/logger';
import { workMessage } from '@nodeless/controller-runtime/messages';
import { awsAdmission } from '@nodeless/registry/admission/aws-admission';
import { createSchedulerFunction } from '@nodeless/scheduler/scheduler-function';
import { createFargateCluster, type FargateCluster } from '../../../builders/fargate-cluster.ts';

let cluster: FargateCluster;
let schedule: () => Promise<void>;

beforeEach(async () => {
  cluster = await createFargateCluster({ admission: awsAdmission, ticks: false });
  const { client, store, clock } = cluster;
  // What the node lifecycle controller does when nodes report themselves well.
  for (const node of (await client.list(nodes)).items) {
    const taints = (node.spec?.taints ?? []).filter((t) => !t.key.startsWith('node.kubernetes.io/'));
    await client.update(nodes, { ...node, spec: { ...node.spec, taints } });
  }
  const drain = await createSchedulerFunction({
    store,
    later: { put: () => Promise.resolve() },
    clock,
    log: silentLogger,
    random: () => 0,
  });
  schedule = async () => {
    const message = workMessage('default-scheduler', { name: '' });
    expect(await drain([{ id: '1', group: 'g', body: JSON.stringify(message) }])).toEqual([]);
  };
});
afterEach(() => cluster.close());

const byAffinity = (key: string, values: string[]): Partial<PodSpec> => ({
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchExpressions: [{ key, operator: 'In', values }] }],
      },
    },
  },
});

describe('a pod', () => {
  test.each<[string, Partial<PodSpec>, RegExp, object]>([
    ['that asks for nothing', {}, /^fargate-us-east-1[ab]-amd64-on-demand$/, { capacityProviderName: 'FARGATE' }],
    [
      'that asks for Spot',
      { nodeSelector: { 'nodeless.dev/capacity-type': 'spot' } },
      /^fargate-us-east-1[ab]-amd64-spot$/,
      { capacityProviderName: 'FARGATE_SPOT' },
    ],
    [
      'that asks for arm64 in a zone',
      { nodeSelector: { 'kubernetes.io/arch': 'arm64', 'topology.kubernetes.io/zone': 'us-east-1b' } },
      /^fargate-us-east-1b-arm64-on-demand$/,
      { attachments: [{ details: expect.arrayContaining([{ name: 'subnetId', value: 'subnet-0000000000000000b' }]) }] },
    ],
    [
      'by affinity',
      byAffinity('nodeless.dev/capacity-type', ['spot']),
      /-amd64-spot$/,
      { capacityProviderName: 'FARGATE_SPOT' },
    ],
  ])('%s', async (_, spec, node, task) => {
    await cluster.createPod('web', { nodeName: undefined, ...spec });
    await schedule();
    await cluster.until('running', async () => (await cluster.pod('web'))?.status?.phase === 'Running');
    const pod = await cluster.pod('web');
    expect(pod?.spec?.nodeName).toMatch(node);
    expect(pod?.metadata?.labels?.['topology.kubernetes.io/zone']).toBe(
      /us-east-1[ab]/.exec(pod?.spec?.nodeName ?? '')?.[0],
    );
    expect(pod?.metadata?.annotations?.['nodeless.dev/fargate-size']).toBe('0.25vCPU 0.5GB');
    const started = cluster.ecs.tasks()[0];
    expect(started).toMatchObject(task);
    const definition = cluster.ecs.definitions()[0];
    expect(definition?.runtimePlatform?.cpuArchitecture).toBe(
      pod?.spec?.nodeName?.includes('arm64') ? 'ARM64' : 'X86_64',
    );
  });

  test('spreads over zones when it says so', async () => {
    const spread = {
      maxSkew: 1,
      topologyKey: 'topology.kubernetes.io/zone',
      whenUnsatisfiable: 'DoNotSchedule',
      labelSelector: { matchLabels: { app: 'web' } },
    };
    for (let i = 0; i < 6; i++)
      await cluster.createPod(
        `web-${i}`,
        { nodeName: undefined, topologySpreadConstraints: [spread] },
        { labels: { app: 'web' } },
      );
    await schedule();
    await cluster.until('launched', async () => cluster.ecs.launches.length === 6);
    const zones = await Promise.all(
      Array.from(
        { length: 6 },
        async (_, i) => (await cluster.pod(`web-${i}`))?.metadata?.labels?.['topology.kubernetes.io/zone'],
      ),
    );
    expect(zones.filter((zone) => zone === 'us-east-1a')).toHaveLength(3);
    expect(zones.filter((zone) => zone === 'us-east-1b')).toHaveLength(3);
  });
});
