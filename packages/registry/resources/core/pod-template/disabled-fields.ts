/** Fields of features that are off in v1.36 are kept only where the stored object has one of them. */
import type {
  Container,
  EphemeralContainer,
  PodSpec,
  VolumeProjection,
} from '@nodeless/apimachinery/generated/types/core/v1';

export function dropDisabledPodFields(spec: PodSpec | undefined, old: Readonly<PodSpec> | undefined): void {
  if (spec === undefined) return;
  if (spec.volumes !== undefined) {
    for (const field of ['clusterTrustBundle', 'podCertificate'] as const) {
      if (projections(old).some((source) => source[field] !== undefined)) continue;
      for (const source of projections(spec)) delete source[field];
    }
  }
  if (spec.schedulingGroup !== undefined && old?.schedulingGroup === undefined) delete spec.schedulingGroup;
  const used = containers(old).some((container) => container.lifecycle?.stopSignal !== undefined);
  if (used) return;
  for (const container of containers(spec)) {
    if (container.lifecycle?.stopSignal === undefined) continue;
    delete container.lifecycle.stopSignal;
    if (Object.keys(container.lifecycle).length === 0) delete container.lifecycle;
  }
}

function projections(spec: Readonly<PodSpec> | undefined): VolumeProjection[] {
  return (spec?.volumes ?? []).flatMap((volume) => volume.projected?.sources ?? []);
}

function containers(spec: Readonly<PodSpec> | undefined): (Container | EphemeralContainer)[] {
  if (spec === undefined) return [];
  return [...(spec.containers ?? []), ...(spec.initContainers ?? []), ...(spec.ephemeralContainers ?? [])];
}
