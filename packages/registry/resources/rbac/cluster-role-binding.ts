import { isPathSegmentName } from '@nodeless/apimachinery/names';
import type { KindDefinition } from '../../resource.ts';
import { defaultBinding } from './binding-defaults.ts';

export const clusterRoleBinding: KindDefinition = {
  group: 'rbac.authorization.k8s.io',
  resource: 'clusterrolebindings',
  strategy: { validateName: isPathSegmentName, allowCreateOnUpdate: true, default: defaultBinding },
};
