import type { KubernetesObject } from '@nodeless/apimachinery/object';
import type { LabelMatcher } from '@nodeless/apimachinery/labels';
import type { OwnerReference } from '@nodeless/apimachinery/generated/types/meta/v1';
import type { ResourceType } from '@nodeless/client/client';
import { type Action, patch } from '@nodeless/controller-runtime/actions';

/** The reference with `controller: true`, if there is one. */
export function controllerOf(object: KubernetesObject): OwnerReference | undefined {
  return object.metadata?.ownerReferences?.find((o) => o.controller);
}

export function isControlledBy(object: KubernetesObject, owner: KubernetesObject): boolean {
  return controllerOf(object)?.uid === owner.metadata?.uid;
}

/** The reference that a controller puts on what it makes. */
export function controllerReference(owner: KubernetesObject): OwnerReference {
  const { name = '', uid = '' } = owner.metadata ?? {};
  return {
    apiVersion: owner.apiVersion ?? '',
    kind: owner.kind ?? '',
    name,
    uid,
    controller: true,
    blockOwnerDeletion: true,
  };
}

export interface Claim<T> {
  /** What the owner has now or will have once the actions are done. */
  readonly owned: readonly T[];
  /** Patches that adopt orphans which match and release what does not match any more. */
  readonly actions: readonly Action[];
}

/**
 * Upstream's ControllerRefManager: an owner keeps what carries its reference and matches, releases what stopped matching,
 * and adopts matching objects that nobody controls. An owner that is being deleted adopts nothing; nothing that is being
 * deleted is adopted or released. `finalizer` comes and goes with the ownership.
 */
export function claim<T extends KubernetesObject>(
  owner: KubernetesObject,
  type: ResourceType<T>,
  candidates: readonly T[],
  matches: LabelMatcher,
  finalizer?: string,
): Claim<T> {
  const owned: T[] = [];
  const actions: Action[] = [];
  for (const object of candidates) {
    const { name = '', namespace, uid, labels, deletionTimestamp } = object.metadata ?? {};
    const controller = controllerOf(object);
    const fits = matches(labels ?? {});
    if (controller) {
      if (controller.uid !== owner.metadata?.uid) continue;
      if (fits) owned.push(object);
      else if (!owner.metadata?.deletionTimestamp && !deletionTimestamp) {
        const body = {
          metadata: {
            uid,
            ownerReferences: [{ $patch: 'delete', uid: owner.metadata?.uid }],
            ...(finalizer && { '$deleteFromPrimitiveList/finalizers': [finalizer] }),
          },
        };
        actions.push(patch(type, { namespace, name }, 'strategic', body));
      }
    } else if (fits && !owner.metadata?.deletionTimestamp && !deletionTimestamp) {
      owned.push(object);
      const body = {
        metadata: { uid, ownerReferences: [controllerReference(owner)], ...(finalizer && { finalizers: [finalizer] }) },
      };
      actions.push(patch(type, { namespace, name }, 'strategic', body));
    }
  }
  return { owned, actions };
}

/** Requests for the controller (of this kind) of an object that changed, before and now. */
export function ownerRequests(kind: string, group: string) {
  const find = (object: KubernetesObject | undefined): string | undefined => {
    const owner = object && controllerOf(object);
    return owner?.kind === kind &&
      (owner.apiVersion.split('/').length === 2 ? owner.apiVersion.split('/')[0] : '') === group
      ? owner.name
      : undefined;
  };
  return ({
    object,
    previous,
  }: {
    object: KubernetesObject;
    previous: KubernetesObject | undefined;
  }): { namespace: string | undefined; name: string }[] => {
    const names = new Set([find(object), find(previous)].filter((name) => name !== undefined));
    return [...names].map((name) => ({ namespace: object.metadata?.namespace, name }));
  };
}
