/**
 * Before the stack goes: what the cluster made outside of it must go first, or it would be left behind at a cost, or hold the
 * network that the stack wants to remove. Done in rounds: each step tells what is there to go, and counts what is still there.
 */
import { type Clock, sleep } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';

export interface DrainStep {
  /** What is removed, for messages: `tasks`. */
  readonly name: string;
  /** Begins when every step of lower rank has nothing left: target groups go after load balancers. */
  readonly rank: number;
  /** AWS frees it by itself some time; CloudFormation can go on without it. */
  readonly optional?: boolean;
  /** Tells all that is there to go and answers how many were there. Called again and again. Throws when it cannot be told. */
  clear(): Promise<number>;
}

export interface DrainDeps {
  readonly steps: readonly DrainStep[];
  readonly clock: Clock;
  readonly log: Logger;
  /** Milliseconds since the epoch: when to stop waiting in this invocation. */
  readonly until: number;
  readonly roundMs?: number;
  /** How long functions that were stopped may still be in the middle of something, and make things anew. */
  readonly settleMs?: number;
}

export interface Left {
  readonly step: string;
  readonly count: number;
  readonly error?: string;
  /** Trying again would say the same. */
  readonly hopeless?: boolean;
}

export interface DrainResult {
  /** Nothing is left but what is optional. */
  readonly done: boolean;
  /** Names of steps with something left, and why it could not be told to go. */
  readonly left: readonly Left[];
  /** What was found and removed, by step. */
  readonly removed: Readonly<Record<string, number>>;
}

export async function drain(deps: DrainDeps): Promise<DrainResult> {
  const { steps, clock, log, until, roundMs = 5_000, settleMs = 95_000 } = deps;
  const started = clock.now();
  const removed = Object.create(null) as Record<string, number>;
  let foundAny = false;
  for (;;) {
    const left = await round(steps, removed, log);
    foundAny ||= left.some(({ count }) => count > 0);
    const required = left.filter(({ step }) => !steps.find(({ name }) => name === step)?.optional);
    // Where anything ran, a function that was stopped a moment ago may be about to make one more of it.
    const settled = !foundAny || clock.now() - started >= settleMs;
    if (left.length === 0 && settled) return { done: true, left, removed };
    if (left.length > 0 && left.every(({ hopeless }) => hopeless)) return { done: false, left, removed };
    if (clock.now() + roundMs > until) return { done: required.length === 0 && settled, left, removed };
    await sleep(clock, roundMs);
  }
}

/** What IAM refuses now it refuses in a minute, too. */
const neverMind = /^(?:AccessDenied|Unauthorized|UnrecognizedClient|InvalidClientToken|Validation|InvalidParameter)/;

async function round(steps: readonly DrainStep[], removed: Record<string, number>, log: Logger): Promise<Left[]> {
  const left: Left[] = [];
  const ranks = [...new Set(steps.map(({ rank }) => rank))].sort((a, b) => a - b);
  for (const rank of ranks) {
    const results = await Promise.all(
      steps
        .filter((step) => step.rank === rank)
        .map(async ({ name, clear }) => {
          try {
            const count = await clear();
            removed[name] = Math.max(removed[name] ?? 0, count);
            return { step: name, count };
          } catch (error) {
            log.warn('a step of the drain failed', { step: name, error });
            const said = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
            return { step: name, count: 0, error: said, hopeless: neverMind.test(said) };
          }
        }),
    );
    left.push(...results.filter(({ count, error }) => count > 0 || error !== undefined));
    if (left.length > 0) break;
  }
  return left;
}

/** One line for CloudFormation's events, which show 4 KB of it. */
export function describeLeft(left: readonly Left[]): string {
  const parts = left.map(({ step, count, error }) => (error ? `${step} (${error})` : `${count} ${step}`));
  return `still there: ${parts.join(', ')}. Remove them by hand, or delete the stack again`.slice(0, 1_000);
}
