import { formatTime } from '@nodeless/apimachinery/time';
import type { Container, ContainerState, Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { formatPod, refOf } from '../../pod-names.ts';
import { isSidecar, shouldRestart } from '../../restart-policy.ts';
import { formatSeconds, nextRun } from '../../runtime/restart-backoff.ts';
import type { ObservedContainer } from '../provider.ts';
import type { Life } from './life.ts';

export interface Moment {
  readonly containers: readonly ObservedContainer[];
  /** Every container has ended for good. */
  readonly finished: boolean;
  /** When something will be different; undefined = never by itself. */
  readonly nextAt: number | undefined;
}

export interface Lifetime {
  readonly pod: Pod;
  readonly life: Life;
  /** When the pod was accepted. */
  readonly beganAt: number;
  /** When it was told to stop. */
  readonly stopAt: number | undefined;
}

/** What a simulated pod looks like at an instant: its whole life is a function of when it began. Pure. */
export function lifeAt(of: Lifetime, now: number): Moment {
  const { pod, life, beganAt, stopAt } = of;
  const endAt = stopAt === undefined ? undefined : stopAt + life.stopDelayMs;
  const startAt = beganAt + life.startDelayMs;
  const init = pod.spec?.initContainers ?? [];
  const regular = pod.spec?.containers ?? [];
  if (life.waitingReason !== undefined && endAt === undefined) {
    const [first, ...others] = [...init, ...regular];
    const waiting = first
      ? [
          waitingContainer(of, first, {
            reason: life.waitingReason,
            message: waitingMessage(life.waitingReason, first),
          }),
        ]
      : [];
    return {
      containers:
        init.length > 0
          ? waiting
          : [
              ...waiting,
              ...others.map((c) =>
                waitingContainer(of, c, {
                  reason: life.waitingReason as string,
                  message: waitingMessage(life.waitingReason as string, c),
                }),
              ),
            ],
      finished: false,
      nextAt: undefined,
    };
  }
  const began = now >= startAt && (stopAt === undefined || startAt <= stopAt) && life.waitingReason === undefined;
  if (!began)
    return { containers: [], finished: endAt !== undefined && now >= endAt, nextAt: earliest(now, startAt, endAt) };
  const moments = regular.map((container) => containerAt(of, container, startAt, endAt, now));
  const finished = moments.every((m) => m.final);
  // Sidecars live as long as the others do.
  const lastEnd = Math.max(...moments.map((m) => m.endedAt ?? startAt));
  const initMoments = init.map((container) => ({
    observed: initAt(of, container, startAt, finished ? lastEnd : undefined),
  }));
  return {
    containers: [...initMoments, ...moments].map((m) => m.observed),
    finished,
    nextAt: earliest(now, ...moments.map((m) => m.nextAt)),
  };
}

interface ContainerMoment {
  readonly observed: ObservedContainer;
  readonly final: boolean;
  readonly endedAt: number | undefined;
  readonly nextAt: number | undefined;
}

const longestLoop = 100_000;

/** Goes through the runs of one container up to now. */
function containerAt(
  of: Lifetime,
  container: Container,
  firstStart: number,
  endAt: number | undefined,
  now: number,
): ContainerMoment {
  const { life, pod } = of;
  let startedAt = firstStart;
  let backoffMs = 0;
  let last: ContainerState | undefined;
  for (let attempt = 0; attempt < longestLoop; attempt++) {
    const ownEnd = life.runForMs === undefined ? undefined : startedAt + life.runForMs;
    const stopped = endAt !== undefined && (ownEnd === undefined || endAt < ownEnd);
    const finishedAt = stopped ? endAt : ownEnd;
    if (finishedAt === undefined || now < finishedAt) {
      const readyAt = startedAt + life.readyDelayMs;
      const ready = !life.neverReady && now >= readyAt;
      const observed = observe(of, container, attempt, { running: { startedAt: formatTime(startedAt) } }, last, ready);
      return { observed, final: false, endedAt: undefined, nextAt: earliest(now, finishedAt, readyAt) };
    }
    const exitCode = stopped ? 0 : life.exitCode;
    const reason = exitCode === 0 ? 'Completed' : life.oomKilled ? 'OOMKilled' : 'Error';
    const terminated: ContainerState = {
      terminated: {
        exitCode,
        reason,
        startedAt: formatTime(startedAt),
        finishedAt: formatTime(finishedAt),
        containerID: idOf(of, container, attempt),
      },
    };
    const again = !stopped && (endAt === undefined || finishedAt < endAt) && shouldRestart(pod, container, exitCode);
    if (!again)
      return {
        observed: observe(of, container, attempt, terminated, last, false),
        final: true,
        endedAt: finishedAt,
        nextAt: undefined,
      };
    const next = nextRun({ backoffMs, createdAt: startedAt, finishedAt }, finishedAt);
    if (now < next.startAt) {
      if (endAt !== undefined && now >= endAt)
        return {
          observed: observe(of, container, attempt, terminated, last, false),
          final: true,
          endedAt: finishedAt,
          nextAt: undefined,
        };
      const message = `back-off ${formatSeconds(next.waitMs)} restarting failed container=${container.name} pod=${formatPod(refOf(pod))}`;
      const observed = observe(
        of,
        container,
        attempt,
        { waiting: { reason: 'CrashLoopBackOff', message } },
        terminated,
        false,
      );
      return { observed, final: false, endedAt: undefined, nextAt: earliest(now, next.startAt, endAt) };
    }
    last = terminated;
    // A life of no length would otherwise never leave this instant.
    startedAt = Math.max(next.startAt, startedAt + 1);
    backoffMs = next.backoffMs;
  }
  return {
    observed: observe(of, container, longestLoop, { waiting: { reason: 'CrashLoopBackOff' } }, last, false),
    final: false,
    endedAt: undefined,
    nextAt: undefined,
  };
}

function initAt(of: Lifetime, container: Container, startAt: number, endedAt: number | undefined): ObservedContainer {
  const at = formatTime(startAt);
  if (isSidecar(container) && endedAt === undefined)
    return { ...observe(of, container, 0, { running: { startedAt: at } }, undefined, true), kind: 'init' };
  const finishedAt = isSidecar(container) ? formatTime(endedAt ?? startAt) : at;
  const state = {
    terminated: { exitCode: 0, reason: 'Completed', startedAt: at, finishedAt, containerID: idOf(of, container, 0) },
  };
  return { ...observe(of, container, 0, state, undefined, false), kind: 'init' };
}

function observe(
  of: Lifetime,
  container: Container,
  attempt: number,
  state: ContainerState,
  lastState: ContainerState | undefined,
  ready: boolean,
): ObservedContainer {
  return {
    name: container.name,
    kind: 'regular',
    containerId: idOf(of, container, attempt),
    imageId: `simulated.nodeless.dev/${container.image ?? ''}`,
    image: container.image ?? '',
    state,
    lastState,
    restartCount: attempt,
    started: state.running !== undefined,
    ready,
  };
}

function waitingContainer(
  of: Lifetime,
  container: Container,
  waiting: { reason: string; message: string },
): ObservedContainer {
  const isInit = of.pod.spec?.initContainers?.some((c) => c.name === container.name) ?? false;
  return {
    name: container.name,
    kind: isInit ? 'init' : 'regular',
    containerId: '',
    imageId: '',
    image: container.image ?? '',
    state: { waiting },
    lastState: undefined,
    restartCount: 0,
    started: false,
    ready: false,
  };
}

function waitingMessage(reason: string, container: Container): string {
  const image = JSON.stringify(container.image ?? '');
  if (reason === 'ErrImagePull') return `pull of image ${image} fails: it is simulated to`;
  if (reason === 'ImagePullBackOff') return `Back-off pulling image ${image}: ErrImagePull: it is simulated to fail`;
  if (reason === 'InvalidImageName')
    return `Failed to apply default image tag ${image}: couldn't parse image name ${image}: invalid reference format`;
  return 'simulated failure';
}

const idOf = (of: Lifetime, container: Container, attempt: number): string =>
  `simulated://${of.pod.metadata?.uid ?? ''}-${container.name}-${attempt}`;

/** The first of these instants that is still to come. */
function earliest(now: number, ...instants: (number | undefined)[]): number | undefined {
  const coming = instants.filter((at): at is number => at !== undefined && at > now);
  return coming.length === 0 ? undefined : Math.min(...coming);
}
