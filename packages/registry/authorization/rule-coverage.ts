/** Whether some rules give everything that others give: what escalation checks and the start-up reconciliation ask. */
import type { PolicyRule } from '@nodeless/apimachinery/generated/types/rbac/v1';

const list = (values: readonly string[] | undefined): readonly string[] => values ?? [];

/** The single-verb, single-resource rules that a rule consists of. */
export function breakDown(rule: PolicyRule): PolicyRule[] {
  const parts: PolicyRule[] = [];
  for (const group of list(rule.apiGroups)) {
    for (const resource of list(rule.resources)) {
      for (const verb of rule.verbs) {
        const part = { apiGroups: [group], resources: [resource], verbs: [verb] };
        if (!rule.resourceNames?.length) parts.push(part);
        else for (const name of rule.resourceNames) parts.push({ ...part, resourceNames: [name] });
      }
    }
  }
  for (const path of list(rule.nonResourceURLs)) {
    for (const verb of rule.verbs) parts.push({ nonResourceURLs: [path], verbs: [verb] });
  }
  return parts;
}

/** The parts of `wanted` that no rule of `held` gives. Empty = covered. */
export function uncoveredRules(held: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  return wanted.flatMap(breakDown).filter((part) => !held.some((rule) => ruleCovers(rule, part)));
}

function ruleCovers(rule: PolicyRule, part: PolicyRule): boolean {
  return (
    coversAll(rule.verbs, part.verbs) &&
    coversAll(list(rule.apiGroups), list(part.apiGroups)) &&
    list(part.resources).every((resource) => resourceCovered(list(rule.resources), resource)) &&
    namesCovered(list(rule.resourceNames), list(part.resourceNames)) &&
    list(part.nonResourceURLs).every((path) => list(rule.nonResourceURLs).some((owner) => pathCovers(owner, path)))
  );
}

const coversAll = (held: readonly string[], wanted: readonly string[]): boolean =>
  held.includes('*') || wanted.every((value) => held.includes(value));

function resourceCovered(held: readonly string[], resource: string): boolean {
  if (held.includes('*') || held.includes(resource)) return true;
  const slash = resource.indexOf('/');
  return slash >= 0 && held.includes(`*/${resource.slice(slash + 1)}`);
}

const namesCovered = (held: readonly string[], wanted: readonly string[]): boolean =>
  held.length === 0 || (wanted.length > 0 && wanted.every((name) => held.includes(name)));

const pathCovers = (owner: string, path: string): boolean =>
  owner === path || (owner.endsWith('*') && path.startsWith(owner.replace(/\*+$/, '')));

/** Joins the verbs of parts that differ in nothing else, so that a list of missing rights can be read. */
export function compactRules(rules: readonly PolicyRule[]): PolicyRule[] {
  const simple = new Map<string, PolicyRule>();
  const others: PolicyRule[] = [];
  for (const rule of rules) {
    const isSimple =
      rule.apiGroups?.length === 1 &&
      rule.resources?.length === 1 &&
      list(rule.resourceNames).length <= 1 &&
      !rule.nonResourceURLs?.length;
    if (!isSimple) {
      others.push(rule);
      continue;
    }
    const key = JSON.stringify([rule.apiGroups, rule.resources, list(rule.resourceNames)]);
    const known = simple.get(key);
    if (known) known.verbs.push(...rule.verbs);
    else simple.set(key, { ...rule, verbs: [...rule.verbs] });
  }
  return [...others, ...simple.values()];
}

const quoted = (values: readonly string[]): string => `[${values.map((value) => JSON.stringify(value)).join(' ')}]`;

/** `{APIGroups:["apps"], Resources:["deployments"], Verbs:["get" "list"]}` */
export function describeRule(rule: PolicyRule): string {
  const parts: [string, readonly string[] | undefined][] = [
    ['APIGroups', rule.apiGroups],
    ['Resources', rule.resources],
    ['NonResourceURLs', rule.nonResourceURLs],
    ['ResourceNames', rule.resourceNames],
    ['Verbs', rule.verbs],
  ];
  return `{${parts.flatMap(([name, values]) => (values?.length ? [`${name}:${quoted(values)}`] : [])).join(', ')}}`;
}

/** The forbidden-message for someone who gives away what he does not hold; undefined when he holds it all. */
export function escalationMessage(
  user: { name: string; groups: readonly string[] },
  held: { rules: readonly PolicyRule[]; errors: readonly string[] },
  wanted: readonly PolicyRule[],
): string | undefined {
  const missing = uncoveredRules(held.rules, wanted);
  if (missing.length === 0) return undefined;
  const lines = [...new Set(compactRules(missing).map(describeRule))].sort();
  const errors = held.errors.length === 0 ? '' : `; resolution errors: [${aggregateErrors(held.errors)}]`;
  return `user ${JSON.stringify(user.name)} (groups=${quoted(user.groups)}) is attempting to grant RBAC permissions not currently held:\n${lines.join('\n')}${errors}`;
}

/** Several errors as one text, the way Kubernetes joins them. */
export function aggregateErrors(errors: readonly string[]): string {
  const distinct = [...new Set(errors)];
  return distinct.length === 1 ? (distinct[0] as string) : `[${distinct.join(', ')}]`;
}
