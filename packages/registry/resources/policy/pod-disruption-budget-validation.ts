import type {
  PodDisruptionBudget,
  PodDisruptionBudgetSpec,
  PodDisruptionBudgetStatus,
} from '@nodeless/apimachinery/generated/types/policy/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { checkLabelSelector, type Faults, invalid, notSupported } from '../checks.ts';
import { checkConditions } from '../conditions-validation.ts';
import { checkAtMostAll, checkIntOrPercent } from '../int-or-percent.ts';
import { internalValue } from '../internal-value.ts';
import { checkCounts } from '../status-counts.ts';

const evictionPolicies = ['AlwaysAllow', 'IfHealthyBudget'];

export function validateBudget(object: Readonly<UnknownObject>): Faults {
  const faults: Faults = [];
  checkSpec(faults, (object as PodDisruptionBudget).spec ?? {}, false);
  return faults;
}

export function validateBudgetUpdate(object: Readonly<UnknownObject>, oldObject: Readonly<UnknownObject>): Faults {
  const stored: Faults = [];
  checkLabelSelector(stored, 'spec.selector', (oldObject as PodDisruptionBudget).spec?.selector);
  const faults: Faults = [];
  checkSpec(faults, (object as PodDisruptionBudget).spec ?? {}, stored.length > 0);
  return faults;
}

function checkSpec(faults: Faults, spec: Readonly<PodDisruptionBudgetSpec>, allowInvalidValues: boolean): void {
  if (spec.minAvailable !== undefined && spec.maxUnavailable !== undefined) {
    faults.push(
      invalid(
        'spec',
        internalValue('PodDisruptionBudgetSpec', spec),
        'minAvailable and maxUnavailable cannot be both set',
      ),
    );
  }
  for (const field of ['minAvailable', 'maxUnavailable'] as const) {
    checkIntOrPercent(faults, `spec.${field}`, spec[field]);
    checkAtMostAll(faults, `spec.${field}`, spec[field]);
  }
  checkLabelSelector(faults, 'spec.selector', spec.selector, { allowInvalidValues });
  const policy = spec.unhealthyPodEvictionPolicy;
  if (policy !== undefined && !evictionPolicies.includes(policy))
    faults.push(notSupported('spec.unhealthyPodEvictionPolicy', policy, evictionPolicies));
}

export function validateBudgetStatus(object: Readonly<UnknownObject>): Faults {
  const faults: Faults = [];
  const status: Readonly<Partial<PodDisruptionBudgetStatus>> = (object as PodDisruptionBudget).status ?? {};
  checkConditions(faults, 'status.conditions', status.conditions);
  checkCounts(faults, status, ['disruptionsAllowed', 'currentHealthy', 'desiredHealthy', 'expectedPods']);
  return faults;
}
