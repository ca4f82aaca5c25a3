/** The scheduler as a function runs it: each message is a doorbell, each invocation a drain. */
import type { Clock } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';
import { schedulerUser } from '@nodeless/controller-runtime/component-users';
import { createSharedInformers } from '@nodeless/controller-runtime/informer-lister';
import type { Later } from '@nodeless/controller-runtime/queues';
import { createStoreLister } from '@nodeless/controller-runtime/store-lister';
import { type QueueRecord, workBatch } from '@nodeless/controller-runtime/work-batch';
import { createWorker } from '@nodeless/controller-runtime/worker';
import { createClusterRegistry } from '@nodeless/registry/cluster';
import type { Store } from '@nodeless/store/store';
import { defaultProfile } from './profile.ts';
import { createSchedulerController } from './scheduler-controller.ts';

export interface SchedulerFunctionOptions {
  readonly store: Store;
  readonly later: Later;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random?: () => number;
}

/** Works batches off, and answers the ids of the messages that are to come again. */
export async function createSchedulerFunction(
  options: SchedulerFunctionOptions,
): Promise<(records: readonly QueueRecord[]) => Promise<string[]>> {
  const { store, later, clock, log, random } = options;
  const cluster = await createClusterRegistry({ store, clock });
  const client = cluster.clientFor(schedulerUser, 'kube-scheduler');
  const informers = createSharedInformers(client, { clock, log });
  const worker = createWorker({
    controllers: [createSchedulerController({ client, informers, profile: defaultProfile, clock, log, random })],
    clientFor: () => client,
    lister: createStoreLister(informers),
    clock,
    log,
    random,
  });
  return async (records) => {
    await cluster.refresh();
    return workBatch(records, { worker, later, log });
  };
}
