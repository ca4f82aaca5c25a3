import type { MutatingAdmissionPolicy } from '@nodeless/apimachinery/generated/types/admissionregistration/v1';
import type { KindDefinition } from '../../resource.ts';
import { defaultMatchResources } from './policy-defaults.ts';

export const mutatingAdmissionPolicy: KindDefinition = {
  group: 'admissionregistration.k8s.io',
  resource: 'mutatingadmissionpolicies',
  strategy: {
    generation: true,
    allowUnconditionalUpdate: false,
    default: (object) => {
      const spec = (object as MutatingAdmissionPolicy).spec;
      if (spec === undefined) return;
      spec.failurePolicy ??= 'Fail';
      defaultMatchResources(spec.matchConstraints);
    },
  },
};
