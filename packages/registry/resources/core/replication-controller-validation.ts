import type {
  ReplicationController,
  ReplicationControllerStatus,
} from '@nodeless/apimachinery/generated/types/core/v1';
import { matchesSet } from '@nodeless/apimachinery/labels';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { checkNonNegative, type Faults, isEmptyMap, required } from '../checks.ts';
import { checkCounts, checkParts } from '../status-counts.ts';
import {
  checkEndless,
  checkSelected,
  checkTemplate,
  isNewGeneration,
  nameWarnings,
  templateOptions,
  templateWarnings,
} from './pod-template/owned-template.ts';

export function validateReplicationController(object: Readonly<UnknownObject>, old?: Readonly<UnknownObject>): Faults {
  const faults: Faults = [];
  const spec: NonNullable<ReplicationController['spec']> = (object as ReplicationController).spec ?? {};
  checkNonNegative(faults, 'spec.minReadySeconds', spec.minReadySeconds);
  if (isEmptyMap(spec.selector)) faults.push(required('spec.selector'));
  checkNonNegative(faults, 'spec.replicas', spec.replicas);
  const { template } = spec;
  if (!template) faults.push(required('spec.template'));
  else {
    checkSelected(
      faults,
      'spec.template',
      isEmptyMap(spec.selector) || matchesSet(spec.selector, template.metadata?.labels),
      template,
    );
    checkTemplate(
      faults,
      'spec.template',
      template,
      templateOptions((old as ReplicationController | undefined)?.spec?.template),
    );
    checkEndless(faults, 'spec.template', template, 'ReplicationController');
  }
  return faults;
}

export function validateReplicationControllerStatus(object: Readonly<UnknownObject>): Faults {
  const faults: Faults = [];
  const status: Readonly<Partial<ReplicationControllerStatus>> = (object as ReplicationController).status ?? {};
  checkCounts(faults, status, [
    'replicas',
    'fullyLabeledReplicas',
    'readyReplicas',
    'availableReplicas',
    'observedGeneration',
  ]);
  checkParts(faults, status, ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas'], 'replicas');
  checkParts(faults, status, ['availableReplicas'], 'readyReplicas', 'readyReplicas');
  return faults;
}

/** On updates upstream looks at the template that was. */
export function replicationControllerWarnings(
  object: Readonly<UnknownObject>,
  old: Readonly<UnknownObject> | undefined,
): string[] {
  if (old && !isNewGeneration(object, old)) return [];
  const from = (old ?? object) as Readonly<ReplicationController>;
  return [...(old ? [] : nameWarnings(object)), ...templateWarnings('spec.template', from.spec?.template)];
}
