import { describe, expect, it } from 'vitest';
import { type ManualClock, createManualClock } from '@nodeless/component-base/manual-clock';
import { type QueueRig, createQueueRig } from './rigs/fifo-queue.ts';

const visibilityMs = 30_000;

function fifo(options: { maxReceives?: number } = {}): { clock: ManualClock; queue: QueueRig; dead: QueueRig } {
  const clock = createManualClock();
  const dead = createQueueRig({ clock, name: 'dead', fifo: true, visibilityMs });
  const queue = createQueueRig({
    clock,
    name: 'q',
    fifo: true,
    visibilityMs,
    ...(options.maxReceives ? { redrive: { to: dead, maxReceives: options.maxReceives } } : {}),
  });
  return { clock, queue, dead };
}
const send = (queue: QueueRig, group: string, ...bodies: string[]): void => {
  for (const body of bodies) queue.send({ body, group, id: `${group}-${body}` });
};
const bodies = (received: readonly { body: string }[]): string[] => received.map(({ body }) => body);

describe('a FIFO queue', () => {
  it('hands out a group in order, and nothing of it while one is in flight', () => {
    const { queue } = fifo();
    send(queue, 'a', '1', '2', '3');
    send(queue, 'b', '4');
    const [first] = queue.receive(1);
    expect(first?.body).toBe('1');
    expect(bodies(queue.receive(10))).toEqual(['4']);
    expect(queue.receive(10)).toEqual([]);
    queue.delete(first?.receipt ?? '');
    expect(bodies(queue.receive(10))).toEqual(['2', '3']);
  });

  it('hands out several of one group at once, and blocks it until each is deleted or visible again', async () => {
    const { clock, queue } = fifo();
    send(queue, 'a', '1', '2', '3');
    const batch = queue.receive(2);
    expect(bodies(batch)).toEqual(['1', '2']);
    queue.delete(batch[0]?.receipt ?? '');
    expect(queue.receive(10)).toEqual([]);
    await clock.advance(visibilityMs);
    const again = queue.receive(10);
    expect(bodies(again)).toEqual(['2', '3']);
    expect(again.map(({ receives }) => receives)).toEqual([2, 1]);
  });

  it('drops what has the same id within five minutes, deleted or not', async () => {
    const { clock, queue } = fifo();
    send(queue, 'a', '1');
    const [one] = queue.receive(10);
    queue.delete(one?.receipt ?? '');
    send(queue, 'a', '1');
    expect(queue.depth()).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
    expect(queue.counts).toMatchObject({ sent: 2, duplicates: 1 });
    await clock.advance(5 * 60_000);
    send(queue, 'a', '1');
    expect(bodies(queue.receive(10))).toEqual(['1']);
  });

  it('believes only the last receipt', async () => {
    const { clock, queue } = fifo();
    send(queue, 'a', '1');
    const [early] = queue.receive(1);
    await clock.advance(visibilityMs);
    const [late] = queue.receive(1);
    queue.delete(early?.receipt ?? '');
    expect(queue.depth().inFlight).toBe(1);
    queue.delete(late?.receipt ?? '');
    expect(queue.depth().inFlight).toBe(0);
  });

  it('moves what was received too often to the dead-letter queue, and lets the group go on', async () => {
    const { clock, queue, dead } = fifo({ maxReceives: 2 });
    send(queue, 'a', '1', '2');
    for (let i = 0; i < 2; i++) {
      expect(bodies(queue.receive(1))).toEqual(['1']);
      await clock.advance(visibilityMs);
    }
    expect(bodies(queue.receive(1))).toEqual(['2']);
    expect(dead.bodies()).toEqual(['1']);
    expect(queue.counts.deadLettered).toBe(1);
  });

  it('changes how long one stays hidden', async () => {
    const { clock, queue } = fifo();
    send(queue, 'a', '1');
    const [one] = queue.receive(1);
    queue.changeVisibility(one?.receipt ?? '', 1_000);
    await clock.advance(1_000);
    expect(bodies(queue.receive(1))).toEqual(['1']);
  });

  it.each([
    ['a delay', { body: 'x', group: 'a', id: 'x', delaySeconds: 1 }],
    ['no group', { body: 'x', id: 'x' }],
    ['no id', { body: 'x', group: 'a' }],
    ['an id with other letters', { body: 'x', group: 'a', id: 'ä' }],
    ['nothing', { body: '', group: 'a', id: 'x' }],
    ['too much', { body: 'x'.repeat(1024 * 1024 + 1), group: 'a', id: 'x' }],
  ])('refuses %s', (_, message) => {
    expect(() => fifo().queue.send(message)).toThrow();
  });

  it('tells when a receive may find something', async () => {
    const { clock, queue } = fifo();
    let told = 0;
    queue.onVisible(() => (told += 1));
    send(queue, 'a', '1');
    expect(told).toBe(1);
    queue.receive(1);
    await clock.advance(visibilityMs);
    expect(told).toBe(2);
  });
});

describe('a standard queue', () => {
  const standard = (repeats?: () => boolean): { clock: ManualClock; queue: QueueRig } => {
    const clock = createManualClock();
    return {
      clock,
      queue: createQueueRig({ clock, name: 's', fifo: false, visibilityMs, ...(repeats ? { repeats } : {}) }),
    };
  };

  it('holds a message back for its delay', async () => {
    const { clock, queue } = standard();
    queue.send({ body: '1', delaySeconds: 900 });
    expect(queue.depth()).toEqual({ visible: 0, inFlight: 0, delayed: 1 });
    await clock.advance(899_999);
    expect(queue.receive(10)).toEqual([]);
    await clock.advance(1);
    expect(bodies(queue.receive(10))).toEqual(['1']);
  });

  it.each([901, 0.5, -1])('refuses a delay of %d', (delaySeconds) => {
    expect(() => standard().queue.send({ body: '1', delaySeconds })).toThrow();
  });

  it('may hand out twice', () => {
    const { queue } = standard(() => true);
    queue.send({ body: '1' });
    expect(bodies([...queue.receive(10), ...queue.receive(10)])).toEqual(['1', '1']);
  });
});
