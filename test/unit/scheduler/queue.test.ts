import { describe, expect, it } from 'vitest';
import { createManualClock } from '@nodeless/component-base/manual-clock';
import { podInfo } from '@nodeless/scheduler/pod-info';
import { defaultProfile } from '@nodeless/scheduler/profile';
import { createSchedulingQueue } from '@nodeless/scheduler/queue';
import { aPod } from '../../builders/objects.ts';

function setUp() {
  const clock = createManualClock();
  const queue = createSchedulingQueue({ clock, profile: defaultProfile, onActive: () => {} });
  return { clock, queue };
}
const info = (name: string, priority = 0) => podInfo(aPod(name, { spec: { priority } }));

describe('the scheduling queue', () => {
  it('gives pods by priority, then by age', async () => {
    const { clock, queue } = setUp();
    queue.add(info('old'));
    await clock.advance(1);
    queue.add(info('young'));
    queue.add(info('important', 10));
    expect([queue.pop(), queue.pop(), queue.pop(), queue.pop()].map((p) => p?.pod.metadata?.name)).toEqual([
      'important',
      'old',
      'young',
      undefined,
    ]);
  });

  it('wakes an unschedulable pod only for what its plugin waits for, and after its back-off', async () => {
    const { clock, queue } = setUp();
    const pod = info('p');
    queue.add(pod);
    queue.pop();
    queue.unschedulable(pod, new Set(['NodeResourcesFit']));
    queue.happened('node-taints');
    await clock.advance(2_000);
    expect(queue.length()).toBe(0);
    queue.happened('pod-deleted');
    expect(queue.length()).toBe(1);
    queue.pop();
    queue.unschedulable(pod, new Set(['NodeResourcesFit']));
    queue.happened('pod-deleted');
    expect(queue.length()).toBe(0);
    await clock.advance(2_000);
    expect(queue.length()).toBe(1);
  });

  it('tries again after five minutes whatever happens', async () => {
    const { clock, queue } = setUp();
    const pod = info('p');
    queue.add(pod);
    queue.pop();
    queue.unschedulable(pod, new Set(['NodeName']));
    await clock.advance(299_000);
    expect(queue.length()).toBe(0);
    await clock.advance(1_000);
    expect(queue.length()).toBe(1);
  });

  it('does not bring back a pod that was removed while it was being placed', () => {
    const { queue } = setUp();
    const pod = info('p');
    queue.add(pod);
    queue.pop();
    queue.remove(pod.uid);
    queue.unschedulable(pod, new Set());
    queue.happened('node-added');
    expect(queue.length()).toBe(0);
  });
});
