import { type SchedulingOptions, createScheduling } from './scheduling.ts';

/** Bindings under way at once: enough to fill a group commit, few enough to stop soon. */
export const maxBindings = 128;

export type SchedulerOptions = SchedulingOptions;

export interface Scheduler {
  /** Call after the informers were started; scheduling begins once they have synced. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Gives every pending pod of its profile a node, or an event that says why there is none. */
export function createScheduler(options: SchedulerOptions): Scheduler {
  const { pods, nodes } = options;
  const scheduling = createScheduling(options, () => wake());
  let ready = false;
  let stopped = false;
  let awake = false;

  const wake = (): void => {
    if (awake || !ready || stopped) return;
    awake = true;
    setImmediate(run);
  };
  const run = (): void => {
    awake = false;
    while (!stopped && scheduling.writing() < maxBindings) if (!scheduling.next()) return;
  };

  return {
    async start() {
      scheduling.follow();
      await Promise.all([nodes.synced, pods.synced, options.namespaces?.synced, options.budgets?.synced]);
      ready = true;
      wake();
    },
    async stop() {
      stopped = true;
      await scheduling.stop();
    },
  };
}
