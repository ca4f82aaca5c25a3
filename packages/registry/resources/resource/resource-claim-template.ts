import type { ResourceClaimTemplate } from '@nodeless/apimachinery/generated/types/resource/v1';
import type { KindDefinition } from '../../resource.ts';
import { defaultClaimSpec } from './claim-defaults.ts';

export const resourceClaimTemplate: KindDefinition = {
  group: 'resource.k8s.io',
  resource: 'resourceclaimtemplates',
  strategy: { default: (object) => defaultClaimSpec((object as unknown as ResourceClaimTemplate).spec?.spec) },
};
