import type { RoleBinding } from '@nodeless/apimachinery/generated/types/rbac/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';

export const rbacGroup = 'rbac.authorization.k8s.io';

/** Users and groups are of the RBAC group, service accounts of the core one. */
export function defaultBinding(object: UnknownObject): void {
  const binding = object as unknown as RoleBinding;
  if (binding.roleRef && !binding.roleRef.apiGroup) binding.roleRef.apiGroup = rbacGroup;
  for (const subject of binding.subjects ?? []) {
    if (!subject.apiGroup && (subject.kind === 'User' || subject.kind === 'Group')) subject.apiGroup = rbacGroup;
  }
}
