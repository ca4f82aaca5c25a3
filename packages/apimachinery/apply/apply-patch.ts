import { getOwn, isObject } from '../decode/copy-json.ts';
import { DecodeError, decodeObject } from '../decode/decode.ts';
import type { ManagedFieldsEntry } from '../generated/types/meta/v1.ts';
import { type GroupVersionKind, type KubernetesObject, parseApiVersion } from '../object.ts';
import { ApiError, badRequest } from '../status.ts';
import { type Conflict, ConflictError, applyConflict, conflictsOf } from './conflicts.ts';
import {
  type FieldSet,
  LEAF,
  difference,
  hasChildren,
  hasPath,
  intersection,
  recursiveDifference,
} from './field-set.ts';
import { KUBECTL, fieldsOfLastApplied, lastApplied, withLastApplied } from './last-applied.ts';
import {
  type Manager,
  type Managers,
  managerId,
  nameOrUnknown,
  readManagers,
  writeManagers,
} from './managed-fields.ts';
import { mergeTyped } from './merge.ts';
import { prune } from './prune.ts';
import { reconcileManagers } from './reconcile.ts';
import { toFieldSet } from './to-field-set.ts';
import { ItemError } from './typed-value.ts';
import { type FieldContext, comparisons, neverOwned, takeFields } from './update-managed-fields.ts';
import { typedErrorText, validateTyped } from './validate.ts';
import { deepEqual } from '../equality.ts';

/** A server-side apply: PATCH with application/apply-patch+yaml. */
export interface ApplyPatch extends FieldContext {
  /** Canonical and possibly frozen. Undefined where the object does not exist: the apply creates it. */
  readonly live: Readonly<KubernetesObject> | undefined;
  /** The configuration, as parsed. */
  readonly patch: Readonly<Record<string, unknown>>;
  /** The request's fieldManager; required by the door. */
  readonly manager: string;
  /** Take fields from other managers instead of failing with a conflict. */
  readonly force: boolean;
  /** The kind of the request; `apiVersion` is its group and version. */
  readonly kind: string;
}

export interface Applied {
  /**
   * The live object with the configuration merged in and metadata.managedFields set. Of a built-in kind it is in the
   * canonical form; it is not defaulted or validated yet. It may share frozen parts with `live`.
   */
  readonly object: KubernetesObject;
  /** Nothing but managed fields can differ from the live object. */
  readonly unchanged: boolean;
}

/** @throws ApiError: 400, 409 with the conflicts, 500 where the configuration does not fit the kind */
export function applyPatch(request: ApplyPatch): Applied {
  const { patch, kind, apiVersion, live } = request;
  const gvk = gvkOf(patch);
  const wanted = { ...(parseApiVersion(apiVersion) as { group: string; version: string }), kind };
  if (gvk.group !== wanted.group || gvk.version !== wanted.version || gvk.kind !== kind)
    throw badRequest(`invalid object type: ${displayGvk(gvk)}`);

  let managers: Managers;
  try {
    managers = readManagers(live?.metadata?.managedFields, true);
  } catch (error) {
    throw failure(`failed to decode managed fields: ${(error as Error).message}`);
  }
  try {
    return applyAs(request, managers, gvk);
  } catch (error) {
    if (error instanceof ConflictError) throw applyConflict(error.conflicts);
    if (error instanceof ItemError && live !== undefined)
      throw failure(`failed to create typed live object (${describe(live, gvk)}): ${liveErrors(request)}`);
    throw error;
  }
}

function liveErrors({ schema, live }: ApplyPatch): string {
  return typedErrorText(validateTyped(schema.root, live, true));
}

/** Where client-side apply owns what conflicts, kubectl takes over without being told to. */
function applyAs(request: ApplyPatch, managers: Managers, gvk: GroupVersionKind): Applied {
  if (request.manager !== KUBECTL) return applyOnce(request, managers, gvk);
  let applied: Applied;
  try {
    applied = applyOnce(request, managers, gvk);
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error;
    const allowed = request.live && fieldsOfLastApplied(request.live, request);
    if (allowed === undefined) throw error;
    const rest = error.conflicts.filter(({ path }) => !hasPath(allowed, path));
    if (rest.length > 0) throw new ConflictError(rest);
    applied = applyOnce({ ...request, force: true }, managers, gvk);
  }
  return lastApplied(applied.object) === ''
    ? applied
    : { object: withLastApplied(applied.object, request.patch), unchanged: false };
}

