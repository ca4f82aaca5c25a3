import { isPathSegmentName } from '@nodeless/apimachinery/names';
import type { KindDefinition } from '../../resource.ts';

export const clusterRole: KindDefinition = {
  group: 'rbac.authorization.k8s.io',
  resource: 'clusterroles',
  strategy: { validateName: isPathSegmentName, allowCreateOnUpdate: true },
};
