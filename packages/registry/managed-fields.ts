import { managerOrUserAgent } from '@nodeless/apimachinery/apply/manager-name';
import type { FieldSet } from '@nodeless/apimachinery/apply/field-set';
import { setOfFields } from '@nodeless/apimachinery/apply/field-set';
import { type ObjectSchema, deducedSchema, schemaOfType } from '@nodeless/apimachinery/apply/typed-schema';
import {
  type FieldContext,
  type VersionView,
  updateManagedFields,
} from '@nodeless/apimachinery/apply/update-managed-fields';
import { deepEqual } from '@nodeless/apimachinery/equality';
import type { ManagedFieldsEntry, ObjectMeta } from '@nodeless/apimachinery/generated/types/meta/v1';
import type { KubernetesObject, UnknownObject } from '@nodeless/apimachinery/object';
import { findType } from '@nodeless/apimachinery/schema';
import type { ExpectedKind } from './body-decoder.ts';
import { timestamp } from './deletion.ts';
import type { Endpoint } from './endpoint.ts';
import { metadataOf } from './object-meta.ts';
import type { RequestScope } from './registry.ts';
import type { Strategy } from './strategy.ts';
import type { WriteRequest } from './write-request.ts';

/**
 * Records in metadata.managedFields what this create or update sets: before admission and before the strategy puts
 * back what the client may not change, as upstream does. `object` and `old` are of the storage version.
 */
export function trackUpdate(
  request: WriteRequest,
  old: Readonly<UnknownObject> | undefined,
  object: UnknownObject,
): void {
  const { endpoint, manager } = request;
  const managedFields = updateManagedFields({
    ...fieldContext(request),
    live: old && endpoint.fromStorage(old),
    updated: endpoint.isStorageVersion ? object : endpoint.fromStorage(object),
    manager,
  });
  const metadata = metadataOf(object);
  if (managedFields === undefined) delete metadata.managedFields;
  else metadata.managedFields = managedFields;
}

/** The same for what is posted and not stored (reviews, token requests): upstream records it all the same. */
export function trackPosted(
  object: UnknownObject,
  { model, apiVersion }: ExpectedKind,
  scope: RequestScope,
  now: number,
): void {
  const type = findType(model);
  if (!type) return;
  const managedFields = updateManagedFields({
    schema: schemaOfType(type),
    apiVersion,
    subresource: scope.subresource,
    time: timestamp(now),
    live: undefined,
    updated: object,
    manager: managerOrUserAgent(scope.fieldManager ?? '', scope.userAgent),
  });
  const metadata = metadataOf(object);
  if (managedFields === undefined) delete metadata.managedFields;
  else metadata.managedFields = managedFields;
}

export function fieldContext({ endpoint, scope, door, context }: WriteRequest): FieldContext {
  return {
    schema: objectSchema(endpoint),
    apiVersion: endpoint.served.apiVersion,
    subresource: scope.subresource,
    time: timestamp(context.now()),
    resetFields: resetFields(door),
    inVersion: (apiVersion) => versionView(endpoint, door, apiVersion),
  };
}

export function objectSchema({ type, served }: Pick<Endpoint, 'type' | 'served'>): ObjectSchema {
  return type ? schemaOfType(type) : (served.custom?.applySchema ?? deducedSchema);
}

const resets = new WeakMap<Strategy, FieldSet | undefined>();

function resetFields(door: Strategy): FieldSet | undefined {
  if (!door.resetFields) return undefined;
  if (!resets.has(door)) resets.set(door, setOfFields(door.resetFields));
  return resets.get(door);
}

/** The kind in another version, for entries of managers who wrote in it. */
function versionView(endpoint: Endpoint, door: Strategy, apiVersion: string): VersionView | undefined {
  const other = endpoint.sibling(apiVersion);
  if (!other) return undefined;
  const convert = (from: Endpoint, to: Endpoint) => (object: Readonly<KubernetesObject>) =>
    to.fromStorage(from.isStorageVersion ? (object as UnknownObject) : from.toStorage({ ...object } as UnknownObject));
  return {
    schema: objectSchema(other),
    resetFields: resetFields(door),
    convert: convert(endpoint, other),
    convertBack: convert(other, endpoint),
  };
}

/** Where managers differ from the stored ones by nothing but times, the stored ones stay: a write that changes nothing else is none. */
export function sameButForTimes(metadata: Readonly<ObjectMeta>, old: Readonly<ObjectMeta>): boolean {
  const [now, before] = [metadata.managedFields, old.managedFields];
  if (now === before || !now || !before || now.length !== before.length) return false;
  return now.every((entry, i) => isSameManager(entry, before[i] as ManagedFieldsEntry));
}

function isSameManager(a: ManagedFieldsEntry, b: ManagedFieldsEntry): boolean {
  return a === b || deepEqual({ ...a, time: undefined }, { ...b, time: undefined });
}
