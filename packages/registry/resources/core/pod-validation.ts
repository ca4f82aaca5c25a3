import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { isDns1123Label } from '@nodeless/apimachinery/names';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { type Faults, forbidden } from '../checks.ts';
import { checkAnnotationsMatchFields, checkPodAnnotations } from './pod-template/annotation-validation.ts';
import { checkImageSpaces } from './pod-template/container-validation.ts';
import { type PodOptions, podOptions } from './pod-template/options.ts';
import { checkPodSpec } from './pod-template/pod-spec-validation.ts';
import { podWarnings } from './pod-template/warnings.ts';

export function validateNewPod(object: Readonly<UnknownObject>): Faults {
  const pod = object as Readonly<Pod>;
  const faults: Faults = [];
  const spec = pod.spec ?? { containers: [] };
  checkPod(faults, pod, podOptions(true));
  if (spec.ephemeralContainers?.length) faults.push(forbidden('spec.ephemeralContainers', 'cannot be set on create'));
  if (spec.nodeName && spec.schedulingGates?.length)
    faults.push(forbidden('spec.nodeName', 'cannot be set until all schedulingGates have been cleared'));
  checkAnnotationsMatchFields(faults, 'spec', pod.metadata?.annotations, spec);
  return faults;
}

/** What holds for a pod at any time. */
export function checkPod(faults: Faults, pod: Readonly<Pod>, options: PodOptions): void {
  const spec = pod.spec ?? { containers: [] };
  checkPodAnnotations(faults, 'metadata.annotations', pod.metadata?.annotations, spec, options);
  checkPodSpec(faults, 'spec', spec, pod.metadata ?? {}, options);
  if (!spec.serviceAccountName) {
    spec.volumes?.forEach((volume, i) =>
      volume.projected?.sources?.forEach((source, j) => {
        if (source.serviceAccountToken) {
          faults.push(
            forbidden(
              `spec.volumes[${i}].projected.sources[${j}].serviceAccountToken`,
              'must not be specified when serviceAccountName is not set',
            ),
          );
        }
      }),
    );
  }
  spec.containers?.forEach((container, i) => checkImageSpaces(faults, `spec.containers[${i}]`, container));
  spec.initContainers?.forEach((container, i) => checkImageSpaces(faults, `spec.initContainers[${i}]`, container));
}

/** Only new pods are warned about: an update can hardly change what is warned of. */
export function newPodWarnings(object: Readonly<UnknownObject>, old: Readonly<UnknownObject> | undefined): string[] {
  if (old !== undefined) return [];
  const pod = object as Readonly<Pod>;
  const warnings: string[] = [];
  const complaints = isDns1123Label(pod.metadata?.name ?? '');
  if (complaints.length > 0) {
    warnings.push(
      `metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [${complaints.join(' ')}]`,
    );
  }
  if (pod.spec !== undefined) warnings.push(...podWarnings('', pod.spec, pod.metadata));
  return warnings;
}
