import type { PriorityClass } from '@nodeless/apimachinery/generated/types/scheduling/v1';
import type { KindDefinition } from '../../resource.ts';
import { metadataOf } from '../carry-over.ts';

export const priorityClass: KindDefinition = {
  group: 'scheduling.k8s.io',
  resource: 'priorityclasses',
  strategy: {
    default: (object) => {
      (object as unknown as PriorityClass).preemptionPolicy ??= 'PreemptLowerPriority';
    },
    prepareForCreate: (object) => {
      metadataOf(object).generation = 1;
    },
  },
};
