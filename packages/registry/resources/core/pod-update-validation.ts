/** Updates of pods: almost nothing of a pod's spec may change. */
import type {
  Container,
  NodeAffinity,
  NodeSelectorTerm,
  Pod,
  PodSpec,
  Toleration,
} from '@nodeless/apimachinery/generated/types/core/v1';
import { inclusiveRangeError } from '@nodeless/apimachinery/names';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { type Faults, forbidden, invalid, required, sameValue } from '../checks.ts';
import { internalValue } from '../internal-value.ts';
import { internalDiff } from '../unified-diff.ts';
import { appArmorPrefix, checkPodAnnotations, mirrorAnnotation } from './pod-template/annotation-validation.ts';
import { type PodOptions, podOptions } from './pod-template/options.ts';
import { checkTolerations } from './pod-template/pod-spec-validation.ts';
import { checkPod } from './pod-validation.ts';

const changeable =
  '`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,' +
  '`spec.tolerations` (only additions to existing tolerations),' +
  '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

const noSpec: Readonly<PodSpec> = { containers: [] };

export function validatePodUpdate(object: Readonly<UnknownObject>, oldObject: Readonly<UnknownObject>): Faults {
  const pod = object as Readonly<Pod>;
  const old = oldObject as Readonly<Pod>;
  const spec = pod.spec ?? noSpec;
  const stored = old.spec ?? noSpec;
  const options = podOptions(true, stored, old.metadata);
  const faults: Faults = [];
  checkPod(faults, pod, options);
  checkAnnotationUpdate(faults, pod, old, options);
  if (!checkSameContainers(faults, 'spec.containers', spec.containers ?? [], stored.containers ?? [])) return faults;
  if (!checkSameContainers(faults, 'spec.initContainers', spec.initContainers, stored.initContainers)) return faults;
  if (!checkDeadline(faults, spec.activeDeadlineSeconds, stored.activeDeadlineSeconds)) return faults;
  checkOnlyAddedTolerations(faults, spec.tolerations ?? [], stored.tolerations ?? []);
  checkOnlyRemovedGates(faults, spec, stored);
  if (sameValue(spec, stored)) return faults;
  const expected = allowChanges(faults, spec, stored);
  if (!sameValue(expected, stored)) {
    faults.push(
      forbidden(
        'spec',
        `pod updates may not change fields other than ${changeable}\n${internalDiff('PodSpec', stored, expected)}`,
      ),
    );
  }
  return faults;
}

export function checkAnnotationUpdate(
  faults: Faults,
  pod: Readonly<Pod>,
  old: Readonly<Pod>,
  options: PodOptions,
): void {
  const path = 'metadata.annotations';
  const annotations = pod.metadata?.annotations ?? {};
  const stored = old.metadata?.annotations ?? {};
  for (const key of Object.keys(stored)) {
    if (annotations[key] === stored[key]) continue;
    if (key.startsWith(appArmorPrefix))
      faults.push(forbidden(`${path}[${key}]`, 'may not remove or update AppArmor annotations'));
    if (key === mirrorAnnotation)
      faults.push(forbidden(`${path}[${key}]`, 'may not remove or update mirror pod annotation'));
  }
  for (const key of Object.keys(annotations)) {
    if (stored[key] !== undefined) continue;
    if (key.startsWith(appArmorPrefix)) faults.push(forbidden(`${path}[${key}]`, 'may not add AppArmor annotations'));
    if (key === mirrorAnnotation) faults.push(forbidden(`${path}[${key}]`, 'may not add mirror pod annotation'));
  }
  checkPodAnnotations(faults, path, pod.metadata?.annotations, pod.spec ?? noSpec, options);
}

/** false = nothing more can be said. */
function checkSameContainers(
  faults: Faults,
  path: string,
  containers: readonly Container[] = [],
  stored: readonly Container[] = [],
): boolean {
  if (containers.length !== stored.length) {
    faults.push(forbidden(path, 'pod updates may not add or remove containers'));
    return false;
  }
  containers.forEach(({ image = '' }, i) => {
    if (image === '') faults.push(required(`${path}[${i}].image`));
    if (image.trim() !== image)
      faults.push(invalid(`${path}[${i}].image`, image, 'must not have leading or trailing whitespace'));
  });
  return true;
}

function checkDeadline(faults: Faults, deadline: number | undefined, stored: number | undefined): boolean {
  const path = 'spec.activeDeadlineSeconds';
  if (deadline === undefined) {
    if (stored !== undefined) faults.push(invalid(path, null, 'must not update from a positive integer to nil value'));
    return true;
  }
  if (deadline < 0 || deadline > 0x7fffffff) faults.push(invalid(path, deadline, inclusiveRangeError(0, 0x7fffffff)));
  else if (stored !== undefined && stored < deadline)
    faults.push(invalid(path, deadline, 'must be less than or equal to previous value'));
  else return true;
  return false;
}

