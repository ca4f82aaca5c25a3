/** The controllers that run as functions: one list for who runs them and for who only wakes them. */
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { ResourceType } from '@nodeless/client/client';
import type { Controller } from '@nodeless/controller-runtime/controller';
import type { Wakeable } from '@nodeless/controller-runtime/rule-table';
import { type ControllersOptions, createControllers } from './controllers.ts';
import type { LoadBalancerProvider } from './load-balancers/load-balancer.ts';

const minute = 60_000;

export function createFunctionControllers(options: ControllersOptions): readonly Controller[] {
  return createControllers({
    // Virtual nodes send a heartbeat with each tick, every five minutes; two may be late or lost.
    nodes: { graceMs: 16 * minute, trustsHeartbeats: true },
    eventSweepMs: 10 * minute,
    ...options,
  });
}

/** The same controllers for the dispatcher, which asks for their rules and runs none of them. */
export function wakingControllers(served: () => readonly ResourceType<UnknownObject>[]): readonly Wakeable[] {
  const nobody = {} as LoadBalancerProvider;
  return createFunctionControllers({ served, rootCertificate: '', loadBalancers: nobody });
}
