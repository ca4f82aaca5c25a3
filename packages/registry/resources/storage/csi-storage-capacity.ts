import type { CSIStorageCapacity } from '@nodeless/apimachinery/generated/types/storage/v1';
import type { KindDefinition } from '../../resource.ts';

export const csiStorageCapacity: KindDefinition = {
  group: 'storage.k8s.io',
  resource: 'csistoragecapacities',
  strategy: { allowUnconditionalUpdate: false },
};
