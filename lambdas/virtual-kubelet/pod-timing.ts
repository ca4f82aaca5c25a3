/** When a pod's kubelet has to do something. Pure. */
import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { parseTime } from '@nodeless/apimachinery/time';
import type { Clock } from '@nodeless/component-base/clock';
import type { Result } from '@nodeless/controller-runtime/controller';

export const mountRetryMs = 5_000;
const longestMountRetryMs = 120_000;

/** What has been missing for long is looked for less often: a tenth of the pod's age, up to two minutes. */
export function patience(pod: Pod, now: number): number {
  const age = now - Date.parse(String(pod.metadata?.creationTimestamp ?? ''));
  return Math.min(longestMountRetryMs, Math.max(mountRetryMs, age / 10 || 0));
}

export const graceOf = (pod: Pod): number =>
  pod.metadata?.deletionGracePeriodSeconds ?? pod.spec?.terminationGracePeriodSeconds ?? 30;

/** When activeDeadlineSeconds have passed. */
export function deadlineOf(pod: Pod): number | undefined {
  const seconds = pod.spec?.activeDeadlineSeconds;
  const began = pod.status?.startTime;
  return seconds === undefined || began === undefined ? undefined : parseTime(began) + seconds * 1000;
}

export const after = (at: number | undefined, clock: Clock): Result | undefined =>
  at === undefined ? undefined : { requeueAfterMs: Math.max(1, Math.ceil(at - clock.now())) };
