import type { KindDefinition } from '../../resource.ts';
import { capacityWarnings, validateCapacity } from './csi-storage-capacity-validation.ts';

export const csiStorageCapacity: KindDefinition = {
  group: 'storage.k8s.io',
  resource: 'csistoragecapacities',
  strategy: {
    allowUnconditionalUpdate: false,
    validate: (object) => validateCapacity(object),
    validateUpdate: validateCapacity,
    warnings: capacityWarnings,
  },
};
