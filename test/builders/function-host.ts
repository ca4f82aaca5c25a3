/** Lambda as far as these tests need it: environments that are made cold, stay warm, run one invocation at a time, and die. */
import type { Clock } from '@nodeless/component-base/clock';
import type { Queue } from '@nodeless/controller-runtime/queues';
import type { Table } from '@nodeless/store/dynamodb/table';
import { gated } from '../unit/store/dynamodb/memory-table.ts';

/** One step of an environment, before it is done or when it is done and nobody has heard of it. */
export interface Step {
  readonly function: string;
  /** `transact`, `logAfter`, …; `send` for a queue. */
  readonly step: string;
  readonly when: 'before' | 'after';
  /** How many steps the function has done, all environments together. */
  readonly count: number;
}

/** What an environment reaches the world through: nothing of it goes on once the environment is dead. */
export interface World {
  readonly clock: Clock;
  readonly table: Table;
  queue(queue: Queue): Queue;
}

export interface FunctionHost<E, R> {
  invoke(event: E): Promise<R>;
  /** The next invocation finds no warm environment. */
  freeze(): void;
  readonly counts: { invocations: number; coldStarts: number; deaths: number; readonly steps: Map<string, number> };
  running(): number;
}

export function createFunctionHost<E, R>(options: {
  name: string;
  table: Table;
  clock: Clock;
  make: (world: World) => Promise<(event: E) => Promise<R>>;
  /** true: the environment dies here. */
  dies?: (step: Step) => boolean;
  /** What the step fails with: 'before', it was not done; 'after', it was, and the answer is lost. */
  fails?: (step: Step) => Error | undefined;
  /** What an invocation threw, or could not begin for. */
  onError?: (error: unknown) => void;
}): FunctionHost<E, R> {
  const { name, table, clock, make, dies = () => false, fails = () => undefined, onError = () => {} } = options;
  const counts = { invocations: 0, coldStarts: 0, deaths: 0, steps: new Map<string, number>() };
  let steps = 0;
  let idle: Environment[] = [];
  let running = 0;

  interface Environment {
    readonly run: Promise<(event: E) => Promise<R>>;
    readonly death: Promise<never>;
    dead: boolean;
  }
  const never = new Promise<never>(() => {});

  const start = (): Environment => {
    let die!: (reason: Error) => void;
    const death = new Promise<never>((_, reject) => {
      die = reject;
    });
    death.catch(() => {});
    const environment = { dead: false, death } as { -readonly [K in keyof Environment]: Environment[K] };
    const pass = async (step: string, when: Step['when']): Promise<void> => {
      if (environment.dead) return never;
      if (when === 'before') {
        steps += 1;
        counts.steps.set(step, (counts.steps.get(step) ?? 0) + 1);
      }
      const at: Step = { function: name, step, when, count: steps };
      const failure = fails(at);
      if (failure) throw failure;
      if (!dies(at)) return;
      environment.dead = true;
      counts.deaths += 1;
      die(new Error(`${name} died at ${step}`));
      return never;
    };
    const world: World = {
      clock: {
        now: () => clock.now(),
        setTimer: (callback, ms) => clock.setTimer(() => !environment.dead && callback(), ms),
      },
      table: gated(
        table,
        (step) => pass(step, 'before'),
        (step) => pass(step, 'after'),
      ),
      queue: (queue) => ({
        async send(entries) {
          await pass('send', 'before');
          await queue.send(entries);
          await pass('send', 'after');
        },
      }),
    };
    counts.coldStarts += 1;
    environment.run = make(world);
    environment.run.catch(() => {});
    return environment;
  };

  return {
    counts,
    running: () => running,
    freeze() {
      idle = [];
    },
    async invoke(event) {
      counts.invocations += 1;
      running += 1;
      const environment = idle.pop() ?? start();
      try {
        const result = await Promise.race([environment.run.then((run) => run(event)), environment.death]);
        idle.push(environment);
        return result;
      } catch (error) {
        // An error that the function throws leaves its environment as it is; what was never made is no use.
        if (!environment.dead) onError(error);
        if (!environment.dead)
          await environment.run.then(
            () => idle.push(environment),
            () => {},
          );
        throw error;
      } finally {
        running -= 1;
      }
    },
  };
}
