/** Pods of which there is no task to look at. Pure. */
import type { ObservedPod } from '../provider.ts';
import type { Known } from './known-tasks.ts';
import { rememberedPod } from './observe-task.ts';
import type { Step } from './relaunch.ts';
import { taskId } from './task-state.ts';

/** No task was ever started for it: what its containers wait for, where that is more than their turn. */
export function unstartedPod({ ref, pod, blocked, refusal, record }: Known): ObservedPod | undefined {
  const waits: { name: string; reason: string; message: string }[] = [];
  for (const { name, error } of Object.values(blocked?.containers ?? {})) if (error) waits.push({ name, ...error });
  if (waits.length === 0 && refusal) {
    const reason = refusal.reason ?? 'RunContainerError';
    for (const { name } of pod?.spec?.containers ?? []) waits.push({ name, reason, message: refusal.message });
  }
  if (waits.length === 0) return pod?.status?.containerStatuses && record ? rememberedPod(pod) : undefined;
  const init = new Set((blocked?.pod.spec?.initContainers ?? []).map((c) => c.name));
  return {
    ref,
    nodeName: (blocked?.pod ?? pod)?.spec?.nodeName ?? '',
    podIp: '',
    podIps: [],
    startTime: undefined,
    containers: waits.map(({ name, reason, message }) => ({
      name,
      kind: init.has(name) ? ('init' as const) : ('regular' as const),
      containerId: '',
      imageId: '',
      image: '',
      state: { waiting: { reason, message } },
      lastState: undefined,
      restartCount: 0,
      started: false,
      ready: false,
    })),
    failure: undefined,
    finished: false,
  };
}

/** Its end was never seen and cannot be any more. */
export function lostPod(known: Known, step: Step): ObservedPod | undefined {
  if (!known.pod) return undefined;
  const failed = step.do === 'finish' && known.record?.stopAsked === undefined;
  return {
    ...rememberedPod(known.pod),
    containers: [],
    sandboxReady: false,
    failure: failed
      ? {
          reason: 'TaskLost',
          message: `ECS does not know task ${taskId(known.record?.arn ?? '')} any more`,
          terminal: true,
        }
      : undefined,
    finished: step.do === 'finish',
  };
}
