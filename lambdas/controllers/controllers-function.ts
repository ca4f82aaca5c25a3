/** The controllers as a function runs them: a batch of messages at a time, over caches that stay warm in between. */
import type { Clock } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';
import { controllerManagerUser, controllerUser } from '@nodeless/controller-runtime/component-users';
import { createSharedInformers } from '@nodeless/controller-runtime/informer-lister';
import type { Later } from '@nodeless/controller-runtime/queues';
import { createStoreLister } from '@nodeless/controller-runtime/store-lister';
import { type QueueRecord, workBatch } from '@nodeless/controller-runtime/work-batch';
import { createWorker } from '@nodeless/controller-runtime/worker';
import type { AdmissionPlugin } from '@nodeless/registry/admission/admission';
import { createClusterRegistry } from '@nodeless/registry/cluster';
import type { Store } from '@nodeless/store/store';
import type { ControllersOptions } from './controllers.ts';
import type { AwsControllers } from './load-balancers/aws-controllers.ts';
import { createFunctionControllers } from './function-controllers.ts';

export interface ControllersFunctionOptions extends Pick<ControllersOptions, 'rootCertificate' | 'loadBalancers'> {
  readonly balancers?: AwsControllers;
  /** Of clusters in AWS; a controller's pods are admitted as anybody's. */
  readonly admission?: readonly AdmissionPlugin[];
  readonly store: Store;
  readonly later: Later;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random?: () => number;
}

const manager = 'kube-controller-manager';

/** Works batches off, and answers the ids of the messages that are to come again. */
export async function createControllersFunction(
  options: ControllersFunctionOptions,
): Promise<(records: readonly QueueRecord[]) => Promise<string[]>> {
  const { store, later, clock, log, random, balancers, admission, ...composition } = options;
  const cluster = await createClusterRegistry({ store, clock, admission });
  const informers = createSharedInformers(cluster.clientFor(controllerManagerUser, manager), { clock, log });
  const worker = createWorker({
    controllers: createFunctionControllers({ served: () => cluster.resourceTypes, ...composition }, balancers),
    clientFor: (name, actsAs) => cluster.clientFor(controllerUser(name, actsAs), manager),
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
