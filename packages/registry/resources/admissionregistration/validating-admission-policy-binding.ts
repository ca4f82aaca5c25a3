import type { ValidatingAdmissionPolicyBinding } from '@nodeless/apimachinery/generated/types/admissionregistration/v1';
import type { KindDefinition } from '../../resource.ts';
import { defaultMatchResources } from './policy-defaults.ts';

export const validatingAdmissionPolicyBinding: KindDefinition = {
  group: 'admissionregistration.k8s.io',
  resource: 'validatingadmissionpolicybindings',
  strategy: {
    generation: true,
    allowUnconditionalUpdate: false,
    default: (object) => defaultMatchResources((object as unknown as ValidatingAdmissionPolicyBinding).spec?.matchResources),
  },
};
