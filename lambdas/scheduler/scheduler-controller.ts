/** The scheduler as a function runs it: woken by a doorbell, it drains what is pending and sleeps again. */
import type { Client } from '@nodeless/client/client';
import { namespaces, nodes, podDisruptionBudgets, pods } from '@nodeless/client/resource-types';
import type { Clock } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';
import type { Controller } from '@nodeless/controller-runtime/controller';
import { createEventRecorder } from '@nodeless/controller-runtime/event-recorder';
import type { SharedInformers } from '@nodeless/controller-runtime/informer-lister';
import { schedulerDoorbell } from './doorbell.ts';
import type { Profile } from './framework.ts';
import { maxBindings } from './scheduler.ts';
import { type Scheduling, createScheduling } from './scheduling.ts';

export interface SchedulerControllerOptions {
  readonly client: Client;
  readonly informers: SharedInformers;
  readonly profile: Profile;
  readonly clock: Clock;
  readonly log: Logger;
  /** No pod is begun after so long; the rest is for the next invocation. */
  readonly drainMs?: number;
  readonly random?: () => number;
}

/** Its queue, with back-offs and what would help each pod, stays in memory as long as the function does; a new one tries all. */
export function createSchedulerController(options: SchedulerControllerOptions): Controller {
  const { client, informers, profile, clock, log, drainMs = 30_000, random } = options;
  const events = createEventRecorder({ client, clock, log, component: profile.schedulerName, parallel: 32 });
  let scheduling: Scheduling | undefined;

  const begin = (): Scheduling => {
    const made = createScheduling(
      {
        client,
        pods: informers.informer(pods),
        nodes: informers.informer(nodes),
        namespaces: informers.informer(namespaces),
        budgets: informers.informer(podDisruptionBudgets),
        profile,
        events,
        clock,
        log,
        random,
      },
      () => {},
    );
    made.follow();
    return made;
  };

  return {
    ...schedulerDoorbell(profile),
    async reconcile(_request, { cache }) {
      // The informers are what is used; asking brings them up to date.
      await Promise.all([
        cache.list(pods),
        cache.list(nodes),
        cache.list(namespaces),
        cache.list(podDisruptionBudgets),
      ]);
      scheduling ??= begin();
      scheduling.activateDue();
      const until = clock.now() + drainMs;
      for (;;) {
        const late = clock.now() >= until;
        while (!late && scheduling.writing() < maxBindings && scheduling.next());
        if (scheduling.writing() === 0 && (late || scheduling.active() === 0)) break;
        await scheduling.written();
      }
      await events.flush();
      if (scheduling.active() > 0) return { requeueAfterMs: 0 };
      return { requeueAfterMs: scheduling.nextDueMs() };
    },
  };
}
