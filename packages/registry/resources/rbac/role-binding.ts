import type { RoleBinding } from '@nodeless/apimachinery/generated/types/rbac/v1';
import { isPathSegmentName } from '@nodeless/apimachinery/names';
import type { KindDefinition } from '../../resource.ts';
import { defaultBinding } from './binding-defaults.ts';
import { tableOf } from '../table-of.ts';
import { bindingCells } from './binding-table.ts';
import { validateRoleBinding } from './binding-validation.ts';

export const roleBinding: KindDefinition = {
  group: 'rbac.authorization.k8s.io',
  resource: 'rolebindings',
  table: tableOf<RoleBinding>('rbac.authorization.k8s.io/rolebindings', bindingCells),
  strategy: {
    validateName: isPathSegmentName,
    allowCreateOnUpdate: true,
    default: defaultBinding,
    validate: (object) => validateRoleBinding(object),
    validateUpdate: validateRoleBinding,
  },
};
