import type { ClusterRole, PolicyRule } from '@nodeless/apimachinery/generated/types/rbac/v1';
import type { LabelSelector } from '@nodeless/apimachinery/generated/types/meta/v1';

/**
 * The rules that an aggregated ClusterRole must have now: those of every role its selectors match, in order of name,
 * without repeats. undefined = nothing to do (not aggregated, or already so).
 */
export function planAggregation(
  role: Readonly<ClusterRole>,
  all: readonly Readonly<ClusterRole>[],
): PolicyRule[] | undefined {
  if (!role.aggregationRule) return undefined;
  const rules: PolicyRule[] = [];
  const known = new Set<string>();
  const byName = [...all].sort((a, b) => ((a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1));
  for (const selector of role.aggregationRule.clusterRoleSelectors ?? []) {
    for (const other of byName) {
      if (other.metadata?.name === role.metadata?.name || !selects(selector, other.metadata?.labels ?? {})) continue;
      for (const rule of other.rules ?? []) {
        const key = ruleKey(rule);
        if (!known.has(key)) rules.push(rule);
        known.add(key);
      }
    }
  }
  const current = (role.rules ?? []).map(ruleKey);
  return current.length === rules.length && rules.every((rule, i) => ruleKey(rule) === current[i]) ? undefined : rules;
}

/** Equal for rules that say the same; an empty list and an absent one are equal. */
function ruleKey(rule: PolicyRule): string {
  const { apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule;
  return JSON.stringify([rule.verbs, apiGroups, resources, resourceNames, nonResourceURLs]);
}

function selects(selector: LabelSelector, labels: Readonly<Record<string, string>>): boolean {
  const valueOf = (key: string): string | undefined => (Object.hasOwn(labels, key) ? labels[key] : undefined);
  const wanted = Object.entries(selector.matchLabels ?? {});
  if (!wanted.every(([key, value]) => valueOf(key) === value)) return false;
  return (selector.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
    const value = valueOf(key);
    if (operator === 'Exists') return value !== undefined;
    if (operator === 'DoesNotExist') return value === undefined;
    if (operator === 'In') return value !== undefined && values.includes(value);
    return operator === 'NotIn' && (value === undefined || !values.includes(value));
  });
}
