import type { CustomResourceDefinition } from '@nodeless/apimachinery/generated/types/apiextensions/v1';
import { forbiddenField } from '@nodeless/apimachinery/field-errors';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { FieldError } from '@nodeless/apimachinery/status';
import type { KindDefinition } from '../../resource.ts';
import { isSet } from '../checks.ts';
import { clearStatus, keepSpec, keepStatus } from '../carry-over.ts';
import { validateDefinition, validateDefinitionStatus, validateDefinitionUpdate } from './definition-validation.ts';
import { formatWarnings } from './format-warnings.ts';

export const customResourceDefinition: KindDefinition = {
  group: 'apiextensions.k8s.io',
  resource: 'customresourcedefinitions',
  strategy: {
    generation: true,
    allowUnconditionalUpdate: false,
    default: defaultDefinition,
    prepareForCreate: (object) => {
      clearStatus(object);
      recordStoredVersion(object);
    },
    prepareForUpdate: (object, old) => {
      keepStatus(object, old);
      recordStoredVersion(object);
    },

    validate: (object) => [
      ...validateDefinition(object as unknown as CustomResourceDefinition),
      ...refuseConversionWebhooks(object),
    ],
    validateUpdate: (object, old) => [
      ...validateDefinitionUpdate(
        object as unknown as CustomResourceDefinition,
        old as unknown as CustomResourceDefinition,
      ),
      ...refuseConversionWebhooks(object),
    ],
    warnings: (object, old) =>
      formatWarnings(
        object as unknown as CustomResourceDefinition,
        old as unknown as CustomResourceDefinition | undefined,
      ),
    resetFields: [['status']],
    status: {
      default: defaultDefinition,
      prepareForUpdate: keepSpec,
      validateUpdate: (object) => validateDefinitionStatus(object as unknown as CustomResourceDefinition),
      resetFields: [['spec']],
    },
  },
};

/** Objects would be shown in versions that they are not of. */
function refuseConversionWebhooks(object: Readonly<UnknownObject>): FieldError[] {
  const { spec } = object as unknown as CustomResourceDefinition;
  return spec?.conversion?.strategy === 'Webhook'
    ? [forbiddenField('spec.conversion.strategy', 'conversion webhooks are not called; only None is supported')]
    : [];
}

function defaultDefinition(object: UnknownObject): void {
  const definition = object as unknown as CustomResourceDefinition;
  const spec = definition.spec;
  if (spec === undefined) return;
  const names = (spec.names ??= {} as typeof spec.names);
  if (!names.singular) names.singular = (names.kind ?? '').toLowerCase();
  if (!names.listKind && names.kind) names.listKind = `${names.kind}List`;
  spec.conversion ??= { strategy: 'None' };
  const { webhook } = spec.conversion;
  // A null of the one list is written even where nothing was given.
  if (webhook && !webhook.clientConfig && !isSet(webhook.conversionReviewVersions)) delete spec.conversion.webhook;
  const service = webhook?.clientConfig?.service;
  if (service) service.port ??= 443;
  const status = (definition.status ??= {});
  if (!status.storedVersions?.length) {
    const stored = spec.versions?.find((version) => version.storage);
    if (stored) status.storedVersions = [stored.name];
  }
}

/** Every version that objects were ever stored in stays listed until they are migrated. */
function recordStoredVersion(object: UnknownObject): void {
  const definition = object as unknown as CustomResourceDefinition;
  const stored = definition.spec?.versions?.find((version) => version.storage);
  if (stored === undefined) return;
  const status = definition.status ?? {};
  const versions = status.storedVersions ?? [];
  if (!versions.includes(stored.name)) definition.status = { ...status, storedVersions: [...versions, stored.name] };
}
