import type { PodDisruptionBudget } from '@nodeless/apimachinery/generated/types/policy/v1';
import type { KindDefinition } from '../../resource.ts';
import { clearStatus, keepSpec, keepStatus } from '../carry-over.ts';
import { tableOf } from '../table-of.ts';

export const podDisruptionBudget: KindDefinition = {
  group: 'policy',
  resource: 'poddisruptionbudgets',
  table: tableOf<PodDisruptionBudget>('policy/poddisruptionbudgets', ({ spec, status }, { name, age }) => [name, String(spec?.minAvailable ?? 'N/A'), String(spec?.maxUnavailable ?? 'N/A'), status?.disruptionsAllowed ?? 0, age]),
  strategy: {
    generation: true,
    allowUnconditionalUpdate: false,
    prepareForCreate: clearStatus,
    prepareForUpdate: keepStatus,
    resetFields: [['status']],
    status: { prepareForUpdate: keepSpec, resetFields: [['spec']] },
  },
};
