import type { MutatingAdmissionPolicyBinding } from '@nodeless/apimachinery/generated/types/admissionregistration/v1';
import type { KindDefinition } from '../../resource.ts';
import { defaultMatchResources } from './policy-defaults.ts';
import { tableOf } from '../table-of.ts';
import { paramRefCell } from './policy-table.ts';

export const mutatingAdmissionPolicyBinding: KindDefinition = {
  group: 'admissionregistration.k8s.io',
  resource: 'mutatingadmissionpolicybindings',
  table: tableOf<MutatingAdmissionPolicyBinding>('admissionregistration.k8s.io/mutatingadmissionpolicybindings', ({ spec }, { name, age }) => [name, spec?.policyName ?? '', paramRefCell(spec?.paramRef), age]),
  strategy: {
    generation: true,
    allowUnconditionalUpdate: false,
    default: (object) => defaultMatchResources((object as MutatingAdmissionPolicyBinding).spec?.matchResources),
  },
};
