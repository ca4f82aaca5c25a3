import type { KindDefinition } from '../../resource.ts';

export const configMap: KindDefinition = {
  group: '',
  resource: 'configmaps',
  strategy: {},
};
