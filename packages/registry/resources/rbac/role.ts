import { isPathSegmentName } from '@nodeless/apimachinery/names';
import type { KindDefinition } from '../../resource.ts';

export const role: KindDefinition = {
  group: 'rbac.authorization.k8s.io',
  resource: 'roles',
  strategy: { validateName: isPathSegmentName, allowCreateOnUpdate: true },
};
