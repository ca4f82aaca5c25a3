import type { Container, ResourceRequirements } from '@nodeless/apimachinery/generated/types/core/v1';
import type { Clock } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';
import type { RunHook } from '../probes/lifecycle-hook.ts';
import type { RunProbe } from '../probes/run-probe.ts';
import type { PodEvent, PodRef, ResolvedPod } from '../providers/provider.ts';
import type { ContainerKind, ContainerRuntime, RuntimePod } from './container-runtime.ts';
import type { EnsureImage, ReportEvent } from './ensure-image.ts';
import type { ImageTracker } from './image-tracker.ts';
import type { StartFailure } from './plan-pod.ts';

export interface PodWorkerDeps {
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  readonly log: Logger;
  readonly runProbe: RunProbe;
  readonly runHook: RunHook;
  readonly ensureImage: EnsureImage;
  onChange(ref: PodRef): void;
  onEvent(event: PodEvent): void;
}

/** What a pod's worker and its steps share. */
export interface PodState {
  readonly ref: PodRef;
  desired: ResolvedPod | undefined;
  /** As last looked at. */
  seen: RuntimePod | undefined;
  /** Set once the pod is to stop: when its grace is over. */
  deadline: number | undefined;
  readonly images: ImageTracker;
  /** By container; '' = the sandbox. */
  readonly startFailures: Map<string, StartFailure>;
  /** Ids of containers that are being ended. */
  readonly kills: Set<string>;
  /** Ids of those that were ended in order to run again. */
  readonly restarts: Set<string>;
  /** By id of a running container: what it was given. */
  readonly resources: Map<string, ResourceRequirements>;
  /** Ids of those whose postStart hook has not finished. */
  readonly hooking: Set<string>;
  /** Aborted when nothing is to be started any more. */
  readonly cancelStarts: AbortController;
}

const specField = {
  init: 'spec.initContainers',
  regular: 'spec.containers',
  ephemeral: 'spec.ephemeralContainers',
} as const;

/** Events about the pod as a whole. */
export function reportOn(ref: PodRef, deps: PodWorkerDeps, fieldPath?: string): ReportEvent {
  return (type, reason, message) => deps.onEvent({ ref, type, reason, message, fieldPath });
}

/** Events about one of its containers. */
export function reportOnContainer(
  ref: PodRef,
  deps: PodWorkerDeps,
  container: Container,
  kind: ContainerKind,
): ReportEvent {
  return reportOn(ref, deps, `${specField[kind]}{${container.name}}`);
}
