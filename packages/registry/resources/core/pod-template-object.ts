import { formatLabels } from '@nodeless/apimachinery/labels';
import type { PodTemplate } from '@nodeless/apimachinery/generated/types/core/v1';
import { deepEqual } from '@nodeless/apimachinery/equality';
import type { KindDefinition } from '../../resource.ts';
import { bumpGeneration, metadataOf } from '../carry-over.ts';
import { defaultPodTemplate } from './pod-template/defaults.ts';
import { imagesOf, namesOf, tableOf } from '../table-of.ts';

export const podTemplate: KindDefinition = {
  group: '',
  resource: 'podtemplates',
  table: tableOf<PodTemplate>('/podtemplates', ({ template }, { name }) => [name, namesOf(template?.spec?.containers), imagesOf(template?.spec?.containers), formatLabels(template?.metadata?.labels)]),
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
