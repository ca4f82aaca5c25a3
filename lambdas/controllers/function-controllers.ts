/** The controllers that run as functions: one list for who runs them and for who only wakes them. */
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { ResourceType } from '@nodeless/client/client';
import type { Controller } from '@nodeless/controller-runtime/controller';
import type { Wakeable } from '@nodeless/controller-runtime/rule-table';
import { type ControllersOptions, createControllers } from './controllers.ts';
import { type AwsControllers, wakingAwsControllers } from './load-balancers/aws-controllers.ts';

const minute = 60_000;

/** `balancers`: load balancers and names in AWS; absent = nobody gives them. */
export function createFunctionControllers(
  options: ControllersOptions,
  balancers?: AwsControllers,
): readonly Controller[] {
  return [
    ...createControllers({
      // Virtual nodes send a heartbeat with each tick, every five minutes; two may be late or lost.
      nodes: { graceMs: 16 * minute, trustsHeartbeats: true, sweepMs: 5 * minute },
      eventSweepMs: 10 * minute,
      ...(balancers ? { loadBalancers: balancers.loadBalancers } : {}),
      ...options,
    }),
    ...(balancers?.more ?? []),
  ];
}

/** The same controllers for the dispatcher, which asks for their rules and runs none of them. */
export function wakingControllers(served: () => readonly ResourceType<UnknownObject>[]): readonly Wakeable[] {
  return createFunctionControllers({ served, rootCertificate: '' }, wakingAwsControllers());
}
