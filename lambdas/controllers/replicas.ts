/** What ReplicaSets and ReplicationControllers share: keeping a number of pods of one template. */
import type { Pod, PodTemplateSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import type { KubernetesObject } from '@nodeless/apimachinery/object';
import { isPodAvailable, isPodReady, podReadySince } from '@nodeless/apimachinery/pod-conditions';
import { controllerReference } from './ownership.ts';

export interface ReplicaPlan {
  readonly create: number;
  readonly remove: readonly Pod[];
}

/** Pods that count: not finished and not on their way out. */
export function isActive(pod: Pod): boolean {
  return pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed' && !pod.metadata?.deletionTimestamp;
}

/** Upstream's burst limit: so many creates or deletes a sync. */
const burstReplicas = 500;

export function planReplicas(wanted: number, active: readonly Pod[], siblings: readonly Pod[] = active): ReplicaPlan {
  const difference = wanted - active.length;
  if (difference >= 0) return { create: Math.min(difference, burstReplicas), remove: [] };
  const ranked = rankForDeletion(active, siblings);
  return { create: 0, remove: ranked.slice(0, Math.min(-difference, burstReplicas)) };
}

const phaseRank: Record<string, number> = { Pending: 0, Unknown: 1, Running: 2 };
const costAnnotation = 'controller.kubernetes.io/pod-deletion-cost';

/** Those to go first: without a node, not started, not ready, cheap, crowded on one node, younger in readiness, restarting, younger. */
export function rankForDeletion(pods: readonly Pod[], siblings: readonly Pod[]): Pod[] {
  const perNode = new Map<string, number>();
  for (const pod of siblings)
    if (pod.spec?.nodeName && isActive(pod)) perNode.set(pod.spec.nodeName, (perNode.get(pod.spec.nodeName) ?? 0) + 1);
  const cost = (pod: Pod): number => Number.parseInt(pod.metadata?.annotations?.[costAnnotation] ?? '0', 10) || 0;
  const restarts = (pod: Pod): number =>
    Math.max(0, ...(pod.status?.containerStatuses ?? []).map((c) => c.restartCount));
  const compare = (a: Pod, b: Pod): number =>
    Number(Boolean(a.spec?.nodeName)) - Number(Boolean(b.spec?.nodeName)) ||
    (phaseRank[a.status?.phase ?? 'Pending'] ?? 0) - (phaseRank[b.status?.phase ?? 'Pending'] ?? 0) ||
    Number(isPodReady(a)) - Number(isPodReady(b)) ||
    cost(a) - cost(b) ||
    (perNode.get(b.spec?.nodeName ?? '') ?? 0) - (perNode.get(a.spec?.nodeName ?? '') ?? 0) ||
    (isPodReady(a) && isPodReady(b) ? newer(podReadySince(a), podReadySince(b)) : 0) ||
    restarts(b) - restarts(a) ||
    newer(a.metadata?.creationTimestamp, b.metadata?.creationTimestamp);
  return [...pods].toSorted(compare);
}

/** Negative where `a` is the younger one (or has no time at all). */
function newer(a: string | undefined, b: string | undefined): number {
  return (b === undefined ? Infinity : Date.parse(b)) - (a === undefined ? Infinity : Date.parse(a)) || 0;
}

/** A pod of `template` that `owner` controls; the API server completes the name. */
export function podFromTemplate(template: PodTemplateSpec, owner: KubernetesObject): Pod {
  const { labels, annotations, finalizers } = template.metadata ?? {};
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      // The suffix adds five; longer names are cut so that it fits.
      generateName: `${owner.metadata?.name ?? ''}-`,
      namespace: owner.metadata?.namespace,
      ...(labels ? { labels } : {}),
      ...(annotations ? { annotations } : {}),
      ...(finalizers ? { finalizers } : {}),
      ownerReferences: [controllerReference(owner)],
    },
    spec: template.spec,
  };
}

export interface ReplicaCounts {
  readonly replicas: number;
  readonly fullyLabeledReplicas: number;
  readonly readyReplicas: number;
  readonly availableReplicas: number;
  /** Until the next ready pod counts as available; undefined when none is waiting. */
  readonly nextAvailableMs: number | undefined;
}

export function countReplicas(
  active: readonly Pod[],
  template: PodTemplateSpec | undefined,
  minReadySeconds: number,
  now: number,
): ReplicaCounts {
  const labels = Object.entries(template?.metadata?.labels ?? {});
  let fullyLabeledReplicas = 0;
  let readyReplicas = 0;
  let availableReplicas = 0;
  let nextAvailableMs: number | undefined;
  for (const pod of active) {
    if (labels.every(([key, value]) => pod.metadata?.labels?.[key] === value)) fullyLabeledReplicas += 1;
    if (!isPodReady(pod)) continue;
    readyReplicas += 1;
    if (isPodAvailable(pod, minReadySeconds, now)) availableReplicas += 1;
    else {
      const since = podReadySince(pod);
      const wait = (since === undefined ? now : Date.parse(since)) + minReadySeconds * 1000 - now;
      nextAvailableMs = Math.max(1, Math.min(nextAvailableMs ?? Infinity, wait));
    }
  }
  return { replicas: active.length, fullyLabeledReplicas, readyReplicas, availableReplicas, nextAvailableMs };
}
