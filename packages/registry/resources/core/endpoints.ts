import type { Endpoints } from '@nodeless/apimachinery/generated/types/core/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { KindDefinition } from '../../resource.ts';
import { tableOf } from '../table-of.ts';
import { endpointsWarnings, validateEndpoints } from './endpoints-validation.ts';
import { addressesOf } from './endpoints-table.ts';

export const endpoints: KindDefinition = {
  group: '',
  resource: 'endpoints',
  table: tableOf<Endpoints>('/endpoints', (object, { name, age }) => [name, addressesOf(object), age]),
  strategy: {
    default: defaultEndpoints,
    validate: (object) => validateEndpoints(object),
    validateUpdate: validateEndpoints,
    warnings: endpointsWarnings,
    allowCreateOnUpdate: true,
  },
};

function defaultEndpoints(object: UnknownObject): void {
  for (const subset of (object as Endpoints).subsets ?? []) {
    for (const port of subset.ports ?? []) if (!port.protocol) port.protocol = 'TCP';
  }
}
