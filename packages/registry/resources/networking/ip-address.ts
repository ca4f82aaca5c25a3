import type { IPAddress } from '@nodeless/apimachinery/generated/types/networking/v1';
import type { KindDefinition } from '../../resource.ts';

export const ipAddress: KindDefinition = {
  group: 'networking.k8s.io',
  resource: 'ipaddresses',
  strategy: {
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
