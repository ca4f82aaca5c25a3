/** Tells what becomes of a stack while something else changes it. */
import { type Clock, sleep } from '@nodeless/component-base/clock';
import type { Output } from '../output.ts';
import type { Cloud, StackEvent } from './cloud.ts';
import { createProgress, remedyFor } from './progress.ts';

export interface FollowDeps {
  readonly cloud: Pick<Cloud, 'stackEvents'>;
  readonly clock: Clock;
  readonly output: Output;
  readonly stackName: string;
  readonly pollMs?: number;
}

export interface StackFollower {
  /** What has happened so far is not told. Call it before what is to be followed begins. */
  start(): Promise<void>;
  /** Follows until it resolves; answers the failures that were told. */
  until(ended: () => Promise<boolean>): Promise<readonly string[]>;
}

export function createStackFollower({ cloud, clock, output, stackName, pollMs = 2_000 }: FollowDeps): StackFollower {
  let last: string | undefined;
  let line = createProgress();
  let failures: string[] = [];

  const look = async (): Promise<void> => {
    // A first question with nothing seen asks for one page; a stack that is new begins with all of it.
    const events: readonly StackEvent[] = await cloud.stackEvents(stackName, last ?? '');
    for (const event of events) {
      last = event.id;
      const told = line(event);
      if (!told) continue;
      if (told.kind === 'done') output.note(`  ${output.style('green', '✓')} ${told.text}`);
      else {
        failures.push(told.text);
        output.note(`  ${output.style('red', '✗')} ${told.text}`);
        const remedy = remedyFor(event.reason ?? '');
        if (remedy) output.note(`    → ${remedy}`);
      }
    }
  };

  return {
    async start() {
      line = createProgress();
      failures = [];
      last = (await cloud.stackEvents(stackName)).at(-1)?.id;
    },
    async until(ended) {
      for (;;) {
        const over = await ended();
        await look();
        if (over) return failures;
        await sleep(clock, pollMs);
      }
    },
  };
}
