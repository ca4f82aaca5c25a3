import type { ContainerStatus, Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { isSidecar, shouldRestart } from './restart-policy.ts';

export type PodPhase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

interface Counts {
  unknown: number;
  running: number;
  waiting: number;
  stopped: number;
  final: number;
  succeeded: number;
}

/**
 * The phase that the container statuses amount to. `terminal`: nothing of the pod will be started again, whatever its
 * restart policy says (it is being deleted or was ended).
 */
export function podPhase(pod: Pod, statuses: readonly ContainerStatus[], terminal: boolean): PodPhase {
  const byName = new Map(statuses.map((status) => [status.name, status]));
  const init = initProgress(pod, byName);
  if (init.failed) return 'Failed';
  const counts = countRegular(pod, byName);
  counts.running += init.sidecarsRunning;
  counts.waiting += init.sidecarsWaiting;
  const hasStarted = (pod.spec?.containers ?? []).some((c) => isStarted(byName.get(c.name)));
  if (init.pending || (init.sidecarsPending && !hasStarted) || counts.waiting > 0) return 'Pending';
  if (counts.unknown > 0) return 'Pending';
  if (counts.running > 0) return 'Running';
  if (counts.stopped === 0) return 'Pending';
  if (!terminal && counts.final !== counts.stopped) return 'Running';
  return counts.stopped === counts.succeeded ? 'Succeeded' : 'Failed';
}

function initProgress(pod: Pod, statuses: ReadonlyMap<string, ContainerStatus>) {
  const progress = { pending: false, failed: false, sidecarsPending: false, sidecarsRunning: 0, sidecarsWaiting: 0 };
  for (const container of pod.spec?.initContainers ?? []) {
    const status = statuses.get(container.name);
    const ended = status?.state?.terminated ?? (status?.state?.waiting ? status.lastState?.terminated : undefined);
    if (isSidecar(container)) {
      if (status?.state?.running) {
        progress.sidecarsRunning++;
        if (!status.started) progress.sidecarsPending = true;
      } else if (!ended) {
        progress.sidecarsPending = true;
        if (status) progress.sidecarsWaiting++;
      }
    } else if (!ended) {
      progress.pending = true;
    } else if (ended.exitCode !== 0) {
      if (!shouldRestart(pod, container, ended.exitCode, true)) progress.failed = true;
      // A failed one that will run again holds the pod in Pending, as nothing after it has been started.
      else progress.pending = true;
    }
  }
  return progress;
}

function countRegular(pod: Pod, statuses: ReadonlyMap<string, ContainerStatus>): Counts {
  const counts: Counts = { unknown: 0, running: 0, waiting: 0, stopped: 0, final: 0, succeeded: 0 };
  for (const container of pod.spec?.containers ?? []) {
    const status = statuses.get(container.name);
    const now = status?.state?.terminated;
    const before = status?.state?.waiting ? status.lastState?.terminated : undefined;
    if (status?.state?.running) {
      counts.running++;
    } else if (now ?? before) {
      counts.stopped++;
      if (!shouldRestart(pod, container, (now ?? before)?.exitCode ?? 0)) counts.final++;
      if (now?.exitCode === 0) counts.succeeded++;
    } else if (status?.state?.waiting) {
      counts.waiting++;
    } else {
      counts.unknown++;
    }
  }
  return counts;
}

const isStarted = (status: ContainerStatus | undefined): boolean =>
  status?.state?.running !== undefined ||
  status?.state?.terminated !== undefined ||
  status?.lastState?.terminated !== undefined;
