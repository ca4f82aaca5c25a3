import type {
  FlowSchema,
  FlowSchemaSpec,
  NonResourcePolicyRule,
  PolicyRulesWithSubjects,
  ResourcePolicyRule,
  Subject,
} from '@nodeless/apimachinery/generated/types/flowcontrol/v1';
import { isDns1123Label, nameIsDnsSubdomain } from '@nodeless/apimachinery/names';
import {
  check,
  checkObjectName,
  duplicate,
  type Faults,
  forbidden,
  invalid,
  notSupported,
  required,
  sameValue,
} from '../checks.ts';
import { internalValue } from '../internal-value.ts';
import { fixedSchemas } from './fixed-specs.ts';

const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'proxy', 'update', 'watch'];
const lastPrecedence = 10_000;

export function validateFlowSchema({ metadata, spec, status }: Readonly<FlowSchema>): Faults {
  const faults: Faults = [];
  const name = metadata?.name ?? '';
  const given = spec ?? {};
  checkSpec(faults, given, name);
  const fixed = fixedSchemas.get(name);
  if (fixed && !sameValue(given, fixed)) {
    faults.push(
      invalid('spec', internalValue('FlowSchemaSpec', given), `spec of '${name}' must equal the fixed value`),
    );
  }
  checkTypes(faults, status?.conditions);
  return faults;
}

/** Conditions of both kinds of the group. */
export function checkTypes(faults: Faults, conditions: readonly { readonly type?: string }[] | undefined | null): void {
  const seen = new Set<string>();
  conditions?.forEach(({ type = '' }, i) => {
    const path = `status.conditions[${i}].type`;
    if (seen.has(type)) faults.push(duplicate(path, type));
    seen.add(type);
    if (type === '') faults.push(required(path));
  });
}

function checkSpec(faults: Faults, spec: Partial<FlowSchemaSpec>, name: string): void {
  const precedence = spec.matchingPrecedence ?? 0;
  const path = 'spec.matchingPrecedence';
  if (precedence <= 0) faults.push(invalid(path, precedence, 'must be a positive value'));
  if (precedence > lastPrecedence) faults.push(invalid(path, precedence, `must not be greater than ${lastPrecedence}`));
  if (precedence === 1 && name !== 'exempt')
    faults.push(invalid(path, precedence, "only the schema named 'exempt' may have matchingPrecedence 1"));
  const method = spec.distinguisherMethod;
  if (method && method.type !== 'ByNamespace' && method.type !== 'ByUser') {
    faults.push(notSupported('spec.distinguisherMethod.type', { Type: method.type ?? '' }, ['ByNamespace', 'ByUser']));
  }
  const level = spec.priorityLevelConfiguration?.name ?? '';
  if (level === '') faults.push(required('spec.priorityLevelConfiguration.name', 'must reference a priority level'));
  else checkObjectName(faults, 'spec.priorityLevelConfiguration.name', level);
  spec.rules?.forEach((rule, i) => checkRules(faults, `spec.rules[${i}]`, rule));
}

function checkRules(faults: Faults, at: string, rules: Readonly<PolicyRulesWithSubjects>): void {
  const { resourceRules = [], nonResourceRules = [] } = rules;
  if (!rules.subjects?.length) faults.push(required(`${at}.subjects`, 'subjects must contain at least one value'));
  rules.subjects?.forEach((subject, i) => checkSubject(faults, `${at}.subjects[${i}]`, subject));
  if (resourceRules.length === 0 && nonResourceRules.length === 0) {
    faults.push(required(at, 'at least one of resourceRules and nonResourceRules has to be non-empty'));
  }
  resourceRules.forEach((rule, i) => checkResourceRule(faults, `${at}.resourceRules[${i}]`, rule));
  nonResourceRules.forEach((rule, i) => checkUrlRule(faults, `${at}.nonResourceRules[${i}]`, rule));
}

const partOf: Readonly<Record<string, 'serviceAccount' | 'user' | 'group'>> = {
  ServiceAccount: 'serviceAccount',
  User: 'user',
  Group: 'group',
};

