/** An ECS task as the kubelet sees a pod. Pure. */
import type { ContainerState, ContainerStatus, Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { formatTime } from '@nodeless/apimachinery/time';
import { agentVerdict, probeStatus } from '../../agent/apply-report.ts';
import { formatPod, refOf } from '../../pod-names.ts';
import type { ObservedContainer, ObservedPod, PodRef } from '../provider.ts';
import { backOffMs, type Step } from './relaunch.ts';
import { endOf, startProblem } from './stop-reasons.ts';
import { isAgent } from './task-definition.ts';
import type { TaskRecord } from './task-record.ts';
import { isInterrupted, isStopped, type TaskContainer, type TaskState } from './task-state.ts';

export interface Sight {
  readonly ref: PodRef;
  readonly nodeName: string;
  /** As the API has it, where the process knows. */
  readonly pod: Readonly<Pod> | undefined;
  readonly record: TaskRecord;
  readonly task: TaskState;
  readonly step: Step;
  readonly now: number;
}

export function observedPod(sight: Sight): ObservedPod {
  const { ref, nodeName, task, step } = sight;
  return {
    ref,
    nodeName,
    podIp: task.addresses[0] ?? '',
    podIps: task.addresses,
    startTime: task.createdAt === undefined ? undefined : formatTime(task.createdAt),
    sandboxReady: task.addresses.length > 0 && !isStopped(task),
    containers: task.containers.filter((c) => !isAgent(c.name)).map((c) => observedContainer(c, sight)),
    failure: undefined,
    finished: isStopped(task) && step.do === 'finish',
    ...(isInterrupted(task)
      ? {
          disruption: {
            reason: 'TerminationByKubelet',
            message: 'Fargate Spot is taking the capacity back: the task is stopped within two minutes',
          },
        }
      : {}),
  };
}

function observedContainer(container: TaskContainer, sight: Sight): ObservedContainer {
  const { task, pod, record } = sight;
  const kind = (task.identity?.init ?? []).includes(container.name) ? 'init' : 'regular';
  const before = previousStatus(pod, container.name);
  const common = {
    name: container.name,
    kind,
    containerId: container.runtimeId === '' ? '' : `ecs://${container.runtimeId}`,
    imageId: container.imageDigest === '' ? '' : `${withoutTag(container.image)}@${container.imageDigest}`,
    image: container.image,
  } as const;
  const restarts = restartCount(container, sight);
  const verdict = pod && agentVerdict(pod as Pod, container.name, container.runtimeId);
  switch (container.status) {
    case 'RUNNING': {
      const startedAt = verdict?.startedAt ?? moment(task.startedAt ?? task.pullStoppedAt ?? task.createdAt);
      return {
        ...common,
        state: { running: { startedAt } },
        lastState: lastState(before, record),
        restartCount: restarts,
        ...probed(container, sight),
      };
    }
    case 'STOPPED':
      return { ...common, ...ended(container, sight, before), restartCount: restarts, started: false, ready: false };
    default:
      return {
        ...common,
        state: isStopped(task) ? waitingAfter(sight) : { waiting: waitingFor(container, sight) },
        lastState: lastState(before, record),
        restartCount: restarts,
        started: false,
        ready: false,
      };
  }
}

function probed(
  container: TaskContainer,
  { pod }: Sight,
): { started: boolean | undefined; ready: boolean | undefined } {
  const spec = [...(pod?.spec?.initContainers ?? []), ...(pod?.spec?.containers ?? [])].find(
    (c) => c.name === container.name,
  );
  return pod && spec ? probeStatus(pod as Pod, spec, container.runtimeId) : { started: true, ready: true };
}

/** A container of an attempt that has ended: it stays ended, or waits for the next attempt with this end as its last state. */
function ended(
  container: TaskContainer,
  sight: Sight,
  before: ContainerStatus | undefined,
): Pick<ObservedContainer, 'state' | 'lastState'> {
  const { task, step, now, record } = sight;
  const problem = startProblem(task);
  const goesOn = isStopped(task) && (step.do === 'wait' || step.do === 'launch');
  // Of a task that never began there is no end to tell of.
  if (problem && container.runtimeId === '')
    return goesOn || !isStopped(task)
      ? { state: waitingAfter(sight), lastState: lastState(before, record) }
      : { state: { terminated: terminated(container, task, before, now) }, lastState: undefined };
  const end = terminated(container, task, before, now);
  const waits = backOffMs(failuresOf(sight), true) > 0;
  if (!goesOn || !waits || (end.exitCode === 0 && (task.identity?.init ?? []).includes(container.name)))
    return { state: { terminated: end }, lastState: lastState(before, record) };
  return { state: waitingAfter(sight), lastState: { terminated: end } };
}

function terminated(
  container: TaskContainer,
  task: TaskState,
  before: ContainerStatus | undefined,
  now: number,
): NonNullable<ContainerState['terminated']> {
  const known = before?.state?.terminated ?? before?.lastState?.terminated;
  const id = container.runtimeId === '' ? undefined : `ecs://${container.runtimeId}`;
  const sameRun = known?.containerID !== undefined && known.containerID === id;
  const runningSince = before?.containerID === id ? before?.state?.running?.startedAt : undefined;
  return {
    ...endOf(container, task),
    startedAt:
      (sameRun ? known.startedAt : runningSince) ?? moment(task.startedAt ?? task.pullStoppedAt ?? task.createdAt),
    // ECS has no time for the end of one container; when it was first seen ended is kept.
    finishedAt: (sameRun ? known.finishedAt : undefined) ?? moment(task.executionStoppedAt ?? task.stoppedAt ?? now),
    ...(id === undefined ? {} : { containerID: id }),
  };
}

/** Between two attempts. */
function waitingAfter(sight: Sight): ContainerState {
  const { task, ref } = sight;
  const problem = startProblem(task);
  const failures = failuresOf(sight);
  if (problem?.reason === 'ErrImagePull')
    return {
      waiting:
        failures > 1
          ? { reason: 'ImagePullBackOff', message: `Back-off pulling image: ${problem.message}` }
          : { reason: 'ErrImagePull', message: problem.message },
    };
  if (problem) return { waiting: problem };
  const name = task.containers.find((c) => c.status === 'STOPPED' && !isAgent(c.name))?.name ?? '';
  const seconds = Math.round(backOffMs(failures, true) / 1000);
  return {
    waiting: {
      reason: 'CrashLoopBackOff',
      message: `back-off ${seconds}s restarting failed container=${name} pod=${formatPod(ref)}`,
    },
  };
}

const failuresOf = ({ step, record }: Sight): number => (step.do === 'wait' ? step.failures : (record.failures ?? 1));

function waitingFor(container: TaskContainer, { task }: Sight): { reason: string; message?: string } {
  const hasInit = (task.identity?.init.length ?? 0) > 0;
  const message = container.reason === '' ? {} : { message: container.reason };
  return { reason: hasInit ? 'PodInitializing' : 'ContainerCreating', ...message };
}

/** Ends of earlier attempts stay visible as the last state. */
function lastState(before: ContainerStatus | undefined, record: TaskRecord): ContainerState | undefined {
  if (!before || record.attempt === 0) return before?.lastState;
  return before.state?.terminated ? { terminated: before.state.terminated } : before.lastState;
}

/** Each further task in which something ran is a restart; those in place the agent knows. */
function restartCount(container: TaskContainer, { record, pod }: Sight): number {
  const inPlace = pod && agentVerdict(pod as Pod, container.name, container.runtimeId)?.restartCount;
  const known = container.runtimeId === '' ? previousStatus(pod, container.name)?.restartCount : undefined;
  return known ?? (record.restarts ?? 0) + (inPlace ?? 0);
}

export function previousStatus(pod: Readonly<Pod> | undefined, container: string): ContainerStatus | undefined {
  return [...(pod?.status?.initContainerStatuses ?? []), ...(pod?.status?.containerStatuses ?? [])].find(
    (s) => s.name === container,
  );
}

/** What the pod's own status says, as an observation: for turns in which nothing new is known. */
export function rememberedPod(pod: Readonly<Pod>): ObservedPod {
  const { status } = pod;
  const of = (kind: ObservedContainer['kind'], list: readonly ContainerStatus[] | undefined): ObservedContainer[] =>
    (list ?? []).map((s) => ({
      name: s.name,
      kind,
      containerId: s.containerID ?? '',
      imageId: s.imageID ?? '',
      image: s.image ?? '',
      state: s.state ?? {},
      lastState: s.lastState,
      restartCount: s.restartCount ?? 0,
      started: s.started,
      ready: s.ready,
    }));
  const ips = (status?.podIPs ?? []).map((p) => p.ip);
  const ready = status?.conditions?.find((c) => c.type === 'PodReadyToStartContainers')?.status === 'True';
  return {
    ref: refOf(pod as Pod),
    nodeName: pod.spec?.nodeName ?? '',
    podIp: ips[0] ?? '',
    podIps: ips,
    startTime: status?.startTime,
    sandboxReady: ready,
    containers: [...of('init', status?.initContainerStatuses), ...of('regular', status?.containerStatuses)],
    failure: undefined,
    finished: status?.phase === 'Succeeded' || status?.phase === 'Failed',
  };
}

const moment = (ms: number | undefined): string | undefined => (ms === undefined ? undefined : formatTime(ms));

const withoutTag = (image: string): string => {
  const at = image.indexOf('@');
  const named = at === -1 ? image : image.slice(0, at);
  const colon = named.lastIndexOf(':');
  return colon > named.lastIndexOf('/') ? named.slice(0, colon) : named;
};
