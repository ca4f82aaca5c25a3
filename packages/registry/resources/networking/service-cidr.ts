import type { KindDefinition } from '../../resource.ts';
import { clearStatus, keepMetadata, keepSpec, keepStatus } from '../carry-over.ts';

export const serviceCidr: KindDefinition = {
  group: 'networking.k8s.io',
  resource: 'servicecidrs',
  strategy: {
    prepareForCreate: clearStatus,
    prepareForUpdate: keepStatus,
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
