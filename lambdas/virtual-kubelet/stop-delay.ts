import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { targetHealthPrefix } from '@nodeless/registry/admission/target-readiness';

/** Written by the controller of load balancers on a pod that is being deleted, once nothing is sent to it any more. */
export const drainedCondition = 'nodeless.dev/drained';
/** So long after the deletion began it is waited for at most. */
const drainLimitMs = 30_000;

/**
 * The time (milliseconds) before which a pod that is being deleted is not stopped: while load balancers still lead to it, and for
 * as long as its preStop hooks sleep. undefined = at once.
 */
export function stopNotBefore(pod: Pod): number | undefined {
  const { deletionTimestamp, deletionGracePeriodSeconds: grace = 0 } = pod.metadata ?? {};
  if (!deletionTimestamp || grace === 0 || !pod.status?.podIP) return undefined;
  const began = Date.parse(deletionTimestamp) - grace * 1000;
  const delays = (pod.spec?.containers ?? []).map((c) => Math.min(c.lifecycle?.preStop?.sleep?.seconds ?? 0, grace) * 1000);
  const gated = (pod.spec?.readinessGates ?? []).some((gate) => gate.conditionType.startsWith(targetHealthPrefix));
  if (gated && !isDrained(pod)) delays.push(drainLimitMs);
  const delay = Math.max(0, ...delays);
  return delay === 0 ? undefined : began + delay;
}

export const isDrained = (pod: Pod): boolean =>
  pod.status?.conditions?.find((c) => c.type === drainedCondition)?.status === 'True';
