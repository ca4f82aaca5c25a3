/** The narrow doors of a pod: ephemeral containers, resize, observed generations of /status. */
import type { Container, Pod, PodStatus } from '@nodeless/apimachinery/generated/types/core/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { keepMetadata, keepStatus } from '../carry-over.ts';

export function onlyEphemeralContainers(object: UnknownObject, old: Readonly<UnknownObject>): void {
  const pod = object as Pod;
  const added = pod.spec?.ephemeralContainers;
  const stored = (old as Pod).spec!;
  pod.spec = { ...stored };
  if (added === undefined) delete pod.spec.ephemeralContainers;
  else pod.spec.ephemeralContainers = added;
  keepStatus(object, old);
  keepMetadata(object, old);
}

export function onlyResources(object: UnknownObject, old: Readonly<UnknownObject>): void {
  const pod = object as Pod;
  const spec = pod.spec!;
  const stored = (old as Pod).spec!;
  // Another set of containers is left as it is, for validation to refuse.
  if (spec.containers?.length !== stored.containers.length) return;
  if ((spec.initContainers?.length ?? 0) !== (stored.initContainers?.length ?? 0)) return;
  pod.spec = { ...stored };
  if (spec.resources === undefined) delete pod.spec.resources;
  else pod.spec.resources = spec.resources;
  pod.spec.containers = withResources(spec.containers, stored.containers);
  if (stored.initContainers) pod.spec.initContainers = withResources(spec.initContainers!, stored.initContainers);
  keepStatus(object, old);
  keepMetadata(object, old);
}

function withResources(wanted: readonly Container[], stored: readonly Container[]): Container[] {
  if (wanted.some((container, i) => container.name !== stored[i]!.name)) return [...wanted];
  return stored.map((container, i) => {
    const merged = { ...container };
    const { resources, resizePolicy } = wanted[i]!;
    if (resources === undefined) delete merged.resources;
    else merged.resources = resources;
    if (resizePolicy === undefined) delete merged.resizePolicy;
    else merged.resizePolicy = resizePolicy;
    return merged;
  });
}

/** A client that does not know observedGeneration must not clear it. */
export function keepObservedGenerations(status: PodStatus, stored: Readonly<PodStatus>): void {
  if (!status.observedGeneration && stored.observedGeneration) status.observedGeneration = stored.observedGeneration;
  const seen = new Map<string, number>();
  status.conditions?.forEach((condition) => {
    const nth = seen.get(condition.type) ?? 0;
    seen.set(condition.type, nth + 1);
    if (condition.observedGeneration) return;
    const before = (stored.conditions ?? []).filter((c) => c.type === condition.type)[nth]?.observedGeneration;
    if (before) condition.observedGeneration = before;
  });
}
