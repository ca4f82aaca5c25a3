import { compareGoStrings } from '../json-writer.ts';
import { type FieldSet, LEAF, makeNode, sortChildren, union, uniteNodes } from './field-set.ts';
import { SELF, fieldElement } from './path-element.ts';
import { type FieldNode, type ListNode, type MapNode, type TypedNode, memberOf } from './typed-schema.ts';
import { type Sort, asList, asMap, isEmptyMap, itemElement, sortOf } from './typed-value.ts';
import { deepEqual } from '../equality.ts';

/**
 * What an update did to an object, by its schema. Upstream tells added from modified fields; nobody asks which.
 * Every write of a controller comes through here: subtrees that are the same object cost nothing, and only what
 * differs is ever made into paths.
 */
export interface Comparison {
  /** Fields added or modified. */
  readonly taken: FieldSet | undefined;
  readonly removed: FieldSet | undefined;
}

type Pair = [taken: FieldSet | undefined, removed: FieldSet | undefined];

const nothing: Comparison = { taken: undefined, removed: undefined };

/** @throws ItemError when an item of a set or map list has no key */
export function compareObjects(node: TypedNode, left: unknown, right: unknown): Comparison {
  if (left === right) return nothing;
  const pair = compare(node, left, right);
  return pair === undefined ? nothing : { taken: pair[0], removed: pair[1] };
}

/**
 * The nodes of one path: undefined = no difference. Undefined on a side means that it is not there; null is a value.
 */
function compare(node: TypedNode, left: unknown, right: unknown): Pair | undefined {
  if (left === right) return undefined;
  if (left === undefined) return [wholeNode(node, right), undefined];
  if (right === undefined) return [undefined, wholeNode(node, left)];
  const leftSort = sortOf(node, left);
  const rightSort = sortOf(node, right);
  const pair = compareAs(node, rightSort, left, right);
  if (leftSort === rightSort) return pair;
  // any JSON: the value became one of another sort
  const other = compareAs(node, leftSort, left, right);
  return pair === undefined || other === undefined
    ? (pair ?? other)
    : [eitherNode(pair[0], other[0]), eitherNode(pair[1], other[1])];
}

function eitherNode(a: FieldSet | undefined, b: FieldSet | undefined): FieldSet | undefined {
  return a === undefined || b === undefined ? (a ?? b) : uniteNodes(a, b);
}

function compareAs(node: TypedNode, sort: Sort, left: unknown, right: unknown): Pair | undefined {
  if (sort === 'map') {
    const map = node.map as MapNode;
    const a = asMap(left);
    const b = asMap(right);
    return map.atomic || (isEmptyMap(a) && isEmptyMap(b))
      ? compareLeaf(left, right)
      : compareMaps(map, a ?? empty, b ?? empty);
  }
  if (sort === 'list') {
    const list = node.list as ListNode;
    const a = asList(left) ?? [];
    const b = asList(right) ?? [];
    return list.atomic || (a.length === 0 && b.length === 0) ? compareLeaf(left, right) : compareLists(list, a, b);
  }
  return compareLeaf(left, right);
}

const empty: Record<string, unknown> = {};

function compareLeaf(left: unknown, right: unknown): Pair | undefined {
  return deepEqual(left, right) ? undefined : [LEAF, undefined];
}

function compareMaps(
  map: MapNode,
  a: Readonly<Record<string, unknown>>,
  b: Readonly<Record<string, unknown>>,
): Pair | undefined {
  const out: Pair = [undefined, undefined];
  const { sorted, element } = map;
  for (let i = 0; i < sorted.length; i++) {
    const field = sorted[i] as FieldNode;
    const left = memberOf(a, field);
    const right = memberOf(b, field);
    if (left !== right) collect(out, field.element, compare(field.node, left, right));
  }
  if (element !== undefined) compareElements(map, element, a, b, out);
  return finish(out);
}

function compareElements(
  map: MapNode,
  element: TypedNode,
  a: Readonly<Record<string, unknown>>,
  b: Readonly<Record<string, unknown>>,
  out: Pair,
): void {
  const found: [string, Pair][] = [];
  const visit = (key: string, left: unknown, right: unknown): void => {
    if (left === right || map.fields.has(key)) return;
    const pair = compare(element, left, right);
    if (pair !== undefined) found.push([fieldElement(key), pair]);
  };
  for (const key in b) visit(key, Object.hasOwn(a, key) ? a[key] : undefined, b[key]);
  for (const key in a) if (!Object.hasOwn(b, key)) visit(key, a[key], undefined);
  if (found.length > 0) collectSorted(out, found);
}

