/**
 * Readiness gates by target health. A pod behind a load balancer carries one gate for each Service; it is ready for traffic
 * within the cluster, and counts for a rolling update, only once the load balancer has found it healthy. Gates are put into the pod
 * at admission (registry/admission/target-readiness.ts), their conditions are written by the target readiness controller.
 */
import type { Pod } from './generated/types/core/v1.ts';
import { podCondition } from './pod-conditions.ts';

/** `target-health.nodeless.dev/<name of the Service>` */
export const healthGatePrefix = 'target-health.nodeless.dev/';
/**
 * Set to True on a pod that is being deleted once no load balancer sends anything to it any more. Whoever stops the pod's
 * containers waits for it, but no longer than `drainLimitMs` after the pod's deletion began.
 */
export const drainedCondition = 'nodeless.dev/drained';
export const drainLimitMs = 30_000;

/** Names of the Services whose load balancers the pod waits for. */
export function gatedServices(pod: Pod): string[] {
  return (pod.spec?.readinessGates ?? [])
    .map(({ conditionType }) => conditionType)
    .filter((type) => type.startsWith(healthGatePrefix))
    .map((type) => type.slice(healthGatePrefix.length));
}

/** Nothing but health gates keeps the pod from being ready: it may be put behind its load balancers. */
export function waitsForHealthOnly(pod: Pod): boolean {
  if (pod.metadata?.deletionTimestamp || podCondition(pod, 'ContainersReady')?.status !== 'True') return false;
  const gates = (pod.spec?.readinessGates ?? []).map(({ conditionType }) => conditionType);
  return (
    gates.some((type) => type.startsWith(healthGatePrefix)) &&
    gates.every((type) => type.startsWith(healthGatePrefix) || podCondition(pod, type)?.status === 'True')
  );
}

/** Whether a change of the pod may change what stands behind load balancers. */
export function healthGateChanged({
  type,
  object,
  previous,
}: {
  readonly type: 'added' | 'modified' | 'deleted';
  readonly object: Pod;
  readonly previous: Pod | undefined;
}): boolean {
  if (gatedServices(object).length === 0) return false;
  if (type !== 'modified' || !previous) return true;
  return waitsForHealthOnly(previous) !== waitsForHealthOnly(object);
}

/** When the pod's deletion began, in milliseconds since the epoch; undefined while it lives. */
export function deletionBegan(pod: Pod): number | undefined {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0 } = pod.metadata ?? {};
  return deletionTimestamp ? Date.parse(deletionTimestamp) - deletionGracePeriodSeconds * 1000 : undefined;
}
