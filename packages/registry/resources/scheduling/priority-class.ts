import type { PriorityClass } from '@nodeless/apimachinery/generated/types/scheduling/v1';
import type { KindDefinition } from '../../resource.ts';
import { metadataOf } from '../carry-over.ts';
import { validatePriorityClass, validatePriorityClassUpdate } from './priority-class-validation.ts';
import { tableOf } from '../table-of.ts';

export const priorityClass: KindDefinition = {
  group: 'scheduling.k8s.io',
  resource: 'priorityclasses',
  table: tableOf<PriorityClass>('scheduling.k8s.io/priorityclasses', (object, { name, age }) => [
    name,
    object.value ?? 0,
    object.globalDefault ?? false,
    age,
    object.preemptionPolicy ?? '',
  ]),
  strategy: {
    default: (object) => {
      (object as unknown as PriorityClass).preemptionPolicy ??= 'PreemptLowerPriority';
    },
    prepareForCreate: (object) => {
      metadataOf(object).generation = 1;
    },
    validate: validatePriorityClass,
    validateUpdate: validatePriorityClassUpdate,
  },
};
