import { isPathSegmentName } from '@nodeless/apimachinery/names';
import type { KindDefinition } from '../../resource.ts';
import { validateRole } from './role-validation.ts';

export const role: KindDefinition = {
  group: 'rbac.authorization.k8s.io',
  resource: 'roles',
  strategy: {
    validateName: isPathSegmentName,
    allowCreateOnUpdate: true,
    validate: (object) => validateRole(object),
    validateUpdate: validateRole,
  },
};
