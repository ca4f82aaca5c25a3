/** How the functions hand work to each other, told without AWS: the SDK's side is in aws/. */
import type { Clock } from '@nodeless/component-base/clock';
import { type LaterMessage, type WorkMessage, hashed, keyOf, waitId } from './messages.ts';
import type { Outcome } from './worker.ts';

/** What goes into a queue. FIFO queues need `group` and `id`, and know no delay; others take only the delay. */
export interface QueueEntry {
  readonly body: string;
  readonly group?: string;
  /** Equal ids within five minutes are one message. */
  readonly id?: string;
  /** Whole seconds, at most 900. */
  readonly delaySeconds?: number;
}

export interface Queue {
  /** In no particular order. Resolves once all are in the queue. Rejects with a SendError that tells which are not, after its own retries. */
  send(entries: readonly QueueEntry[]): Promise<void>;
}

export class SendError extends Error {
  /** Indexes of the entries that are not in the queue, as far as is known. */
  readonly failed: readonly number[];
  constructor(message: string, failed: readonly number[], cause?: unknown) {
    super(message, { cause });
    this.name = 'SendError';
    this.failed = failed;
  }
}

/** Timers that outlive every function. */
export interface OneOffSchedules {
  /** Hands `input` to the timer function at this time (to the second), once, and is gone then. A schedule of this name stays as it is. */
  ensure(name: string, atMs: number, input: string): Promise<void>;
  /** A missing one is success. */
  remove(name: string): Promise<void>;
}

/** A queue holds a message back for so long at most. */
export const longestDelayMs = 900_000;

export interface Later {
  /** Brings each outcome's message back when its time has come. Rejects when one of them might be lost. */
  put(outcomes: readonly NonNullable<Outcome>[]): Promise<void>;
}

/** `queue`: the name of the queue that the messages return to. */
export function createLater(options: {
  queue: string;
  delays: Queue;
  schedules: OneOffSchedules;
  clock: Clock;
}): Later {
  const { queue, delays, schedules, clock } = options;
  return {
    async put(outcomes) {
      const now = clock.now();
      const soon: QueueEntry[] = [];
      const late: Promise<string | undefined>[] = [];
      for (const { afterMs, message, group } of outcomes) {
        const waiting: LaterMessage = { v: 1, queue, group, id: waitId(message, now, afterMs), message };
        const body = JSON.stringify(waiting);
        if (afterMs <= longestDelayMs) soon.push({ body, delaySeconds: Math.max(1, Math.ceil(afterMs / 1000)) });
        else
          late.push(
            schedules.ensure(scheduleName(message, now + afterMs), now + afterMs, body).then(
              () => undefined,
              () => body,
            ),
          );
      }
      const [, ...scheduled] = await Promise.all([soon.length > 0 ? delays.send(soon) : undefined, ...late]);
      const refused = scheduled.filter((body) => body !== undefined);
      // Early is as good: it is worked on, and asks again for what is left of its time.
      if (refused.length > 0) await delays.send(refused.map((body) => ({ body, delaySeconds: longestDelayMs / 1000 })));
    },
  };
}

/** The same work at the same minute is one schedule. A name has at most 64 letters. */
function scheduleName(message: WorkMessage, atMs: number): string {
  return `${hashed(keyOf(message)).slice(0, 48)}-${Math.floor(atMs / 60_000).toString(36)}`;
}
