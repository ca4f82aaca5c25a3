import type { ManagedFieldsEntry } from '../generated/types/meta/v1.ts';
import { type FieldSet, difference, hasPath, setOfFields } from './field-set.ts';
import { type Managers, managerId, readManagers, writeManagers } from './managed-fields.ts';

/**
 * Who owns the replicas, carried between an object and its Scale (managedfields.ScaleHandler): /scale is written as a
 * kind of its own, in which the field has another path.
 */
export interface ScalePath {
  /** The version of the request, in which a new owner's entry is written: `apps/v1`. */
  readonly apiVersion: string;
  /**
   * Where a version of the kind has its replicas (`['spec', 'replicas']`); null = it has none. Undefined = there is no
   * such version: its entries are dropped.
   */
  replicasPath(apiVersion: string): readonly string[] | null | undefined;
}

const SCALE_VERSION = 'autoscaling/v1';
const replicasOfScale = setOfFields([['spec', 'replicas']]) as FieldSet;
const replicasPathOfScale = ['f:spec', 'f:replicas'];

/** The managed fields of the Scale before the write. @throws Error when the entries are not valid */
export function managedFieldsOfScale(
  parent: readonly ManagedFieldsEntry[] | undefined,
  scale: ScalePath,
): ManagedFieldsEntry[] | undefined {
  const out: Managers = new Map();
  for (const manager of readManagers(parent, true).values()) {
    const path = scale.replicasPath(manager.apiVersion);
    if (path == null || !hasPath(manager.fields, elements(path))) continue;
    out.set(manager.id, { ...manager, apiVersion: SCALE_VERSION, fields: replicasOfScale, entry: undefined });
  }
  return writeManagers(out);
}

/** The object's managed fields after the write, from its own before and those of the Scale after. */
export function managedFieldsFromScale(
  parent: readonly ManagedFieldsEntry[] | undefined,
  ofScale: readonly ManagedFieldsEntry[] | undefined,
  scale: ScalePath,
): ManagedFieldsEntry[] | undefined {
  const parents = readManagers(parent, true);
  const owners = readManagers(ofScale, true);
  const out: Managers = new Map();
  for (const manager of parents.values()) {
    const path = scale.replicasPath(manager.apiVersion);
    if (path === undefined) continue;
    if (path === null || !hasPath(manager.fields, elements(path))) out.set(manager.id, manager);
    else if (owners.delete(manager.id)) out.set(manager.id, manager);
    else {
      const fields = difference(manager.fields, setOfFields([path]));
      if (fields !== undefined) out.set(manager.id, { ...manager, fields, entry: undefined });
    }
  }
  const path = scale.replicasPath(scale.apiVersion);
  for (const owner of owners.values()) {
    if (path == null || !hasPath(owner.fields, replicasPathOfScale)) continue;
    const { name, applied, subresource } = owner;
    const fields = setOfFields([path]) as FieldSet;
    // upstream looks for its time among the entries of the object, where it finds none unless the owner had one there
    const time = parents.get(owner.id)?.time;
    // and keeps updaters known under the version of Scale apart until the object is read again
    const id = managerId({ name, applied, apiVersion: SCALE_VERSION, subresource });
    out.set(id, {
      id,
      name,
      applied,
      apiVersion: scale.apiVersion,
      subresource,
      fields,
      ...(time !== undefined && { time }),
    });
  }
  return writeManagers(out);
}

function elements(path: readonly string[]): string[] {
  return path.map((name) => `f:${name}`);
}
