import type { PodTemplate } from '@nodeless/apimachinery/generated/types/core/v1';
import { deepEqual } from '@nodeless/apimachinery/equality';
import type { KindDefinition } from '../../resource.ts';
import { bumpGeneration, metadataOf } from '../carry-over.ts';
import { defaultPodTemplate } from './pod-template/defaults.ts';

export const podTemplate: KindDefinition = {
  group: '',
  resource: 'podtemplates',
  strategy: {
    default: (object) => defaultPodTemplate((object as PodTemplate).template),
    prepareForCreate: (object) => {
      metadataOf(object).generation = 1;
    },
    prepareForUpdate: (object, old) => {
      if (!deepEqual(object.template, old.template)) bumpGeneration(object, old);
    },
  },
};
