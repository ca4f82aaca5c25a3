import type { RoleBinding, Subject } from '@nodeless/apimachinery/generated/types/rbac/v1';
import { isPathSegmentName } from '@nodeless/apimachinery/names';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { check, checkObjectName, type Faults, invalid, notSupported, required, sameValue } from '../checks.ts';
import { internalValue } from '../internal-value.ts';
import { rbacGroup } from './binding-defaults.ts';

export const validateRoleBinding = (object: Readonly<UnknownObject>, old?: Readonly<UnknownObject>): Faults =>
  validateBinding(object, old, true, ['Role', 'ClusterRole']);

export const validateClusterRoleBinding = (object: Readonly<UnknownObject>, old?: Readonly<UnknownObject>): Faults =>
  validateBinding(object, old, false, ['ClusterRole']);

function validateBinding(
  object: Readonly<UnknownObject>,
  old: Readonly<UnknownObject> | undefined,
  isNamespaced: boolean,
  kinds: readonly string[],
): Faults {
  const { roleRef, subjects } = object as unknown as RoleBinding;
  const faults: Faults = [];
  const { apiGroup = '', kind = '', name = '' } = roleRef ?? {};
  if (apiGroup !== rbacGroup) faults.push(notSupported('roleRef.apiGroup', apiGroup, [rbacGroup]));
  if (!kinds.includes(kind)) faults.push(notSupported('roleRef.kind', kind, kinds));
  if (name === '') faults.push(required('roleRef.name'));
  else check(faults, 'roleRef.name', name, isPathSegmentName(name));
  subjects?.forEach((subject, i) => checkSubject(faults, `subjects[${i}]`, subject, isNamespaced));
  if (old && !sameValue(roleRef, (old as unknown as RoleBinding).roleRef)) {
    faults.push(invalid('roleRef', internalValue('RoleRef', roleRef), 'cannot change roleRef'));
  }
  return faults;
}

function checkSubject(faults: Faults, path: string, subject: Readonly<Subject>, isNamespaced: boolean): void {
  const { kind = '', name = '', apiGroup = '', namespace = '' } = subject;
  if (name === '') faults.push(required(`${path}.name`));
  if (kind === 'ServiceAccount') {
    if (name !== '') checkObjectName(faults, `${path}.name`, name);
    if (apiGroup !== '') faults.push(notSupported(`${path}.apiGroup`, apiGroup, ['']));
    if (!isNamespaced && namespace === '') faults.push(required(`${path}.namespace`));
  } else if (kind === 'User' || kind === 'Group') {
    if (apiGroup !== rbacGroup) faults.push(notSupported(`${path}.apiGroup`, apiGroup, [rbacGroup]));
  } else faults.push(notSupported(`${path}.kind`, kind, ['ServiceAccount', 'User', 'Group']));
}
