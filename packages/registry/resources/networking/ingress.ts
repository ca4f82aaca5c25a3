import type { Ingress } from '@nodeless/apimachinery/generated/types/networking/v1';
import type { KindDefinition } from '../../resource.ts';
import { clearStatus, keepSpec, keepStatus } from '../carry-over.ts';
import { tableOf } from '../table-of.ts';
import {
  ingressStatusWarnings,
  ingressWarnings,
  validateIngress,
  validateIngressStatus,
  validateIngressUpdate,
} from './ingress-validation.ts';
import { ingressCells } from './ingress-table.ts';

export const ingress: KindDefinition = {
  group: 'networking.k8s.io',
  resource: 'ingresses',
  table: tableOf<Ingress>('networking.k8s.io/ingresses', ingressCells),
  strategy: {
    generation: true,
    prepareForCreate: clearStatus,
    validate: validateIngress,
    warnings: ingressWarnings,
    prepareForUpdate: keepStatus,
    validateUpdate: validateIngressUpdate,
    resetFields: [['status']],
    status: {
      prepareForUpdate: keepSpec,
      validateUpdate: validateIngressStatus,
      warnings: ingressStatusWarnings,
      resetFields: [['spec']],
    },
  },
};
