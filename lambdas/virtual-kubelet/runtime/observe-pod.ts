import { formatTime } from '@nodeless/apimachinery/time';
import type { ContainerState, ContainerStateWaiting } from '@nodeless/apimachinery/generated/types/core/v1';
import type { ObservedContainer, ObservedPod } from '../providers/provider.ts';
import type { ContainerKind, RuntimeContainer, RuntimePod } from './container-runtime.ts';

export interface ObservationContext {
  /** `docker` */
  readonly runtime: string;
  readonly waiting: ReadonlyMap<string, ContainerStateWaiting>;
  /** Of a container that waits and was never made. */
  kindOf(name: string): ContainerKind;
  verdict(id: string): { readonly started: boolean; readonly ready: boolean };
  readonly finished: boolean;
}

/** What the provider seam reports of a pod: of each container the newest run, and the one before it as its last state. */
export function observePod(pod: RuntimePod, context: ObservationContext): ObservedPod {
  const runs = new Map<string, RuntimeContainer[]>();
  for (const one of pod.containers) {
    const key = `${one.kind}/${one.name}`;
    runs.set(key, [...(runs.get(key) ?? []), one]);
  }
  const containers: ObservedContainer[] = [];
  const seen = new Set<string>();
  for (const list of runs.values()) {
    list.sort((a, b) => b.attempt - a.attempt);
    const [last, before] = list;
    if (!last) continue;
    seen.add(last.name);
    containers.push(observeContainer(last, before, context));
  }
  for (const [name, waiting] of context.waiting) {
    // It has never been made: only the reason is known.
    if (!seen.has(name)) containers.push(neverMade(name, context.kindOf(name), waiting));
  }
  return {
    ref: pod.ref,
    nodeName: pod.nodeName,
    podIp: pod.sandbox?.podIps[0] ?? '',
    podIps: pod.sandbox?.podIps ?? [],
    startTime: undefined,
    sandboxReady: pod.sandbox?.ready ?? false,
    containers,
    failure: undefined,
    finished: context.finished && pod.containers.every((c) => c.state !== 'running'),
  };
}

function neverMade(name: string, kind: ContainerKind, waiting: ContainerStateWaiting): ObservedContainer {
  return {
    name,
    kind,
    containerId: '',
    imageId: '',
    image: '',
    state: { waiting },
    lastState: undefined,
    restartCount: 0,
    started: false,
    ready: false,
  };
}

function observeContainer(
  last: RuntimeContainer,
  before: RuntimeContainer | undefined,
  context: ObservationContext,
): ObservedContainer {
  const waiting = last.state === 'running' ? undefined : context.waiting.get(last.name);
  const own = stateOf(last, context.runtime);
  const previous = before && before.state === 'exited' ? stateOf(before, context.runtime) : undefined;
  const verdict = context.verdict(last.id);
  return {
    name: last.name,
    kind: last.kind,
    containerId: `${context.runtime}://${last.id}`,
    imageId: last.imageId,
    image: last.image,
    state: waiting ? { waiting } : own,
    lastState: waiting && last.state === 'exited' ? own : previous,
    restartCount: last.attempt,
    started: last.state === 'running' && verdict.started,
    ready: last.state === 'running' && verdict.ready,
  };
}

function stateOf(run: RuntimeContainer, runtime: string): ContainerState {
  if (run.state === 'running') return { running: { startedAt: formatTime(run.startedAt) } };
  if (run.state === 'created')
    return { waiting: { reason: run.kind === 'init' ? 'PodInitializing' : 'ContainerCreating' } };
  const message = run.startError || run.message;
  return {
    terminated: {
      exitCode: run.exitCode,
      reason: run.startError ? 'StartError' : run.oomKilled ? 'OOMKilled' : run.exitCode === 0 ? 'Completed' : 'Error',
      ...(message ? { message } : {}),
      startedAt: formatTime(run.startedAt),
      finishedAt: formatTime(run.finishedAt),
      containerID: `${runtime}://${run.id}`,
    },
  };
}
