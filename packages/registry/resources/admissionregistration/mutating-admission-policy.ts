import type { MutatingAdmissionPolicy } from '@nodeless/apimachinery/generated/types/admissionregistration/v1';
import type { KindDefinition } from '../../resource.ts';
import { defaultMatchResources } from './policy-defaults.ts';
import { tableOf } from '../table-of.ts';
import { paramKindCell } from './policy-table.ts';

export const mutatingAdmissionPolicy: KindDefinition = {
  group: 'admissionregistration.k8s.io',
  resource: 'mutatingadmissionpolicies',
  table: tableOf<MutatingAdmissionPolicy>('admissionregistration.k8s.io/mutatingadmissionpolicies', ({ spec }, { name, age }) => [name, spec?.mutations?.length ?? 0, paramKindCell(spec?.paramKind), age]),
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
