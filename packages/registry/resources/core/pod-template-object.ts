import { formatLabels } from '@nodeless/apimachinery/labels';
import type { PodTemplate } from '@nodeless/apimachinery/generated/types/core/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { deepEqual } from '@nodeless/apimachinery/equality';
import type { KindDefinition } from '../../resource.ts';
import { bumpGeneration, metadataOf } from '../carry-over.ts';
import type { Faults } from '../checks.ts';
import {
  checkTemplate,
  dropTemplateFields,
  isNewGeneration,
  templateOptions,
  templateWarnings,
} from './pod-template/owned-template.ts';
import { defaultPodTemplate } from './pod-template/defaults.ts';
import { imagesOf, namesOf, tableOf } from '../table-of.ts';

export const podTemplate: KindDefinition = {
  group: '',
  resource: 'podtemplates',
  table: tableOf<PodTemplate>('/podtemplates', ({ template }, { name }) => [
    name,
    namesOf(template?.spec?.containers),
    imagesOf(template?.spec?.containers),
    formatLabels(template?.metadata?.labels),
  ]),
  strategy: {
    default: (object) => defaultPodTemplate((object as PodTemplate).template),
    prepareForCreate: (object) => {
      metadataOf(object).generation = 1;
      dropTemplateFields((object as PodTemplate).template);
    },
    validate: (object) => validateTemplate(object),
    warnings: (object, old) =>
      old && !isNewGeneration(object, old) ? [] : templateWarnings('template', (object as PodTemplate).template),
    prepareForUpdate: (object, old) => {
      dropTemplateFields((object as PodTemplate).template, (old as PodTemplate).template);
      if (!deepEqual(object.template, old.template)) bumpGeneration(object, old);
    },
    validateUpdate: validateTemplate,
  },
};

function validateTemplate(object: Readonly<UnknownObject>, old?: Readonly<UnknownObject>): Faults {
  const faults: Faults = [];
  checkTemplate(
    faults,
    'template',
    (object as PodTemplate).template,
    templateOptions((old as PodTemplate | undefined)?.template),
  );
  return faults;
}
