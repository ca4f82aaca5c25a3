import type { KindDefinition } from '../../resource.ts';

export const deviceClass: KindDefinition = {
  group: 'resource.k8s.io',
  resource: 'deviceclasses',
  strategy: { generation: true },
};
