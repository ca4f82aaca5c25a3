import { isConflict } from '@nodeless/apimachinery/status';
import type { Client } from '@nodeless/client/client';
import type { InformerChange } from '@nodeless/client/informer';
import type { KubernetesObject } from '@nodeless/apimachinery/object';
import type { Clock, Timer } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';
import {
  type Change,
  type Controller,
  type ReconcileContext,
  type Request,
  type WatchRule,
  rulesOf,
} from './controller.ts';
import { createEventRecorder } from './event-recorder.ts';
import type { SharedInformers } from './informer-lister.ts';
import { seeOwnWrites } from './own-writes.ts';
import { createWorkQueue, type WorkQueue } from './work-queue.ts';

export interface ManagerOptions {
  readonly controllers: readonly Controller[];
  readonly informers: SharedInformers;
  /** A client acting as the controller's own user, or as the API server where it asks for that. */
  readonly clientFor: (controllerName: string, actsAs: Controller['actsAs']) => Client;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Runs controllers in this process: informers feed watch rules, rules feed one queue a controller, workers reconcile. */
export interface Manager {
  /** Resolves once every cache has synced and the workers run. */
  start(): Promise<void>;
  /** Lets running reconciles end. Idempotent. */
  stop(): Promise<void>;
}

export function createManager(options: ManagerOptions): Manager {
  const { controllers, informers, clientFor, clock, log } = options;
  const names = new Set<string>();
  for (const { name } of controllers) {
    if (names.has(name)) throw new Error(`two controllers are named ${name}`);
    names.add(name);
  }
  const watches = createWatches(informers);
  const running: { queue: WorkQueue; stop: () => void }[] = [];
  // Every informer must exist before start() so that all of them sync.
  for (const controller of controllers) for (const rule of rulesOf(controller)) informers.informer(rule.type);

  const run = (controller: Controller): void => {
    const plain = clientFor(controller.name, controller.actsAs);
    const client = seeOwnWrites(plain, informers, clock);
    const context: ReconcileContext = {
      client,
      cache: informers.lister,
      clock,
      log: log.with({ controller: controller.name }),
      events: createEventRecorder({ client: plain, clock, log, component: controller.name }),
      rulesChanged: () => {
        const wanted = new Set(rulesOf(controller));
        for (const [rule, end] of followed) {
          if (wanted.has(rule)) continue;
          followed.delete(rule);
          end();
        }
        for (const rule of wanted)
          if (!followed.has(rule)) {
            // Known before it is begun: the listener is called for what is there already.
            followed.set(rule, () => {});
            followed.set(
              rule,
              watches.add(rule, (change) => enqueue(rule, change, context, queue)),
            );
          }
      },
    };
    const followed = new Map<WatchRule, () => void>();
    const queue: WorkQueue = createWorkQueue({
      clock,
      concurrency: controller.concurrency ?? 8,
      minIntervalMs: controller.minIntervalMs,
      work: (key) => reconcileOne(controller, context, queue, key),
    });
    context.rulesChanged();
    const stopResync =
      controller.resyncMs === undefined
        ? () => {}
        : every(clock, controller.resyncMs, () => queue.add(keyOf({ name: '' })));
    if (controller.resyncMs !== undefined) queue.add(keyOf({ name: '' }));
    running.push({
      queue,
      stop: stopResync,
    });
  };

  return {
    async start() {
      await informers.start();
      for (const controller of controllers) run(controller);
    },
    async stop() {
      for (const { stop } of running) stop();
      watches.stop();
      // Before the queues: what waits for its own writes to be seen need not wait any longer.
      informers.stop();
      await Promise.all(running.splice(0).map(({ queue }) => queue.stop()));
    },
  };
}

interface Watches {
  add(rule: WatchRule, listener: (change: InformerChange<KubernetesObject>) => void): () => void;
  stop(): void;
}

/** The informer of a kind goes with the last rule that wants it. */
function createWatches(informers: SharedInformers): Watches {
  const users = new Map<string, number>();
  const ends = new Set<() => void>();
  return {
    add({ type }, listener) {
      const id = `${type.group}/${type.version}/${type.resource}`;
      users.set(id, (users.get(id) ?? 0) + 1);
      const unsubscribe = informers.informer(type).subscribe(listener);
      const end = (): void => {
        if (!ends.delete(end)) return;
        unsubscribe();
        const left = (users.get(id) ?? 1) - 1;
        users.set(id, left);
        if (left === 0) informers.drop(type);
      };
      ends.add(end);
      return end;
    },
    stop() {
      for (const end of [...ends]) end();
    },
  };
}

function enqueue(
  rule: WatchRule,
  change: InformerChange<KubernetesObject>,
  context: ReconcileContext,
  queue: WorkQueue,
): void {
  const add = (requests: readonly Request[]): void => {
    for (const request of requests) queue.add(keyOf(request));
  };
  try {
    const requests = rule.requests(change as Change<KubernetesObject>, context.cache);
    if (requests instanceof Promise)
      requests.then(add, (error: unknown) => context.log.error('watch rule failed', { error }));
    else add(requests);
  } catch (error) {
    context.log.error('watch rule failed', { resource: rule.type.resource, error });
  }
}

async function reconcileOne(
  controller: Controller,
  context: ReconcileContext,
  queue: WorkQueue,
  key: string,
): Promise<void> {
  try {
    const result = await controller.reconcile(parseKey(key), context);
    queue.forget(key);
    if (result?.requeueAfterMs !== undefined) queue.addAfter(key, result.requeueAfterMs);
  } catch (error) {
    // Somebody else wrote first: their event brings the key back, the retry is only for the case that it was before ours.
    if (!isConflict(error)) context.log.warn('reconcile failed', { key, attempt: queue.failures(key), error });
    queue.addRateLimited(key);
  }
}

function keyOf(request: Request): string {
  return `${request.namespace ?? ''}/${request.name}`;
}

function parseKey(key: string): Request {
  const slash = key.indexOf('/');
  return slash === 0 ? { name: key.slice(1) } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

function every(clock: Clock, ms: number, run: () => void): () => void {
  let timer: Timer;
  const again = (): void => {
    timer = clock.setTimer(() => {
      run();
      again();
    }, ms);
  };
  again();
  return () => timer.cancel();
}
