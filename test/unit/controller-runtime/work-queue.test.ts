import { describe, expect, it } from 'vitest';
import { createManualClock } from '@nodeless/component-base/manual-clock';
import { createWorkQueue } from '@nodeless/controller-runtime/work-queue';

function setUp(concurrency = 2, minIntervalMs = 0) {
  const clock = createManualClock();
  const started: string[] = [];
  const finish = new Map<string, () => void>();
  const work = (key: string): Promise<void> => {
    started.push(key);
    return new Promise((resolve) => finish.set(key, resolve));
  };
  return { clock, started, finish, queue: createWorkQueue({ clock, concurrency, minIntervalMs, work }) };
}

describe('the work queue', () => {
  it('runs a key once however often it is added, and once more for what came while it ran', async () => {
    const { clock, started, finish, queue } = setUp();
    queue.add('a');
    queue.add('a');
    await clock.advance(0);
    expect(started).toEqual(['a']);
    queue.add('a');
    queue.add('a');
    await clock.advance(0);
    expect(started).toEqual(['a']);
    finish.get('a')?.();
    await clock.advance(0);
    expect(started).toEqual(['a', 'a']);
  });

  it('keeps to its concurrency', async () => {
    const { clock, started, finish, queue } = setUp(2);
    for (const key of ['a', 'b', 'c']) queue.add(key);
    await clock.advance(0);
    expect(started).toEqual(['a', 'b']);
    finish.get('b')?.();
    await clock.advance(0);
    expect(started).toEqual(['a', 'b', 'c']);
  });

  it('doubles the wait with each failure and forgets on success', async () => {
    const { clock, started, finish, queue } = setUp();
    const waits: number[] = [];
    for (let i = 0; i < 4; i++) {
      queue.addRateLimited('a');
      const before = clock.now();
      while (started.length === i) await clock.advance(1);
      waits.push(clock.now() - before);
      finish.get('a')?.();
      await clock.advance(0);
    }
    expect(waits).toEqual([5, 10, 20, 40]);
    queue.forget('a');
    expect(queue.failures('a')).toBe(0);
  });

  it('takes the earlier of two delays, and an add passes a delay', async () => {
    const { clock, started, queue } = setUp();
    queue.addAfter('a', 100);
    queue.addAfter('a', 10);
    queue.addAfter('b', 1000);
    await clock.advance(10);
    expect(started).toEqual(['a']);
    queue.add('b');
    await clock.advance(0);
    expect(started).toEqual(['a', 'b']);
    expect(clock.pending()).toBe(0);
  });

  it('begins a key again only after its interval, with all that came meanwhile', async () => {
    const { clock, started, finish, queue } = setUp(2, 100);
    queue.add('a');
    queue.add('b');
    await clock.advance(0);
    expect(started).toEqual(['a', 'b']);
    queue.add('a');
    finish.get('a')?.();
    await clock.advance(60);
    queue.add('a');
    await clock.advance(39);
    expect(started).toEqual(['a', 'b']);
    await clock.advance(1);
    expect(started).toEqual(['a', 'b', 'a']);
    finish.get('a')?.();
    await clock.advance(500);
    queue.add('a');
    await clock.advance(0);
    expect(started).toEqual(['a', 'b', 'a', 'a']);
  });

  it('stops when what runs has ended, and starts nothing more', async () => {
    const { clock, started, finish, queue } = setUp(1);
    queue.add('a');
    queue.add('b');
    await clock.advance(0);
    let stopped = false;
    const done = queue.stop().then(() => (stopped = true));
    await clock.advance(0);
    expect(stopped).toBe(false);
    finish.get('a')?.();
    await done;
    queue.add('c');
    await clock.advance(0);
    expect(started).toEqual(['a']);
  });
});
