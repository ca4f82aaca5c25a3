import type { ResourceClaimTemplate } from '@nodeless/apimachinery/generated/types/resource/v1';
import type { KindDefinition } from '../../resource.ts';
import { defaultClaimSpec } from './claim-defaults.ts';
import { validateClaimTemplate, validateClaimTemplateUpdate } from './claim-validation.ts';
import { tableOf } from '../table-of.ts';

export const resourceClaimTemplate: KindDefinition = {
  group: 'resource.k8s.io',
  resource: 'resourceclaimtemplates',
  table: tableOf<ResourceClaimTemplate>('resource.k8s.io/resourceclaimtemplates', (_, { name, age }) => [name, age]),
  strategy: {
    default: (object) => defaultClaimSpec((object as unknown as ResourceClaimTemplate).spec?.spec),
    validate: (object) => validateClaimTemplate(object as unknown as ResourceClaimTemplate),
    validateUpdate: (object, old) =>
      validateClaimTemplateUpdate(object as unknown as ResourceClaimTemplate, old as unknown as ResourceClaimTemplate),
  },
};
