import type { KindDefinition } from '../../resource.ts';
import { clearStatus, keepSpec, keepStatus } from '../carry-over.ts';

export const podDisruptionBudget: KindDefinition = {
  group: 'policy',
  resource: 'poddisruptionbudgets',
  strategy: {
    generation: true,
    allowUnconditionalUpdate: false,
    prepareForCreate: clearStatus,
    prepareForUpdate: keepStatus,
    resetFields: [['status']],
    status: { prepareForUpdate: keepSpec, resetFields: [['spec']] },
  },
};
