import type { Job, JobSpec } from '@nodeless/apimachinery/generated/types/batch/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { KindDefinition } from '../../resource.ts';
import { clearStatus, keepSpec, keepStatus, metadataOf } from '../carry-over.ts';
import { defaultPodTemplate } from '../core/pod-template/defaults.ts';
import { tableOf } from '../table-of.ts';
import { jobCells } from './job-tables.ts';

const controllerUidLabel = 'batch.kubernetes.io/controller-uid';

export const job: KindDefinition = {
  group: 'batch',
  resource: 'jobs',
  table: tableOf<Job>('batch/jobs', jobCells),
  strategy: {
    generation: true,
    defaultPropagation: 'Orphan',
    default: (object) => {
      defaultJob(object);
    },
    prepareForCreate: (object) => {
      clearStatus(object);
      const spec = (object as Job).spec;
      if (spec !== undefined && spec.manualSelector !== true) generateSelector(object, spec);
    },
    prepareForUpdate: keepStatus,
    resetFields: [['status']],
    status: { default: defaultJob, prepareForUpdate: keepSpec, resetFields: [['spec']] },
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
    if (Object.keys(metadata.labels ?? {}).length === 0 && Object.keys(labels).length > 0) metadata.labels = { ...labels };
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
  const labels: Record<string, string> = { ...metadata.labels };
  labels['job-name'] ??= name;
  labels['batch.kubernetes.io/job-name'] ??= name;
  labels['controller-uid'] ??= uid;
  labels[controllerUidLabel] ??= uid;
  metadata.labels = labels;
  const selector = (spec.selector ??= {});
  selector.matchLabels = { ...selector.matchLabels };
  selector.matchLabels[controllerUidLabel] ??= uid;
}