function checkOnlyAddedTolerations(
  faults: Faults,
  tolerations: readonly Toleration[],
  stored: readonly Toleration[],
): void {
  const withoutSeconds = ({ tolerationSeconds: _, ...rest }: Toleration): unknown => rest;
  const lost = stored.some(
    (old) => !tolerations.some((toleration) => sameValue(withoutSeconds(toleration), withoutSeconds(old))),
  );
  if (lost)
    faults.push(forbidden('spec.tolerations', 'existing toleration can not be modified except its tolerationSeconds'));
  else checkTolerations(faults, 'spec.tolerations', tolerations);
}

function checkOnlyRemovedGates(faults: Faults, spec: Readonly<PodSpec>, stored: Readonly<PodSpec>): void {
  const known = new Set((stored.schedulingGates ?? []).map((gate) => gate.name));
  spec.schedulingGates?.forEach(({ name }, i) => {
    if (!known.has(name))
      faults.push(
        forbidden(
          `spec.schedulingGates[${i}].name`,
          `only deletion is allowed, but found new scheduling gate '${name}'`,
        ),
      );
  });
}

/** The new spec with everything that may change as it was. */
function allowChanges(faults: Faults, spec: Readonly<PodSpec>, stored: Readonly<PodSpec>): PodSpec {
  const expected: PodSpec = { ...spec, containers: withImages(spec.containers ?? [], stored.containers) };
  if (spec.initContainers) expected.initContainers = withImages(spec.initContainers, stored.initContainers ?? []);
  for (const field of ['activeDeadlineSeconds', 'schedulingGates', 'tolerations'] as const)
    assignOrDelete(expected, field, stored[field]);
  if ((stored.terminationGracePeriodSeconds ?? 0) < 0 && spec.terminationGracePeriodSeconds === 1) {
    expected.terminationGracePeriodSeconds = stored.terminationGracePeriodSeconds;
  }
  if (stored.schedulingGates?.length) allowGatedChanges(faults, expected, stored);
  return expected;
}

function withImages(containers: readonly Container[], stored: readonly Container[]): Container[] {
  return containers.map((container, i) => ({ ...container, image: stored[i]!.image }));
}

function assignOrDelete<T extends object, K extends keyof T>(object: T, field: K, value: T[K] | undefined): void {
  if (value === undefined) delete object[field];
  else object[field] = value;
}

/** A pod that waits for its gates may still be told more about where it can run, never less. */
function allowGatedChanges(faults: Faults, expected: PodSpec, stored: Readonly<PodSpec>): void {
  if (!sameValue(expected.nodeSelector, stored.nodeSelector)) {
    const changed = Object.keys(stored.nodeSelector ?? {}).some(
      (key) => expected.nodeSelector?.[key] !== stored.nodeSelector![key],
    );
    if (changed)
      faults.push(
        invalid(
          'spec.nodeSelector',
          expected.nodeSelector ?? null,
          'only additions to spec.nodeSelector are allowed (no mutations or deletions)',
        ),
      );
    assignOrDelete(expected, 'nodeSelector', stored.nodeSelector);
  }
  const before = stored.affinity?.nodeAffinity;
  const after = expected.affinity?.nodeAffinity;
  if (sameValue(before, after)) return;
  checkNodeAffinityChange(faults, after, before);
  const affinity = { ...expected.affinity };
  assignOrDelete(affinity, 'nodeAffinity', before);
  if (stored.affinity === undefined && Object.keys(affinity).length === 0) delete expected.affinity;
  else expected.affinity = affinity;
}

function checkNodeAffinityChange(
  faults: Faults,
  after: Readonly<NodeAffinity> | undefined,
  before: Readonly<NodeAffinity> | undefined,
): void {
  const path = 'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms';
  const oldTerms = before?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const terms = after?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  if (before?.requiredDuringSchedulingIgnoredDuringExecution === undefined) return;
  if (oldTerms.length > 0 && oldTerms.length !== terms.length) {
    const shown = after?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms
      ? terms.map((term) => internalValue('NodeSelectorTerm', term))
      : null;
    faults.push(invalid(path, shown, 'no additions/deletions to non-empty NodeSelectorTerms list are allowed'));
    return;
  }
  oldTerms.forEach((old, i) => {
    if (!onlyAdds(terms[i]!, old))
      faults.push(
        invalid(
          `${path}[${i}]`,
          internalValue('NodeSelectorTerm', terms[i]),
          'only additions are allowed (no mutations or deletions)',
        ),
      );
  });
}

/** Expressions of one term all have to hold: more of them is a narrower choice. To an empty term nothing may be added. */
function onlyAdds(term: Readonly<NodeSelectorTerm>, old: Readonly<NodeSelectorTerm>): boolean {
  const isEmpty = !old.matchExpressions?.length && !old.matchFields?.length;
  if (isEmpty) return !term.matchExpressions?.length && !term.matchFields?.length;
  return (['matchExpressions', 'matchFields'] as const).every((list) => {
    const before = old[list] ?? [];
    return sameValue((term[list] ?? []).slice(0, before.length), before);
  });
}
