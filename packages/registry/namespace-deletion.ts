import type { Namespace } from '@nodeless/apimachinery/generated/types/core/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';

/** A namespace has finalizers of its own, in spec: it lives until its contents are gone (registry/core/namespace/storage). */
export function isNamespaces({ group, resource }: { readonly group: string; readonly resource: string }): boolean {
  return resource === 'namespaces' && group === '';
}

export function hasNamespaceFinalizers(object: Readonly<UnknownObject>): boolean {
  return ((object as Namespace).spec?.finalizers?.length ?? 0) > 0;
}

export function terminateNamespace(object: UnknownObject): UnknownObject {
  return { ...object, status: { ...(object as Namespace).status, phase: 'Terminating' } };
}
