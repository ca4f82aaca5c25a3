import type { ClusterRoleBinding } from '@nodeless/apimachinery/generated/types/rbac/v1';
import { isPathSegmentName } from '@nodeless/apimachinery/names';
import type { KindDefinition } from '../../resource.ts';
import { defaultBinding } from './binding-defaults.ts';
import { tableOf } from '../table-of.ts';
import { bindingCells } from './binding-table.ts';
import { validateClusterRoleBinding } from './binding-validation.ts';

export const clusterRoleBinding: KindDefinition = {
  group: 'rbac.authorization.k8s.io',
  resource: 'clusterrolebindings',
  table: tableOf<ClusterRoleBinding>('rbac.authorization.k8s.io/clusterrolebindings', bindingCells),
  strategy: {
    validateName: isPathSegmentName,
    allowCreateOnUpdate: true,
    default: defaultBinding,
    validate: (object) => validateClusterRoleBinding(object),
    validateUpdate: validateClusterRoleBinding,
  },
};
