import type { MutatingWebhookConfiguration } from '@nodeless/apimachinery/generated/types/admissionregistration/v1';
import { deepEqual } from '@nodeless/apimachinery/equality';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { KindDefinition } from '../../resource.ts';
import { bumpGeneration, metadataOf } from '../carry-over.ts';
import { defaultWebhook } from './webhook-defaults.ts';
import { tableOf } from '../table-of.ts';
import { staticNameWarnings } from './policy-validation.ts';
import { validateWebhooks, validateWebhooksUpdate } from './webhook-validation.ts';

export const mutatingWebhookConfiguration: KindDefinition = {
  group: 'admissionregistration.k8s.io',
  resource: 'mutatingwebhookconfigurations',
  table: tableOf<MutatingWebhookConfiguration>(
    'admissionregistration.k8s.io/mutatingwebhookconfigurations',
    ({ webhooks }, { name, age }) => [name, webhooks?.length ?? 0, age],
  ),
  strategy: {
    allowUnconditionalUpdate: false,
    validate: (object) => validateWebhooks(webhooksOf(object)),
    validateUpdate: (object, old) => validateWebhooksUpdate(webhooksOf(object), webhooksOf(old)),
    warnings: (object) => staticNameWarnings(object as unknown as MutatingWebhookConfiguration),
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

function webhooksOf(object: Readonly<UnknownObject>): NonNullable<MutatingWebhookConfiguration['webhooks']> {
  return (object as MutatingWebhookConfiguration).webhooks ?? [];
}
