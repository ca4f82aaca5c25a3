import type { ValidatingAdmissionPolicyBinding } from '@nodeless/apimachinery/generated/types/admissionregistration/v1';
import type { KindDefinition } from '../../resource.ts';
import { defaultMatchResources } from './policy-defaults.ts';
import { tableOf } from '../table-of.ts';
import { paramRefCell } from './policy-table.ts';
import { validatePolicyBinding } from './binding-validation.ts';
import { staticNameWarnings } from './policy-validation.ts';

export const validatingAdmissionPolicyBinding: KindDefinition = {
  group: 'admissionregistration.k8s.io',
  resource: 'validatingadmissionpolicybindings',
  table: tableOf<ValidatingAdmissionPolicyBinding>(
    'admissionregistration.k8s.io/validatingadmissionpolicybindings',
    ({ spec }, { name, age }) => [name, spec?.policyName ?? '', paramRefCell(spec?.paramRef), age],
  ),
  strategy: {
    generation: true,
    allowUnconditionalUpdate: false,
    validate: (object) => validatePolicyBinding(object as unknown as ValidatingAdmissionPolicyBinding),
    warnings: (object) => staticNameWarnings(object as unknown as ValidatingAdmissionPolicyBinding),
    default: (object) =>
      defaultMatchResources((object as unknown as ValidatingAdmissionPolicyBinding).spec?.matchResources),
  },
};
