import type { ClusterRole, PolicyRule, Role } from '@nodeless/apimachinery/generated/types/rbac/v1';
import { SelectorError, selectorOf } from '@nodeless/apimachinery/labels';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { checkLabelSelector, type Faults, invalid, required } from '../checks.ts';

export function validateRole(object: Readonly<UnknownObject>): Faults {
  const faults: Faults = [];
  checkRules(faults, (object as unknown as Role).rules, true);
  return faults;
}

export function validateClusterRole(object: Readonly<UnknownObject>, old?: Readonly<UnknownObject>): Faults {
  const { rules, aggregationRule } = object as unknown as ClusterRole;
  const faults: Faults = [];
  checkRules(faults, rules, false);
  if (!aggregationRule) return faults;
  const path = 'aggregationRule.clusterRoleSelectors';
  const selectors = aggregationRule.clusterRoleSelectors ?? [];
  if (selectors.length === 0)
    faults.push(required(path, 'at least one clusterRoleSelector required if aggregationRule is non-nil'));
  const allowInvalidValues = hasBadSelector(old as unknown as ClusterRole | undefined);
  selectors.forEach((selector, i) => {
    checkLabelSelector(faults, `${path}[${i}]`, selector, { allowInvalidValues });
    try {
      selectorOf(selector);
    } catch (error) {
      if (!(error instanceof SelectorError)) throw error;
      // What upstream shows is the selector that could not be made.
      faults.push(invalid(`${path}[${i}]`, null, 'invalid label selector.'));
    }
  });
  return faults;
}

function hasBadSelector(role: Readonly<ClusterRole> | undefined): boolean {
  const faults: Faults = [];
  for (const selector of role?.aggregationRule?.clusterRoleSelectors ?? []) checkLabelSelector(faults, '', selector);
  return faults.length > 0;
}

function checkRules(faults: Faults, rules: readonly PolicyRule[] | undefined | null, isNamespaced: boolean): void {
  rules?.forEach((rule, i) => checkRule(faults, `rules[${i}]`, rule, isNamespaced));
}

function checkRule(faults: Faults, path: string, rule: Readonly<PolicyRule>, isNamespaced: boolean): void {
  const { apiGroups = [], resources = [], resourceNames = [], nonResourceURLs: urls = [] } = rule;
  if (!rule.verbs?.length) faults.push(required(`${path}.verbs`, 'verbs must contain at least one value'));
  if (urls.length > 0) {
    if (isNamespaced)
      faults.push(invalid(`${path}.nonResourceURLs`, urls, 'namespaced rules cannot apply to non-resource URLs'));
    if (apiGroups.length + resources.length + resourceNames.length > 0) {
      faults.push(
        invalid(`${path}.nonResourceURLs`, urls, 'rules cannot apply to both regular resources and non-resource URLs'),
      );
    }
    return;
  }
  if (apiGroups.length === 0)
    faults.push(required(`${path}.apiGroups`, 'resource rules must supply at least one api group'));
  if (resources.length === 0)
    faults.push(required(`${path}.resources`, 'resource rules must supply at least one resource'));
}
