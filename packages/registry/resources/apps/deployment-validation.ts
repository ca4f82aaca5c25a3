import type { Deployment, DeploymentSpec, DeploymentStatus } from '@nodeless/apimachinery/generated/types/apps/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import {
  checkImmutable,
  checkNonNegative,
  type Faults,
  forbidden,
  invalid,
  notSupported,
  required,
} from '../checks.ts';
import {
  isNewGeneration,
  nameWarnings,
  templateOptions,
  templateWarnings,
} from '../core/pod-template/owned-template.ts';
import type { PodOptions } from '../core/pod-template/options.ts';
import { amountOf, checkAtMostAll, checkIntOrPercent } from '../int-or-percent.ts';
import { internalValue, shownSelector } from '../internal-value.ts';
import { checkCollisionCount, checkCounts, checkParts } from '../status-counts.ts';
import { checkReplicatedTemplate, checkWorkloadSelector } from './workload-checks.ts';

type Spec = Readonly<Partial<DeploymentSpec>>;

export function validateDeployment(object: Readonly<UnknownObject>): Faults {
  const faults: Faults = [];
  checkSpec(faults, (object as Deployment).spec ?? {}, templateOptions());
  return faults;
}

export function validateDeploymentUpdate(object: Readonly<UnknownObject>, oldObject: Readonly<UnknownObject>): Faults {
  const faults: Faults = [];
  const spec: Spec = (object as Deployment).spec ?? {};
  const old: Spec = (oldObject as Deployment).spec ?? {};
  checkSpec(faults, spec, templateOptions(old.template));
  checkImmutable(faults, 'spec.selector', spec.selector, old.selector, shownSelector(spec.selector));
  return faults;
}

function checkSpec(faults: Faults, spec: Spec, options: PodOptions): void {
  checkNonNegative(faults, 'spec.replicas', spec.replicas);
  checkWorkloadSelector(faults, spec.selector, 'deployment');
  checkReplicatedTemplate(faults, spec, options);
  checkStrategy(faults, 'spec.strategy', spec.strategy ?? {});
  checkNonNegative(faults, 'spec.minReadySeconds', spec.minReadySeconds);
  checkNonNegative(faults, 'spec.revisionHistoryLimit', spec.revisionHistoryLimit);
  const deadline = spec.progressDeadlineSeconds;
  if (deadline === undefined) return;
  checkNonNegative(faults, 'spec.progressDeadlineSeconds', deadline);
  if (deadline <= (spec.minReadySeconds ?? 0))
    faults.push(invalid('spec.progressDeadlineSeconds', deadline, 'must be greater than minReadySeconds'));
}

function checkStrategy(faults: Faults, path: string, strategy: NonNullable<DeploymentSpec['strategy']>): void {
  const { type, rollingUpdate: rolling } = strategy;
  if (type === 'Recreate') {
    if (rolling)
      faults.push(forbidden(`${path}.rollingUpdate`, "may not be specified when strategy `type` is 'Recreate'"));
  } else if (type === 'RollingUpdate') {
    const at = `${path}.rollingUpdate`;
    if (!rolling) {
      faults.push(required(at, 'this should be defaulted and never be nil'));
      return;
    }
    checkIntOrPercent(faults, `${at}.maxUnavailable`, rolling.maxUnavailable);
    checkIntOrPercent(faults, `${at}.maxSurge`, rolling.maxSurge);
    if (amountOf(rolling.maxUnavailable) === 0 && amountOf(rolling.maxSurge) === 0) {
      faults.push(invalid(`${at}.maxUnavailable`, rolling.maxUnavailable ?? 0, 'may not be 0 when `maxSurge` is 0'));
    }
    checkAtMostAll(faults, `${at}.maxUnavailable`, rolling.maxUnavailable);
  } else faults.push(notSupported(path, internalValue('DeploymentStrategy', strategy), ['Recreate', 'RollingUpdate']));
}

const counts = [
  'observedGeneration',
  'replicas',
  'updatedReplicas',
  'readyReplicas',
  'availableReplicas',
  'unavailableReplicas',
  'terminatingReplicas',
  'collisionCount',
] as const;

export function validateDeploymentStatus(object: Readonly<UnknownObject>, oldObject: Readonly<UnknownObject>): Faults {
  const faults: Faults = [];
  const status: Readonly<DeploymentStatus> = (object as Deployment).status ?? {};
  checkCounts(faults, status, counts);
  checkParts(faults, status, ['updatedReplicas', 'readyReplicas', 'availableReplicas'], 'replicas');
  checkParts(faults, status, ['availableReplicas'], 'readyReplicas', 'readyReplicas');
  checkCollisionCount(faults, status, (oldObject as Deployment).status);
  return faults;
}

export function deploymentWarnings(
  object: Readonly<UnknownObject>,
  old: Readonly<UnknownObject> | undefined,
): string[] {
  if (old && !isNewGeneration(object, old)) return [];
  return [
    ...(old ? [] : nameWarnings(object)),
    ...templateWarnings('spec.template', (object as Deployment).spec?.template),
  ];
}
