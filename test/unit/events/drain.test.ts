import { createManualClock } from '@nodeless/component-base/manual-clock';
import { silentLogger } from '@nodeless/component-base/logger';
import { describeLeft, drain, type DrainStep } from '@nodeless/events/drain';
import { describe, expect, it } from 'vitest';

/** A step that finds these numbers of things, one a round, and then none. */
function step(
  name: string,
  rank: number,
  counts: readonly (number | Error)[],
  more: Partial<DrainStep> = {},
): DrainStep & { calls: number } {
  const made = {
    name,
    rank,
    ...more,
    calls: 0,
    async clear(): Promise<number> {
      const found = counts[made.calls++] ?? 0;
      if (found instanceof Error) throw found;
      return await Promise.resolve(found);
    },
  };
  return made;
}

async function run(steps: DrainStep[], limitMs = 14 * 60_000) {
  const clock = createManualClock();
  const started = clock.now();
  const result = drain({ steps, clock, log: silentLogger, until: started + limitMs });
  await clock.advance(limitMs + 1);
  return await result;
}

const named = (name: string, message: string): Error => Object.assign(new Error(message), { name });

describe('drain', () => {
  it('is done at once where nothing is', async () => {
    const tasks = step('tasks', 1, []);
    const clock = createManualClock();
    const result = await drain({ steps: [tasks], clock, log: silentLogger, until: clock.now() + 1_000 });
    expect(result).toMatchObject({ done: true, left: [] });
    expect(tasks.calls).toBe(1);
  });

  it('goes to the next rank when the earlier one has nothing left', async () => {
    const balancers = step('load balancers', 1, [1, 1, 0]);
    const groups = step('target groups', 2, [2]);
    const order: string[] = [];
    const watched = [balancers, groups].map((one) => ({
      ...one,
      clear: async () => (order.push(one.name), await one.clear()),
    }));
    const result = await run(watched);
    expect(order.slice(0, 4)).toEqual(['load balancers', 'load balancers', 'load balancers', 'target groups']);
    expect(result).toMatchObject({ done: true, removed: { 'load balancers': 1, 'target groups': 2 } });
  });

  it('looks again until functions that were stopped cannot be at work any more', async () => {
    // The second round finds nothing; a launch that was under way shows up in the tenth.
    const tasks = step('tasks', 1, [1, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    const result = await run([tasks]);
    expect(result.done).toBe(true);
    expect(tasks.calls).toBeGreaterThan(10);
  });

  it('tells at its time what is left', async () => {
    const result = await run(
      [
        step(
          'tasks',
          1,
          Array.from({ length: 1_000 }, () => 3),
        ),
      ],
      60_000,
    );
    expect(result).toMatchObject({ done: false, left: [{ step: 'tasks', count: 3 }] });
    expect(describeLeft(result.left)).toContain('3 tasks');
  });

  it('does not wait for ever for what AWS frees by itself', async () => {
    const result = await run(
      [
        step(
          'network interfaces',
          3,
          Array.from({ length: 1_000 }, () => 2),
          { optional: true },
        ),
      ],
      120_000,
    );
    expect(result.done).toBe(true);
    expect(result.left).toEqual([{ step: 'network interfaces', count: 2 }]);
  });

  it('tries again after an error that may pass', async () => {
    const result = await run([step('tasks', 1, [named('ThrottlingException', 'Rate exceeded'), 2, 0])]);
    expect(result).toMatchObject({ done: true, removed: { tasks: 2 } });
  });

  it('gives up at once what it may not do, and says so', async () => {
    const refused = step(
      'tasks',
      1,
      Array.from({ length: 10 }, () => named('AccessDeniedException', 'not authorized to perform ecs:ListTasks')),
    );
    const result = await run([refused]);
    expect(refused.calls).toBe(1);
    expect(describeLeft(result.left)).toContain('not authorized to perform ecs:ListTasks');
  });
});
