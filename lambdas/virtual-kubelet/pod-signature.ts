import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { agentState } from './agent/apply-report.ts';
import { isDrained } from './stop-delay.ts';

/**
 * What of a pod concerns its kubelet, as a text that changes with it. The kubelet's own status writes are no part of it: they
 * would call for themselves again and again.
 */
export function podSignature(pod: Pod): string {
  const { metadata, spec, status } = pod;
  const gates = (spec?.readinessGates ?? []).map(
    ({ conditionType }) => status?.conditions?.find((c) => c.type === conditionType)?.status,
  );
  const failed = Object.entries(agentState(pod)?.containers ?? {})
    .filter(([, verdict]) => verdict.failed)
    .map(([name, { runId }]) => [name, runId]);
  const ended = status?.phase === 'Failed' || status?.phase === 'Succeeded';
  return JSON.stringify([
    metadata?.uid,
    metadata?.generation,
    metadata?.deletionTimestamp,
    metadata?.deletionGracePeriodSeconds,
    spec?.nodeName,
    gates,
    isDrained(pod),
    failed,
    ended,
  ]);
}
