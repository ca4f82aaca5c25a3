import { isPathSegmentName } from '@nodeless/apimachinery/names';
import type { KindDefinition } from '../../resource.ts';
import { validateClusterRole } from './role-validation.ts';

export const clusterRole: KindDefinition = {
  group: 'rbac.authorization.k8s.io',
  resource: 'clusterroles',
  strategy: {
    validateName: isPathSegmentName,
    allowCreateOnUpdate: true,
    validate: (object) => validateClusterRole(object),
    validateUpdate: validateClusterRole,
  },
};
