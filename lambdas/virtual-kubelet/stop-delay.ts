import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { drainLimitMs, drainedCondition, gatedServices } from '@nodeless/apimachinery/target-health';

/**
 * The time (milliseconds) before which a pod that is being deleted is not stopped: while load balancers still lead to it, and for
 * as long as its preStop hooks sleep. undefined = at once.
 */
export function stopNotBefore(pod: Pod): number | undefined {
  const { deletionTimestamp, deletionGracePeriodSeconds: grace = 0 } = pod.metadata ?? {};
  if (!deletionTimestamp || grace === 0 || !pod.status?.podIP) return undefined;
  const began = Date.parse(deletionTimestamp) - grace * 1000;
  const delays = (pod.spec?.containers ?? []).map(
    (c) => Math.min(c.lifecycle?.preStop?.sleep?.seconds ?? 0, grace) * 1000,
  );
  if (gatedServices(pod).length > 0 && !isDrained(pod)) delays.push(drainLimitMs);
  const delay = Math.max(0, ...delays);
  return delay === 0 ? undefined : began + delay;
}

export const isDrained = (pod: Pod): boolean =>
  pod.status?.conditions?.find((c) => c.type === drainedCondition)?.status === 'True';
