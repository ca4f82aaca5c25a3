import type { ObjectMeta, OwnerReference } from './generated/types/meta/v1.ts';
import type { GroupVersionKind, KubernetesObject } from './object.ts';
import { apiVersionOf, parseApiVersion } from './object.ts';

/** The reference that makes `owner` the controller of an object (metav1.NewControllerRef). */
export function controllerReference(owner: KubernetesObject, type: GroupVersionKind): OwnerReference {
  return { ...ownerReference(owner, type), controller: true, blockOwnerDeletion: true };
}

/** A plain owner: the object goes when the last owner goes. */
export function ownerReference(owner: KubernetesObject, type: GroupVersionKind): OwnerReference {
  return {
    apiVersion: apiVersionOf(type),
    kind: type.kind,
    name: owner.metadata?.name ?? '',
    uid: owner.metadata?.uid ?? '',
  };
}

export function controllerOf(object: { readonly metadata?: Readonly<ObjectMeta> }): OwnerReference | undefined {
  return object.metadata?.ownerReferences?.find((reference) => reference.controller === true);
}

export function isControlledBy(
  object: { readonly metadata?: Readonly<ObjectMeta> },
  owner: { readonly metadata?: Readonly<ObjectMeta> },
): boolean {
  const uid = owner.metadata?.uid;
  return uid !== undefined && controllerOf(object)?.uid === uid;
}

/** Whether the reference names an object of this kind, in whatever version. */
export function refersToKind(reference: Readonly<OwnerReference>, group: string, kind: string): boolean {
  return reference.kind === kind && parseApiVersion(reference.apiVersion)?.group === group;
}
