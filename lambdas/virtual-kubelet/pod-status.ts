import type { Pod, PodStatus } from '@nodeless/apimachinery/generated/types/core/v1';
import { semanticEqual } from '@nodeless/apimachinery/equality';
import { containerStatuses } from './container-statuses.ts';
import { podConditions } from './pod-conditions.ts';
import { podPhase } from './pod-phase.ts';
import { podQos } from './pod-qos.ts';
import type { ObservedPod } from './providers/provider.ts';

export interface StatusContext {
  /** RFC 3339 with seconds. */
  readonly now: string;
  readonly hostIps: readonly string[];
  /** Nothing of the pod runs and nothing will be started again: it was deleted, evicted or has ended. */
  readonly ended: boolean;
  /** Why the pod was ended by the kubelet itself (deadline, eviction); counts only once `ended`. */
  readonly failure?: { readonly reason: string; readonly message: string } | undefined;
}

/** The status that the API should show for what the provider observes (undefined = nothing of the pod exists yet). */
export function podStatus(pod: Pod, observed: ObservedPod | undefined, context: StatusContext): PodStatus {
  const previous = pod.status ?? {};
  const statuses = containerStatuses(pod, observed, context.ended);
  const failure = context.ended ? context.failure : observed?.failure?.terminal ? observed.failure : undefined;
  const computed = failure ? 'Failed' : podPhase(pod, [...statuses.init, ...statuses.regular], context.ended);
  // A phase that ended stays: what watches it has acted on it.
  const phase = previous.phase === 'Failed' || previous.phase === 'Succeeded' ? previous.phase : computed;
  const samePhase = phase === previous.phase;
  const reason =
    failure && !(samePhase && previous.reason)
      ? failure.reason
      : samePhase
        ? previous.reason
        : observed?.failure?.reason;
  const message =
    failure && !(samePhase && previous.reason)
      ? failure.message
      : samePhase
        ? previous.message
        : observed?.failure?.message;
  const podIps = observed?.podIps.length ? observed.podIps : (previous.podIPs ?? []).map((p) => p.ip);
  const ips = podIps.length === 0 && pod.spec?.hostNetwork ? context.hostIps : podIps;
  const sandboxReady = observed !== undefined && !context.ended && (observed.sandboxReady ?? observed.podIp !== '');
  const conditions = podConditions(pod, {
    statuses: [...statuses.init, ...statuses.regular],
    phase,
    sandboxReady,
    at: context.now,
  });
  const generation = pod.metadata?.generation;
  return {
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    phase,
    conditions,
    ...(message ? { message } : {}),
    ...(reason ? { reason } : {}),
    ...(previous.nominatedNodeName ? { nominatedNodeName: previous.nominatedNodeName } : {}),
    ...(context.hostIps[0] ? { hostIP: context.hostIps[0], hostIPs: context.hostIps.map((ip) => ({ ip })) } : {}),
    ...(ips[0] ? { podIP: ips[0], podIPs: ips.map((ip) => ({ ip })) } : {}),
    startTime: previous.startTime ?? context.now,
    ...(statuses.init.length > 0 ? { initContainerStatuses: [...statuses.init] } : {}),
    containerStatuses: [...statuses.regular],
    qosClass: podQos(pod),
    ...(statuses.ephemeral.length > 0 ? { ephemeralContainerStatuses: [...statuses.ephemeral] } : {}),
    ...(previous.resize ? { resize: previous.resize } : {}),
    ...(previous.resourceClaimStatuses ? { resourceClaimStatuses: previous.resourceClaimStatuses } : {}),
  };
}

/** A pod that was never started here: refused at admission, or its node could not take it. */
export function rejectedStatus(pod: Pod, reason: string, message: string, now: string): PodStatus {
  return {
    ...(pod.metadata?.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
    ...(pod.status?.conditions ? { conditions: pod.status.conditions } : {}),
    phase: 'Failed',
    reason,
    message,
    startTime: pod.status?.startTime ?? now,
    qosClass: podQos(pod),
  };
}

/** Whether writing `next` would change anything that clients see. */
export function sameStatus(a: PodStatus | undefined, b: PodStatus): boolean {
  return a !== undefined && semanticEqual(a, b);
}
