/** What validating and mutating policies share. */
import type {
  MatchCondition,
  MatchResources,
  ParamKind,
  Variable,
} from '@nodeless/apimachinery/generated/types/admissionregistration/v1';
import { isDns1035Label, isDns1123Subdomain } from '@nodeless/apimachinery/names';
import { checkOneOf, type Faults, invalid, required, sameValue } from '../checks.ts';
import { checkExpression } from './expressions.ts';
import { checkMatchConditions } from './match-conditions.ts';
import { checkMatchResources, failurePolicies } from './rule-validation.ts';

interface PolicySpec {
  readonly failurePolicy?: string;
  readonly paramKind?: ParamKind;
  readonly matchConstraints?: MatchResources;
  readonly matchConditions?: readonly MatchCondition[];
  readonly variables?: readonly Variable[];
}

export function checkPolicyHead(faults: Faults, spec: PolicySpec): void {
  if (spec.failurePolicy === undefined) faults.push(required('spec.failurePolicy'));
  else checkOneOf(faults, 'spec.failurePolicy', spec.failurePolicy, failurePolicies);
  if (spec.paramKind) checkParamKind(faults, spec.paramKind);
  if (!spec.matchConstraints) faults.push(required('spec.matchConstraints'));
  else {
    checkMatchResources(faults, 'spec.matchConstraints', spec.matchConstraints);
    if (!spec.matchConstraints.resourceRules?.length) faults.push(required('spec.matchConstraints.resourceRules'));
  }
}

/** Conditions that were stored stay, as long as what they may refer to does. */
export function checkPolicyConditions(faults: Faults, spec: PolicySpec, old: PolicySpec | undefined): void {
  if (old && sameValue(spec.paramKind, old.paramKind) && sameValue(spec.matchConditions, old.matchConditions)) return;
  checkMatchConditions(faults, 'spec.matchConditions', spec.matchConditions, {
    params: spec.paramKind !== undefined,
    authorizer: true,
    result: 'bool',
  });
}

const reserved = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);

export function checkVariables(faults: Faults, spec: PolicySpec): void {
  const names: string[] = [];
  spec.variables?.forEach(({ name = '', expression = '' }, i) => {
    const at = `spec.variables[${i}]`;
    if (name.trim() === '') faults.push(required(`${at}.name`, 'name is not specified'));
    else if (!/^[_a-zA-Z][_a-zA-Z0-9]*$/.test(name) || reserved.has(name))
      faults.push(invalid(`${at}.name`, name, 'must be a valid CEL identifier'));
    if (expression.trim() === '') faults.push(required(`${at}.expression`, 'expression is not specified'));
    else
      checkExpression(faults, `${at}.expression`, expression, {
        params: spec.paramKind !== undefined,
        authorizer: true,
        result: 'any',
        variables: [...names],
      });
    names.push(name);
  });
}

function checkParamKind(faults: Faults, { apiVersion = '', kind = '' }: Readonly<ParamKind>): void {
  const path = 'spec.paramKind.apiVersion';
  const parts = apiVersion === '/' ? ['', ''] : apiVersion.split('/');
  if (apiVersion === '') faults.push(required(path));
  else if (parts.length > 2) faults.push(invalid(path, apiVersion, `unexpected GroupVersion string: ${apiVersion}`));
  else {
    const version = parts.at(-1) ?? '';
    const group = parts.length === 2 ? parts[0]! : '';
    const groupFaults = group === '' ? [] : isDns1123Subdomain(group);
    if (groupFaults.length > 0) faults.push(invalid(path, group, groupFaults.join(',')));
    const versionFaults = isDns1035Label(version);
    if (version === '') faults.push(invalid(path, apiVersion, 'version must be specified'));
    else if (versionFaults.length > 0) faults.push(invalid(path, version, versionFaults.join(',')));
  }
  const kindFaults = isDns1035Label(kind.toLowerCase());
  if (kind === '') faults.push(required('spec.paramKind.kind'));
  else if (kindFaults.length > 0) {
    faults.push(
      invalid('spec.paramKind.kind', kind, `may have mixed case, but should otherwise match: ${kindFaults.join(',')}`),
    );
  }
}

const staticSuffix = '.static.k8s.io';

export function staticNameWarnings({ metadata }: { readonly metadata?: { readonly name?: string } }): string[] {
  if (!metadata?.name?.endsWith(staticSuffix)) return [];
  return [
    `metadata.name: names ending with "${staticSuffix}" are reserved for static manifest-based configurations and cannot be managed via the API`,
  ];
}
