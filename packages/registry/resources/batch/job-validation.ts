import type { Job } from '@nodeless/apimachinery/generated/types/batch/v1';
import { isDns1123Label } from '@nodeless/apimachinery/names';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import {
  checkImmutable,
  checkLabelSelector,
  type Faults,
  hasInvalidSelectorValue,
  invalid,
  required,
} from '../checks.ts';
import type { PodOptions } from '../core/pod-template/options.ts';
import {
  checkSelected,
  isNewGeneration,
  nameWarnings,
  selects,
  templateOptions,
} from '../core/pod-template/owned-template.ts';
import { internalValue, shownMap, shownSelector } from '../internal-value.ts';
import { checkJobParts, jobSpecWarnings, type Spec } from './job-spec-validation.ts';
import { checkTemplateChange } from './job-template-change.ts';

const controllerUid = 'batch.kubernetes.io/controller-uid';
const jobName = 'batch.kubernetes.io/job-name';

interface Rules {
  readonly options: PodOptions;
  readonly allowInvalidValues: boolean;
  /** False for jobs from before the labels had a prefix. */
  readonly prefixedLabels: boolean;
}

export function validateJob(object: Readonly<UnknownObject>): Faults {
  const faults: Faults = [];
  checkJob(faults, object as Job, { options: templateOptions(), allowInvalidValues: false, prefixedLabels: true });
  return faults;
}

export function validateJobUpdate(object: Readonly<UnknownObject>, oldObject: Readonly<UnknownObject>): Faults {
  const faults: Faults = [];
  const old = oldObject as Readonly<Job>;
  const spec: Spec = (object as Job).spec ?? {};
  const before: Spec = old.spec ?? {};
  const labels = before.template?.metadata?.labels;
  const options = templateOptions(before.template);
  const rules: Rules = {
    options,
    allowInvalidValues: options.allowInvalidSelectorValues || hasInvalidSelectorValue(before.selector),
    prefixedLabels: labels?.[jobName] !== undefined && labels[controllerUid] !== undefined,
  };
  checkJob(faults, object as Job, rules);
  // upstream checks the spec once more, and says so
  checkSpec(faults, spec, rules);
  checkCompletions(faults, spec, before);
  checkImmutable(faults, 'spec.selector', spec.selector, before.selector, shownSelector(spec.selector));
  checkTemplateChange(faults, spec, old);
  checkImmutable(faults, 'spec.completionMode', spec.completionMode, before.completionMode);
  const policy = spec.podFailurePolicy && internalValue('PodFailurePolicy', spec.podFailurePolicy);
  checkImmutable(faults, 'spec.podFailurePolicy', spec.podFailurePolicy, before.podFailurePolicy, policy);
  checkImmutable(faults, 'spec.backoffLimitPerIndex', spec.backoffLimitPerIndex, before.backoffLimitPerIndex);
  checkImmutable(faults, 'spec.managedBy', spec.managedBy, before.managedBy);
  const success = spec.successPolicy && internalValue('SuccessPolicy', spec.successPolicy);
  checkImmutable(faults, 'spec.successPolicy', spec.successPolicy, before.successPolicy, success);
  return faults;
}

function checkJob(faults: Faults, job: Readonly<Job>, rules: Rules): void {
  const spec: Spec = job.spec ?? {};
  const name = job.metadata?.name ?? '';
  checkGeneratedSelector(faults, job, rules.prefixedLabels);
  checkSpec(faults, spec, rules);
  if (spec.completionMode !== 'Indexed' || (spec.completions ?? 0) <= 0) return;
  const hostname = `${name}-${spec.completions! - 1}`;
  if (isDns1123Label(hostname).length > 0) {
    faults.push(invalid('metadata.name', name, `will not able to create pod with invalid DNS label: ${hostname}`));
  }
}

/** The labels by which a job knows its pods are made by the server. */
function checkGeneratedSelector(faults: Faults, job: Readonly<Job>, prefixedLabels: boolean): void {
  const { uid = '', name = '' } = job.metadata ?? {};
  const spec: Spec = job.spec ?? {};
  if (spec.manualSelector === true || spec.selector === undefined) return;
  if (uid === '') faults.push(required('metadata.uid'));
  const expected: Record<string, string> = prefixedLabels ? { [controllerUid]: uid, [jobName]: name } : {};
  const all: readonly (readonly [string, string])[] = [
    ['controller-uid', uid],
    ['job-name', name],
    ...Object.entries(expected),
  ];
  const labels = spec.template?.metadata?.labels;
  for (const [label, value] of all) {
    const at = `spec.template.metadata.labels[${label}]`;
    if (labels?.[label] === undefined) faults.push(required(at, `must be '${value}'`));
    else if (labels[label] !== value) faults.push(invalid(at, shownMap(labels), `must be '${value}'`));
  }
  if (selects(spec.selector, Object.fromEntries(all)) === false) {
    faults.push(invalid('spec.selector', shownSelector(spec.selector), '`selector` not auto-generated'));
  }
}

function checkSpec(faults: Faults, spec: Spec, { options, allowInvalidValues }: Rules): void {
  checkJobParts(faults, 'spec', spec, options);
  if (spec.selector === undefined) faults.push(required('spec.selector'));
  else checkLabelSelector(faults, 'spec.selector', spec.selector, { allowInvalidValues });
  checkSelected(
    faults,
    'spec.template',
    selects(spec.selector, spec.template?.metadata?.labels) ?? true,
    spec.template,
  );
}

/** Indexed jobs grow and shrink, with all of their workers at once. */
function checkCompletions(faults: Faults, spec: Spec, old: Spec): void {
  const { completions } = spec;
  if (spec.completionMode !== 'Indexed') checkImmutable(faults, 'spec.completions', completions, old.completions);
  else if (completions !== undefined && completions !== old.completions && completions !== spec.parallelism) {
    faults.push(invalid('spec.completions', completions, 'can only be modified in tandem with spec.parallelism'));
  }
}

export function jobWarnings(object: Readonly<UnknownObject>, old: Readonly<UnknownObject> | undefined): string[] {
  if (old && !isNewGeneration(object, old)) return [];
  return [...(old ? [] : nameWarnings(object)), ...jobSpecWarnings('spec', (object as Job).spec)];
}
