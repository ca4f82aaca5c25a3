import type { KindDefinition } from '../../resource.ts';

export const csiNode: KindDefinition = {
  group: 'storage.k8s.io',
  resource: 'csinodes',
  strategy: { allowUnconditionalUpdate: false },
};
