import type { DaemonSet, DaemonSetSpec, DaemonSetStatus } from '@nodeless/apimachinery/generated/types/apps/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import {
  checkImmutable,
  checkLabelSelector,
  checkNonNegative,
  type Faults,
  hasInvalidSelectorValue,
  invalid,
  notSupported,
  required,
} from '../checks.ts';
import type { PodOptions } from '../core/pod-template/options.ts';
import {
  checkEndless,
  checkSelected,
  checkTemplate,
  selects,
  templateOptions,
  templateWarnings,
} from '../core/pod-template/owned-template.ts';
import { amountOf, checkAtMostAll, checkIntOrPercent } from '../int-or-percent.ts';
import { internalValue, shownSelector } from '../internal-value.ts';
import { checkCollisionCount, checkCounts } from '../status-counts.ts';
import { readTemplateGeneration } from './template-generation.ts';
import { isEmptySelector } from './workload-checks.ts';

type Spec = Readonly<Partial<DaemonSetSpec>>;

export function validateDaemonSet(object: Readonly<UnknownObject>): Faults {
  const faults: Faults = [];
  checkSpec(faults, object, templateOptions(), false);
  return faults;
}

export function validateDaemonSetUpdate(object: Readonly<UnknownObject>, oldObject: Readonly<UnknownObject>): Faults {
  const faults: Faults = [];
  const old: Spec = (oldObject as DaemonSet).spec ?? {};
  const selector = (object as DaemonSet).spec?.selector;
  checkImmutable(faults, 'spec.selector', selector, old.selector, shownSelector(selector));
  const options = templateOptions(old.template);
  checkSpec(faults, object, options, options.allowInvalidSelectorValues || hasInvalidSelectorValue(old.selector));
  return faults;
}

function checkSpec(
  faults: Faults,
  object: Readonly<UnknownObject>,
  options: PodOptions,
  allowInvalidValues: boolean,
): void {
  const spec: Spec = (object as DaemonSet).spec ?? {};
  const { selector, template } = spec;
  checkLabelSelector(faults, 'spec.selector', selector, { allowInvalidValues });
  checkSelected(faults, 'spec.template', selects(selector, template?.metadata?.labels) ?? true, template);
  if (selector && isEmptySelector(selector))
    faults.push(invalid('spec.selector', shownSelector(selector), 'empty selector is invalid for daemonset'));
  checkTemplate(faults, 'spec.template', template, options);
  checkEndless(faults, 'spec.template', template, 'DaemonSet');
  checkNonNegative(faults, 'spec.minReadySeconds', spec.minReadySeconds);
  checkNonNegative(faults, 'spec.templateGeneration', readTemplateGeneration(object));
  checkStrategy(faults, 'spec.updateStrategy', spec.updateStrategy ?? {});
  checkNonNegative(faults, 'spec.revisionHistoryLimit', spec.revisionHistoryLimit);
}

function checkStrategy(faults: Faults, path: string, strategy: NonNullable<DaemonSetSpec['updateStrategy']>): void {
  const { type, rollingUpdate: rolling } = strategy;
  if (type === 'OnDelete') return;
  if (type !== 'RollingUpdate') {
    faults.push(notSupported(path, internalValue('DaemonSetUpdateStrategy', strategy), ['RollingUpdate', 'OnDelete']));
    return;
  }
  const at = `${path}.rollingUpdate`;
  if (!rolling) {
    faults.push(required(at));
    return;
  }
  const { maxUnavailable, maxSurge } = rolling;
  checkIntOrPercent(faults, `${at}.maxUnavailable`, maxUnavailable);
  checkIntOrPercent(faults, `${at}.maxSurge`, maxSurge);
  checkAtMostAll(faults, `${at}.maxUnavailable`, maxUnavailable);
  checkAtMostAll(faults, `${at}.maxSurge`, maxSurge);
  const hasUnavailable = amountOf(maxUnavailable) !== 0;
  const hasSurge = amountOf(maxSurge) !== 0;
  if (hasUnavailable && hasSurge)
    faults.push(invalid(`${at}.maxSurge`, maxSurge, 'may not be set when maxUnavailable is non-zero'));
  else if (!hasUnavailable && !hasSurge)
    faults.push(required(`${at}.maxUnavailable`, 'cannot be 0 when maxSurge is 0'));
}

const counts = [
  'currentNumberScheduled',
  'numberMisscheduled',
  'desiredNumberScheduled',
  'numberReady',
  'observedGeneration',
  'updatedNumberScheduled',
  'numberAvailable',
  'numberUnavailable',
  'collisionCount',
] as const;

export function validateDaemonSetStatus(object: Readonly<UnknownObject>, oldObject: Readonly<UnknownObject>): Faults {
  const faults: Faults = [];
  const status: Readonly<Partial<DaemonSetStatus>> = (object as DaemonSet).status ?? {};
  checkCounts(faults, status, counts);
  checkCollisionCount(faults, status, (oldObject as DaemonSet).status);
  return faults;
}

export function daemonSetWarnings(object: Readonly<UnknownObject>, old: Readonly<UnknownObject> | undefined): string[] {
  if (old && readTemplateGeneration(object) === readTemplateGeneration(old)) return [];
  return templateWarnings('spec.template', (object as DaemonSet).spec?.template);
}
