import type { PodDisruptionBudget } from '@nodeless/apimachinery/generated/types/policy/v1';
import { isPathSegmentName } from '@nodeless/apimachinery/names';
import type { KindDefinition } from '../../resource.ts';
import { clearStatus, keepSpec, keepStatus } from '../carry-over.ts';
import { validateBudget, validateBudgetStatus, validateBudgetUpdate } from './pod-disruption-budget-validation.ts';
import { tableOf } from '../table-of.ts';

export const podDisruptionBudget: KindDefinition = {
  group: 'policy',
  resource: 'poddisruptionbudgets',
  table: tableOf<PodDisruptionBudget>('policy/poddisruptionbudgets', ({ spec, status }, { name, age }) => [
    name,
    String(spec?.minAvailable ?? 'N/A'),
    String(spec?.maxUnavailable ?? 'N/A'),
    status?.disruptionsAllowed ?? 0,
    age,
  ]),
  strategy: {
    generation: true,
    allowUnconditionalUpdate: false,
    // Upstream never checks more of the name than that it fits into a URL.
    validateName: isPathSegmentName,
    prepareForCreate: clearStatus,
    validate: validateBudget,
    prepareForUpdate: keepStatus,
    validateUpdate: validateBudgetUpdate,
    resetFields: [['status']],
    status: { prepareForUpdate: keepSpec, validateUpdate: validateBudgetStatus, resetFields: [['spec']] },
  },
};
