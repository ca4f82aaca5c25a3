import type { CSIStorageCapacity } from '@nodeless/apimachinery/generated/types/storage/v1';
import type { KindDefinition } from '../../resource.ts';
import { tableOf } from '../table-of.ts';

export const csiStorageCapacity: KindDefinition = {
  group: 'storage.k8s.io',
  resource: 'csistoragecapacities',
  table: tableOf<CSIStorageCapacity>('storage.k8s.io/csistoragecapacities', ({ storageClassName, capacity }, { name }) => [name, storageClassName ?? '', capacity ?? '<unset>']),
  strategy: { allowUnconditionalUpdate: false },
};