function checkSubject(faults: Faults, at: string, subject: Readonly<Subject>): void {
  const own = partOf[subject.kind ?? ''];
  if (own === undefined) {
    faults.push(notSupported(`${at}.kind`, subject.kind ?? '', ['Group', 'ServiceAccount', 'User']));
    return;
  }
  const path = `${at}.${own}`;
  const { serviceAccount } = subject;
  const name = subject[own]?.name ?? '';
  if (!subject[own]) faults.push(required(path, `${own} is required when subject kind is '${subject.kind}'`));
  else if (name === '') faults.push(required(`${path}.name`));
  else if (own === 'serviceAccount' && name !== '*')
    check(faults, `${path}.name`, name, nameIsDnsSubdomain(name, false));
  if (own === 'serviceAccount' && serviceAccount) {
    const namespace = serviceAccount.namespace ?? '';
    if (namespace === '') faults.push(required(`${path}.namespace`, 'must specify namespace for service account'));
    else check(faults, `${path}.namespace`, namespace, isDns1123Label(namespace));
  }
  for (const [kind, other] of Object.entries(partOf)) {
    if (other !== own && subject[other])
      faults.push(forbidden(`${at}.${other}`, `${other} is forbidden when subject kind is not '${kind}'`));
  }
}

function checkVerbs(faults: Faults, path: string, given: readonly string[]): void {
  if (given.length === 0) faults.push(required(path, 'verbs must contain at least one value'));
  else if (given.includes('*')) {
    if (given.length > 1) faults.push(invalid(path, given, "if '*' is present, must not specify other verbs"));
  } else if (!given.every((verb) => verbs.includes(verb))) {
    faults.push(notSupported(path, given, verbs));
  }
}

function checkUrlRule(faults: Faults, at: string, rule: Readonly<NonResourcePolicyRule>): void {
  checkVerbs(faults, `${at}.verbs`, rule.verbs ?? []);
  const path = `${at}.nonResourceURLs`;
  const urls = rule.nonResourceURLs ?? [];
  if (urls.length === 0) faults.push(required(path, 'nonResourceURLs must contain at least one value'));
  else if (urls.includes('*')) {
    if (urls.length > 1)
      faults.push(invalid(path, urls, "if '*' is present, must not specify other non-resource URLs"));
  } else {
    urls.forEach((url, i) => {
      const fault = urlFault(url);
      if (fault !== undefined) faults.push(invalid(`${path}[${i}]`, url, fault));
    });
  }
}

function urlFault(url: string): string | undefined {
  if (url === '') return 'must not be empty';
  if (url === '/') return undefined;
  if (!url.startsWith('/')) return 'must start with slash';
  if (url.includes(' ')) return 'must not contain white-space';
  if (url.includes('//')) return 'must not contain double slash';
  const stars = url.split('*').length - 1;
  return stars > 1 || (stars === 1 && !url.endsWith('/*')) ? 'wildcard can only do suffix matching' : undefined;
}

function checkResourceRule(faults: Faults, at: string, rule: Readonly<ResourcePolicyRule>): void {
  checkVerbs(faults, `${at}.verbs`, rule.verbs ?? []);
  const checkAll = (field: 'apiGroups' | 'resources', one: string, others: string): void => {
    const given = rule[field] ?? [];
    if (given.length === 0) faults.push(required(`${at}.${field}`, `resource rules must supply at least one ${one}`));
    else if (given.length > 1 && given.includes('*')) {
      faults.push(invalid(`${at}.${field}`, given, `if '*' is present, must not specify other ${others}`));
    }
  };
  checkAll('apiGroups', 'api group', 'api groups');
  checkAll('resources', 'resource', 'resources');
  const namespaces = rule.namespaces ?? [];
  const path = `${at}.namespaces`;
  if (namespaces.length === 0 && !rule.clusterScope) {
    faults.push(required(path, 'resource rules that are not cluster scoped must supply at least one namespace'));
  } else if (namespaces.includes('*')) {
    if (namespaces.length > 1)
      faults.push(invalid(path, namespaces, "if '*' is present, must not specify other namespaces"));
  } else {
    namespaces.forEach((namespace, i) => {
      const complaints = isDns1123Label(namespace).map(
        (text) => `each member of this list must be '*' or a DNS-1123 label; ${text}`,
      );
      check(faults, `${path}[${i}]`, namespace, complaints);
    });
  }
}
