/** What can go wrong with a call to a model of an AWS service, on request: refused, throttled, done without an answer. */
import type { Clock } from '@nodeless/component-base/clock';
import { AwsFault } from './query-protocol.ts';

export interface Fault {
  readonly code: string;
  readonly message?: string;
  readonly status?: number;
  /** How many calls fail; default 1. */
  readonly times?: number;
  /** The work is done and the answer lost: the caller cannot know. */
  readonly afterwards?: boolean;
}

export interface Faults {
  /** The next calls of an operation fail ('*' = of any). */
  fail(operation: string, fault: Fault): void;
  clear(): void;
  /** Names of all calls so far, in order. */
  readonly calls: string[];
  /** Runs a call with what is to go wrong with it. */
  around<T>(operation: string, work: () => T | Promise<T>): Promise<T>;
}

export interface Throttle {
  readonly perSecond: number;
  readonly burst: number;
}

export function createFaults(options: { clock: Clock; throttle?: Throttle }): Faults {
  const { clock, throttle } = options;
  const planned: { operation: string; fault: Fault; left: number }[] = [];
  const calls: string[] = [];
  let tokens = throttle?.burst ?? 0;
  let filled = clock.now();
  return {
    calls,
    fail: (operation, fault) => void planned.push({ operation, fault, left: fault.times ?? 1 }),
    clear: () => void planned.splice(0),
    async around(operation, work) {
      calls.push(operation);
      if (throttle) {
        tokens = Math.min(throttle.burst, tokens + ((clock.now() - filled) / 1000) * throttle.perSecond);
        filled = clock.now();
        if (tokens < 1) throw new AwsFault('Throttling', 'Rate exceeded');
        tokens -= 1;
      }
      const next = planned.find((one) => one.left > 0 && (one.operation === operation || one.operation === '*'));
      if (!next) return work();
      next.left -= 1;
      const { code, message = code, status, afterwards } = next.fault;
      if (afterwards) await work();
      throw new AwsFault(code, message, status ?? 400);
    },
  };
}
