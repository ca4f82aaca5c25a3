import type {
  MatchResources,
  NamedRuleWithOperations,
  RuleWithOperations,
} from '@nodeless/apimachinery/generated/types/admissionregistration/v1';
import { check, checkLabelSelector, duplicate, type Faults, invalid, notSupported, required } from '../checks.ts';
import { isPathSegmentName } from '@nodeless/apimachinery/names';

const operations = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];
const mutatingOperations = ['*', 'CONNECT', 'CREATE', 'UPDATE'];
const scopes = ['*', 'Cluster', 'Namespaced'];
export const failurePolicies = ['Fail', 'Ignore'];
export const matchPolicies = ['Equivalent', 'Exact'];

/** Fields whose star stands for everything. */
function checkAlone(faults: Faults, path: string, given: readonly string[], others: string): void {
  if (given.length > 1 && given.includes('*'))
    faults.push(invalid(path, given, `if '*' is present, must not specify other ${others}`));
}

export function checkRule(faults: Faults, at: string, rule: Readonly<Partial<RuleWithOperations>>): void {
  const given = rule.operations ?? [];
  if (given.length === 0) faults.push(required(`${at}.operations`));
  checkAlone(faults, `${at}.operations`, given, 'operations');
  given.forEach((operation, i) => {
    if (!operations.includes(operation)) faults.push(notSupported(`${at}.operations[${i}]`, operation, operations));
  });
  const groups = rule.apiGroups ?? [];
  if (groups.length === 0) faults.push(required(`${at}.apiGroups`));
  checkAlone(faults, `${at}.apiGroups`, groups, 'API groups');
  const versions = rule.apiVersions ?? [];
  if (versions.length === 0) faults.push(required(`${at}.apiVersions`));
  checkAlone(faults, `${at}.apiVersions`, versions, 'API versions');
  versions.forEach((version, i) => {
    if (version === '') faults.push(required(`${at}.apiVersions[${i}]`));
  });
  checkResources(faults, `${at}.resources`, rule.resources ?? []);
  if (rule.scope !== undefined && !scopes.includes(rule.scope))
    faults.push(notSupported(`${at}.scope`, rule.scope, scopes));
}

function checkResources(faults: Faults, path: string, resources: readonly string[]): void {
  if (resources.length === 0) faults.push(required(path));
  const allSubresourcesOf = new Set<string>();
  const ofAllResources = new Set<string>();
  resources.forEach((entry, i) => {
    if (entry === '') {
      faults.push(required(`${path}[${i}]`));
      return;
    }
    const slash = entry.indexOf('/');
    if (slash < 0) return;
    const resource = entry.slice(0, slash);
    const subresource = entry.slice(slash + 1);
    if (allSubresourcesOf.has(resource))
      faults.push(invalid(`${path}[${i}]`, entry, `if '${resource}/*' is present, must not specify ${entry}`));
    if (ofAllResources.has(subresource))
      faults.push(invalid(`${path}[${i}]`, entry, `if '*/${subresource}' is present, must not specify ${entry}`));
    if (subresource === '*') allSubresourcesOf.add(resource);
    if (resource === '*') ofAllResources.add(subresource);
  });
  if (resources.length > 1 && resources.includes('*/*')) {
    faults.push(invalid(path, resources, "if '*/*' is present, must not specify other resources"));
  }
  const lastPlain = resources.filter((entry) => entry !== '' && !entry.includes('/')).at(-1);
  if (resources.includes('*') && lastPlain !== '*') {
    faults.push(invalid(path, resources, "if '*' is present, must not specify other resources without subresources"));
  }
}

export function checkMatchResources(faults: Faults, at: string, match: Readonly<MatchResources>): void {
  if (match.matchPolicy === undefined) faults.push(required(`${at}.matchPolicy`));
  else if (!matchPolicies.includes(match.matchPolicy))
    faults.push(notSupported(`${at}.matchPolicy`, match.matchPolicy, matchPolicies));
  for (const field of ['namespaceSelector', 'objectSelector'] as const) {
    if (!match[field]) faults.push(required(`${at}.${field}`));
    else checkLabelSelector(faults, `${at}.${field}`, match[field]);
  }
  match.resourceRules?.forEach((rule, i) => checkNamedRule(faults, `${at}.resourceRules[${i}]`, rule));
  match.excludeResourceRules?.forEach((rule, i) => checkNamedRule(faults, `${at}.excludeResourceRules[${i}]`, rule));
}

function checkNamedRule(faults: Faults, at: string, rule: Readonly<NamedRuleWithOperations>): void {
  const names = rule.resourceNames ?? [];
  names.forEach((name, i) => {
    check(faults, `${at}.resourceNames[${i}]`, name, isPathSegmentName(name));
    if (names.indexOf(name) < i) faults.push(duplicate(`${at}.resourceNames[${i}]`, name));
  });
  checkRule(faults, at, rule);
}

/** Nothing is left to change of an object that is deleted. */
export function checkMutatingOperations(faults: Faults, at: string, match: Readonly<MatchResources>): void {
  for (const { operations: given = [] } of match.resourceRules ?? []) {
    for (const operation of given) {
      if (!mutatingOperations.includes(operation))
        faults.push(notSupported(`${at}.resourceRules.operations`, operation, mutatingOperations));
    }
  }
}
