/** Checks of metadata that all kinds share (apimachinery/pkg/api/validation/objectmeta.go, pkg/apis/core/validation). */
import { forbiddenField, invalidValue, path, required, tooLong } from '@nodeless/apimachinery/field-errors';
import type { ManagedFieldsEntry, ObjectMeta, OwnerReference } from '@nodeless/apimachinery/generated/types/meta/v1';
import { isDns1123Label, isLabelValue, isQualifiedName, type ObjectNameCheck } from '@nodeless/apimachinery/names';
import { quoteGo } from '@nodeless/apimachinery/quote-go';
import type { FieldError } from '@nodeless/apimachinery/status';

const metadata = path('metadata');
const immutable = 'field is immutable';

/** ValidateObjectMeta: of a new object, and of what an update makes. Appends to `errors`. */
export function validateMeta(
  meta: Readonly<ObjectMeta>,
  namespaced: boolean,
  nameCheck: ObjectNameCheck,
  errors: FieldError[],
): void {
  const { generateName, name, namespace } = meta;
  if (generateName) {
    for (const text of nameCheck(generateName, true))
      errors.push(invalidValue(metadata.child('generateName'), generateName, text));
  }
  if (!name) errors.push(required(metadata.child('name'), 'name or generateName is required'));
  else for (const text of nameCheck(name, false)) errors.push(invalidValue(metadata.child('name'), name, text));
  if (namespaced) {
    if (!namespace) errors.push(required(metadata.child('namespace')));
    else
      for (const text of isDns1123Label(namespace))
        errors.push(invalidValue(metadata.child('namespace'), namespace, text));
  } else if (namespace) errors.push(forbiddenField(metadata.child('namespace'), 'not allowed on this type'));
  if (meta.generation !== undefined && meta.generation < 0) {
    errors.push(invalidValue(metadata.child('generation'), meta.generation, 'must be greater than or equal to 0'));
  }
  validateCommon(meta, errors);
}

/** The order in which a create's checks have these: labels, annotations, owners, finalizers, managed fields. */
function validateCommon(meta: Readonly<ObjectMeta>, errors: FieldError[]): void {
  if (meta.labels) validateLabels(meta.labels, errors);
  if (meta.annotations) validateAnnotations(meta.annotations, errors);
  if (meta.ownerReferences) validateOwners(meta.ownerReferences, errors);
  if (meta.finalizers) validateFinalizers(meta.finalizers, errors);
  if (meta.managedFields) validateManagedFields(meta.managedFields, errors);
}

/** ValidateObjectMetaUpdate. */
export function validateMetaUpdate(meta: Readonly<ObjectMeta>, old: Readonly<ObjectMeta>, errors: FieldError[]): void {
  if (old.deletionTimestamp !== undefined) {
    const extra = (meta.finalizers ?? []).filter((f) => !old.finalizers?.includes(f)).sort();
    if (extra.length > 0) {
      const list = `[]string{${extra.map(quoteGo).join(', ')}}`;
      errors.push(
        forbiddenField(
          metadata.child('finalizers'),
          `no new finalizers can be added if the object is being deleted, found new finalizers ${list}`,
        ),
      );
    }
  }
  if (!meta.resourceVersion)
    errors.push(invalidValue(metadata.child('resourceVersion'), '', 'must be specified for an update'));
  if ((meta.generation ?? 0) < (old.generation ?? 0)) {
    errors.push(invalidValue(metadata.child('generation'), meta.generation ?? 0, 'must not be decremented'));
  }
  for (const field of [
    'name',
    'namespace',
    'uid',
    'creationTimestamp',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
  ] as const) {
    if (meta[field] !== old[field])
      errors.push(invalidValue(metadata.child(field), meta[field] ?? (field === 'name' ? '' : undefined), immutable));
  }
  if (meta.labels) validateLabels(meta.labels, errors);
  if (meta.annotations) validateAnnotations(meta.annotations, errors);
  if (meta.ownerReferences) validateOwners(meta.ownerReferences, errors);
  if (meta.managedFields) validateManagedFields(meta.managedFields, errors);
}

/** What pkg/apis adds to both for the kinds of Kubernetes itself: a finalizer is a known one or has a domain. */
export function validateFinalizerNames(meta: Readonly<ObjectMeta>, errors: FieldError[]): void {
  meta.finalizers?.forEach((finalizer, i) => {
    const at = metadata.child('finalizers').index(i);
    for (const text of isQualifiedName(finalizer)) errors.push(invalidValue(at, finalizer, text));
    if (!finalizer.includes('/') && !standardFinalizers.has(finalizer)) {
      errors.push(invalidValue(at, finalizer, 'name is neither a standard finalizer name nor is it fully qualified'));
    }
  });
}
const standardFinalizers = new Set(['kubernetes', 'orphan', 'foregroundDeletion']);

