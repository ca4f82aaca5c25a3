import type { Job, JobSpec } from '@nodeless/apimachinery/generated/types/batch/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { KindDefinition } from '../../resource.ts';
import { clearStatus, keepSpec, keepStatus, metadataOf } from '../carry-over.ts';
import { defaultPodTemplate } from '../core/pod-template/defaults.ts';
import { dropTemplateFields } from '../core/pod-template/owned-template.ts';
import { tableOf } from '../table-of.ts';
import { validateJobStatus } from './job-status-validation.ts';
import { jobWarnings, validateJob, validateJobUpdate } from './job-validation.ts';
import { jobCells } from './job-tables.ts';

const controllerUidLabel = 'batch.kubernetes.io/controller-uid';

export const job: KindDefinition = {
  group: 'batch',
  resource: 'jobs',
  table: tableOf<Job>('batch/jobs', jobCells),
  strategy: {
    generation: true,
    defaultPropagation: 'Orphan',
    default: defaultJob,
    prepareForCreate: (object) => {
      clearStatus(object);
      const spec = (object as Job).spec;
      if (spec?.template !== undefined && spec.manualSelector !== true) generateSelector(object, spec);
      dropTemplateFields(spec?.template);
    },
    validate: validateJob,
    warnings: jobWarnings,
    prepareForUpdate: (object, old) => {
      keepStatus(object, old);
      dropTemplateFields((object as Job).spec?.template, (old as Job).spec?.template);
    },
    validateUpdate: validateJobUpdate,
    // What is read back is defaulted again: only then has the template the labels that the job takes over.
    canonicalize: defaultJob,
    resetFields: [['status']],
    status: {
      default: defaultJob,
      prepareForUpdate: keepSpec,
      validateUpdate: validateJobStatus,
      resetFields: [['spec']],
    },
    fieldNames: ['status.successful'],
    selectableFields: (object) => ({ 'status.successful': String((object as Job).status?.succeeded ?? 0) }),
  },
};

function defaultJob(object: UnknownObject): void {
  const spec = (object as Job).spec;
  if (spec === undefined) return;
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
  spec.parallelism ??= 1;
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? 6 : 0x7fffffff;
  const labels = spec.template?.metadata?.labels;
  if (labels !== undefined) {
    const metadata = metadataOf(object);
    // The same map, not a copy: what a new job's template gets later, the job gets too.
    if (Object.keys(metadata.labels ?? {}).length === 0 && Object.keys(labels).length > 0) metadata.labels = labels;
  }
  spec.completionMode ??= 'NonIndexed';
  spec.suspend ??= false;
  spec.podReplacementPolicy ??= spec.podFailurePolicy === undefined ? 'TerminatingOrFailed' : 'Failed';
  spec.manualSelector ??= false;
  defaultJobTemplateParts(spec);
}

/** What also holds for the template of a CronJob. */
export function defaultJobTemplateParts(spec: JobSpec): void {
  for (const rule of spec.podFailurePolicy?.rules ?? []) {
    for (const pattern of rule.onPodConditions ?? []) if (!pattern.status) pattern.status = 'True';
  }
  defaultPodTemplate(spec.template);
}

/** A job owns the pods that carry its uid. */
function generateSelector(object: UnknownObject, spec: JobSpec): void {
  const { name = '', uid = '' } = object.metadata ?? {};
  const metadata = (spec.template.metadata ??= {});
  const labels = (metadata.labels ??= {});
  labels['job-name'] ??= name;
  labels['batch.kubernetes.io/job-name'] ??= name;
  labels['controller-uid'] ??= uid;
  labels[controllerUidLabel] ??= uid;
  const selector = (spec.selector ??= {});
  selector.matchLabels = { ...selector.matchLabels };
  selector.matchLabels[controllerUidLabel] ??= uid;
}
