import type { ValidatingWebhookConfiguration } from '@nodeless/apimachinery/generated/types/admissionregistration/v1';
import { deepEqual } from '@nodeless/apimachinery/equality';
import type { KindDefinition } from '../../resource.ts';
import { bumpGeneration, metadataOf } from '../carry-over.ts';
import { defaultWebhook } from './webhook-defaults.ts';
import { tableOf } from '../table-of.ts';

export const validatingWebhookConfiguration: KindDefinition = {
  group: 'admissionregistration.k8s.io',
  resource: 'validatingwebhookconfigurations',
  table: tableOf<ValidatingWebhookConfiguration>('admissionregistration.k8s.io/validatingwebhookconfigurations', ({ webhooks }, { name, age }) => [name, webhooks?.length ?? 0, age]),
  strategy: {
    allowUnconditionalUpdate: false,
    default: (object) => {
      for (const webhook of (object as ValidatingWebhookConfiguration).webhooks ?? []) {
        defaultWebhook(webhook);
      }
    },
    prepareForCreate: (object) => {
      metadataOf(object).generation = 1;
    },
    prepareForUpdate: (object, old) => {
      if (!deepEqual(object.webhooks, old.webhooks)) bumpGeneration(object, old);
    },
  },
};
