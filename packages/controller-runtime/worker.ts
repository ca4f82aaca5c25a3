import { isConflict } from '@nodeless/apimachinery/status';
import type { Client } from '@nodeless/client/client';
import type { Clock } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';
import type { Controller, ReconcileContext, Result } from './controller.ts';
import { createEventRecorder } from './event-recorder.ts';
import type { FlushableRecorder } from './event-recorder.ts';
import { fenced } from './fenced-client.ts';
import { type WorkMessage, groupOf, keyOf, requestOf } from './messages.ts';
import { seeOwnWrites } from './own-writes.ts';
import type { InvocationLister, StoreLister } from './store-lister.ts';

export interface WorkerOptions {
  readonly controllers: readonly Controller[];
  /** A client acting as the controller's own user, or as the API server where it asks for that. */
  readonly clientFor: (controllerName: string, actsAs: Controller['actsAs']) => Client;
  readonly lister: StoreLister;
  readonly clock: Clock;
  readonly log: Logger;
  /** How long one reconcile may take. What it would write later fails. Default: a minute. */
  readonly deadlineMs?: number;
  readonly random?: () => number;
}

/** Runs controllers without a process of their own: one message, one reconcile. */
export interface Worker {
  /** Its messages see each kind as it was when the first of them looked at it, or later. */
  invocation(): Invocation;
}

export interface Invocation {
  /** Never throws. */
  reconcile(message: WorkMessage): Promise<Outcome>;
  /** Resolves once what was recorded is written: nothing runs after a function has answered. */
  end(): Promise<void>;
}

/** undefined: done. Otherwise the message that is to come back, and when. */
export type Outcome = { readonly afterMs: number; readonly message: WorkMessage; readonly group: string } | undefined;

const firstRetryMs = 1_000;
const longestRetryMs = 15 * 60_000;
/** Waits this short are not worth a way through a queue; nor are they to go on for ever. */
const shortMs = 100;
const shortWaits = 5;
/** A conflict says only that what was read is old by now. */
const rereads = 3;

/** Doubles from a second to 15 minutes; half of it is left to chance, so that what failed together does not return together. */
export function retryAfterMs(attempt: number, random: () => number): number {
  const ceiling = Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(attempt, 30));
  return Math.ceil(ceiling / 2 + (random() * ceiling) / 2);
}

/** What was seen when it was asked for is old by then. */
const again = ({ hint: _, ...message }: WorkMessage, attempt: number): WorkMessage => ({ ...message, attempt });

export function createWorker(options: WorkerOptions): Worker {
  const { controllers, clientFor, lister, clock, log, deadlineMs = 60_000, random = Math.random } = options;
  const byName = new Map(controllers.map((controller) => [controller.name, controller]));
  const made = new Map<Controller, { client: Client; events: FlushableRecorder; log: Logger }>();

  const partsOf = (controller: Controller) => {
    let parts = made.get(controller);
    if (!parts) {
      const plain = clientFor(controller.name, controller.actsAs);
      parts = {
        client: seeOwnWrites(plain, lister.informers, clock),
        events: createEventRecorder({ client: plain, clock, log, component: controller.name, parallel: 16 }),
        log: log.with({ controller: controller.name }),
      };
      made.set(controller, parts);
    }
    return parts;
  };

  const once = async (
    controller: Controller,
    message: WorkMessage,
    cache: InvocationLister,
  ): Promise<Result | void> => {
    const parts = partsOf(controller);
    let over = false;
    const context: ReconcileContext = {
      client: fenced(parts.client, () => over),
      cache,
      clock,
      log: parts.log,
      events: parts.events,
      rulesChanged: () => {},
    };
    let timer!: ReturnType<Clock['setTimer']>;
    const deadline = new Promise<never>((_, reject) => {
      timer = clock.setTimer(() => reject(new Error(`it took longer than ${deadlineMs} ms`)), deadlineMs);
    });
    try {
      return await Promise.race([controller.reconcile(requestOf(message), context), deadline]);
    } finally {
      timer.cancel();
      over = true;
    }
  };

  const reconcile = async (message: WorkMessage, cache: InvocationLister): Promise<Outcome> => {
    const controller = byName.get(message.controller);
    if (!controller) {
      log.error('a message for a controller that is not here', { controller: message.controller });
      return undefined;
    }
    const group = groupOf(message, controller);
    const began = clock.now();
    for (let turn = 0, conflicts = 0; ;) {
      try {
        const afterMs = (await once(controller, message, cache))?.requeueAfterMs;
        if (afterMs === undefined) return undefined;
        if (afterMs > shortMs || turn >= shortWaits || clock.now() - began > deadlineMs / 2)
          return { afterMs, message: again(message, 0), group };
        turn += 1;
        await new Promise<void>((resolve) => {
          clock.setTimer(resolve, afterMs);
        });
        cache.renew();
      } catch (error) {
        if (isConflict(error) && conflicts < rereads && clock.now() - began < deadlineMs / 2) {
          conflicts += 1;
          cache.renew();
          continue;
        }
        const { attempt } = message;
        if (!isConflict(error))
          partsOf(controller).log.warn('reconcile failed', { key: keyOf(message), attempt, error });
        return { afterMs: retryAfterMs(attempt, random), message: again(message, attempt + 1), group };
      }
    }
  };

  return {
    invocation() {
      const cache = lister.begin();
      return {
        reconcile: (message) => reconcile(message, cache),
        async end() {
          await Promise.all([...made.values()].map(({ events }) => events.flush()));
        },
      };
    },
  };
}
