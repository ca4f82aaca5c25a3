import type { Job, JobStatus } from '@nodeless/apimachinery/generated/types/batch/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { duplicate, type Faults, invalid, invalidUnshown, required, sameValue } from '../checks.ts';
import { internalValue } from '../internal-value.ts';
import { checkCounts } from '../status-counts.ts';
import { countIndexes, firstSharedIndex, IndexesError } from './completion-indexes.ts';

/** What a rule looks at. `changed`: rules are not held against what was stored before they were made. */
interface Change {
  readonly job: Readonly<Job>;
  readonly status: Readonly<JobStatus>;
  readonly old: Readonly<JobStatus>;
  changed(...fields: (keyof JobStatus | Condition)[]): boolean;
}
type Condition = 'Complete' | 'Failed' | 'FailureTarget' | 'SuccessCriteriaMet' | 'Finished';

const is = (status: Readonly<JobStatus>, type: Condition): boolean =>
  type === 'Finished'
    ? is(status, 'Complete') || is(status, 'Failed')
    : status.conditions?.some((c) => c.type === type && c.status === 'True') === true;

const conditions = new Set<string>(['Complete', 'Failed', 'FailureTarget', 'SuccessCriteriaMet', 'Finished']);
const at = 'status.conditions';

export function validateJobStatus(object: Readonly<UnknownObject>, oldObject: Readonly<UnknownObject>): Faults {
  const job = object as Readonly<Job>;
  const status = job.status ?? {};
  const old = (oldObject as Readonly<Job>).status ?? {};
  const changed: Change['changed'] = (...fields) =>
    fields.some((field) =>
      conditions.has(field)
        ? is(status, field as Condition) !== is(old, field as Condition)
        : !sameValue(status[field as keyof JobStatus], old[field as keyof JobStatus]),
    );
  const change: Change = { job, status, old, changed };
  const faults: Faults = [];
  checkCounts(faults, status, ['active', 'succeeded', 'failed', 'ready', 'terminating']);
  checkUncounted(faults, status);
  checkCompletion(faults, change);
  checkFinished(faults, change);
  checkIndexes(faults, change);
  checkPods(faults, change);
  checkAgainstOld(faults, change);
  return faults;
}

function checkUncounted(faults: Faults, { uncountedTerminatedPods: pods }: Readonly<JobStatus>): void {
  const seen = new Set<string>();
  for (const list of ['succeeded', 'failed'] as const) {
    pods?.[list]?.forEach((uid, i) => {
      const path = `status.uncountedTerminatedPods.${list}[${i}]`;
      if (uid === '') faults.push(invalid(path, uid, 'must not be empty'));
      else if (seen.has(uid)) faults.push(duplicate(path, uid));
      seen.add(uid);
    });
  }
}

function checkCompletion(faults: Faults, { status, changed }: Change): void {
  const isComplete = is(status, 'Complete');
  const { completionTime, startTime } = status;
  if (changed('Complete', 'Failed') && isComplete && is(status, 'Failed'))
    faults.push(invalidUnshown(at, 'cannot set Complete=True and Failed=true conditions'));
  if (changed('Complete', 'FailureTarget') && isComplete && is(status, 'FailureTarget')) {
    faults.push(invalidUnshown(at, 'cannot set Complete=True and FailureTarget=true conditions'));
  }
  if (changed('Complete', 'completionTime')) {
    if (completionTime && !isComplete)
      faults.push(
        invalid(
          'status.completionTime',
          completionTime,
          'cannot set completionTime when there is no Complete=True condition',
        ),
      );
    if (!completionTime && isComplete)
      faults.push(required('status.completionTime', 'completionTime is required for Complete jobs'));
  }
  if (
    changed('startTime', 'completionTime') &&
    startTime &&
    completionTime &&
    Date.parse(completionTime) < Date.parse(startTime)
  ) {
    faults.push(invalid('status.completionTime', completionTime, 'must be equal to or after `startTime`'));
  }
}

function checkFinished(faults: Faults, { job, status, changed }: Change): void {
  if (changed('Failed', 'failedIndexes') && is(status, 'Failed') && !is(status, 'FailureTarget')) {
    faults.push(invalidUnshown(at, 'cannot set Failed=True condition without the FailureTarget=true condition'));
  }
  if (changed('Complete', 'SuccessCriteriaMet') && is(status, 'Complete') && !is(status, 'SuccessCriteriaMet')) {
    faults.push(invalidUnshown(at, 'cannot set Complete=True condition without the SuccessCriteriaMet=true condition'));
  }
  if (!is(status, 'Finished')) return;
  const { active = 0, startTime, uncountedTerminatedPods: pods } = status;
  if (changed('Finished', 'active') && active > 0)
    faults.push(invalid('status.active', active, 'active>0 is invalid for finished job'));
  const neverStarts = job.spec?.suspend === true && job.spec.completions === 0;
  if (changed('Finished', 'startTime') && !neverStarts && !startTime)
    faults.push(required('status.startTime', 'startTime is required for finished job'));
  const uncounted = (pods?.failed?.length ?? 0) + (pods?.succeeded?.length ?? 0);
  if (changed('Finished', 'uncountedTerminatedPods') && uncounted > 0) {
    faults.push(
      invalid(
        'status.uncountedTerminatedPods',
        internalValue('UncountedTerminatedPods', pods),
        'must be empty for finished job',
      ),
    );
  }
}

