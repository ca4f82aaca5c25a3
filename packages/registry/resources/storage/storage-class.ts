import type { StorageClass } from '@nodeless/apimachinery/generated/types/storage/v1';
import type { KindDefinition } from '../../resource.ts';
import { tableOf } from '../table-of.ts';
import { storageClassWarnings, validateStorageClass, validateStorageClassUpdate } from './storage-class-validation.ts';
import { storageClassCells } from './storage-tables.ts';

export const storageClass: KindDefinition = {
  group: 'storage.k8s.io',
  resource: 'storageclasses',
  table: tableOf<StorageClass>('storage.k8s.io/storageclasses', storageClassCells),
  strategy: {
    validate: validateStorageClass,
    validateUpdate: validateStorageClassUpdate,
    warnings: storageClassWarnings,
    default: (object) => {
      const storageClass = object as unknown as StorageClass;
      storageClass.reclaimPolicy ??= 'Delete';
      storageClass.volumeBindingMode ??= 'Immediate';
    },
  },
};
