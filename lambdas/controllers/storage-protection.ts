import type { PersistentVolume, PersistentVolumeClaim, Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import type { VolumeAttributesClass } from '@nodeless/apimachinery/generated/types/storage/v1';
import type { KubernetesObject } from '@nodeless/apimachinery/object';
import { isPodTerminal } from '@nodeless/apimachinery/pod-conditions';
import { type ResourceType, resourceType } from '@nodeless/client/client';
import { persistentVolumeClaims, persistentVolumes, pods } from '@nodeless/client/resource-types';
import { type Action, perform, update } from '@nodeless/controller-runtime/actions';
import { type Controller, type Request, watchRule } from '@nodeless/controller-runtime/controller';

const volumeAttributesClasses = resourceType<VolumeAttributesClass>(
  'storage.k8s.io',
  'v1',
  'volumeattributesclasses',
  'VolumeAttributesClass',
  false,
);

/** Names of the claims that a pod mounts, those of ephemeral volumes among them. */
function claimsOf(pod: Pod): string[] {
  return (pod.spec?.volumes ?? []).flatMap((volume) => {
    if (volume.persistentVolumeClaim) return [volume.persistentVolumeClaim.claimName];
    return volume.ephemeral ? [`${pod.metadata?.name}-${volume.name}`] : [];
  });
}

/** A claim is in use while a pod that mounts it has a node and has not finished. */
export function claimInUse(claim: PersistentVolumeClaim, namespacePods: readonly Pod[]): boolean {
  return namespacePods.some(
    (pod) => pod.spec?.nodeName && !isPodTerminal(pod) && claimsOf(pod).includes(claim.metadata?.name ?? ''),
  );
}

export function volumeInUse(volume: PersistentVolume): boolean {
  return volume.status?.phase === 'Bound';
}

export function classInUse(
  name: string,
  claims: readonly PersistentVolumeClaim[],
  volumes: readonly PersistentVolume[],
): boolean {
  return (
    claims.some(
      (c) => c.spec?.volumeAttributesClassName === name || c.status?.currentVolumeAttributesClassName === name,
    ) || volumes.some((v) => v.spec?.volumeAttributesClassName === name)
  );
}

/** Lets an object that is being deleted go once it is not in use; gives a living one its finalizer back. */
export function planProtection<T extends KubernetesObject>(
  type: ResourceType<T>,
  object: T,
  finalizer: string,
  inUse: boolean,
): Action[] {
  const { finalizers = [], deletionTimestamp } = object.metadata ?? {};
  const has = finalizers.includes(finalizer);
  const wanted = deletionTimestamp
    ? inUse
      ? finalizers
      : finalizers.filter((f) => f !== finalizer)
    : has
      ? finalizers
      : [...finalizers, finalizer];
  if (wanted.length === finalizers.length) return [];
  return [update(type, { ...object, metadata: { ...object.metadata, finalizers: wanted } })];
}

const self = ({ object }: { object: KubernetesObject }): Request[] => [
  { namespace: object.metadata?.namespace, name: object.metadata?.name ?? '' },
];

export const claimProtectionController: Controller = {
  name: 'pvc-protection-controller',
  watches: [
    watchRule({ type: persistentVolumeClaims, requests: self }),
    watchRule({
      type: pods,
      requests: ({ object, type }) =>
        type === 'deleted' || isPodTerminal(object)
          ? claimsOf(object).map((name) => ({ namespace: object.metadata?.namespace, name }))
          : [],
    }),
  ],
  async reconcile(request, context) {
    const claim = await context.cache.get(persistentVolumeClaims, request);
    if (!claim) return;
    const inUse =
      Boolean(claim.metadata?.deletionTimestamp) &&
      claimInUse(claim, await context.cache.list(pods, request.namespace));
    await perform(planProtection(persistentVolumeClaims, claim, 'kubernetes.io/pvc-protection', inUse), context);
  },
};

export const volumeProtectionController: Controller = {
  name: 'pv-protection-controller',
  watches: [watchRule({ type: persistentVolumes, requests: self })],
  async reconcile(request, context) {
    const volume = await context.cache.get(persistentVolumes, request);
    if (volume)
      await perform(
        planProtection(persistentVolumes, volume, 'kubernetes.io/pv-protection', volumeInUse(volume)),
        context,
      );
  },
};

export const classProtectionController: Controller = {
  name: 'volumeattributesclass-protection-controller',
  watches: [
    watchRule({ type: volumeAttributesClasses, requests: self }),
    watchRule({
      type: persistentVolumeClaims,
      requests: ({ object, type }) =>
        type === 'deleted' && object.spec?.volumeAttributesClassName
          ? [{ name: object.spec.volumeAttributesClassName }]
          : [],
    }),
    watchRule({
      type: persistentVolumes,
      requests: ({ object, type }) =>
        type === 'deleted' && object.spec?.volumeAttributesClassName
          ? [{ name: object.spec.volumeAttributesClassName }]
          : [],
    }),
  ],
  async reconcile({ name }, context) {
    const found = await context.cache.get(volumeAttributesClasses, { name });
    if (!found) return;
    const inUse = classInUse(
      name,
      await context.cache.list(persistentVolumeClaims),
      await context.cache.list(persistentVolumes),
    );
    await perform(planProtection(volumeAttributesClasses, found, 'kubernetes.io/vac-protection', inUse), context);
  },
};
