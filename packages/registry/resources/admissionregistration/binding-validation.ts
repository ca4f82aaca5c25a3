import type {
  MutatingAdmissionPolicyBinding,
  ParamRef,
  ValidatingAdmissionPolicyBinding,
} from '@nodeless/apimachinery/generated/types/admissionregistration/v1';
import { isPathSegmentName } from '@nodeless/apimachinery/names';
import {
  check,
  checkLabelSelector,
  checkObjectName,
  duplicate,
  type Faults,
  forbidden,
  invalid,
  notSupported,
  required,
} from '../checks.ts';
import { checkMatchResources, checkMutatingOperations } from './rule-validation.ts';

type AnyBinding = Readonly<MutatingAdmissionPolicyBinding | ValidatingAdmissionPolicyBinding>;

const actions = ['Audit', 'Deny', 'Warn'];

export function validatePolicyBinding(binding: Readonly<ValidatingAdmissionPolicyBinding>): Faults {
  const faults: Faults = [];
  checkBinding(faults, binding);
  checkActions(faults, 'spec.validationActions', binding.spec?.validationActions ?? []);
  return faults;
}

export function validateMutatingPolicyBinding(binding: Readonly<MutatingAdmissionPolicyBinding>): Faults {
  const faults: Faults = [];
  checkBinding(faults, binding);
  const match = binding.spec?.matchResources;
  if (match) checkMutatingOperations(faults, 'spec.matchResources', match);
  return faults;
}

function checkBinding(faults: Faults, { spec = {} }: AnyBinding): void {
  if (!spec.policyName) faults.push(required('spec.policyName'));
  else checkObjectName(faults, 'spec.policyName', spec.policyName);
  if (spec.paramRef) checkParamRef(faults, 'spec.paramRef', spec.paramRef);
  if (spec.matchResources) checkMatchResources(faults, 'spec.matchResources', spec.matchResources);
}

function checkParamRef(
  faults: Faults,
  at: string,
  { name = '', selector, parameterNotFoundAction: action = '' }: Readonly<ParamRef>,
): void {
  const both = 'name and selector are mutually exclusive';
  if (name !== '') {
    check(faults, `${at}.name`, name, isPathSegmentName(name));
    if (selector) faults.push(forbidden(`${at}.name`, both));
  }
  if (selector) {
    checkLabelSelector(faults, `${at}.selector`, selector);
    if (name !== '') faults.push(forbidden(`${at}.selector`, both));
  }
  if (name === '' && !selector) faults.push(required(at, 'one of name or selector must be specified'));
  const path = `${at}.parameterNotFoundAction`;
  if (action === '') faults.push(required(path));
  else if (action !== 'Deny' && action !== 'Allow') faults.push(notSupported(path, action, ['Deny', 'Allow']));
}

function checkActions(faults: Faults, path: string, given: readonly string[]): void {
  given.forEach((action, i) => {
    if (!actions.includes(action)) faults.push(notSupported(`${path}[${i}]`, action, actions));
    if (given.indexOf(action) < i) faults.push(duplicate(`${path}[${i}]`, action));
  });
  if (given.includes('Deny') && given.includes('Warn')) {
    const why = '(repeating the same validation failure information in the API response and headers serves no purpose)';
    faults.push(invalid(path, given, `must not contain both Deny and Warn ${why}`));
  }
  if (given.length === 0) faults.push(required(path, 'at least one validation action is required'));
}
