import type {
  AuditAnnotation,
  ExpressionWarning,
  ValidatingAdmissionPolicy,
  Validation,
} from '@nodeless/apimachinery/generated/types/admissionregistration/v1';
import { checkQualifiedName, duplicate, type Faults, invalid, notSupported, required } from '../checks.ts';
import { checkConditions } from '../conditions-validation.ts';
import { internalValue } from '../internal-value.ts';
import { checkExpression } from './expressions.ts';
import { checkPolicyConditions, checkPolicyHead, checkVariables } from './policy-validation.ts';

type Policy = Readonly<ValidatingAdmissionPolicy>;

const reasons = ['Forbidden', 'Invalid', 'RequestEntityTooLarge'];
const mostAnnotations = 20;
const longestValue = 5 * 1024;

export function validatePolicy(policy: Policy, old?: Policy): Faults {
  const faults: Faults = [];
  const spec = policy.spec ?? {};
  checkPolicyHead(faults, spec);
  checkPolicyConditions(faults, spec, old?.spec);
  checkVariables(faults, spec);
  const { validations = [], auditAnnotations = [] } = spec;
  if (validations.length === 0 && auditAnnotations.length === 0) {
    const rule = 'validations or auditAnnotations must contain at least one item';
    faults.push(required('spec.validations', rule), required('spec.auditAnnotations', rule));
    return faults;
  }
  validations.forEach((validation, i) => checkValidation(faults, `spec.validations[${i}]`, validation, policy));
  if (auditAnnotations.length > mostAnnotations) {
    const shown = auditAnnotations.map((annotation) => internalValue('AuditAnnotation', annotation));
    faults.push(invalid('spec.auditAnnotations', shown, `must not have more than ${mostAnnotations} auditAnnotations`));
  }
  auditAnnotations.forEach((annotation, i) => {
    const at = `spec.auditAnnotations[${i}]`;
    checkAuditAnnotation(faults, at, annotation, policy);
    const key = annotation.key ?? '';
    if (auditAnnotations.findIndex((other) => (other.key ?? '') === key) < i) faults.push(duplicate(`${at}.key`, key));
  });
  return faults;
}

const scopeOf = ({ spec }: Policy): { params: boolean; variables?: string[] } => ({
  params: spec?.paramKind !== undefined,
  variables: spec?.variables && spec.variables.length > 0 ? spec.variables.map(({ name }) => name) : undefined,
});

function checkValidation(faults: Faults, at: string, validation: Readonly<Validation>, policy: Policy): void {
  const { expression = '', message = '', messageExpression = '', reason } = validation;
  if (expression.trim() === '') faults.push(required(`${at}.expression`, 'expression is not specified'));
  else
    checkExpression(faults, `${at}.expression`, expression, { ...scopeOf(policy), authorizer: true, result: 'bool' });
  if (messageExpression !== '' && messageExpression.trim() === '') {
    faults.push(invalid(`${at}.messageExpression`, messageExpression, 'must be non-empty if specified'));
  } else if (messageExpression !== '') {
    checkExpression(faults, `${at}.messageExpression`, messageExpression, {
      ...scopeOf(policy),
      authorizer: false,
      result: 'string',
    });
  }
  if (message !== '' && message.trim() === '')
    faults.push(invalid(`${at}.message`, message, 'must be non-empty if specified'));
  else if (/[\n\r]/.test(message.trim()))
    faults.push(invalid(`${at}.message`, message, 'must not contain line breaks'));
  if (reason !== undefined && !reasons.includes(reason)) faults.push(notSupported(`${at}.reason`, reason, reasons));
}

function checkAuditAnnotation(
  faults: Faults,
  at: string,
  { key = '', valueExpression = '' }: Readonly<AuditAnnotation>,
  policy: Policy,
): void {
  const name = policy.metadata?.name ?? '';
  if (name === '') faults.push(invalid(`${at}.key`, key, 'requires metadata.name be non-empty'));
  else checkQualifiedName(faults, `${at}.key`, `${name}/${key}`);
  const path = `${at}.valueExpression`;
  const trimmed = valueExpression.trim();
  if (trimmed === '') faults.push(required(path, 'valueExpression is not specified'));
  else if (Buffer.byteLength(trimmed) > longestValue)
    faults.push(required(path, `must not exceed ${longestValue} bytes in length`));
  else checkExpression(faults, path, valueExpression, { ...scopeOf(policy), authorizer: true, result: 'stringOrNull' });
}

export function validatePolicyStatus({ status }: Policy): Faults {
  const faults: Faults = [];
  status?.typeChecking?.expressionWarnings?.forEach((warning, i) =>
    checkWarning(faults, `status.typeChecking.expressionWarnings[${i}]`, warning),
  );
  checkConditions(faults, 'status.conditions', status?.conditions);
  return faults;
}

function checkWarning(faults: Faults, at: string, { warning = '', fieldRef = '' }: Readonly<ExpressionWarning>): void {
  if (warning === '') faults.push(required(`${at}.warning`));
  if (fieldRef.trim() === '') faults.push(required(`${at}.fieldRef`));
}
