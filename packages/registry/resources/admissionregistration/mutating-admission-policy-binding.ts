import type { MutatingAdmissionPolicyBinding } from '@nodeless/apimachinery/generated/types/admissionregistration/v1';
import type { KindDefinition } from '../../resource.ts';
import { defaultMatchResources } from './policy-defaults.ts';
import { tableOf } from '../table-of.ts';
import { paramRefCell } from './policy-table.ts';
import { validateMutatingPolicyBinding } from './binding-validation.ts';
import { staticNameWarnings } from './policy-validation.ts';

export const mutatingAdmissionPolicyBinding: KindDefinition = {
  group: 'admissionregistration.k8s.io',
  resource: 'mutatingadmissionpolicybindings',
  table: tableOf<MutatingAdmissionPolicyBinding>(
    'admissionregistration.k8s.io/mutatingadmissionpolicybindings',
    ({ spec }, { name, age }) => [name, spec?.policyName ?? '', paramRefCell(spec?.paramRef), age],
  ),
  strategy: {
    generation: true,
    allowUnconditionalUpdate: false,
    validate: (object) => validateMutatingPolicyBinding(object as unknown as MutatingAdmissionPolicyBinding),
    warnings: (object) => staticNameWarnings(object as unknown as MutatingAdmissionPolicyBinding),
    default: (object) => defaultMatchResources((object as MutatingAdmissionPolicyBinding).spec?.matchResources),
  },
};