function checkIndexes(faults: Faults, { job, status, changed }: Change): void {
  const { completions, backoffLimitPerIndex, completionMode } = job.spec ?? {};
  const { completedIndexes = '', failedIndexes } = status;
  if (changed('completedIndexes') && completions !== undefined)
    checkFormat(faults, 'completedIndexes', completedIndexes, completions);
  if (
    changed('failedIndexes') &&
    completions !== undefined &&
    backoffLimitPerIndex !== undefined &&
    failedIndexes !== undefined
  ) {
    checkFormat(faults, 'failedIndexes', failedIndexes, completions);
  }
  if (changed('completedIndexes') && completedIndexes && completionMode !== 'Indexed') {
    faults.push(
      invalid(
        'status.completedIndexes',
        completedIndexes,
        'cannot set non-empty completedIndexes when non-indexed completion mode',
      ),
    );
  }
  if (failedIndexes === undefined) return;
  if (changed('failedIndexes') && backoffLimitPerIndex === undefined) {
    faults.push(
      invalid(
        'status.failedIndexes',
        failedIndexes,
        'cannot set non-null failedIndexes when backoffLimitPerIndex is null',
      ),
    );
  }
  if (!changed('failedIndexes', 'completedIndexes') || completions === undefined) return;
  const shared = firstSharedIndex(completedIndexes, failedIndexes, completions);
  if (shared !== undefined)
    faults.push(
      invalid('status.failedIndexes', failedIndexes, `failedIndexes and completedIndexes overlap at index: ${shared}`),
    );
}

function checkFormat(
  faults: Faults,
  field: 'completedIndexes' | 'failedIndexes',
  text: string,
  completions: number,
): void {
  try {
    countIndexes(text, completions);
  } catch (error) {
    if (!(error instanceof IndexesError)) throw error;
    faults.push(invalid(`status.${field}`, text, `error parsing ${field}: ${error.message}`));
  }
}

function checkPods(faults: Faults, { job, status, changed }: Change): void {
  const { terminating = 0, ready, active = 0 } = status;
  if (changed('Finished', 'terminating') && terminating > 0 && is(status, 'Finished')) {
    faults.push(invalid('status.terminating', terminating, 'terminating>0 is invalid for finished job'));
  }
  if (changed('ready', 'active') && ready !== undefined && ready > active)
    faults.push(invalid('status.ready', ready, 'cannot set more ready pods than active'));
  const isMet = is(status, 'SuccessCriteriaMet');
  if (isMet && is(status, 'Failed'))
    faults.push(invalidUnshown(at, 'cannot set SuccessCriteriaMet=True and Failed=true conditions'));
  if (isMet && is(status, 'FailureTarget'))
    faults.push(invalidUnshown(at, 'cannot set SuccessCriteriaMet=True and FailureTarget=true conditions'));
  if (job.spec?.successPolicy && !isMet && is(status, 'Complete')) {
    faults.push(
      invalidUnshown(at, 'cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True'),
    );
  }
}

function checkAgainstOld(faults: Faults, { job, status, old, changed }: Change): void {
  const { spec } = job;
  for (const type of ['Failed', 'Complete', 'FailureTarget'] as const) {
    if (is(old, type) && !is(status, type))
      faults.push(invalidUnshown(at, `cannot disable the terminal ${type}=True condition`));
  }
  if ((status.failed ?? 0) < (old.failed ?? 0))
    faults.push(invalid('status.failed', status.failed ?? 0, 'cannot decrease the failed counter'));
  const mayShrink = spec?.completionMode === 'Indexed' && spec.completions === spec.parallelism;
  if (!mayShrink && (status.succeeded ?? 0) < (old.succeeded ?? 0)) {
    faults.push(invalid('status.succeeded', status.succeeded ?? 0, 'cannot decrease the succeeded counter'));
  }
  if (status.completionTime && old.completionTime && status.completionTime !== old.completionTime) {
    faults.push(invalid('status.completionTime', status.completionTime, 'field is immutable'));
  }
  const isResuming = hasCondition(old, 'Suspended', 'True') && hasCondition(status, 'Suspended', 'False');
  if (changed('startTime') && !isResuming && old.startTime && spec?.suspend !== true) {
    faults.push(
      invalid('status.startTime', status.startTime ?? null, 'field is immutable for unsuspended job once set'),
    );
  }
  if (is(old, 'SuccessCriteriaMet') && !is(status, 'SuccessCriteriaMet'))
    faults.push(invalidUnshown(at, 'cannot disable the SuccessCriteriaMet=True condition'));
  if (is(old, 'Complete') && !is(old, 'SuccessCriteriaMet') && is(status, 'SuccessCriteriaMet')) {
    faults.push(invalidUnshown(at, 'cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions'));
  }
}

const hasCondition = (status: Readonly<JobStatus>, type: string, value: string): boolean =>
  status.conditions?.some((c) => c.type === type && c.status === value) === true;