function compareLists(list: ListNode, a: readonly unknown[], b: readonly unknown[]): Pair | undefined {
  if (a.length === b.length && sameItems(a, b)) return undefined;
  const left = groupItems(list, a);
  const right = groupItems(list, b);
  const found: [string, Pair][] = [];
  for (const [element, items] of left) {
    const pair = compareItems(list, items, right.get(element) ?? none);
    if (pair !== undefined) found.push([element, pair]);
  }
  for (const [element, items] of right) {
    if (left.has(element)) continue;
    const pair = compareItems(list, none, items);
    if (pair !== undefined) found.push([element, pair]);
  }
  const out: Pair = [undefined, undefined];
  collectSorted(out, found);
  return finish(out);
}

const none: readonly unknown[] = [];

function sameItems(a: readonly unknown[], b: readonly unknown[]): boolean {
  for (let i = 0; i < a.length; i++) if (!deepEqual(a[i], b[i])) return false;
  return true;
}

/** Items by their element, duplicates together. */
function groupItems(list: ListNode, items: readonly unknown[]): Map<string, unknown[]> {
  const groups = new Map<string, unknown[]>();
  for (const item of items) {
    const element = itemElement(list, item);
    const group = groups.get(element);
    if (group === undefined) groups.set(element, [item]);
    else group.push(item);
  }
  return groups;
}

/** Several items of the same key count as one value. */
function compareItems(list: ListNode, a: readonly unknown[], b: readonly unknown[]): Pair | undefined {
  if (a.length <= 1 && b.length <= 1) return compare(list.items, a[0], b[0]);
  if (a.length >= 2 && b.length >= 2) return a.length === b.length && sameItems(a, b) ? undefined : [LEAF, undefined];
  if (a.length >= 2) return [b.length === 0 ? undefined : wholeNode(list.items, b[0]), LEAF];
  return [LEAF, a.length === 0 ? undefined : wholeNode(list.items, a[0])];
}

function collect(out: Pair, element: string, pair: Pair | undefined): void {
  if (pair === undefined) return;
  if (pair[0] !== undefined) out[0] = withChild(out[0], element, pair[0]);
  if (pair[1] !== undefined) out[1] = withChild(out[1], element, pair[1]);
}

/** Sets are drafts here: nobody else has seen them yet. */
function withChild(set: FieldSet | undefined, element: string, node: FieldSet): FieldSet {
  const draft = (set ?? {}) as Record<string, FieldSet>;
  draft[element] = node;
  return draft;
}

function collectSorted(out: Pair, found: [string, Pair][]): void {
  const side = (index: 0 | 1): FieldSet | undefined =>
    sortChildren(
      found.flatMap(([element, pair]) =>
        pair[index] === undefined ? [] : [[element, pair[index]] as [string, FieldSet]],
      ),
    );
  out[0] = union(out[0], side(0));
  out[1] = union(out[1], side(1));
}

function finish(out: Pair): Pair | undefined {
  return out[0] === undefined && out[1] === undefined ? undefined : out;
}

/** The node of a value that is all new or all gone: every field, and the containers that are not one value. */
function wholeNode(node: TypedNode, value: unknown): FieldSet {
  if (typeof value !== 'object' || value === null) return LEAF;
  const sort = sortOf(node, value);
  if (sort === 'map') return wholeMap(node.map as MapNode, value as Readonly<Record<string, unknown>>);
  return sort === 'list' ? wholeList(node.list as ListNode, value) : LEAF;
}

function wholeMap(map: MapNode, value: Readonly<Record<string, unknown>>): FieldSet {
  if (map.atomic || Array.isArray(value)) return LEAF;
  const { sorted, element } = map;
  const out: Record<string, FieldSet> = { [SELF]: LEAF };
  let size = 0;
  for (let i = 0; i < sorted.length; i++) {
    const field = sorted[i] as FieldNode;
    const member = memberOf(value, field);
    if (member === undefined) continue;
    out[field.element] = wholeNode(field.node, member);
    size++;
  }
  if (element === undefined) return size === 0 ? LEAF : out;
  const others: string[] = [];
  for (const key in value) if (value[key] !== undefined && !map.fields.has(key)) others.push(key);
  if (others.length === 0) return size === 0 ? LEAF : out;
  others.sort(compareGoStrings);
  if (size > 0)
    return union(
      out,
      sortChildren(others.map((key) => [fieldElement(key), wholeNode(element, value[key])])),
    ) as FieldSet;
  for (let i = 0; i < others.length; i++) {
    const key = others[i] as string;
    out[fieldElement(key)] = wholeNode(element, value[key]);
  }
  return out;
}

function wholeList(list: ListNode, value: unknown): FieldSet {
  if (list.atomic || !Array.isArray(value) || value.length === 0) return LEAF;
  if (value.length === 1) return { [SELF]: LEAF, [itemElement(list, value[0])]: wholeNode(list.items, value[0]) };
  const nodes = new Map<string, FieldSet>();
  for (const item of value) {
    const element = itemElement(list, item);
    // several items of one key count as one value
    nodes.set(element, nodes.has(element) ? LEAF : wholeNode(list.items, item));
  }
  return makeNode(true, sortChildren([...nodes])) as FieldSet;
}
