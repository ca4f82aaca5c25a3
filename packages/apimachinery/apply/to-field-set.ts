import { type FieldSet, LEAF, hasChildren, makeNode, sortChildren } from './field-set.ts';
import { SELF, fieldElement } from './path-element.ts';
import type { ListNode, MapNode, TypedNode } from './typed-schema.ts';
import { asList, asMap, isEmptyMap, itemElementOrNone, sortOf } from './typed-value.ts';

/** Every field that an applied configuration mentions. The value must have been validated. */
export function toFieldSet(node: TypedNode, value: unknown): FieldSet | undefined {
  const set = nodeOf(node, value);
  return set === undefined || !hasChildren(set) ? undefined : set;
}

/** The node of a value: a leaf, or what is below; undefined when nothing is. */
function nodeOf(node: TypedNode, value: unknown): FieldSet | undefined {
  const sort = sortOf(node, value);
  if (sort === 'scalar') return LEAF;
  if (sort === 'map') {
    const map = node.map as MapNode;
    if (map.atomic) return LEAF;
    const object = asMap(value);
    return object === undefined ? undefined : mapChildren(map, object);
  }
  const list = node.list as ListNode;
  if (list.atomic) return LEAF;
  return listChildren(list, asList(value) ?? []);
}

function mapChildren(map: MapNode, object: Readonly<Record<string, unknown>>): FieldSet | undefined {
  const entries: [string, FieldSet][] = [];
  for (const key of Object.keys(object)) {
    const value = object[key];
    const field = map.fields.get(key);
    const child = field?.node ?? map.element;
    if (value === undefined || child === undefined) continue;
    // keys of a map belong to whoever sets them, fields of a struct only where nothing is below
    const isOwned = value === null || field === undefined || (asMap(value) !== undefined && isEmptyMap(asMap(value)));
    const below = nodeOf(child, value);
    const node = isOwned ? asMember(below) : below;
    if (node !== undefined) entries.push([fieldElement(key), node]);
  }
  return sortChildren(entries);
}

function listChildren(list: ListNode, items: readonly unknown[]): FieldSet | undefined {
  const nodes = new Map<string, FieldSet>();
  for (const item of items) {
    const element = itemElementOrNone(list, item);
    if (element === undefined) continue;
    nodes.set(element, nodes.has(element) ? LEAF : asMember(nodeOf(list.items, item)));
  }
  return sortChildren([...nodes]);
}

function asMember(node: FieldSet | undefined): FieldSet {
  return node === undefined || node[SELF] !== undefined || !hasChildren(node)
    ? (node ?? LEAF)
    : (makeNode(true, node) as FieldSet);
}
