import type { MutatingAdmissionPolicyBinding } from '@nodeless/apimachinery/generated/types/admissionregistration/v1';
import type { KindDefinition } from '../../resource.ts';
import { defaultMatchResources } from './policy-defaults.ts';

export const mutatingAdmissionPolicyBinding: KindDefinition = {
  group: 'admissionregistration.k8s.io',
  resource: 'mutatingadmissionpolicybindings',
  strategy: {
    generation: true,
    allowUnconditionalUpdate: false,
    default: (object) => defaultMatchResources((object as MutatingAdmissionPolicyBinding).spec?.matchResources),
  },
};
