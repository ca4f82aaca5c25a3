/** What holds for jobs and for the templates of cron jobs. */
import type { JobSpec } from '@nodeless/apimachinery/generated/types/batch/v1';
import { checkDomainPath, checkNonNegative, type Faults, invalid, notSupported, required, tooLong } from '../checks.ts';
import type { PodOptions } from '../core/pod-template/options.ts';
import { checkTemplate, templateWarnings } from '../core/pod-template/owned-template.ts';
import { internalValue } from '../internal-value.ts';
import { checkFailurePolicy, checkSuccessPolicy } from './job-policies.ts';

const maxManagedBy = 63;
/** Indexed jobs keep a list of indexes in their status, which must stay small. */
const maxParallelism = 100_000;
const maxFailedIndexes = 100_000;
const manyCompletions = 100_000;
const fewWorkers = 10_000;

export type Spec = Readonly<Partial<JobSpec>>;

export function checkJobParts(faults: Faults, path: string, spec: Spec, options: PodOptions): void {
  for (const field of [
    'parallelism',
    'completions',
    'activeDeadlineSeconds',
    'backoffLimit',
    'ttlSecondsAfterFinished',
    'backoffLimitPerIndex',
    'maxFailedIndexes',
  ] as const) {
    checkNonNegative(faults, `${path}.${field}`, spec[field]);
  }
  if (spec.maxFailedIndexes !== undefined && spec.backoffLimitPerIndex === undefined) {
    faults.push(required(`${path}.backoffLimitPerIndex`, 'when maxFailedIndexes is specified'));
  }
  if (spec.managedBy !== undefined) {
    checkDomainPath(faults, `${path}.managedBy`, spec.managedBy);
    if (Buffer.byteLength(spec.managedBy) > maxManagedBy) faults.push(tooLong(`${path}.managedBy`, maxManagedBy));
  }
  checkCompletionMode(faults, path, spec);
  if (spec.podFailurePolicy) checkFailurePolicy(faults, `${path}.podFailurePolicy`, spec as JobSpec);
  if (spec.successPolicy) {
    if (spec.completionMode === 'Indexed') checkSuccessPolicy(faults, `${path}.successPolicy`, spec as JobSpec);
    else
      faults.push(
        invalid(
          `${path}.successPolicy`,
          internalValue('SuccessPolicy', spec.successPolicy),
          'requires indexed completion mode',
        ),
      );
  }
  const replacement = spec.podReplacementPolicy;
  const replacements = spec.podFailurePolicy ? ['Failed'] : ['Failed', 'TerminatingOrFailed'];
  if (replacement !== undefined && !replacements.includes(replacement))
    faults.push(notSupported(`${path}.podReplacementPolicy`, replacement, replacements));
  checkTemplate(faults, `${path}.template`, spec.template, options);
  checkRestarts(faults, `${path}.template.spec.restartPolicy`, spec);
}

function checkCompletionMode(faults: Faults, path: string, spec: Spec): void {
  const {
    completionMode: mode,
    completions,
    parallelism = 0,
    maxFailedIndexes: failures,
    backoffLimitPerIndex: perIndex,
  } = spec;
  if (mode === undefined || mode === 'NonIndexed') {
    if (perIndex !== undefined)
      faults.push(invalid(`${path}.backoffLimitPerIndex`, perIndex, 'requires indexed completion mode'));
    if (failures !== undefined)
      faults.push(invalid(`${path}.maxFailedIndexes`, failures, 'requires indexed completion mode'));
    return;
  }
  if (mode !== 'Indexed') {
    faults.push(notSupported(`${path}.completionMode`, mode, ['NonIndexed', 'Indexed']));
    return;
  }
  if (completions === undefined) faults.push(required(`${path}.completions`, 'when completion mode is Indexed'));
  if (parallelism > maxParallelism) {
    faults.push(
      invalid(
        `${path}.parallelism`,
        parallelism,
        `must be less than or equal to ${maxParallelism} when completion mode is Indexed`,
      ),
    );
  }
  const at = `${path}.maxFailedIndexes`;
  if (failures !== undefined) {
    if (completions !== undefined && failures > completions)
      faults.push(invalid(at, failures, 'must be less than or equal to completions'));
    if (failures > maxFailedIndexes)
      faults.push(invalid(at, failures, `must be less than or equal to ${maxFailedIndexes}`));
  }
  if ((completions ?? 0) <= manyCompletions || perIndex === undefined) return;
  const limit = `must be less than or equal to ${fewWorkers} when completions are above ${manyCompletions} and used with backoff limit per index`;
  if (failures === undefined)
    faults.push(required(at, `must be specified when completions is above ${manyCompletions}`));
  if (parallelism > fewWorkers) faults.push(invalid(`${path}.parallelism`, parallelism, limit));
  if ((failures ?? 0) > fewWorkers) faults.push(invalid(at, failures, limit));
}

function checkRestarts(faults: Faults, path: string, spec: Spec): void {
  const policy = spec.template?.spec?.restartPolicy;
  if (!policy || policy === 'Always') faults.push(required(path, 'valid values: "OnFailure", "Never"'));
  else if (policy !== 'OnFailure' && policy !== 'Never')
    faults.push(notSupported(path, policy, ['OnFailure', 'Never']));
  else if (spec.podFailurePolicy && policy !== 'Never') {
    faults.push(invalid(path, policy, 'only "Never" is supported when podFailurePolicy is specified'));
  }
}

export function jobSpecWarnings(path: string, spec: Spec | undefined): string[] {
  const warnings: string[] = [];
  if (
    spec?.completionMode === 'Indexed' &&
    (spec.completions ?? 0) > manyCompletions &&
    (spec.parallelism ?? 0) > fewWorkers
  ) {
    warnings.push(
      `${path}: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail`,
    );
  }
  return [...warnings, ...templateWarnings(`${path}.template`, spec?.template)];
}
