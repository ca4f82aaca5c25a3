import type { ReplicaSet, ReplicaSetSpec, ReplicaSetStatus } from '@nodeless/apimachinery/generated/types/apps/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { checkImmutable, checkNonNegative, type Faults } from '../checks.ts';
import type { PodOptions } from '../core/pod-template/options.ts';
import {
  isNewGeneration,
  nameWarnings,
  templateOptions,
  templateWarnings,
} from '../core/pod-template/owned-template.ts';
import { shownSelector } from '../internal-value.ts';
import { checkCounts, checkParts } from '../status-counts.ts';
import { checkReplicatedTemplate, checkWorkloadSelector } from './workload-checks.ts';

type Spec = Readonly<Partial<ReplicaSetSpec>>;

export function validateReplicaSet(object: Readonly<UnknownObject>): Faults {
  const faults: Faults = [];
  checkSpec(faults, (object as ReplicaSet).spec ?? {}, templateOptions());
  return faults;
}

export function validateReplicaSetUpdate(object: Readonly<UnknownObject>, oldObject: Readonly<UnknownObject>): Faults {
  const faults: Faults = [];
  const spec: Spec = (object as ReplicaSet).spec ?? {};
  const old: Spec = (oldObject as ReplicaSet).spec ?? {};
  checkSpec(faults, spec, templateOptions(old.template));
  checkImmutable(faults, 'spec.selector', spec.selector, old.selector, shownSelector(spec.selector));
  return faults;
}

function checkSpec(faults: Faults, spec: Spec, options: PodOptions): void {
  checkNonNegative(faults, 'spec.replicas', spec.replicas);
  checkNonNegative(faults, 'spec.minReadySeconds', spec.minReadySeconds);
  checkWorkloadSelector(faults, spec.selector, 'deployment');
  checkReplicatedTemplate(faults, spec, options);
}

export function validateReplicaSetStatus(object: Readonly<UnknownObject>): Faults {
  const faults: Faults = [];
  const status: Readonly<Partial<ReplicaSetStatus>> = (object as ReplicaSet).status ?? {};
  checkCounts(faults, status, [
    'replicas',
    'fullyLabeledReplicas',
    'readyReplicas',
    'availableReplicas',
    'observedGeneration',
    'terminatingReplicas',
  ]);
  checkParts(faults, status, ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas'], 'replicas');
  checkParts(faults, status, ['availableReplicas'], 'readyReplicas', 'readyReplicas');
  return faults;
}

export function replicaSetWarnings(
  object: Readonly<UnknownObject>,
  old: Readonly<UnknownObject> | undefined,
): string[] {
  if (old && !isNewGeneration(object, old)) return [];
  return [
    ...(old ? [] : nameWarnings(object)),
    ...templateWarnings('spec.template', (object as ReplicaSet).spec?.template),
  ];
}
