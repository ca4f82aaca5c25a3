import type { KindDefinition } from '../../resource.ts';

export const controllerRevision: KindDefinition = {
  group: 'apps',
  resource: 'controllerrevisions',
  strategy: {},
};
