import type { RuntimeClass } from '@nodeless/apimachinery/generated/types/node/v1';
import type { KindDefinition } from '../../resource.ts';
import { runtimeClassWarnings, validateRuntimeClass, validateRuntimeClassUpdate } from './runtime-class-validation.ts';
import { tableOf } from '../table-of.ts';

export const runtimeClass: KindDefinition = {
  group: 'node.k8s.io',
  resource: 'runtimeclasses',
  table: tableOf<RuntimeClass>('node.k8s.io/runtimeclasses', ({ handler }, { name, age }) => [
    name,
    handler ?? '',
    age,
  ]),
  strategy: {
    allowCreateOnUpdate: true,
    allowUnconditionalUpdate: false,
    validate: validateRuntimeClass,
    validateUpdate: validateRuntimeClassUpdate,
    warnings: runtimeClassWarnings,
  },
};
