import type { KindDefinition } from '../../resource.ts';
import { clearStatus, keepSpec, keepStatus } from '../carry-over.ts';

export const ingress: KindDefinition = {
  group: 'networking.k8s.io',
  resource: 'ingresses',
  strategy: {
    generation: true,
    prepareForCreate: clearStatus,
    prepareForUpdate: keepStatus,
    resetFields: [['status']],
    status: { prepareForUpdate: keepSpec, resetFields: [['spec']] },
  },
};
