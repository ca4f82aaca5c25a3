import type { MutatingAdmissionPolicy } from '@nodeless/apimachinery/generated/types/admissionregistration/v1';
import type { KindDefinition } from '../../resource.ts';
import { defaultMatchResources } from './policy-defaults.ts';
import { tableOf } from '../table-of.ts';
import { paramKindCell } from './policy-table.ts';
import { validateMutatingPolicy } from './mutating-policy-validation.ts';
import { staticNameWarnings } from './policy-validation.ts';

export const mutatingAdmissionPolicy: KindDefinition = {
  group: 'admissionregistration.k8s.io',
  resource: 'mutatingadmissionpolicies',
  table: tableOf<MutatingAdmissionPolicy>(
    'admissionregistration.k8s.io/mutatingadmissionpolicies',
    ({ spec }, { name, age }) => [name, spec?.mutations?.length ?? 0, paramKindCell(spec?.paramKind), age],
  ),
  strategy: {
    generation: true,
    allowUnconditionalUpdate: false,
    validate: (object) => validateMutatingPolicy(object as unknown as MutatingAdmissionPolicy),
    validateUpdate: (object, old) =>
      validateMutatingPolicy(object as unknown as MutatingAdmissionPolicy, old as unknown as MutatingAdmissionPolicy),
    warnings: (object) => staticNameWarnings(object as unknown as MutatingAdmissionPolicy),
    default: (object) => {
      const spec = (object as MutatingAdmissionPolicy).spec;
      if (spec === undefined) return;
      spec.failurePolicy ??= 'Fail';
      defaultMatchResources(spec.matchConstraints);
    },
  },
};
