import type { CronJob } from '@nodeless/apimachinery/generated/types/batch/v1';
import type { PodTemplateSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { KindDefinition } from '../../resource.ts';
import { clearStatus, keepSpec, keepStatus } from '../carry-over.ts';
import { defaultJobTemplateParts } from './job.ts';
import { dropTemplateFields } from '../core/pod-template/owned-template.ts';
import { tableOf } from '../table-of.ts';
import { cronJobWarnings, validateCronJob, validateCronJobUpdate } from './cron-job-validation.ts';
import { cronJobCells } from './job-tables.ts';

export const cronJob: KindDefinition = {
  group: 'batch',
  resource: 'cronjobs',
  table: tableOf<CronJob>('batch/cronjobs', cronJobCells),
  strategy: {
    generation: true,
    default: defaultCronJob,
    prepareForCreate: (object) => {
      clearStatus(object);
      dropTemplateFields(templateOf(object));
    },
    validate: validateCronJob,
    warnings: cronJobWarnings,
    prepareForUpdate: (object, old) => {
      keepStatus(object, old);
      dropTemplateFields(templateOf(object), templateOf(old));
    },
    validateUpdate: validateCronJobUpdate,
    resetFields: [['status']],
    status: { default: defaultCronJob, prepareForUpdate: keepSpec, resetFields: [['spec']] },
  },
};

const templateOf = (object: Readonly<UnknownObject>): PodTemplateSpec | undefined =>
  (object as unknown as CronJob).spec?.jobTemplate?.spec?.template;

function defaultCronJob(object: UnknownObject): void {
  const spec = (object as unknown as CronJob).spec;
  if (spec === undefined) return;
  if (!spec.concurrencyPolicy) spec.concurrencyPolicy = 'Allow';
  spec.suspend ??= false;
  spec.successfulJobsHistoryLimit ??= 3;
  spec.failedJobsHistoryLimit ??= 1;
  if (spec.jobTemplate?.spec) defaultJobTemplateParts(spec.jobTemplate.spec);
}
