import { isPathSegmentName } from '@nodeless/apimachinery/names';
import type { KindDefinition } from '../../resource.ts';
import { defaultBinding } from './binding-defaults.ts';

export const roleBinding: KindDefinition = {
  group: 'rbac.authorization.k8s.io',
  resource: 'rolebindings',
  strategy: { validateName: isPathSegmentName, allowCreateOnUpdate: true, default: defaultBinding },
};
