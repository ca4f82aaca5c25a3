import type { MutatingWebhookConfiguration } from '@nodeless/apimachinery/generated/types/admissionregistration/v1';
import { deepEqual } from '@nodeless/apimachinery/equality';
import type { KindDefinition } from '../../resource.ts';
import { bumpGeneration, metadataOf } from '../carry-over.ts';
import { defaultWebhook } from './webhook-defaults.ts';
import { tableOf } from '../table-of.ts';

export const mutatingWebhookConfiguration: KindDefinition = {
  group: 'admissionregistration.k8s.io',
  resource: 'mutatingwebhookconfigurations',
  table: tableOf<MutatingWebhookConfiguration>('admissionregistration.k8s.io/mutatingwebhookconfigurations', ({ webhooks }, { name, age }) => [name, webhooks?.length ?? 0, age]),
  strategy: {
    allowUnconditionalUpdate: false,
    default: (object) => {
      for (const webhook of (object as MutatingWebhookConfiguration).webhooks ?? []) {
        defaultWebhook(webhook);
        webhook.reinvocationPolicy ??= 'Never';
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
