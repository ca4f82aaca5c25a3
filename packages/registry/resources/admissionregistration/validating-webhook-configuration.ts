import type { ValidatingWebhookConfiguration } from '@nodeless/apimachinery/generated/types/admissionregistration/v1';
import { deepEqual } from '@nodeless/apimachinery/equality';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { KindDefinition } from '../../resource.ts';
import { bumpGeneration, metadataOf } from '../carry-over.ts';
import { defaultWebhook } from './webhook-defaults.ts';
import { tableOf } from '../table-of.ts';
import { staticNameWarnings } from './policy-validation.ts';
import { validateWebhooks, validateWebhooksUpdate } from './webhook-validation.ts';

export const validatingWebhookConfiguration: KindDefinition = {
  group: 'admissionregistration.k8s.io',
  resource: 'validatingwebhookconfigurations',
  table: tableOf<ValidatingWebhookConfiguration>(
    'admissionregistration.k8s.io/validatingwebhookconfigurations',
    ({ webhooks }, { name, age }) => [name, webhooks?.length ?? 0, age],
  ),
  strategy: {
    allowUnconditionalUpdate: false,
    validate: (object) => validateWebhooks(webhooksOf(object)),
    validateUpdate: (object, old) => validateWebhooksUpdate(webhooksOf(object), webhooksOf(old)),
    warnings: (object) => staticNameWarnings(object as unknown as ValidatingWebhookConfiguration),
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

function webhooksOf(object: Readonly<UnknownObject>): NonNullable<ValidatingWebhookConfiguration['webhooks']> {
  return (object as ValidatingWebhookConfiguration).webhooks ?? [];
}
