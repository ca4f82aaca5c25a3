import { expect, test } from 'vitest';
import { pods } from '@nodeless/client/resource-types';
import { boundPod, createKubeletHarness } from './harness.ts';

test('500 pods bound at once run after one status write each', async () => {
  const h = await createKubeletHarness();
  await h.start();
  const writes = new Map<string, number>();
  h.client.watch(
    pods,
    {},
    {
      onEvent: (e) =>
        void (
          e.type !== 'BOOKMARK' &&
          writes.set(e.object.metadata?.name ?? '', (writes.get(e.object.metadata?.name ?? '') ?? 0) + 1)
        ),
      onEnd: () => {},
    },
  );
  const names = Array.from({ length: 500 }, (_, i) => `p${i}`);
  const t0 = performance.now();
  await Promise.all(
    names.map((name, i) => h.client.create(pods, boundPod(name, { node: i % 2 ? 'node-1' : 'node-2' }))),
  );
  const t1 = performance.now();
  await h.settle();
  const t2 = performance.now();
  if (process.env['KUBELET_TIMES']) console.log(`create ${t1 - t0}, run ${t2 - t1}`);
  const { items } = await h.client.list(pods);
  expect(items.filter((p) => p.status?.phase === 'Running').length).toBe(500);
  expect([...writes.values()].every((n) => n === 2)).toBe(true);
  expect(new Set(items.map((p) => p.status?.podIP)).size).toBe(500);
});
