import type { StorageClass } from '@nodeless/apimachinery/generated/types/storage/v1';
import type { KindDefinition } from '../../resource.ts';

export const storageClass: KindDefinition = {
  group: 'storage.k8s.io',
  resource: 'storageclasses',
  strategy: {
    default: (object) => {
      const storageClass = object as unknown as StorageClass;
      storageClass.reclaimPolicy ??= 'Delete';
      storageClass.volumeBindingMode ??= 'Immediate';
    },
  },
};
