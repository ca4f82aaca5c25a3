import type {
  MutatingAdmissionPolicy,
  Mutation,
} from '@nodeless/apimachinery/generated/types/admissionregistration/v1';
import { checkRequiredOneOf, type Faults, invalid, notSupported, required } from '../checks.ts';
import { checkExpression } from './expressions.ts';
import { checkPolicyConditions, checkPolicyHead, checkVariables } from './policy-validation.ts';
import { checkMutatingOperations } from './rule-validation.ts';
import { reinvocationPolicies } from './webhook-validation.ts';

type Policy = Readonly<MutatingAdmissionPolicy>;

export function validateMutatingPolicy(policy: Policy, old?: Policy): Faults {
  const faults: Faults = [];
  const spec = policy.spec ?? {};
  checkPolicyHead(faults, spec);
  if (spec.matchConstraints) checkMutatingOperations(faults, 'spec.matchConstraints', spec.matchConstraints);
  checkPolicyConditions(faults, spec, old?.spec);
  checkVariables(faults, spec);
  if (!spec.mutations?.length) faults.push(required('spec.mutations', 'mutations must contain at least one item'));
  spec.mutations?.forEach((mutation, i) => checkMutation(faults, `spec.mutations[${i}]`, mutation, policy));
  checkRequiredOneOf(faults, 'spec.reinvocationPolicy', spec.reinvocationPolicy, reinvocationPolicies);
  return faults;
}

const fieldOf = { ApplyConfiguration: 'applyConfiguration', JSONPatch: 'jsonPatch' } as const;

function checkMutation(faults: Faults, at: string, mutation: Readonly<Mutation>, { spec }: Policy): void {
  const type = (mutation.patchType ?? '') as string;
  if (type === '') {
    faults.push(required(`${at}.patchType`));
    return;
  }
  if (type !== 'ApplyConfiguration' && type !== 'JSONPatch') {
    faults.push(notSupported(`${at}.patchType`, type, Object.keys(fieldOf)));
    return;
  }
  const field = fieldOf[type];
  const other = type === 'JSONPatch' ? 'applyConfiguration' : 'jsonPatch';
  const patch = mutation[field];
  if (!patch) faults.push(required(`${at}.${field}`, `must be specified when patchType is ${type}`));
  else if ((patch.expression ?? '').trim() === '') faults.push(required(`${at}.${field}.expression`));
  else {
    checkExpression(faults, `${at}.${field}.expression`, patch.expression!.trim(), {
      params: spec?.paramKind !== undefined,
      authorizer: true,
      result: type === 'JSONPatch' ? 'patches' : 'object',
      variables: (spec?.variables ?? []).map(({ name }) => name),
    });
  }
  if (mutation[other])
    faults.push(invalid(`${at}.${other}`, `{${other}}`, `must not be specified when patchType is ${type}`));
}
