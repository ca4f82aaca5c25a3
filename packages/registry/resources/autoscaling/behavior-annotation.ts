/** The scaling behaviour in the annotation is the JSON of Go's untagged structs: capital names, nothing left out. */
import type {
  HPAScalingRules,
  HorizontalPodAutoscalerBehavior,
} from '@nodeless/apimachinery/generated/types/autoscaling/v2';

export function behaviorToAnnotation(behavior: Readonly<HorizontalPodAutoscalerBehavior>): string {
  return JSON.stringify({ ScaleUp: rulesToGo(behavior.scaleUp), ScaleDown: rulesToGo(behavior.scaleDown) });
}

function rulesToGo(rules: Readonly<HPAScalingRules> | undefined): unknown {
  if (rules === undefined) return null;
  return {
    StabilizationWindowSeconds: rules.stabilizationWindowSeconds ?? null,
    SelectPolicy: rules.selectPolicy ?? null,
    Policies: rules.policies?.map((p) => ({ Type: p.type, Value: p.value, PeriodSeconds: p.periodSeconds })) ?? null,
    Tolerance: rules.tolerance ?? null,
  };
}

export function behaviorFromAnnotation(text: string | undefined): HorizontalPodAutoscalerBehavior | undefined {
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const scaleUp = rulesFromGo(member(value, 'ScaleUp'));
  const scaleDown = rulesFromGo(member(value, 'ScaleDown'));
  if (scaleUp === undefined && scaleDown === undefined) return undefined;
  return { ...(scaleUp && { scaleUp }), ...(scaleDown && { scaleDown }) };
}

function rulesFromGo(value: unknown): HPAScalingRules | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const rules: HPAScalingRules = {};
  const window = member(value, 'StabilizationWindowSeconds');
  if (typeof window === 'number') rules.stabilizationWindowSeconds = window;
  const select = member(value, 'SelectPolicy');
  if (typeof select === 'string') rules.selectPolicy = select;
  const policies = member(value, 'Policies');
  if (Array.isArray(policies)) {
    rules.policies = policies.map((policy) => ({
      type: String(member(policy, 'Type') ?? ''),
      value: Number(member(policy, 'Value') ?? 0),
      periodSeconds: Number(member(policy, 'PeriodSeconds') ?? 0),
    }));
  }
  const tolerance = member(value, 'Tolerance');
  if (typeof tolerance === 'string') rules.tolerance = tolerance;
  return rules;
}

/** Go finds fields without regard to case. */
function member(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  const key = Object.keys(value).find((k) => k.toLowerCase() === name.toLowerCase());
  return key === undefined ? undefined : (value as Record<string, unknown>)[key];
}
