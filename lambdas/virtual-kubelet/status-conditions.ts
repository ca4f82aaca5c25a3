import type { Pod, PodCondition, PodStatus } from '@nodeless/apimachinery/generated/types/core/v1';

const disruptionTarget = 'DisruptionTarget';

/** The status with the conditions that the provider keeps, and DisruptionTarget where what the pod runs on is taken away. */
export function withOwnConditions(
  pod: Pod,
  status: PodStatus,
  types: readonly string[],
  conditions: readonly PodCondition[],
  disruption: { readonly reason: string; readonly message: string } | undefined,
  now: string,
): PodStatus {
  const set = [...conditions];
  if (disruption) set.push({ type: disruptionTarget, status: 'True', ...disruption });
  const replaced = new Set([...types, ...set.map((c) => c.type)]);
  const kept = (status.conditions ?? []).filter((c) => !replaced.has(c.type));
  return { ...status, conditions: [...kept, ...set.map((condition) => timed(condition, pod, now))] };
}

function timed(condition: PodCondition, pod: Pod, now: string): PodCondition {
  const before = pod.status?.conditions?.find((c) => c.type === condition.type);
  return {
    ...condition,
    // As in every condition that a kubelet writes.
    lastProbeTime: null as unknown as undefined,
    lastTransitionTime:
      before?.status === condition.status && before.lastTransitionTime ? before.lastTransitionTime : now,
  };
}