function validateLabels(labels: Readonly<Record<string, string>>, errors: FieldError[]): void {
  const at = metadata.child('labels');
  for (const key in labels) {
    if (!plainName.test(key)) for (const text of isQualifiedName(key)) errors.push(invalidValue(at, key, text));
    const value = labels[key] as string;
    if (!plainName.test(value)) for (const text of isLabelValue(value)) errors.push(invalidValue(at, value, text));
  }
}
/** Most keys and values: good both as a name without prefix and as a label value. */
const plainName = /^[a-z0-9](?:[-a-z0-9_.]{0,61}[a-z0-9])?$/;

const maxAnnotationBytes = 256 * 1024;

function validateAnnotations(annotations: Readonly<Record<string, string>>, errors: FieldError[]): void {
  const at = metadata.child('annotations');
  let size = 0;
  for (const key in annotations) {
    if (!plainName.test(key))
      for (const text of isQualifiedName(key.toLowerCase())) errors.push(invalidValue(at, key, text));
    size += key.length + (annotations[key] as string).length;
  }
  // counting bytes is only worth it where it could matter
  if (size * 3 <= maxAnnotationBytes) return;
  let bytes = 0;
  for (const key in annotations) bytes += Buffer.byteLength(key) + Buffer.byteLength(annotations[key] as string);
  if (bytes > maxAnnotationBytes) errors.push(tooLong(at, maxAnnotationBytes));
}

function validateOwners(owners: readonly OwnerReference[], errors: FieldError[]): void {
  const at = metadata.child('ownerReferences');
  let controller = '';
  for (const owner of owners) {
    if (!owner.apiVersion || owner.apiVersion.endsWith('/'))
      errors.push(invalidValue(at.child('apiVersion'), owner.apiVersion, 'version must not be empty'));
    if (!owner.kind) errors.push(invalidValue(at.child('kind'), owner.kind, 'must not be empty'));
    if (!owner.name) errors.push(invalidValue(at.child('name'), owner.name, 'must not be empty'));
    if (!owner.uid) errors.push(invalidValue(at.child('uid'), owner.uid, 'must not be empty'));
    if (owner.apiVersion === 'v1' && owner.kind === 'Event') {
      errors.push(invalidValue(at, owner, '/v1, Kind=Event is disallowed from being an owner'));
    }
    if (owner.controller !== true) continue;
    const current = `${owner.kind}/${owner.name}`;
    if (controller === '') controller = current;
    else {
      const detail = `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${current}`;
      errors.push(invalidValue(at, owners, detail));
    }
  }
}

function validateFinalizers(finalizers: readonly string[], errors: FieldError[]): void {
  const at = metadata.child('finalizers');
  for (const finalizer of finalizers)
    for (const text of isQualifiedName(finalizer)) errors.push(invalidValue(at, finalizer, text));
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion')) {
    errors.push(invalidValue(at, finalizers, 'finalizer orphan and foregroundDeletion cannot be both set'));
  }
}

const maxManagerBytes = 128;
const maxSubresourceBytes = 256;

function validateManagedFields(entries: readonly ManagedFieldsEntry[], errors: FieldError[]): void {
  for (let i = 0; i < entries.length; i++) {
    const { operation, fieldsType, manager, subresource } = entries[i] as ManagedFieldsEntry;
    const isKnown = operation === 'Apply' || operation === 'Update';
    const isPlain =
      (manager?.length ?? 0) <= maxManagerBytes / 3 && (subresource?.length ?? 0) <= maxSubresourceBytes / 3;
    if (isKnown && isPlain && (!fieldsType || fieldsType === 'FieldsV1')) continue;
    const at = metadata.child('managedFields').index(i);
    if (!isKnown) errors.push(invalidValue(at.child('operation'), operation ?? '', 'must be `Apply` or `Update`'));
    if (fieldsType && fieldsType !== 'FieldsV1')
      errors.push(invalidValue(at.child('fieldsType'), fieldsType, 'must be `FieldsV1`'));
    if (Buffer.byteLength(manager ?? '') > maxManagerBytes) errors.push(tooLong(at.child('manager'), maxManagerBytes));
    if (Buffer.byteLength(subresource ?? '') > maxSubresourceBytes)
      errors.push(tooLong(at.child('subresource'), maxSubresourceBytes));
  }
}
