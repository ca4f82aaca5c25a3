import type {
  CrossVersionObjectReference,
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerSpec,
  HPAScalingPolicy,
  HPAScalingRules,
} from '@nodeless/apimachinery/generated/types/autoscaling/v2';
import { isPathSegmentName } from '@nodeless/apimachinery/names';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { parseQuantity, quantitySign } from '@nodeless/apimachinery/quantity';
import { check, type Faults, forbidden, invalid, notSupported, required } from '../checks.ts';
import { checkCounts } from '../status-counts.ts';
import { checkMetric } from './metric-validation.ts';

export interface ReferenceRules {
  readonly allowNoGroup: boolean;
  /** What refers to nothing valid already may stay. */
  readonly allowInvalid: boolean;
}
interface Rules {
  readonly fewestReplicas: number;
  readonly target: ReferenceRules;
  readonly object: ReferenceRules;
}
type Spec = Readonly<Partial<HorizontalPodAutoscalerSpec>>;

const longestWindow = 3600;
const longestPeriod = 1800;

export function validateAutoscaler(object: Readonly<UnknownObject>, oldObject?: Readonly<UnknownObject>): Faults {
  const faults: Faults = [];
  const spec: Spec = (object as unknown as HorizontalPodAutoscaler).spec ?? {};
  checkSpec(faults, spec, rulesFor(spec, (oldObject as HorizontalPodAutoscaler | undefined)?.spec));
  return faults;
}

function rulesFor(spec: Spec, old: Spec | undefined): Rules {
  const target = spec.scaleTargetRef;
  const isSame =
    old !== undefined &&
    old.scaleTargetRef?.apiVersion === target?.apiVersion &&
    old.scaleTargetRef?.kind === target?.kind;
  const object: ReferenceRules = { allowNoGroup: true, allowInvalid: false };
  const wasInvalid = old?.metrics?.some(
    (metric) =>
      metric.type === 'Object' && metric.object && versionFault(metric.object.describedObject, object) !== undefined,
  );
  return {
    fewestReplicas: old?.minReplicas === 0 ? 0 : 1,
    target: { allowNoGroup: !isSame && target?.kind === 'ReplicationController', allowInvalid: isSame },
    object: { allowNoGroup: true, allowInvalid: wasInvalid === true },
  };
}

function checkSpec(faults: Faults, spec: Spec, rules: Rules): void {
  const { minReplicas: min, maxReplicas: max = 0, metrics = [] } = spec;
  if (min !== undefined && min < rules.fewestReplicas) {
    faults.push(invalid('spec.minReplicas', min, `must be greater than or equal to ${rules.fewestReplicas}`));
  }
  if (max === 0) faults.push(required('spec.maxReplicas', 'must be set and greater than 0'));
  else if (max < 0) faults.push(invalid('spec.maxReplicas', max, 'must be greater than or equal to 1'));
  if (min !== undefined && max < min)
    faults.push(invalid('spec.maxReplicas', max, 'must be greater than or equal to `minReplicas`'));
  checkReference(faults, 'spec.scaleTargetRef', spec.scaleTargetRef ?? { kind: '', name: '' }, rules.target);
  metrics.forEach((metric, i) => checkMetric(faults, `spec.metrics[${i}]`, metric, rules.object));
  if (min === 0 && !metrics.some(({ type }) => type === 'Object' || type === 'External')) {
    faults.push(
      forbidden(
        'spec.metrics',
        'must specify at least one Object or External metric to support scaling to zero replicas',
      ),
    );
  }
  if (spec.behavior?.scaleUp) checkRules(faults, 'spec.behavior.scaleUp', spec.behavior.scaleUp);
  if (spec.behavior?.scaleDown) checkRules(faults, 'spec.behavior.scaleDown', spec.behavior.scaleDown);
}

export function checkReference(
  faults: Faults,
  path: string,
  reference: Readonly<CrossVersionObjectReference>,
  rules: ReferenceRules,
): void {
  for (const field of ['kind', 'name'] as const) {
    const value = reference[field];
    if (!value) faults.push(required(`${path}.${field}`));
    else check(faults, `${path}.${field}`, value, isPathSegmentName(value));
  }
  const fault = versionFault(reference, rules);
  if (fault) faults.push(invalid(`${path}.apiVersion`, reference.apiVersion ?? '', fault));
}

function versionFault(
  { apiVersion = '' }: Readonly<CrossVersionObjectReference>,
  rules: ReferenceRules,
): string | undefined {
  if (rules.allowInvalid) return undefined;
  const parts = apiVersion.split('/');
  if (parts.length > 2) return `unexpected GroupVersion string: ${apiVersion}`;
  const group = parts.length === 2 ? parts[0] : '';
  return group || rules.allowNoGroup ? undefined : 'apiVersion must specify API group';
}

function checkRules(faults: Faults, path: string, rules: Readonly<HPAScalingRules>): void {
  const { stabilizationWindowSeconds: window, selectPolicy, policies = [], tolerance } = rules;
  const at = `${path}.stabilizationWindowSeconds`;
  if (window !== undefined && window < 0) faults.push(invalid(at, window, 'must be greater than or equal to zero'));
  if (window !== undefined && window > longestWindow)
    faults.push(invalid(at, window, `must be less than or equal to ${longestWindow}`));
  const selections = ['Disabled', 'Max', 'Min'];
  if (selectPolicy !== undefined && !selections.includes(selectPolicy))
    faults.push(notSupported(`${path}.selectPolicy`, selectPolicy, selections));
  if (policies.length === 0) faults.push(required(`${path}.policies`, 'must specify at least one Policy'));
  policies.forEach((policy, i) => checkPolicy(faults, `${path}.policies[${i}]`, policy));
  if (tolerance !== undefined && quantitySign(parseQuantity(tolerance)) < 0) {
    faults.push(invalid(`${path}.tolerance`, String(tolerance), 'must be greater than or equal to 0'));
  }
}

function checkPolicy(faults: Faults, path: string, policy: Readonly<HPAScalingPolicy>): void {
  const { type = '', value = 0, periodSeconds: period = 0 } = policy;
  if (type !== 'Pods' && type !== 'Percent') faults.push(notSupported(`${path}.type`, type, ['Percent', 'Pods']));
  if (value <= 0) faults.push(invalid(`${path}.value`, value, 'must be greater than zero'));
  if (period <= 0) faults.push(invalid(`${path}.periodSeconds`, period, 'must be greater than zero'));
  if (period > longestPeriod)
    faults.push(invalid(`${path}.periodSeconds`, period, `must be less than or equal to ${longestPeriod}`));
}

export function validateAutoscalerStatus(object: Readonly<UnknownObject>): Faults {
  const faults: Faults = [];
  checkCounts(faults, (object as unknown as HorizontalPodAutoscaler).status ?? { desiredReplicas: 0 }, [
    'currentReplicas',
    'desiredReplicas',
  ]);
  return faults;
}
