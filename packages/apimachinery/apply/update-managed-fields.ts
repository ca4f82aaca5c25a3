import type { ManagedFieldsEntry } from '../generated/types/meta/v1.ts';
import type { KubernetesObject } from '../object.ts';
import { type Comparison, compareObjects } from './compare.ts';
import { type FieldSet, difference, hasChildren, recursiveDifference, setOfFields, union } from './field-set.ts';
import { type Managers, capUpdaters, managerId, nameOrUnknown, readManagers, writeManagers } from './managed-fields.ts';
import { reconcileManagers } from './reconcile.ts';
import type { ObjectSchema } from './typed-schema.ts';
import { deepEqual } from '../equality.ts';

/** What both doors, update and apply, are told of a write. */
export interface FieldContext {
  readonly schema: ObjectSchema;
  /** The version of the request, in which the objects are. */
  readonly apiVersion: string;
  /** '' for the resource itself. */
  readonly subresource: string;
  /** RFC 3339 in seconds, UTC. */
  readonly time: string;
  /** Fields that this door resets: nobody comes to own them through it. Made by `setOfFields`. */
  readonly resetFields?: FieldSet | undefined;
  /**
   * How to compare where an entry names its fields in another version of the kind. Undefined result = there is no such
   * version, and its entries are dropped. Without it all versions are taken to be alike.
   */
  readonly inVersion?: (apiVersion: string) => VersionView | undefined;
}

export interface VersionView {
  readonly schema: ObjectSchema;
  readonly resetFields?: FieldSet | undefined;
  /** From the version of the request into this one; the argument may be frozen. */
  convert(object: Readonly<KubernetesObject>): Readonly<KubernetesObject>;
  /** Back; only apply needs it. */
  convertBack(object: Readonly<KubernetesObject>): Readonly<KubernetesObject>;
}

export interface UpdateFields extends FieldContext {
  /** Undefined on a create. */
  readonly live: Readonly<KubernetesObject> | undefined;
  /**
   * The object as it will be, decoded and defaulted, with the managed fields that the client sent. Before admission,
   * and before the strategy's preparation, as upstream does it.
   */
  readonly updated: Readonly<KubernetesObject>;
  /** The request's fieldManager, or what `managerOfUserAgent` makes of its user agent. */
  readonly manager: string;
}

/**
 * The managed fields after a create, update or patch; the caller puts them into the object. Undefined = none.
 * Never throws: where upstream fails, it drops the managed fields.
 */
export function updateManagedFields(update: UpdateFields): ManagedFieldsEntry[] | undefined {
  try {
    const managers = managersBefore(update);
    // objects that were not tracked from the start are not tracked until somebody applies
    if (managers.size === 0 && update.live !== undefined) return undefined;
    takeFields(managers, update.live, update.updated, update.manager, update);
    return entriesOf(managers, update);
  } catch {
    return undefined;
  }
}

/** The entries; the very list of before, when all of them are. */
function entriesOf(managers: Managers, { live, updated }: UpdateFields): ManagedFieldsEntry[] | undefined {
  const entries = writeManagers(managers);
  if (entries === undefined) return undefined;
  for (const before of [updated.metadata?.managedFields, live?.metadata?.managedFields]) {
    if (before?.length === entries.length && before.every((entry, i) => entry === entries[i])) return before;
  }
  return entries;
}

/** What the object says of its managers before the write: the client's word for it, unless that is no use. */
function managersBefore({ live, updated, subresource, schema, inVersion, apiVersion }: UpdateFields): Managers {
  const ours = live?.metadata?.managedFields;
  const theirs = updated.metadata?.managedFields;
  let managers: Managers | undefined;
  // what a client read and sends back is ours, only not the same object
  if (theirs !== ours && subresource === '' && theirs != null && !deepEqual(theirs, ours)) {
    if (isReset(theirs)) return new Map();
    managers = readOrNothing(theirs, false);
    if (managers.size > 0) reconcileManagers(managers, schema, apiVersion, inVersion);
  }
  if (managers === undefined || managers.size === 0) {
    managers = readOrNothing(ours, true);
    if (schema.changeable) reconcileManagers(managers, schema, apiVersion, inVersion);
  }
  return managers;
}

/** `[]` and `[{}]` say: forget them all. */
function isReset(entries: readonly ManagedFieldsEntry[]): boolean {
  return entries.length === 0 || (entries.length === 1 && Object.keys(entries[0] as object).length === 0);
}

function readOrNothing(entries: readonly ManagedFieldsEntry[] | undefined, trusted: boolean): Managers {
  try {
    return readManagers(entries, trusted);
  } catch {
    return new Map();
  }
}

/** Fields that nobody ever owns. */
export const neverOwned = setOfFields([
  ['apiVersion'],
  ['kind'],
  ['metadata'],
  ...[
    'name',
    'namespace',
    'creationTimestamp',
    'selfLink',
    'uid',
    'clusterName',
    'generation',
    'managedFields',
    'resourceVersion',
  ].map((name) => ['metadata', name]),
]);

/** Gives the updater what it changed and takes that, and what is gone, from everyone else. */
export function takeFields(
  managers: Managers,
  live: Readonly<KubernetesObject> | undefined,
  updated: Readonly<KubernetesObject>,
  manager: string,
  context: FieldContext,
): void {
  const { apiVersion, subresource, time } = context;
  const comparisonIn = comparisons(live, updated, context);
  const own = difference(comparisonIn(apiVersion)?.taken, neverOwned);
  const self = { name: nameOrUnknown(manager), applied: false, apiVersion, subresource };
  const selfId = managerId(self);
  for (const before of managers.values()) {
    const comparison = comparisonIn(before.apiVersion);
    const kept = difference(before.fields, comparison?.removed);
    const isSelf = own !== undefined && before.id === selfId;
    const fields = comparison && (isSelf ? union(kept, own) : difference(kept, comparison.taken));
    if (fields === undefined || !hasChildren(fields)) managers.delete(before.id);
    else if (isSelf) managers.set(selfId, { ...self, id: selfId, fields, time });
    else if (fields !== before.fields) managers.set(before.id, { ...before, fields, entry: undefined });
  }
  if (own !== undefined && !managers.has(selfId)) managers.set(selfId, { ...self, id: selfId, fields: own, time });
  capUpdaters(managers, (a, b) => union(a, b) as FieldSet);
}

/** What changed, in the version of each manager; undefined = there is no such version any more. */
export function comparisons(
  live: Readonly<KubernetesObject> | undefined,
  updated: Readonly<KubernetesObject>,
  context: FieldContext,
): (apiVersion: string) => Comparison | undefined {
  const left = live ?? context.schema.zero();
  const own = filter(compareObjects(context.schema.root, left, updated), context.resetFields);
  const others = new Map<string, Comparison | undefined>();
  return (apiVersion) => {
    if (apiVersion === context.apiVersion || context.inVersion === undefined) return own;
    if (!others.has(apiVersion)) {
      const view = context.inVersion(apiVersion);
      const compared =
        view &&
        compareObjects(
          view.schema.root,
          live === undefined ? view.schema.zero() : view.convert(live),
          view.convert(updated),
        );
      others.set(apiVersion, compared && filter(compared, view?.resetFields));
    }
    return others.get(apiVersion);
  };
}

function filter(comparison: Comparison, resetFields: FieldSet | undefined): Comparison {
  if (resetFields === undefined) return comparison;
  return {
    taken: recursiveDifference(comparison.taken, resetFields),
    removed: recursiveDifference(comparison.removed, resetFields),
  };
}
