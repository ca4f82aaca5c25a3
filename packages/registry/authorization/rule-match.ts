/** Whether one RBAC rule allows one request. */
import type { PolicyRule } from '@nodeless/apimachinery/generated/types/rbac/v1';
import type { AuthorizationAttributes } from './authorizer.ts';

const allows = (values: readonly string[] | undefined, value: string): boolean =>
  values !== undefined && (values.includes('*') || values.includes(value));

/** `name` overrides the attributes' name: undefined = any name is asked for, so that only rules without names match. */
export function ruleAllows(rule: PolicyRule, attributes: AuthorizationAttributes, name: string | undefined): boolean {
  if (!allows(rule.verbs, attributes.verb)) return false;
  if (attributes.path !== undefined) return pathAllowed(rule.nonResourceURLs, attributes.path);
  return (
    allows(rule.apiGroups, attributes.group ?? '') &&
    resourceAllowed(rule.resources, attributes.resource ?? '', attributes.subresource ?? '') &&
    (!rule.resourceNames?.length || (name !== undefined && rule.resourceNames.includes(name)))
  );
}

function resourceAllowed(resources: readonly string[] | undefined, resource: string, subresource: string): boolean {
  if (!resources) return false;
  if (subresource === '') return allows(resources, resource);
  return allows(resources, `${resource}/${subresource}`) || resources.includes(`*/${subresource}`);
}

function pathAllowed(paths: readonly string[] | undefined, path: string): boolean {
  if (!paths) return false;
  return paths.some(
    (rule) => rule === '*' || rule === path || (rule.endsWith('*') && path.startsWith(rule.replace(/\*+$/, ''))),
  );
}
