import type { Lease } from '@nodeless/apimachinery/generated/types/coordination/v1';
import type { KindDefinition } from '../../resource.ts';
import { validateLease } from './lease-validation.ts';
import { tableOf } from '../table-of.ts';

export const lease: KindDefinition = {
  group: 'coordination.k8s.io',
  resource: 'leases',
  table: tableOf<Lease>('coordination.k8s.io/leases', ({ spec }, { name, age }) => [
    name,
    spec?.holderIdentity ?? '',
    age,
  ]),
  strategy: {
    allowCreateOnUpdate: true,
    allowUnconditionalUpdate: false,
    validate: validateLease,
    // Coordinated leader election is off in v1.36: its fields are kept only where they are stored.
    prepareForCreate: (object) => {
      const spec = (object as Lease).spec;
      delete spec?.strategy;
      delete spec?.preferredHolder;
    },
    prepareForUpdate: (object, old) => {
      const spec = (object as Lease).spec;
      const stored = (old as Lease).spec;
      if (stored?.strategy === undefined) delete spec?.strategy;
      if (stored?.preferredHolder === undefined) delete spec?.preferredHolder;
    },
  },
};
