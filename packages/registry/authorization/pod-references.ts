import type { Pod, Volume } from '@nodeless/apimachinery/generated/types/core/v1';

export type ReferenceKind =
  | 'pods'
  | 'secrets'
  | 'configmaps'
  | 'persistentvolumeclaims'
  | 'persistentvolumes'
  | 'serviceaccounts'
  | 'resourceclaims';

export interface Reference {
  readonly kind: ReferenceKind;
  /** `namespace/name`; the name alone for what has no namespace. */
  readonly name: string;
}

/** The objects a node needs in order to run a pod. */
export function* podReferences(pod: Readonly<Pod>): Generator<Reference> {
  const namespace = pod.metadata?.namespace ?? '';
  const of = (kind: ReferenceKind, name: string | undefined): Reference => ({
    kind,
    name: `${namespace}/${name ?? ''}`,
  });
  yield of('pods', pod.metadata?.name);
  // A mirror pod stands for something on the node itself: it must not open anything.
  if (pod.metadata?.annotations?.['kubernetes.io/config.mirror'] !== undefined) return;
  const { spec } = pod;
  if (!spec) return;
  yield of('serviceaccounts', spec.serviceAccountName || 'default');
  for (const { name } of spec.imagePullSecrets ?? []) yield of('secrets', name);
  for (const container of [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])]) {
    for (const { configMapRef, secretRef } of container.envFrom ?? []) {
      if (configMapRef) yield of('configmaps', configMapRef.name);
      if (secretRef) yield of('secrets', secretRef.name);
    }
    for (const { valueFrom } of container.env ?? []) {
      if (valueFrom?.configMapKeyRef) yield of('configmaps', valueFrom.configMapKeyRef.name);
      if (valueFrom?.secretKeyRef) yield of('secrets', valueFrom.secretKeyRef.name);
    }
  }
  for (const volume of spec.volumes ?? []) yield* volumeReferences(volume, pod.metadata?.name ?? '', of);
  for (const { resourceClaimName } of pod.status?.resourceClaimStatuses ?? []) {
    if (resourceClaimName) yield of('resourceclaims', resourceClaimName);
  }
  for (const { resourceClaimName } of spec.resourceClaims ?? [])
    if (resourceClaimName) yield of('resourceclaims', resourceClaimName);
}

function* volumeReferences(
  volume: Volume,
  pod: string,
  of: (kind: ReferenceKind, name: string | undefined) => Reference,
): Generator<Reference> {
  if (volume.configMap) yield of('configmaps', volume.configMap.name);
  if (volume.secret) yield of('secrets', volume.secret.secretName);
  if (volume.persistentVolumeClaim) yield of('persistentvolumeclaims', volume.persistentVolumeClaim.claimName);
  if (volume.ephemeral) yield of('persistentvolumeclaims', `${pod}-${volume.name}`);
  if (volume.csi?.nodePublishSecretRef) yield of('secrets', volume.csi.nodePublishSecretRef.name);
  for (const source of volume.projected?.sources ?? []) {
    if (source.configMap) yield of('configmaps', source.configMap.name);
    if (source.secret) yield of('secrets', source.secret.name);
  }
}
