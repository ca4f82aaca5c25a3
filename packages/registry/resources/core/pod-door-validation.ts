/** What the doors /ephemeralcontainers and /resize refuse. */
import type {
  Container,
  EphemeralContainer,
  Pod,
  PodSpec,
  ResourceRequirements,
} from '@nodeless/apimachinery/generated/types/core/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { type Faults, forbidden, invalid, sameValue } from '../checks.ts';
import { internalDiff } from '../unified-diff.ts';
import { mirrorAnnotation } from './pod-template/annotation-validation.ts';
import { podOptions } from './pod-template/options.ts';
import { qosClass } from './pod-template/qos.ts';
import type { ResourceList } from './pod-template/resource-defaults.ts';
import { checkAnnotationUpdate } from './pod-update-validation.ts';
import { checkPod } from './pod-validation.ts';

const noSpec: Readonly<PodSpec> = { containers: [] };

export function validateEphemeralContainers(
  object: Readonly<UnknownObject>,
  oldObject: Readonly<UnknownObject>,
): Faults {
  const pod = object as Readonly<Pod>;
  const old = oldObject as Readonly<Pod>;
  const options = podOptions(true, old.spec, old.metadata);
  const faults: Faults = [];
  checkPod(faults, pod, options);
  checkAnnotationUpdate(faults, pod, old, options);
  if (old.metadata?.annotations?.[mirrorAnnotation] !== undefined)
    return [forbidden('[]', 'static pods do not support ephemeral containers')];
  const path = 'spec.ephemeralContainers';
  const now = new Map(
    (pod.spec?.ephemeralContainers ?? []).map((container): [string, EphemeralContainer] => [container.name, container]),
  );
  for (const stored of old.spec?.ephemeralContainers ?? []) {
    const container = now.get(stored.name);
    const name = JSON.stringify(stored.name);
    if (container === undefined)
      faults.push(forbidden(path, `existing ephemeral containers ${name} may not be removed\n`));
    else if (!sameValue(container, stored)) {
      faults.push(
        forbidden(
          path,
          `existing ephemeral containers ${name} may not be changed\n${internalDiff('EphemeralContainer', stored, container)}`,
        ),
      );
    }
  }
  return faults;
}

export function validateResize(object: Readonly<UnknownObject>, oldObject: Readonly<UnknownObject>): Faults {
  const pod = object as Readonly<Pod>;
  const old = oldObject as Readonly<Pod>;
  const spec = pod.spec ?? noSpec;
  const stored = old.spec ?? noSpec;
  const faults: Faults = [];
  checkPod(faults, pod, podOptions(true, stored, old.metadata));
  if (old.metadata?.annotations?.[mirrorAnnotation] !== undefined)
    return [forbidden('[]', 'static pods cannot be resized')];
  if (stored.os?.name === 'windows') return [forbidden('[]', 'windows pods cannot be resized')];
  if ((old.status?.qosClass || qosClass(stored)) !== qosClass(spec)) {
    faults.push(invalid('spec', pod.status?.qosClass ?? '', 'Pod QOS Class may not change as a result of resizing'));
  }
  const running = old.status?.containerStatuses?.find((status) => status.state?.running);
  if (running && !running.resources) faults.push(forbidden('spec', 'Pod running on node without support for resize'));
  if (hasResources(stored.resources) || hasResources(spec.resources)) checkPodLevelResize(faults, spec, stored);
  if (old.status?.nodeAllocatableResourceClaimStatuses?.length)
    faults.push(forbidden('spec', 'pods with node allocatable resource claims cannot be resized'));
  if (
    !checkOrder(faults, 'containers', spec.containers ?? [], stored.containers ?? []) ||
    !checkOrder(faults, 'initContainers', spec.initContainers, stored.initContainers)
  )
    return faults;
  stored.initContainers?.forEach((before, i) =>
    checkNothingRemoved(
      faults,
      `spec.initContainers[${i}].resources`,
      spec.initContainers![i]!.resources,
      before.resources,
    ),
  );
  stored.containers?.forEach((before, i) =>
    checkNothingRemoved(faults, `spec.containers[${i}].resources`, spec.containers[i]!.resources, before.resources),
  );
  checkOnlyComputeChanged(faults, spec, stored);
  return faults;
}

