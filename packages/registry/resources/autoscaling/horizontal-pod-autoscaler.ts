import type { HPAScalingRules, HorizontalPodAutoscaler } from '@nodeless/apimachinery/generated/types/autoscaling/v2';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { KindDefinition } from '../../resource.ts';
import { clearStatus, keepSpec, keepStatus } from '../carry-over.ts';
import { autoscalingV1 } from './horizontal-pod-autoscaler-v1.ts';
import { tableOf } from '../table-of.ts';
import { validateAutoscaler, validateAutoscalerStatus } from './autoscaler-validation.ts';
import { autoscalerCells } from './autoscaler-table.ts';

export const horizontalPodAutoscaler: KindDefinition = {
  group: 'autoscaling',
  resource: 'horizontalpodautoscalers',
  table: tableOf<HorizontalPodAutoscaler>('autoscaling/horizontalpodautoscalers', autoscalerCells),
  strategy: {
    default: defaultAutoscaler,
    prepareForCreate: clearStatus,
    validate: (object) => validateAutoscaler(object),
    prepareForUpdate: keepStatus,
    validateUpdate: validateAutoscaler,
    resetFields: [['status']],
    status: {
      default: defaultAutoscaler,
      prepareForUpdate: keepSpec,
      validateUpdate: validateAutoscalerStatus,
      resetFields: [['spec']],
    },
  },
  conversions: { 'autoscaling/v1': autoscalingV1 },
};

function defaultAutoscaler(object: UnknownObject): void {
  const spec = (object as unknown as HorizontalPodAutoscaler).spec;
  if (spec === undefined) return;
  spec.minReplicas ??= 1;
  if (!spec.metrics?.length) {
    spec.metrics = [
      { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } },
    ];
  }
  if (spec.behavior) {
    spec.behavior.scaleUp = completeRules(spec.behavior.scaleUp, {
      stabilizationWindowSeconds: 0,
      selectPolicy: 'Max',
      policies: [
        { type: 'Pods', value: 4, periodSeconds: 15 },
        { type: 'Percent', value: 100, periodSeconds: 15 },
      ],
    });
    spec.behavior.scaleDown = completeRules(spec.behavior.scaleDown, {
      selectPolicy: 'Max',
      policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
    });
  }
}

function completeRules(rules: HPAScalingRules | undefined, defaults: HPAScalingRules): HPAScalingRules {
  if (rules === undefined) return defaults;
  const completed: HPAScalingRules = { ...defaults };
  if (rules.selectPolicy !== undefined) completed.selectPolicy = rules.selectPolicy;
  if (rules.stabilizationWindowSeconds !== undefined)
    completed.stabilizationWindowSeconds = rules.stabilizationWindowSeconds;
  if (rules.policies != null) completed.policies = rules.policies;
  if (rules.tolerance !== undefined) completed.tolerance = rules.tolerance;
  return completed;
}