function applyOnce(request: ApplyPatch, before: Managers, gvk: GroupVersionKind): Applied {
  const { live, patch, schema, apiVersion, subresource, time, resetFields } = request;
  const managers: Managers = new Map(before);
  if (managers.size === 0 && live !== undefined) takeFields(managers, undefined, live, 'before-first-apply', request);

  if (hasManagedFields(patch)) throw badRequest('metadata.managedFields must be nil');
  const errors = validateTyped(schema.root, patch, false);
  if (errors.length > 0)
    throw failure(`failed to create typed patch object (${describe(patch, gvk)}): ${typedErrorText(errors)}`);

  if (schema.changeable) reconcileManagers(managers, schema, apiVersion, request.inVersion);
  const current = live ?? (schema.zero() as KubernetesObject);
  const merged = mergeTyped(schema.root, current, patch) as KubernetesObject;

  const self = { name: nameOrUnknown(request.manager), applied: true, apiVersion, subresource };
  const id = managerId(self);
  const last = managers.get(id);
  const fields = recursiveDifference(toFieldSet(schema.root, patch), resetFields);
  managers.set(id, { ...self, id, fields: fields ?? LEAF, ...(last?.time !== undefined && { time: last.time }) });
  const pruned = prune(merged, managers, last && hasChildren(last.fields) ? last : undefined, request);

  takeFromOthers(managers, id, pruned, request);
  const unchanged = live !== undefined && deepEqual(live, pruned);
  finishSelf(managers, id, last, unchanged ? undefined : time);
  const object = unchanged ? live : convert(pruned, request, gvk);
  return { object: withManagedFields(object, writeManagers(managers)), unchanged };
}

/** Into the struct of the kind and back: what the configuration says in its own way gets its canonical form. */
function convert(
  object: Readonly<KubernetesObject>,
  { schema, live, patch }: ApplyPatch,
  gvk: GroupVersionKind,
): Readonly<KubernetesObject> {
  if (schema.type === undefined) return object;
  // parts of the configuration are not to be trusted, frozen or not
  const trustFrozen = Object.isFrozen(live) && !Object.isFrozen(patch);
  try {
    return decodeObject(object, schema.type, { source: 'untyped', trustFrozen }).object;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const about = `failed to convert new object (${describe(patch, gvk)}) to proper version`;
    throw failure(`${about}: unable to convert unstructured object to ${displayGvk(gvk)}: ${error.message}`);
  }
}

/** @throws ConflictError */
function takeFromOthers(
  managers: Managers,
  self: string,
  object: Readonly<KubernetesObject>,
  request: ApplyPatch,
): void {
  const comparisonIn = comparisons(request.live, object, request);
  const conflicts: [Manager, FieldSet][] = [];
  const left = new Map<string, FieldSet | undefined>();
  for (const manager of managers.values()) {
    if (manager.id === self) continue;
    const comparison = comparisonIn(manager.apiVersion);
    if (comparison === undefined) {
      managers.delete(manager.id);
      continue;
    }
    const conflict = intersection(manager.fields, comparison.taken);
    if (conflict !== undefined) conflicts.push([manager, conflict]);
    left.set(manager.id, difference(difference(manager.fields, comparison.taken), comparison.removed));
  }
  if (conflicts.length > 0 && !request.force) throw new ConflictError(conflictsOf(conflicts) satisfies Conflict[]);
  for (const [id, fields] of left) {
    const manager = managers.get(id) as Manager;
    if (fields === undefined || !hasChildren(fields)) managers.delete(id);
    else if (fields !== manager.fields) managers.set(id, { ...manager, fields, entry: undefined });
  }
}

/** Metadata that nobody owns goes out of the new set. The time moves only when the object did. */
function finishSelf(managers: Managers, id: string, last: Manager | undefined, time: string | undefined): void {
  const manager = managers.get(id) as Manager;
  const fields = difference(manager.fields, neverOwned);
  if (fields === undefined || !hasChildren(fields)) {
    managers.delete(id);
    return;
  }
  if (
    time === undefined &&
    last !== undefined &&
    last.apiVersion === manager.apiVersion &&
    deepEqual(last.fields, fields)
  )
    managers.set(id, last);
  else managers.set(id, { ...manager, fields, ...(time !== undefined && { time }) });
}

function withManagedFields(
  object: Readonly<KubernetesObject>,
  entries: ManagedFieldsEntry[] | undefined,
): KubernetesObject {
  const { managedFields: _, ...metadata } = object.metadata ?? {};
  return { ...object, metadata: entries === undefined ? metadata : { ...metadata, managedFields: entries } };
}

function gvkOf(patch: Readonly<Record<string, unknown>>): GroupVersionKind {
  const text = (name: string): string => {
    const value = getOwn(patch, name);
    return typeof value === 'string' ? value : '';
  };
  const apiVersion = parseApiVersion(text('apiVersion'));
  return apiVersion === undefined ? { group: '', version: '', kind: '' } : { ...apiVersion, kind: text('kind') };
}

function displayGvk({ group, version, kind }: GroupVersionKind): string {
  return `${group}/${version}, Kind=${kind}`;
}

function describe(object: object, gvk: GroupVersionKind): string {
  const metadata = getOwn(object as Record<string, unknown>, 'metadata');
  const text = (name: string): string => {
    const value = isObject(metadata) ? getOwn(metadata, name) : undefined;
    return typeof value === 'string' ? value : '';
  };
  return `${text('namespace')}/${text('name')}; ${displayGvk(gvk)}`;
}

function hasManagedFields(patch: Readonly<Record<string, unknown>>): boolean {
  const metadata = getOwn(patch, 'metadata');
  const entries = isObject(metadata) ? getOwn(metadata, 'managedFields') : undefined;
  return Array.isArray(entries) && entries.length > 0;
}

/** What upstream answers for an error without a status of its own. */
function failure(message: string): ApiError {
  return new ApiError({ code: 500, message });
}
