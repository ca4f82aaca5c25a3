import type { CronJob } from '@nodeless/apimachinery/generated/types/batch/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { KindDefinition } from '../../resource.ts';
import { clearStatus, keepSpec, keepStatus } from '../carry-over.ts';
import { defaultJobTemplateParts } from './job.ts';
import { tableOf } from '../table-of.ts';
import { cronJobCells } from './job-tables.ts';

export const cronJob: KindDefinition = {
  group: 'batch',
  resource: 'cronjobs',
  table: tableOf<CronJob>('batch/cronjobs', cronJobCells),
  strategy: {
    generation: true,
    default: defaultCronJob,
    prepareForCreate: clearStatus,
    prepareForUpdate: keepStatus,
    resetFields: [['status']],
    status: { default: defaultCronJob, prepareForUpdate: keepSpec, resetFields: [['spec']] },
  },
};

function defaultCronJob(object: UnknownObject): void {
  const spec = (object as unknown as CronJob).spec;
  if (spec === undefined) return;
  if (!spec.concurrencyPolicy) spec.concurrencyPolicy = 'Allow';
  spec.suspend ??= false;
  spec.successfulJobsHistoryLimit ??= 3;
  spec.failedJobsHistoryLimit ??= 1;
  if (spec.jobTemplate?.spec) defaultJobTemplateParts(spec.jobTemplate.spec);
}
