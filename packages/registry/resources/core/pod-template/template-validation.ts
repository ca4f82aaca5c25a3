import type { PodTemplateSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import { checkAnnotations, checkLabels, type Faults, forbidden } from '../../checks.ts';
import { checkAnnotationsMatchFields, checkPodAnnotations } from './annotation-validation.ts';
import type { PodOptions } from './options.ts';
import { checkPodSpec } from './pod-spec-validation.ts';

export function checkPodTemplate(
  faults: Faults,
  path: string,
  template: Readonly<PodTemplateSpec>,
  options: PodOptions,
): void {
  const metadata = template.metadata ?? {};
  const spec = template.spec ?? { containers: [] };
  checkLabels(faults, `${path}.labels`, metadata.labels);
  checkAnnotations(faults, `${path}.annotations`, metadata.annotations);
  checkPodAnnotations(faults, `${path}.annotations`, metadata.annotations, spec, options);
  checkPodSpec(faults, `${path}.spec`, spec, undefined, options);
  checkAnnotationsMatchFields(faults, `${path}.spec`, metadata.annotations, spec);
  if (spec.ephemeralContainers?.length)
    faults.push(forbidden(`${path}.spec.ephemeralContainers`, 'ephemeral containers not allowed in pod template'));
}
