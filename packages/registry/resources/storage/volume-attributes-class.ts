import type { VolumeAttributesClass } from '@nodeless/apimachinery/generated/types/storage/v1';
import type { KindDefinition } from '../../resource.ts';
import { validateAttributesClass, validateAttributesClassUpdate } from './volume-attributes-class-validation.ts';
import { tableOf } from '../table-of.ts';

export const volumeAttributesClass: KindDefinition = {
  group: 'storage.k8s.io',
  resource: 'volumeattributesclasses',
  table: tableOf<VolumeAttributesClass>('storage.k8s.io/volumeattributesclasses', ({ driverName }, { name, age }) => [
    name,
    driverName ?? '',
    age,
  ]),
  strategy: { validate: validateAttributesClass, validateUpdate: validateAttributesClassUpdate },
};
