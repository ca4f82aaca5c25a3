import { createManualClock } from '@nodeless/component-base/manual-clock';
import { parseLaterMessage, waitId, workMessage } from '@nodeless/controller-runtime/messages';
import { type OneOffSchedules, type QueueEntry, SendError, createLater } from '@nodeless/controller-runtime/queues';
import { describe, expect, it } from 'vitest';

const minute = 60_000;
const outcome = (name: string, afterMs: number) => ({
  afterMs,
  message: workMessage('c', { name }),
  group: `g-${name}`,
});

function setUp({ refuses = false, full = false } = {}) {
  const clock = createManualClock();
  const delayed: QueueEntry[] = [];
  const scheduled: { name: string; atMs: number; input: string }[] = [];
  const schedules: OneOffSchedules = {
    async ensure(name, atMs, input) {
      if (refuses) throw new Error('too many');
      scheduled.push({ name, atMs, input });
    },
    remove: async () => {},
  };
  const delays = {
    async send(entries: readonly QueueEntry[]) {
      if (full) throw new SendError('no', [0]);
      delayed.push(...entries);
    },
  };
  return { clock, delayed, scheduled, later: createLater({ queue: 'controllers', delays, schedules, clock }) };
}

describe('what comes back later', () => {
  it.each([
    [1, 1],
    [1_000, 1],
    [1_001, 2],
    [15 * minute, 900],
  ])('waits %d ms in the queue of delays, as %d s', async (afterMs, delaySeconds) => {
    const { clock, delayed, scheduled, later } = setUp();
    await later.put([outcome('a', afterMs)]);
    expect(delayed.map((entry) => entry.delaySeconds)).toEqual([delaySeconds]);
    expect(scheduled).toEqual([]);
    const message = workMessage('c', { name: 'a' });
    expect(parseLaterMessage(delayed[0]?.body ?? '')).toEqual({
      v: 1,
      queue: 'controllers',
      group: 'g-a',
      id: waitId(message, clock.now(), afterMs),
      message,
    });
    // A queue of delays is no FIFO queue.
    expect(delayed[0]).not.toHaveProperty('group');
  });

  it('has a schedule beyond: one for the same minute, another for another', async () => {
    const { clock, delayed, scheduled, later } = setUp();
    const due = Math.ceil(clock.now() / minute) * minute + 60 * minute;
    await later.put([outcome('a', due - clock.now())]);
    await clock.advance(10 * minute);
    await later.put([
      outcome('a', due - clock.now() + 10_000),
      outcome('a', due - clock.now() + minute),
      outcome('b', 60 * minute),
    ]);
    expect(delayed).toEqual([]);
    expect(scheduled[0]?.atMs).toBe(due);
    const [first, same, next, other] = scheduled.map(({ name }) => name);
    expect(same).toBe(first);
    expect(new Set([first, next, other]).size).toBe(3);
    for (const { name } of scheduled) expect(name).toMatch(/^[0-9a-z-]{1,64}$/);
  });

  it('looks early where it cannot have a schedule', async () => {
    const { delayed, later } = setUp({ refuses: true });
    await later.put([outcome('a', 60 * minute), outcome('b', 1_000)]);
    expect(delayed.map(({ delaySeconds }) => delaySeconds)).toEqual([1, 900]);
  });

  it('tells when it may be lost', async () => {
    await expect(setUp({ full: true }).later.put([outcome('a', 1_000)])).rejects.toThrow(SendError);
    await expect(setUp({ full: true, refuses: true }).later.put([outcome('a', 60 * minute)])).rejects.toThrow(
      SendError,
    );
  });
});
