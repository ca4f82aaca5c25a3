import type { CronJob, CronJobSpec } from '@nodeless/apimachinery/generated/types/batch/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { checkNonNegative, type Faults, invalid, notSupported, required } from '../checks.ts';
import type { PodOptions } from '../core/pod-template/options.ts';
import { isNewGeneration, nameWarnings, templateOptions } from '../core/pod-template/owned-template.ts';
import { shownSelector } from '../internal-value.ts';
import { cronFault } from './cron-schedule.ts';
import { checkJobParts, jobSpecWarnings } from './job-spec-validation.ts';
import { timeZoneFault } from './time-zone.ts';

type Spec = Readonly<Partial<CronJobSpec>>;

/** Jobs get eleven characters more, and their pods must still fit into a label. */
const maxNameLength = 52;

export function validateCronJob(object: Readonly<UnknownObject>): Faults {
  const faults: Faults = [];
  checkSpec(faults, (object as unknown as CronJob).spec ?? {}, undefined, templateOptions());
  const name = object.metadata?.name ?? '';
  if (Buffer.byteLength(name) > maxNameLength)
    faults.push(invalid('metadata.name', name, `must be no more than ${maxNameLength} characters`));
  return faults;
}

export function validateCronJobUpdate(object: Readonly<UnknownObject>, oldObject: Readonly<UnknownObject>): Faults {
  const faults: Faults = [];
  const old: Spec = (oldObject as unknown as CronJob).spec ?? {};
  checkSpec(faults, (object as unknown as CronJob).spec ?? {}, old, templateOptions(old.jobTemplate?.spec?.template));
  return faults;
}

function checkSpec(faults: Faults, spec: Spec, old: Spec | undefined, options: PodOptions): void {
  const { schedule, timeZone, concurrencyPolicy } = spec;
  if (!schedule) faults.push(required('spec.schedule'));
  else checkSchedule(faults, schedule, timeZone, old?.schedule?.includes('TZ') === true);
  checkNonNegative(faults, 'spec.startingDeadlineSeconds', spec.startingDeadlineSeconds);
  if (timeZone !== undefined && timeZone !== old?.timeZone) checkTimeZone(faults, timeZone);
  const policies = ['Allow', 'Forbid', 'Replace'];
  if (!concurrencyPolicy) faults.push(required('spec.concurrencyPolicy'));
  else if (!policies.includes(concurrencyPolicy))
    faults.push(notSupported('spec.concurrencyPolicy', concurrencyPolicy, policies));
  const at = 'spec.jobTemplate.spec';
  const job = spec.jobTemplate?.spec;
  checkJobParts(faults, at, job ?? {}, options);
  if (job?.selector)
    faults.push(invalid(`${at}.selector`, shownSelector(job.selector), '`selector` will be auto-generated'));
  if (job?.manualSelector) faults.push(notSupported(`${at}.manualSelector`, true, ['nil', 'false']));
  checkNonNegative(faults, 'spec.successfulJobsHistoryLimit', spec.successfulJobsHistoryLimit);
  checkNonNegative(faults, 'spec.failedJobsHistoryLimit', spec.failedJobsHistoryLimit);
}

function checkSchedule(faults: Faults, schedule: string, timeZone: string | undefined, allowZone: boolean): void {
  const fault = cronFault(schedule);
  if (fault !== undefined) faults.push(invalid('spec.schedule', schedule, fault));
  if (!schedule.includes('TZ')) return;
  if (!allowZone)
    faults.push(invalid('spec.schedule', schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead'));
  else if (timeZone !== undefined)
    faults.push(invalid('spec.schedule', schedule, 'cannot use both timeZone field and TZ or CRON_TZ in schedule'));
}

function checkTimeZone(faults: Faults, zone: string): void {
  const path = 'spec.timeZone';
  if (zone === '') {
    faults.push(invalid(path, zone, 'timeZone must be nil or non-empty string'));
    return;
  }
  const isName = zone
    .split('/')
    .every((part) => part !== '.' && part !== '..' && /^(?!-)[A-Za-z.\-_0-9+]{1,14}$/.test(part));
  if (!isName) {
    faults.push(invalid(path, zone, `unknown time zone ${zone}`));
    return;
  }
  if (zone.toLowerCase() === 'local') {
    faults.push(
      invalid(path, zone, 'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones'),
    );
  }
  const fault = timeZoneFault(zone);
  if (fault !== undefined) faults.push(invalid(path, zone, fault));
}

export function cronJobWarnings(object: Readonly<UnknownObject>, old: Readonly<UnknownObject> | undefined): string[] {
  const spec = (object as unknown as CronJob).spec;
  const warnings = old ? [] : nameWarnings(object);
  if (!old || isNewGeneration(object, old))
    warnings.push(...jobSpecWarnings('spec.jobTemplate.spec', spec?.jobTemplate?.spec));
  if (old && spec?.schedule?.includes('TZ')) {
    warnings.push(
      'cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details',
    );
  }
  return warnings;
}
