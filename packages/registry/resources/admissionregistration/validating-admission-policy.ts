import type { ValidatingAdmissionPolicy } from '@nodeless/apimachinery/generated/types/admissionregistration/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { KindDefinition } from '../../resource.ts';
import { clearStatus, keepMetadata, keepSpec, keepStatus } from '../carry-over.ts';
import { defaultMatchResources } from './policy-defaults.ts';
import { tableOf } from '../table-of.ts';
import { paramKindCell } from './policy-table.ts';
import { staticNameWarnings } from './policy-validation.ts';
import { validatePolicy, validatePolicyStatus } from './validating-policy-validation.ts';

export const validatingAdmissionPolicy: KindDefinition = {
  group: 'admissionregistration.k8s.io',
  resource: 'validatingadmissionpolicies',
  table: tableOf<ValidatingAdmissionPolicy>(
    'admissionregistration.k8s.io/validatingadmissionpolicies',
    ({ spec }, { name, age }) => [name, spec?.validations?.length ?? 0, paramKindCell(spec?.paramKind), age],
  ),
  strategy: {
    generation: true,
    allowUnconditionalUpdate: false,
    validate: (object) => validatePolicy(object as unknown as ValidatingAdmissionPolicy),
    validateUpdate: (object, old) =>
      validatePolicy(object as unknown as ValidatingAdmissionPolicy, old as unknown as ValidatingAdmissionPolicy),
    warnings: (object) => staticNameWarnings(object as unknown as ValidatingAdmissionPolicy),
    default: defaultPolicy,
    prepareForCreate: clearStatus,
    prepareForUpdate: keepStatus,
    resetFields: [['status']],
    status: {
      warnings: (object) => staticNameWarnings(object as unknown as ValidatingAdmissionPolicy),
      validateUpdate: (object) => validatePolicyStatus(object as unknown as ValidatingAdmissionPolicy),
      default: defaultPolicy,
      prepareForUpdate: (object, old) => {
        keepSpec(object, old);
        keepMetadata(object, old);
      },
      resetFields: [['spec'], ['metadata']],
    },
  },
};

function defaultPolicy(object: UnknownObject): void {
  const spec = (object as ValidatingAdmissionPolicy).spec;
  if (spec === undefined) return;
  spec.failurePolicy ??= 'Fail';
  defaultMatchResources(spec.matchConstraints);
}
