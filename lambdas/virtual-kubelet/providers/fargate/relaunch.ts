/** What is to be done next for a pod with a task. Pure. */
import type { Container, Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { isSidecar, shouldRestart } from '../../restart-policy.ts';
import { failedProbe, runIdOf } from '../../agent/apply-report.ts';
import { endOf, startProblem } from './stop-reasons.ts';
import type { TaskRecord } from './task-record.ts';
import { isEnding, isInterrupted, isStopped, type TaskContainer, type TaskState } from './task-state.ts';

export type Step =
  | { readonly do: 'nothing' }
  /** Everything that was to run has run: no further task. */
  | { readonly do: 'finish' }
  | { readonly do: 'stop'; readonly reason: string }
  | { readonly do: 'launch'; readonly attempt: number }
  | { readonly do: 'wait'; readonly until: number; readonly failures: number };

// As the kubelet's: the first time at once, then ten seconds, doubled each time up to five minutes, forgotten after ten minutes
// of running. What could not be started at all waits the first time too.
const firstWaitMs = 10_000;
const longestWaitMs = 300_000;
const forgetAfterMs = 600_000;

export function backOffMs(failures: number, began: boolean): number {
  const doublings = began ? failures - 2 : failures - 1;
  return doublings < 0 ? 0 : Math.min(longestWaitMs, firstWaitMs * 2 ** Math.min(doublings, 10));
}

/** What follows from a task as it is. */
export function planStep(pod: Readonly<Pod>, record: TaskRecord, task: TaskState, now: number): Step {
  if (!isEnding(task)) return record.stopAsked === undefined ? running(pod, task.containers, task) : stopAsked;
  if (!isStopped(task)) return { do: 'nothing' };
  if (record.stopAsked !== undefined || !wantsAnother(pod, task)) return { do: 'finish' };
  const retryAt = record.stopped ? record.retryAt : undefined;
  if (retryAt === undefined) {
    const ran = task.startedAt === undefined ? 0 : (task.stoppedAt ?? now) - task.startedAt;
    const failures = (ran >= forgetAfterMs ? 0 : (record.failures ?? 0)) + 1;
    return { do: 'wait', until: (task.stoppedAt ?? now) + backOffMs(failures, !startProblem(task)), failures };
  }
  return retryAt > now
    ? { do: 'wait', until: retryAt, failures: record.failures ?? 1 }
    : { do: 'launch', attempt: record.attempt + 1 };
}

const stopAsked: Step = { do: 'stop', reason: 'The pod is being stopped' };

/** What follows from what is remembered of a task, while nothing new is known of it. */
export function planRemembered(pod: Readonly<Pod>, record: TaskRecord, now: number): Step {
  if (record.arn === '' || record.stopped) {
    if (record.stopAsked !== undefined) return { do: 'finish' };
    const failures = record.failures ?? 0;
    if ((record.retryAt ?? 0) > now) return { do: 'wait', until: record.retryAt as number, failures };
    if (record.arn === '') return { do: 'launch', attempt: record.attempt };
    return record.retryAt === undefined ? { do: 'finish' } : { do: 'launch', attempt: record.attempt + 1 };
  }
  if (record.stopAsked !== undefined) return stopAsked;
  const statuses = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
  const containers = statuses.map((s): TaskContainer => ({
    name: s.name,
    status: s.state?.running ? 'RUNNING' : s.state?.terminated ? 'STOPPED' : 'PENDING',
    exitCode: s.state?.terminated?.exitCode,
    reason: '',
    runtimeId: runIdOf(s.containerID),
    image: '',
    imageDigest: '',
    health: '',
  }));
  return running(pod, containers, undefined);
}

/** A task that ECS does not know any more, long after it ended. Its end was missed. */
export function planLost(pod: Readonly<Pod>, record: TaskRecord): Step {
  const policy = pod.spec?.restartPolicy ?? 'Always';
  const goesOn = policy === 'Always' && record.stopAsked === undefined;
  return goesOn ? { do: 'launch', attempt: record.attempt + 1 } : { do: 'finish' };
}

function running(pod: Readonly<Pod>, containers: readonly TaskContainer[], task: TaskState | undefined): Step {
  for (const { name, runtimeId, status } of containers) {
    if (status !== 'RUNNING') continue;
    const failed = failedProbe(pod, name, runtimeId);
    if (failed) return { do: 'stop', reason: `Container ${name} failed ${failed.probe} probe: ${failed.message}` };
  }
  const regular = pod.spec?.containers ?? [];
  const seen = new Map(containers.map((c) => [c.name, c]));
  const ended = regular.map((c) => seen.get(c.name)).filter((c) => c?.status === 'STOPPED');
  // The agent ends the task after the last one; should it not, this does.
  if (ended.length > 0 && ended.length === regular.length)
    return { do: 'stop', reason: 'All containers of the pod have ended' };
  const again = regular.find((c) => restarts(pod, c, seen.get(c.name), task));
  if (again) return { do: 'stop', reason: `Container ${again.name} has to be started again` };
  return { do: 'nothing' };
}

function restarts(
  pod: Readonly<Pod>,
  container: Container,
  seen: TaskContainer | undefined,
  task?: TaskState,
): boolean {
  return seen?.status === 'STOPPED' && shouldRestart(pod as Pod, container, endOf(seen, task).exitCode);
}

/** Whether the pod goes on after this task. */
export function wantsAnother(pod: Readonly<Pod>, task: TaskState): boolean {
  // The capacity was taken back: the pod is evicted, and whoever owns it makes another one.
  if (isInterrupted(task)) return false;
  // Never begun: it waits for its cause to go, as a pod whose image cannot be pulled does.
  if (startProblem(task)) return true;
  const seen = new Map(task.containers.map((c) => [c.name, c]));
  for (const container of pod.spec?.initContainers ?? []) {
    if (isSidecar(container)) continue;
    const one = seen.get(container.name);
    if (one?.status !== 'STOPPED' || one.exitCode === 0) continue;
    return shouldRestart(pod as Pod, container, endOf(one, task).exitCode, true);
  }
  // An end without exit codes is the infrastructure's: with a policy that restarts, it counts as a failure.
  return (pod.spec?.containers ?? []).some((container) => {
    const one = seen.get(container.name);
    return !one || shouldRestart(pod as Pod, container, endOf(one, task).exitCode);
  });
}
