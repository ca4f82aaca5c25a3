import type { UnknownObject } from '@nodeless/apimachinery/object';
import {
  type ObjectNameCheck,
  generateName,
  isPathSegmentName,
  nameIsDnsSubdomain,
} from '@nodeless/apimachinery/names';
import { type FieldError, invalid } from '@nodeless/apimachinery/status';
import type { Operation } from '@nodeless/store/store';
import { type RegistryCore, attributesOf } from './core.ts';
import { isExtension } from './definition-deletion.ts';
import { fillSystemFields, matchNamespace, metadataOf } from './object-meta.ts';
import { validateFinalizerNames, validateMeta } from './object-meta-validation.ts';
import { relatedOperations } from './related-writes.ts';
import { type Draft, draftOf, draftSize, sealDraft } from './stored-value.ts';
import { maxObjectBytes, requestTooLarge } from './store-errors.ts';
import type { KindStrategy } from './strategy.ts';
import { type WriteRequest, admissionAttributes } from './write-request.ts';

/** A write that only needs to be committed. */
export interface Prepared {
  readonly key: string;
  readonly object: UnknownObject;
  /** The write of the object itself comes first. */
  readonly operations: readonly Operation[];
}

/**
 * The second half of a create: system fields, strategy, side effects, validation. `object` is admitted and of the
 * storage version; it is taken over. `taken`: see SideEffects.
 */
export async function prepareCreate(
  core: RegistryCore,
  request: WriteRequest,
  object: UnknownObject,
  taken: ReadonlySet<string>,
): Promise<Prepared> {
  const { endpoint, scope, context } = request;
  const { served, strategy } = endpoint;
  const metadata = metadataOf(object);
  fillSystemFields(metadata, core.clock.now());
  if (!metadata.name && metadata.generateName) metadata.name = generateName(metadata.generateName);
  matchNamespace(metadata, served.namespaced, scope.namespace);
  delete metadata.resourceVersion;
  if (strategy.generation) metadata.generation = 1;
  strategy.prepareForCreate?.(object, context);
  const related = (await served.definition.sideEffects?.onCreate?.(object, context, core.reader, taken)) ?? [];

  const errors: FieldError[] = [];
  validateMeta(metadata, served.namespaced, nameCheckOf(strategy), errors);
  if (!isExtension(served)) validateFinalizerNames(metadata, errors);
  if (strategy.validate) errors.push(...strategy.validate(object, context));
  // everything has a URL, whatever its kind thinks of names
  if (errors.length === 0)
    for (const text of isPathSegmentName(metadata.name ?? '')) errors.push(badName(metadata.name ?? '', text));
  if (errors.length > 0)
    throw invalid({ group: endpoint.storage.group, kind: served.kind }, metadata.name ?? '', errors);
  for (const text of strategy.warnings?.(object, undefined, context) ?? []) request.warn(text);
  strategy.canonicalize?.(object);
  const pending = core.admission.validate(() => admissionAttributes(request, 'CREATE', object, undefined));
  if (pending) await pending;

  const key = endpoint.key(metadata.namespace ?? '', metadata.name ?? '');
  const draft = fittingDraft(request, object);
  const put: Operation = {
    type: 'put',
    key,
    expected: 'absent',
    attributes: attributesOf(endpoint, object),
    value: (revision) => sealDraft(draft, object, revision),
  };
  return { key, object, operations: related.length > 0 ? [put, ...(await relatedOperations(core, related))] : [put] };
}

function nameCheckOf(strategy: KindStrategy): ObjectNameCheck {
  return strategy.validateName
    ? (name, prefix) => [...(strategy.validateName?.(name, prefix) ?? [])]
    : nameIsDnsSubdomain;
}

function badName(name: string, text: string): FieldError {
  return {
    type: 'FieldValueInvalid',
    field: 'metadata.name',
    message: `Invalid value: ${JSON.stringify(name)}: ${text}`,
  };
}

/** An object that is too large by its managed fields alone goes without them. @throws ApiError 500 */
export function fittingDraft({ endpoint }: Pick<WriteRequest, 'endpoint'>, object: UnknownObject): Draft {
  let draft = draftOf(object, endpoint.storageType);
  if (draftSize(draft) <= maxObjectBytes) return draft;
  if (object.metadata?.managedFields) {
    delete object.metadata.managedFields;
    draft = draftOf(object, endpoint.storageType);
  }
  if (draftSize(draft) > maxObjectBytes) throw requestTooLarge();
  return draft;
}
