import { deepEqual } from '@nodeless/apimachinery/equality';
import { invalidValue } from '@nodeless/apimachinery/field-errors';
import { isPathSegmentName } from '@nodeless/apimachinery/names';
import type { ObjectMeta } from '@nodeless/apimachinery/generated/types/meta/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { type FieldError, conflict, invalid } from '@nodeless/apimachinery/status';
import type { Entry, Operation } from '@nodeless/store/store';
import { type RegistryCore, attributesOf } from './core.ts';
import { isExtension } from './definition-deletion.ts';
import { isDeletedByUpdate } from './deletion.ts';
import { sameButForTimes } from './managed-fields.ts';
import { matchNamespace, metadataOf } from './object-meta.ts';
import { validateFinalizerNames, validateMeta, validateMetaUpdate } from './object-meta-validation.ts';
import { fittingDraft } from './prepare-create.ts';
import { relatedOperations } from './related-writes.ts';
import { objectRevision } from './revisions.ts';
import { atRevision, isUnchanged, sealDraft } from './stored-value.ts';
import { type WriteRequest, admissionAttributes } from './write-request.ts';

export interface PreparedUpdate {
  /** 'none': the object is stored as it would be written. 'remove': its last finalizer has gone. */
  readonly effect: 'put' | 'none' | 'remove';
  readonly object: UnknownObject;
  readonly operations: readonly Operation[];
}

export const modifiedMessage =
  'the object has been modified; please apply your changes to the latest version and try again';

/**
 * The second half of an update: what the door may not change is put back, the rest is validated. `object` is admitted
 * and of the storage version; it is taken over and gets the revision of `old`.
 */
export async function prepareUpdate(
  core: RegistryCore,
  request: WriteRequest,
  object: UnknownObject,
  old: Readonly<UnknownObject>,
  entry: Entry,
  taken: ReadonlySet<string>,
): Promise<PreparedUpdate> {
  const { endpoint, scope, context, door } = request;
  const { served, strategy } = endpoint;
  const oldMetadata = old.metadata ?? {};
  matchNamespace(metadataOf(object), served.namespaced, scope.namespace);
  checkRevision(request, object, entry);
  copyField(metadataOf(object), oldMetadata, 'generation');
  door.prepareForUpdate?.(object, old, context);
  if (strategy.generation && scope.subresource !== 'status' && !deepEqual(object.spec, old.spec)) {
    metadataOf(object).generation = (oldMetadata.generation ?? 0) + 1;
  }
  const metadata = metadataOf(object);
  keepSystemFields(metadata, oldMetadata);
  const related =
    scope.subresource === ''
      ? ((await served.definition.sideEffects?.onUpdate?.(object, old, context, core.reader, taken)) ?? [])
      : [];

  const errors: FieldError[] = [];
  validateMeta(metadata, served.namespaced, isPathSegmentName, errors);
  validateMetaUpdate(metadata, oldMetadata, errors);
  // the kinds check it once more, some of them all of it: clients see each fault as often among the causes
  validateMetaUpdate(metadata, oldMetadata, errors);
  if (scope.subresource === '' && validatedAsNew.has(served.resource))
    validateMeta(metadata, served.namespaced, isPathSegmentName, errors);
  if (!isExtension(served)) validateFinalizerNames(metadata, errors);
  const own = door.validateUpdate ? door.validateUpdate(object, old, context) : door.validate?.(object, context);
  if (own) errors.push(...own);
  if (errors.length > 0)
    throw invalid({ group: endpoint.storage.group, kind: served.kind }, metadata.name ?? '', errors);
  for (const text of door.warnings?.(object, old, context) ?? []) request.warn(text);
  if (door.canonicalize) door.canonicalize(object);
  else strategy.canonicalize?.(object);
  const pending = core.admission.validate(() => admissionAttributes(request, 'UPDATE', object, old));
  if (pending) await pending;

  if (isDeletedByUpdate(object, old, served)) {
    // what goes is what was stored: the update that let it go is never seen
    const remove: Operation = {
      type: 'delete',
      key: entry.key,
      expected: entry.revision,
      attributes: entry.attributes,
      value: (revision) => atRevision(entry.value, revision),
    };
    const freed = (await served.definition.sideEffects?.onDelete?.(object, context, core.reader)) ?? [];
    return {
      effect: 'remove',
      object,
      operations: [remove, ...(await relatedOperations(core, [...related, ...freed]))],
    };
  }
  if (sameButForTimes(metadata, oldMetadata)) {
    const written = metadata.managedFields;
    metadata.managedFields = oldMetadata.managedFields;
    if (related.length === 0 && isUnchanged(fittingDraft(request, object), entry.value))
      return { effect: 'none', object, operations: [] };
    metadata.managedFields = written;
  }
  const draft = fittingDraft(request, object);
  if (related.length === 0 && isUnchanged(draft, entry.value)) return { effect: 'none', object, operations: [] };
  const put: Operation = {
    type: 'put',
    key: entry.key,
    expected: entry.revision,
    attributes: attributesOf(endpoint, object),
    value: (revision) => sealDraft(draft, object, revision),
  };
  return {
    effect: 'put',
    object,
    operations: related.length > 0 ? [put, ...(await relatedOperations(core, related))] : [put],
  };
}

/** Kinds whose update validation in pkg/apis/core/validation calls that of a create as well. */
const validatedAsNew = new Set(['configmaps', 'endpoints', 'pods', 'secrets', 'serviceaccounts', 'services']);

/** An update says which state it changes, or, where the kind allows it, none. */
export function checkRevision({ endpoint, scope }: WriteRequest, object: UnknownObject, entry: Entry): void {
  const metadata = metadataOf(object);
  const revision = objectRevision(metadata.resourceVersion);
  if (revision === 0) {
    if (endpoint.strategy.allowUnconditionalUpdate === false) {
      const error = invalidValue('metadata.resourceVersion', 0, 'must be specified for an update');
      throw invalid({ group: scope.group, kind: scope.resource }, scope.name, [error]);
    }
  } else if (revision !== entry.revision) {
    throw conflict(scope, scope.name, modifiedMessage);
  }
  metadata.resourceVersion = String(entry.revision);
}

/** No update changes these; what it says of them is ignored, or refused by validation. */
function keepSystemFields(metadata: ObjectMeta, old: Readonly<ObjectMeta>): void {
  if (!metadata.uid) copyField(metadata, old, 'uid');
  if (old.creationTimestamp !== undefined) metadata.creationTimestamp = old.creationTimestamp;
  if (old.deletionTimestamp !== undefined) metadata.deletionTimestamp = old.deletionTimestamp;
  if (old.deletionGracePeriodSeconds !== undefined && metadata.deletionGracePeriodSeconds === undefined) {
    metadata.deletionGracePeriodSeconds = old.deletionGracePeriodSeconds;
  }
}

function copyField<K extends keyof ObjectMeta>(to: ObjectMeta, from: Readonly<ObjectMeta>, field: K): void {
  if (from[field] === undefined) delete to[field];
  else to[field] = from[field];
}
