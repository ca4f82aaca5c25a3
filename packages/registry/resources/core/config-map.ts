import type { ConfigMap } from '@nodeless/apimachinery/generated/types/core/v1';
import type { KindDefinition } from '../../resource.ts';
import { sizeOf, tableOf } from '../table-of.ts';

export const configMap: KindDefinition = {
  group: '',
  resource: 'configmaps',
  table: tableOf<ConfigMap>('/configmaps', ({ data, binaryData }, { name, age }) => [name, sizeOf(data) + sizeOf(binaryData), age]),
  strategy: {},
};
