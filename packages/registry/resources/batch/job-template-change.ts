import type { Job } from '@nodeless/apimachinery/generated/types/batch/v1';
import type { Container, PodSpec, PodTemplateSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import { checkImmutable, type Faults } from '../checks.ts';
import { internalValue } from '../internal-value.ts';
import type { Spec } from './job-spec-validation.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * Templates do not change, except for jobs that are suspended and have no pods: their scheduling and their resources may, so that
 * queues can choose where the pods are to run.
 */
export function checkTemplateChange(faults: Faults, spec: Spec, old: Readonly<Job>): void {
  const { template } = spec;
  const isSuspended = old.spec?.suspend === true;
  const isStill =
    isSuspended && (old.status?.startTime === undefined || holds(old, 'Suspended')) && !old.status?.active;
  const expected = isStill ? withScheduling(old.spec?.template, template) : old.spec?.template;
  if (isStill) {
    const resources = withResources(expected?.spec, template?.spec);
    checkImmutable(faults, 'spec.template.spec', template?.spec, resources, internalValue('PodSpec', template?.spec));
  } else checkImmutable(faults, 'spec.template', template, expected, internalValue('PodTemplateSpec', template));
}

const holds = (job: Readonly<Job>, type: string): boolean =>
  job.status?.conditions?.some((c) => c.type === type && c.status === 'True') === true;

function withScheduling(
  old: Readonly<PodTemplateSpec> | undefined,
  template: Readonly<PodTemplateSpec> | undefined,
): PodTemplateSpec {
  const spec: Mutable<PodSpec> = { ...(old?.spec ?? { containers: [] }) };
  const now = template?.spec;
  for (const field of ['nodeSelector', 'tolerations', 'schedulingGates'] as const) {
    if (now?.[field] === undefined) delete spec[field];
    else Object.assign(spec, { [field]: now[field] });
  }
  const { nodeAffinity: _, ...affinity } = spec.affinity ?? {};
  const nodeAffinity = now?.affinity?.nodeAffinity;
  if (nodeAffinity) spec.affinity = { ...affinity, nodeAffinity };
  else if (Object.keys(affinity).length > 0 || now?.affinity) spec.affinity = affinity;
  else delete spec.affinity;
  return {
    metadata: { ...old?.metadata, annotations: template?.metadata?.annotations, labels: template?.metadata?.labels },
    spec,
  };
}

function withResources(old: Readonly<PodSpec> | undefined, now: Readonly<PodSpec> | undefined): PodSpec | undefined {
  if (!old || !now) return old;
  const spec: Mutable<PodSpec> = { ...old };
  for (const list of ['containers', 'initContainers'] as const) {
    if (spec[list] && spec[list].length === now[list]?.length)
      spec[list] = spec[list].map((container, i) => takingResources(container, now[list]![i]!));
  }
  return spec;
}

function takingResources(container: Readonly<Container>, now: Readonly<Container>): Container {
  if (container.name !== now.name) return container;
  const { resources: _, ...rest } = container;
  return now.resources === undefined ? rest : { ...rest, resources: now.resources };
}
