import type {
  Container,
  ContainerStatus,
  Pod,
  VolumeMountStatus,
} from '@nodeless/apimachinery/generated/types/core/v1';
import type { ObservedContainer, ObservedPod } from './providers/provider.ts';
import { isSidecar } from './restart-policy.ts';

export interface ContainerStatuses {
  readonly init: readonly ContainerStatus[];
  readonly regular: readonly ContainerStatus[];
  readonly ephemeral: readonly ContainerStatus[];
}

/**
 * Statuses of all containers: init containers in the order of the spec, the others by name. `ended`: the pod will not run
 * again, so a container that is not there was lost rather than is about to start.
 */
export function containerStatuses(pod: Pod, observed: ObservedPod | undefined, ended: boolean): ContainerStatuses {
  const seen = new Map((observed?.containers ?? []).map((c) => [`${c.kind}/${c.name}`, c]));
  const of = (
    kind: ObservedContainer['kind'],
    containers: readonly Container[] | undefined,
    previous: readonly ContainerStatus[] | undefined,
  ): ContainerStatus[] =>
    (containers ?? []).map((container) => {
      const found = seen.get(`${kind}/${container.name}`);
      const before = previous?.find((s) => s.name === container.name);
      return found ? present(container, found, kind) : absent(pod, container, before, observed !== undefined, ended);
    });
  const byName = (a: ContainerStatus, b: ContainerStatus): number => (a.name < b.name ? -1 : 1);
  return {
    init: of('init', pod.spec?.initContainers, pod.status?.initContainerStatuses),
    regular: of('regular', pod.spec?.containers, pod.status?.containerStatuses).sort(byName),
    ephemeral: of('ephemeral', pod.spec?.ephemeralContainers, pod.status?.ephemeralContainerStatuses).sort(byName),
  };
}

function present(container: Container, seen: ObservedContainer, kind: ObservedContainer['kind']): ContainerStatus {
  const running = seen.state.running !== undefined;
  const started = running && (seen.started ?? true);
  const isTask = kind === 'init' && !isSidecar(container);
  const ready = isTask
    ? seen.state.terminated?.exitCode === 0
    : kind !== 'ephemeral' && started && (seen.ready ?? true);
  const exists = seen.containerId !== '';
  return {
    name: seen.name,
    state: seen.state,
    lastState: seen.lastState ?? {},
    ready,
    restartCount: seen.restartCount,
    image: seen.image || (container.image ?? ''),
    imageID: seen.imageId,
    ...(exists ? { containerID: seen.containerId } : {}),
    ...(kind === 'ephemeral' ? {} : { started }),
    ...(exists && container.resources?.requests ? { allocatedResources: container.resources.requests } : {}),
    ...(exists ? { resources: container.resources ?? {} } : {}),
    ...volumeMounts(container),
  };
}

function absent(
  pod: Pod,
  container: Container,
  before: ContainerStatus | undefined,
  podSeen: boolean,
  ended: boolean,
): ContainerStatus {
  if (before?.state?.terminated) return before;
  const status: ContainerStatus = {
    name: container.name,
    state: { waiting: { reason: pod.spec?.initContainers?.length ? 'PodInitializing' : 'ContainerCreating' } },
    lastState: before?.lastState ?? {},
    ready: false,
    restartCount: before?.restartCount ?? 0,
    image: container.image ?? '',
    imageID: '',
    started: false,
    ...volumeMounts(container),
  };
  if (ended) {
    const message = 'The container could not be located when the pod was terminated';
    return {
      ...status,
      state: {
        terminated: {
          exitCode: 137,
          reason: 'ContainerStatusUnknown',
          message,
          startedAt: null as unknown as undefined,
          finishedAt: null as unknown as undefined,
        },
      },
    };
  }
  if (!podSeen || !before?.state?.running) return status;
  // It was running and is gone without a trace: it ended, and saying so keeps the pod from going back to Pending.
  const message = 'The container could not be located when the pod was deleted.  The container used to be Running';
  const restartCount = pod.metadata?.deletionTimestamp ? status.restartCount : status.restartCount + 1;
  return {
    ...status,
    restartCount,
    lastState: {
      terminated: {
        exitCode: 137,
        reason: 'ContainerStatusUnknown',
        message,
        startedAt: null as unknown as undefined,
        finishedAt: null as unknown as undefined,
      },
    },
  };
}

function volumeMounts(container: Container): { volumeMounts?: VolumeMountStatus[] } {
  if (!container.volumeMounts?.length) return {};
  return {
    volumeMounts: container.volumeMounts.map(({ name, mountPath, readOnly }) => ({
      name,
      mountPath,
      ...(readOnly ? { readOnly: true, recursiveReadOnly: 'Disabled' } : {}),
    })),
  };
}
