import { setOwn } from '../decode/copy-json.ts';
import { type FieldSet, LEAF, hasChildren, isMember, makeNode } from './field-set.ts';
import { SELF, fieldElement } from './path-element.ts';
import type { ListNode, MapNode, TypedNode } from './typed-schema.ts';
import { asList, asMap, isEmptyMap, itemElementOrNone, sortOf } from './typed-value.ts';

/**
 * The value without the list and map items of a set. What becomes empty is null, as upstream has it: the conversion
 * into the kind's struct that follows makes it absent.
 */
export function removeItems(node: TypedNode, value: unknown, set: FieldSet | undefined): unknown {
  if (set === undefined) return value;
  const sort = sortOf(node, value);
  if (sort === 'map') return removeFromMap(node.map as MapNode, value, set);
  if (sort === 'list') return removeFromList(node.list as ListNode, value, set);
  return value;
}

function removeFromMap(node: MapNode, value: unknown, set: FieldSet): unknown {
  const map = asMap(value);
  if (map === undefined || isEmptyMap(map) || node.atomic) return null;
  const out: Record<string, unknown> = {};
  let size = 0;
  for (const key of Object.keys(map)) {
    const below = set[fieldElement(key)];
    if (isMember(below)) continue;
    const child = node.fields.get(key)?.node ?? node.element;
    setOwn(out, key, below === undefined || child === undefined ? map[key] : removeItems(child, map[key], below));
    size++;
  }
  return size === 0 ? null : out;
}

function removeFromList(node: ListNode, value: unknown, set: FieldSet): unknown {
  const list = asList(value);
  if (list === undefined || list.length === 0 || node.atomic) return null;
  const out: unknown[] = [];
  for (const item of list) {
    const element = itemElementOrNone(node, item);
    const below = element === undefined ? undefined : set[element];
    if (isMember(below)) continue;
    out.push(below === undefined ? item : removeItems(node.items, item, below));
  }
  return out.length === 0 ? null : out;
}

/**
 * The set with the declared fields on the way to its paths made members. Sets name them only where nothing is below;
 * to remove a field with everything in it, it must be in the set itself.
 */
export function withNamedFields(node: TypedNode | undefined, set: FieldSet | undefined): FieldSet | undefined {
  if (set === undefined) return undefined;
  const out: Record<string, FieldSet> = {};
  for (const element in set) {
    const child = set[element] as FieldSet;
    if (element === SELF) {
      out[SELF] = LEAF;
      continue;
    }
    if (!hasChildren(child)) {
      out[element] = child;
      continue;
    }
    const below = withNamedFields(childNode(node, element), child) as FieldSet;
    const isNamed = element.startsWith('f:') && node?.map?.fields.has(element.slice(2)) === true;
    out[element] = isNamed && !isMember(below) ? (makeNode(true, below) as FieldSet) : below;
  }
  return out;
}

function childNode(node: TypedNode | undefined, element: string): TypedNode | undefined {
  if (element.startsWith('f:')) return node?.map && (node.map.fields.get(element.slice(2))?.node ?? node.map.element);
  return element.startsWith('k:') ? node?.list?.items : undefined;
}