function checkOnlyComputeChanged(faults: Faults, spec: Readonly<PodSpec>, stored: Readonly<PodSpec>): void {
  const containers = (spec.containers ?? []).map((container, i) => {
    const rest = withoutCompute(container, stored.containers[i]!);
    if (!sameValue(rest, withoutEmptyResources(stored.containers[i]!)))
      faults.push(forbidden('spec', 'only cpu and memory resources are mutable'));
    return rest;
  });
  spec.initContainers?.forEach((container, i) => {
    const before = stored.initContainers![i]!;
    const at = `spec.initContainers[${i}]`;
    if (!sameValue(withoutCompute(container, before), withoutEmptyResources(before))) {
      faults.push(forbidden(at, 'only cpu and memory resources for init or sidecar containers are mutable'));
    }
    if (container.restartPolicy === 'Always' || sameValue(container, before)) return;
    for (const policy of container.resizePolicy ?? []) {
      if (policy.restartPolicy === 'RestartContainer')
        faults.push(
          forbidden(at, 'non-sidecar init containers with a resize policy of RestartContainer cannot be resized'),
        );
    }
  });
  if (faults.length > 0) return;
  const { containers: _, initContainers: __, resources: ___, ...rest } = spec;
  const { containers: ____, initContainers: _____, resources: ______, ...before } = stored;
  if (containers.length !== stored.containers.length || !sameValue(rest, before))
    faults.push(forbidden('spec', 'only cpu and memory resources are mutable'));
}

/** The container with the old cpu and memory; claims of its resources are left out, as upstream does. */
function withoutCompute(container: Readonly<Container>, before: Readonly<Container>): Container {
  return withoutEmptyResources({
    ...container,
    resources: oldCompute(
      { limits: container.resources?.limits, requests: container.resources?.requests },
      before.resources,
    ),
  });
}

function withoutEmptyResources(container: Readonly<Container>): Container {
  const { resources, ...rest } = container;
  const cleaned = resources && cleanedRequirements(resources);
  return { ...rest, ...(cleaned && { resources: cleaned }) };
}

function cleanedRequirements(resources: Readonly<ResourceRequirements>): ResourceRequirements | undefined {
  const cleaned: ResourceRequirements = {};
  if (Object.keys(resources.limits ?? {}).length > 0) cleaned.limits = resources.limits;
  if (Object.keys(resources.requests ?? {}).length > 0) cleaned.requests = resources.requests;
  if (resources.claims?.length) cleaned.claims = resources.claims;
  return Object.keys(cleaned).length > 0 ? cleaned : undefined;
}

function oldCompute(
  resources: Readonly<ResourceRequirements>,
  before: Readonly<ResourceRequirements> | undefined,
): ResourceRequirements {
  const list = (now: ResourceList | undefined, old: ResourceList | undefined): ResourceList => {
    const { cpu: _, memory: __, ...rest } = now ?? {};
    return {
      ...rest,
      ...(old?.cpu !== undefined && { cpu: old.cpu }),
      ...(old?.memory !== undefined && { memory: old.memory }),
    };
  };
  return {
    ...resources,
    limits: list(resources.limits, before?.limits),
    requests: list(resources.requests, before?.requests),
  };
}

function hasResources(resources: Readonly<ResourceRequirements> | undefined): boolean {
  return Object.keys(resources?.requests ?? {}).length + Object.keys(resources?.limits ?? {}).length > 0;
}

function checkPodLevelResize(faults: Faults, spec: Readonly<PodSpec>, stored: Readonly<PodSpec>): void {
  if (stored.resources && !spec.resources) {
    faults.push(forbidden('spec.resources', 'pod-level resources cannot be removed'));
    return;
  }
  if (stored.resources) {
    if (isRemoved(spec.resources?.requests, stored.resources.requests))
      faults.push(forbidden('spec.resources.requests', 'pod-level resource requests cannot be removed'));
    if (isRemoved(spec.resources?.limits, stored.resources.limits))
      faults.push(forbidden('spec.resources.limits', 'pod-level resource limits cannot be removed'));
  }
  const rest = spec.resources && cleanedRequirements(oldCompute(spec.resources, stored.resources));
  if (!sameValue(rest, stored.resources && cleanedRequirements(stored.resources))) {
    faults.push(forbidden('spec', 'only cpu and memory resources are mutable at pod-level'));
  }
}

function checkOrder(
  faults: Faults,
  list: 'containers' | 'initContainers',
  containers: readonly Container[] = [],
  stored: readonly Container[] = [],
): boolean {
  if (containers.length !== stored.length) {
    faults.push(forbidden(`spec.${list}`, `${list} may not be added or removed on resize`));
    return false;
  }
  let good = true;
  stored.forEach((before, i) => {
    if (containers[i]!.name === before.name) return;
    faults.push(forbidden(`spec.${list}[${i}].name`, `${list} may not be renamed or reordered on resize`));
    good = false;
  });
  return good;
}

function checkNothingRemoved(
  faults: Faults,
  path: string,
  now: Readonly<ResourceRequirements> | undefined,
  before: Readonly<ResourceRequirements> | undefined,
): void {
  if (isRemoved(now?.requests, before?.requests))
    faults.push(forbidden(`${path}.requests`, 'resource requests cannot be removed'));
  if (isRemoved(now?.limits, before?.limits))
    faults.push(forbidden(`${path}.limits`, 'resource limits cannot be removed'));
}

function isRemoved(now: ResourceList | undefined, before: ResourceList | undefined): boolean {
  return Object.keys(before ?? {}).some((name) => now?.[name] === undefined);
}
