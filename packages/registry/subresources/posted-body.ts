import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { RegistryCore } from '../core.ts';
import { decodeBody } from '../body-decoder.ts';
import type { Endpoint } from '../endpoint.ts';
import { noSuchResource } from '../endpoint.ts';
import { matchNamespace, metadataOf, wipeSystemFields } from '../object-meta.ts';
import { checkWriteOptions } from '../options-validation.ts';
import type { RequestBody, RequestScope } from '../registry.ts';
import { admissionAttributes } from '../write-request.ts';

/** What a POST to a subresource has in common: options, body of the subresource's kind, namespace. */
export function decodePosted(
  core: RegistryCore,
  scope: RequestScope,
  body: RequestBody,
): { endpoint: Endpoint; object: UnknownObject; dryRun: boolean } {
  const endpoint = core.endpoints.of(scope);
  const subresource = endpoint.served.subresources.get(scope.subresource);
  if (!subresource) throw noSuchResource();
  checkWriteOptions('CreateOptions', scope);
  const fieldValidation = (scope.fieldValidation || 'Warn') as 'Ignore' | 'Warn' | 'Strict';
  const object = decodeBody(body, subresource, { fieldValidation, warn: (text) => scope.warn(text) });
  // a binding's uid says which pod it means
  if (scope.subresource !== 'binding') wipeSystemFields(metadataOf(object));
  matchNamespace(metadataOf(object), endpoint.served.namespaced, scope.namespace);
  return { endpoint, object, dryRun: scope.dryRun !== undefined && scope.dryRun.length > 0 };
}

/** Lets admission see what was posted, as the CREATE that it is. */
export async function admitPosted(
  core: RegistryCore,
  scope: RequestScope,
  endpoint: Endpoint,
  object: UnknownObject,
  dryRun: boolean,
): Promise<void> {
  const attributes = admissionAttributes(
    { scope, endpoint, dryRun, warn: (text) => scope.warn(text) },
    'CREATE',
    object,
    undefined,
  );
  const pending = core.admission.admit(attributes);
  if (typeof pending !== 'boolean') await pending;
  await core.admission.validate(() => attributes);
}
