import { type FieldSet, LEAF, hasChildren, isMember, recursiveDifference, union } from './field-set.ts';
import type { Managers } from './managed-fields.ts';
import { SELF } from './path-element.ts';
import { type MapNode, type ObjectSchema, type TypedNode, deducedNode } from './typed-schema.ts';
import type { VersionView } from './update-managed-fields.ts';

/**
 * Follows a schema whose maps or lists became one value: whoever owned parts of one owns the whole. Also drops
 * managers of versions that are gone. Sets are checked once a schema.
 */
export function reconcileManagers(
  managers: Managers,
  schema: ObjectSchema,
  apiVersion: string,
  inVersion: ((apiVersion: string) => VersionView | undefined) | undefined,
): void {
  for (const manager of managers.values()) {
    const own =
      manager.apiVersion === apiVersion || inVersion === undefined ? schema : inVersion(manager.apiVersion)?.schema;
    if (own === undefined) {
      managers.delete(manager.id);
      continue;
    }
    const fields = reconcileSet(manager.fields, own.root);
    if (fields !== manager.fields) managers.set(manager.id, { ...manager, fields, entry: undefined });
  }
}

const checked = new WeakMap<FieldSet, { readonly root: TypedNode; readonly fields: FieldSet }>();

function reconcileSet(fields: FieldSet, root: TypedNode): FieldSet {
  const known = checked.get(fields);
  if (known?.root === root) return known.fields;
  const changes: Changes = { remove: undefined, add: undefined };
  visit(fields, root, false, [], changes);
  const out = union(recursiveDifference(fields, changes.remove), changes.add) ?? fields;
  checked.set(fields, { root, fields: out });
  return out;
}

interface Changes {
  remove: FieldSet | undefined;
  add: FieldSet | undefined;
}

/** `wasLeaf`: the path is in the set and has nothing below it, as that of one value has. */
function visit(set: FieldSet | undefined, node: TypedNode, wasLeaf: boolean, path: string[], changes: Changes): void {
  if (node.map !== undefined) {
    if (isAnyMap(node.map)) return;
    if (node.map.atomic && !wasLeaf) {
      if (set !== undefined && hasChildren(set)) becomeOne(path, changes);
      return;
    }
    if (set !== undefined) visitChildren(set, (element) => childOfMap(node.map as MapNode, element), path, changes);
  } else if (node.list !== undefined && node.scalar === undefined) {
    if (node.list.atomic && !wasLeaf) becomeOne(path, changes);
    else if (set !== undefined) visitChildren(set, () => node.list?.items, path, changes);
  }
}

function visitChildren(
  set: FieldSet,
  nodeFor: (element: string) => TypedNode | undefined,
  path: string[],
  changes: Changes,
): void {
  for (const element in set) {
    const node = element === SELF ? undefined : nodeFor(element);
    if (node === undefined) continue;
    const child = set[element] as FieldSet;
    const below = hasChildren(child);
    path.push(element);
    visit(below ? child : undefined, node, isMember(child) && !below, path, changes);
    path.pop();
  }
}

function childOfMap(map: MapNode, element: string): TypedNode | undefined {
  if (!element.startsWith('f:')) return map.element;
  return map.fields.get(element.slice(2))?.node ?? map.element;
}

/** Maps of any fields are left alone. */
function isAnyMap(map: MapNode): boolean {
  return map.fields.size === 0 && map.element === deducedNode;
}

function becomeOne(path: readonly string[], changes: Changes): void {
  const set = path.reduceRight<FieldSet>((below, element) => ({ [element]: below }), LEAF);
  changes.remove = union(changes.remove, set);
  changes.add = union(changes.add, set);
}
