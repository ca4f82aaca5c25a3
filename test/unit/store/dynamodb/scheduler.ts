import type { ManualClock } from '@nodeless/component-base/manual-clock';
import { type Table, TableError } from '@nodeless/store/dynamodb/table';

/** Lets the steps of several writers happen in an order of its own making, and lets some of them fail or never happen. */
export interface Scheduler {
  /** The table as one writer sees it: every step waits until it is chosen. */
  table(writer: number, table: Table): Table;
  /** Chooses steps until `finished` says so; throws when nothing moves any more. */
  run(finished: () => boolean): Promise<void>;
  /** Writers that were killed: none of their steps happens any more. */
  readonly dead: ReadonlySet<number>;
  /** What was chosen, for the message of a failure. */
  readonly trace: readonly string[];
}

export interface Faults {
  /** Chances for each step, 0 to 1. */
  readonly kill: number;
  readonly loseRequest: number;
  readonly loseAnswer: number;
  /** Its sender has given up on the request when it arrives. */
  readonly late: number;
  readonly repeat: number;
  readonly conflict: number;
  readonly throttle: number;
  /** That time passes instead of a step. */
  readonly wait: number;
}

type Fault = 'none' | 'lose-request' | 'lose-answer' | 'late' | 'repeat' | 'conflict' | 'throttle';

interface Pending {
  readonly writer: number;
  readonly step: string;
  readonly go: (fault: Fault) => void;
}

/** Small, fast, and the same for the same seed everywhere. */
export function randomOf(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const mostSteps = 20_000;

export function createScheduler(clock: ManualClock, random: () => number, faults: Faults, writers: number): Scheduler {
  const pending: Pending[] = [];
  const dead = new Set<number>();
  const trace: string[] = [];

  const settle = async (): Promise<void> => {
    for (let i = 0; i < 60; i++) await Promise.resolve();
  };
  const chance = (share: number): boolean => share > 0 && random() < share;

  return {
    dead,
    trace,
    table(writer, table) {
      const wrapped = Object.entries(table).flatMap(([name, method]) => {
        if (typeof method !== 'function' || name === 'close') return [];
        const call = (...args: unknown[]): Promise<unknown> =>
          new Promise((resolve, reject) => {
            const run = (): Promise<unknown> => (method as (...all: unknown[]) => Promise<unknown>)(...args);
            pending.push({
              writer,
              step: name,
              go(fault) {
                switch (fault) {
                  case 'none':
                    return void run().then(resolve, reject);
                  case 'repeat':
                    // The network sends a request twice; the answer is the second's.
                    return void run()
                      .catch(() => {})
                      .then(run)
                      .then(resolve, reject);
                  case 'lose-answer':
                    return void run()
                      .catch(() => {})
                      .then(() => reject(new TableError('unknown', 'the answer was lost')));
                  case 'late':
                    pending.push({ writer, step: `${name}, late`, go: () => void run().catch(() => {}) });
                    return reject(new TableError('unknown', 'it takes too long'));
                  case 'lose-request':
                    return reject(new TableError('unknown', 'the request was lost'));
                  case 'throttle':
                    return reject(new TableError('throttled', 'too fast'));
                  case 'conflict':
                    return reject(new TableError('cancelled', 'TransactionConflict'));
                }
              },
            });
          });
        return [[name, call] as const];
      });
      return { ...(Object.fromEntries(wrapped) as unknown as Table), close: () => {} };
    },
    async run(finished) {
      for (let steps = 0; steps < mostSteps; steps++) {
        await settle();
        if (finished()) return;
        const possible = pending.filter(({ writer }) => !dead.has(writer));
        if (possible.length === 0 || chance(faults.wait)) {
          await clock.advance(1 + Math.floor(random() * 300));
          continue;
        }
        const chosen = possible[Math.floor(random() * possible.length)]!;
        pending.splice(pending.indexOf(chosen), 1);
        if (chance(faults.kill) && dead.size < writers - 1) {
          dead.add(chosen.writer);
          trace.push(`${chosen.writer} dies before ${chosen.step}`);
          continue;
        }
        const fault = faultOf(chosen.step);
        trace.push(`${chosen.writer} ${chosen.step}${fault === 'none' ? '' : ` (${fault})`}`);
        chosen.go(fault);
      }
      throw new Error(`nothing came of it after ${mostSteps} steps`);
    },
  };

  function faultOf(step: string): Fault {
    if (step.endsWith('late')) return 'none';
    if (chance(faults.loseRequest)) return 'lose-request';
    if (chance(faults.loseAnswer)) return 'lose-answer';
    if (chance(faults.late)) return 'late';
    if (chance(faults.throttle)) return 'throttle';
    if (chance(faults.repeat)) return 'repeat';
    if (step === 'transact' && chance(faults.conflict)) return 'conflict';
    return 'none';
  }
}
