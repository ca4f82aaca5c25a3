/** Questions about a pod's state that several components ask. */
import type { Pod, PodCondition } from './generated/types/core/v1.ts';

export function podCondition(pod: Readonly<Pod>, type: string): PodCondition | undefined {
  return pod.status?.conditions?.find((condition) => condition.type === type);
}

export function isPodReady(pod: Readonly<Pod>): boolean {
  return podCondition(pod, 'Ready')?.status === 'True';
}

/** When the pod became ready (RFC 3339); undefined while it is not. */
export function podReadySince(pod: Readonly<Pod>): string | undefined {
  const condition = podCondition(pod, 'Ready');
  return condition?.status === 'True' ? condition.lastTransitionTime : undefined;
}

/** Ready for at least `minReadySeconds`. `now` in milliseconds since the epoch. */
export function isPodAvailable(pod: Readonly<Pod>, minReadySeconds: number, now: number): boolean {
  if (!isPodReady(pod)) return false;
  if (minReadySeconds === 0) return true;
  const since = podReadySince(pod);
  return since !== undefined && Date.parse(since) + minReadySeconds * 1000 <= now;
}

/** Succeeded or Failed: its containers will not run again. */
export function isPodTerminal(pod: Readonly<Pod>): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

/** Neither finished nor being deleted. */
export function isPodActive(pod: Readonly<Pod>): boolean {
  return !isPodTerminal(pod) && !pod.metadata?.deletionTimestamp;
}
