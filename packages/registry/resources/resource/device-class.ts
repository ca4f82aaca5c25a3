import type { DeviceClass } from '@nodeless/apimachinery/generated/types/resource/v1';
import type { KindDefinition } from '../../resource.ts';
import { checkLongName } from '../long-name.ts';
import { validateClass } from './class-validation.ts';
import { tableOf } from '../table-of.ts';

export const deviceClass: KindDefinition = {
  group: 'resource.k8s.io',
  resource: 'deviceclasses',
  table: tableOf<DeviceClass>('resource.k8s.io/deviceclasses', (_, { name, age }) => [name, age]),
  strategy: {
    generation: true,
    validateName: checkLongName,
    validate: (object) => validateClass(object as unknown as DeviceClass),
  },
};
