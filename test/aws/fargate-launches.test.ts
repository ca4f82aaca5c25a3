import { afterEach, describe, expect, test } from 'vitest';
import { createFargateCluster, type FargateCluster } from '../builders/fargate-cluster.ts';

let cluster: FargateCluster;
afterEach(() => cluster?.close());

/** What AWS allows: 100 launches at once, then 20 a second. */
const floorMs = (tasks: number): number => Math.max(0, ((tasks - 100) / 20) * 1000);

describe('many pods', () => {
  test.each([
    [1000, 1],
    [600, 4],
  ])(
    '%d are launched as fast as the quota allows, by %d functions',
    async (count, workers) => {
      cluster = await createFargateCluster({ workers, ticks: false });
      const { createPod, ecs, clock, settle } = cluster;
      const began = clock.now();
      for (let i = 0; i < count; i++) await createPod(`p${i}`);
      while (ecs.launches.length < count && clock.now() - began < 200_000) await settle(250);
      const took = (ecs.launches.at(-1)?.at ?? Infinity) - began;
      expect(ecs.launches).toHaveLength(count);
      expect(new Set(ecs.tasks().map((t) => t.startedBy)).size).toBe(count);
      expect(ecs.calls.get('RegisterTaskDefinition')).toBeLessThanOrEqual(workers);
      expect(took).toBeLessThanOrEqual(floorMs(count) * 1.1);
      expect(took).toBeGreaterThanOrEqual(floorMs(count) - 1000);
      await settle(60_000, 1_000);
      expect(ecs.tasks().every((t) => t.lastStatus === 'RUNNING')).toBe(true);
      const statuses = await Promise.all(Array.from({ length: count }, (_, i) => cluster.pod(`p${i}`)));
      expect(statuses.filter((pod) => pod?.status?.phase !== 'Running')).toEqual([]);
      // Events tell everything: nobody has asked ECS for a single task.
      expect(ecs.calls.get('DescribeTasks') ?? 0).toBe(0);
    },
    120_000,
  );
});

test('templates are registered once each, a second apart after the burst', async () => {
  cluster = await createFargateCluster({ ticks: false });
  const { createPod, ecs, settle, clock } = cluster;
  const began = clock.now();
  for (let i = 0; i < 60; i++) await createPod(`p${i}`, { containers: [{ name: 'app', image: `app:${i % 30}` }] });
  while (ecs.launches.length < 60 && clock.now() - began < 60_000) await settle(250);
  expect(ecs.definitions()).toHaveLength(30);
  expect(ecs.launches).toHaveLength(60);
  // Twenty at once and ten more at one a second.
  expect((ecs.launches.at(-1)?.at ?? Infinity) - began).toBeLessThanOrEqual(11_500);
});
