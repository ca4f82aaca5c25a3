import type { Endpoints } from '@nodeless/apimachinery/generated/types/core/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { KindDefinition } from '../../resource.ts';

export const endpoints: KindDefinition = {
  group: '',
  resource: 'endpoints',
  strategy: {
    default: defaultEndpoints,
    allowCreateOnUpdate: true,
  },
};

function defaultEndpoints(object: UnknownObject): void {
  for (const subset of (object as Endpoints).subsets ?? []) {
    for (const port of subset.ports ?? []) if (!port.protocol) port.protocol = 'TCP';
  }
}
