import type { ConfigMap } from '@nodeless/apimachinery/generated/types/core/v1';
import type { KindDefinition } from '../../resource.ts';
import { sizeOf, tableOf } from '../table-of.ts';
import { validateConfigMap, validateConfigMapUpdate } from './config-map-validation.ts';

export const configMap: KindDefinition = {
  group: '',
  resource: 'configmaps',
  table: tableOf<ConfigMap>('/configmaps', ({ data, binaryData }, { name, age }) => [
    name,
    sizeOf(data) + sizeOf(binaryData),
    age,
  ]),
  strategy: { validate: validateConfigMap, validateUpdate: validateConfigMapUpdate },
};
