import type { KindDefinition } from '../../resource.ts';

export const volumeAttributesClass: KindDefinition = {
  group: 'storage.k8s.io',
  resource: 'volumeattributesclasses',
  strategy: {},
};
