import type { IPAddress } from '@nodeless/apimachinery/generated/types/networking/v1';
import type { KindDefinition } from '../../resource.ts';
import { tableOf } from '../table-of.ts';
import { validateAddress, validateAddressName, validateAddressUpdate } from './ip-address-validation.ts';
import { parentCell } from './ip-address-table.ts';

export const ipAddress: KindDefinition = {
  group: 'networking.k8s.io',
  resource: 'ipaddresses',
  table: tableOf<IPAddress>('networking.k8s.io/ipaddresses', ({ spec }, { name, age }) => [
    name,
    parentCell(spec?.parentRef),
    age,
  ]),
  strategy: {
    validateName: validateAddressName,
    validate: validateAddress,
    validateUpdate: validateAddressUpdate,
    fieldNames: ['spec.parentRef.group', 'spec.parentRef.resource', 'spec.parentRef.namespace', 'spec.parentRef.name'],
    selectableFields: (object) => {
      const parent = (object as unknown as IPAddress).spec?.parentRef;
      return {
        'spec.parentRef.group': parent?.group ?? '',
        'spec.parentRef.resource': parent?.resource ?? '',
        'spec.parentRef.namespace': parent?.namespace ?? '',
        'spec.parentRef.name': parent?.name ?? '',
      };
    },
  },
};
