import type { IngressClass } from '@nodeless/apimachinery/generated/types/networking/v1';
import type { KindDefinition } from '../../resource.ts';
import { tableOf } from '../table-of.ts';
import { validateIngressClass, validateIngressClassUpdate } from './ingress-class-validation.ts';
import { ingressClassCells } from './ingress-table.ts';

export const ingressClass: KindDefinition = {
  group: 'networking.k8s.io',
  resource: 'ingressclasses',
  table: tableOf<IngressClass>('networking.k8s.io/ingressclasses', ingressClassCells),
  strategy: {
    generation: true,
    validate: validateIngressClass,
    validateUpdate: validateIngressClassUpdate,
    default: (object) => {
      const parameters = (object as IngressClass).spec?.parameters;
      if (parameters) parameters.scope ??= 'Cluster';
    },
  },
};
