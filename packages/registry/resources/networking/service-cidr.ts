import type { ServiceCIDR } from '@nodeless/apimachinery/generated/types/networking/v1';
import type { KindDefinition } from '../../resource.ts';
import { clearStatus, keepMetadata, keepSpec, keepStatus } from '../carry-over.ts';
import { validateServiceCidr, validateServiceCidrUpdate } from './service-cidr-validation.ts';
import { tableOf } from '../table-of.ts';

export const serviceCidr: KindDefinition = {
  group: 'networking.k8s.io',
  resource: 'servicecidrs',
  table: tableOf<ServiceCIDR>('networking.k8s.io/servicecidrs', ({ spec }, { name, age }) => [
    name,
    (spec?.cidrs ?? []).join(','),
    age,
  ]),
  strategy: {
    prepareForCreate: clearStatus,
    validate: validateServiceCidr,
    prepareForUpdate: keepStatus,
    validateUpdate: validateServiceCidrUpdate,
    resetFields: [['status']],
    status: {
      prepareForUpdate: (object, old) => {
        keepSpec(object, old);
        keepMetadata(object, old);
      },
      resetFields: [['metadata'], ['spec']],
    },
  },
};
