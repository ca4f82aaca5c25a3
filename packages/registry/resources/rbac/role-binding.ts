import type { KindDefinition } from '../../resource.ts';
import { defaultBinding } from './binding-defaults.ts';

export const roleBinding: KindDefinition = {
  group: 'rbac.authorization.k8s.io',
  resource: 'rolebindings',
  strategy: { allowCreateOnUpdate: true, default: defaultBinding },
};
