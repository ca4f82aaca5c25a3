import type { Job, PodFailurePolicyRule } from '@nodeless/apimachinery/generated/types/batch/v1';
import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';

export type FailureVerdict =
  | { readonly action: 'Count' | 'Ignore' | 'FailIndex' }
  | { readonly action: 'FailJob'; readonly message: string };

/** What the first matching rule of spec.podFailurePolicy says about a failed pod; without one it counts. */
export function judgeFailure(job: Job, pod: Pod): FailureVerdict {
  for (const [index, rule] of (job.spec?.podFailurePolicy?.rules ?? []).entries()) {
    const match = matchExitCodes(rule, pod) ?? matchConditions(rule, pod);
    if (!match) continue;
    if (rule.action !== 'FailJob') return { action: rule.action as 'Count' | 'Ignore' | 'FailIndex' };
    return { action: 'FailJob', message: `${match} matching FailJob rule at index ${index}` };
  }
  return { action: 'Count' };
}

function matchExitCodes({ onExitCodes }: PodFailurePolicyRule, pod: Pod): string | undefined {
  if (!onExitCodes) return undefined;
  const statuses = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])];
  for (const { name, state } of statuses) {
    const code = state?.terminated?.exitCode;
    if (code === undefined || code === 0 || (onExitCodes.containerName && onExitCodes.containerName !== name)) continue;
    const listed = onExitCodes.values.includes(code);
    if (onExitCodes.operator === 'In' ? listed : !listed)
      return `Container ${name} for pod ${pod.metadata?.namespace}/${pod.metadata?.name} failed with exit code ${code}`;
  }
  return undefined;
}

function matchConditions({ onPodConditions }: PodFailurePolicyRule, pod: Pod): string | undefined {
  for (const { type, status = 'True' } of onPodConditions ?? []) {
    if (pod.status?.conditions?.some((c) => c.type === type && c.status === status))
      return `Pod ${pod.metadata?.namespace}/${pod.metadata?.name} has condition ${type}`;
  }
  return undefined;
}
