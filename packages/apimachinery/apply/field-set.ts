import { type PathElement, SELF, comparePathElements, parsePathElement } from './path-element.ts';

/**
 * A set of field paths, in the very form in which managedFields has it (FieldsV1): a tree of path elements, where an
 * empty node, or one with `.`, is in the set. So a set that does not change is never encoded, decoded or copied.
 * Sets are immutable and shared. Keys are prefixed, so no name from a user meets Object.prototype.
 * The empty set is undefined, and no operation returns a set without members.
 */
export interface FieldSet {
  readonly [element: PathElement]: FieldSet;
}

/** The node of a path that is in the set and has nothing below it. */
export const LEAF: FieldSet = Object.freeze({});

type Draft = Record<PathElement, FieldSet>;

/** Whether the path of a node is in the set itself. */
export function isMember(node: FieldSet | undefined): boolean {
  return node !== undefined && (node[SELF] !== undefined || isBare(node));
}

export function hasChildren(node: FieldSet): boolean {
  for (const key in node) if (key !== SELF) return true;
  return false;
}

function isBare(node: FieldSet): boolean {
  for (const _ in node) return false;
  return true;
}

/** A node from its parts; undefined when there is nothing in it. */
export function makeNode(member: boolean, children: FieldSet | undefined): FieldSet | undefined {
  if (children === undefined) return member ? LEAF : undefined;
  return member ? { [SELF]: LEAF, ...children } : children;
}

/** Children of a node, without `.`; undefined when it has none. */
export function childrenOf(node: FieldSet): FieldSet | undefined {
  if (node[SELF] === undefined) return isBare(node) ? undefined : node;
  const { [SELF]: _, ...children } = node;
  return isBare(children) ? undefined : children;
}

/** Children from entries in any order. */
export function sortChildren(entries: [PathElement, FieldSet][]): FieldSet | undefined {
  if (entries.length === 0) return undefined;
  if (entries.length > 1) entries.sort(([a], [b]) => comparePathElements(a, b));
  return Object.fromEntries(entries);
}

export function union(a: FieldSet | undefined, b: FieldSet | undefined): FieldSet | undefined {
  if (a === undefined || a === b) return b;
  if (b === undefined) return a;
  return uniteChildren(a, b);
}

/** The union of the nodes of one path: unlike sets, they say whether the path itself is in. */
export function uniteNodes(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b) return a;
  const member = isMember(a) || isMember(b);
  if (isBare(a)) return isMember(b) ? b : (makeNode(true, b) as FieldSet);
  if (isBare(b)) return isMember(a) ? a : (makeNode(true, a) as FieldSet);
  const children = uniteChildren(a, b);
  if (!member || children[SELF] !== undefined) return children;
  return makeNode(true, children) as FieldSet;
}

/** `.` is taken along when it is in `a`. */
function uniteChildren(a: FieldSet, b: FieldSet): FieldSet {
  let changed: Draft | undefined;
  let added: PathElement[] | undefined;
  for (const key in b) {
    if (key === SELF) continue;
    const mine = a[key];
    if (mine === undefined) (added ??= []).push(key);
    else {
      const united = uniteNodes(mine, b[key] as FieldSet);
      if (united !== mine) (changed ??= { ...a })[key] = united;
    }
  }
  if (added === undefined) return changed ?? a;
  const from = changed ?? a;
  const out: Draft = {};
  let next = 0;
  for (const key in from) {
    if (key !== SELF) {
      while (next < added.length && comparePathElements(added[next] as string, key) < 0) {
        const element = added[next++] as string;
        out[element] = b[element] as FieldSet;
      }
    }
    out[key] = from[key] as FieldSet;
  }
  for (; next < added.length; next++) out[added[next] as string] = b[added[next] as string] as FieldSet;
  return out;
}

/** Paths of `a` that are not in `b`. A path in `b` does not take those below it away. */
export function difference(a: FieldSet | undefined, b: FieldSet | undefined): FieldSet | undefined {
  if (a === undefined || b === undefined) return a;
  return subtractChildren(a, b, subtractNode);
}

function subtractNode(a: FieldSet, b: FieldSet): FieldSet | undefined {
  if (!isMember(b) || !isMember(a)) return hasChildren(a) ? subtractChildren(a, b, subtractNode) : a;
  const children = childrenOf(a);
  return children === undefined ? undefined : subtractChildren(children, b, subtractNode);
}

/** Paths of `a` that are neither in `b` nor below one in `b`. */
export function recursiveDifference(a: FieldSet | undefined, b: FieldSet | undefined): FieldSet | undefined {
  if (a === undefined || b === undefined) return a;
  return subtractChildren(a, b, subtractTree);
}

function subtractTree(a: FieldSet, b: FieldSet): FieldSet | undefined {
  if (isMember(b)) return undefined;
  return hasChildren(a) ? subtractChildren(a, b, subtractTree) : a;
}

/** `a` itself when nothing goes. A `.` in `a` stays. */
function subtractChildren(
  a: FieldSet,
  b: FieldSet,
  subtract: (a: FieldSet, b: FieldSet) => FieldSet | undefined,
): FieldSet | undefined {
  let changed: Map<PathElement, FieldSet | undefined> | undefined;
  for (const key in b) {
    const mine = a[key];
    if (mine === undefined || key === SELF) continue;
    const rest = subtract(mine, b[key] as FieldSet);
    if (rest !== mine) (changed ??= new Map()).set(key, rest);
  }
  if (changed === undefined) return a;
  const out: Draft = {};
  let children = 0;
  for (const key in a) {
    const rest = changed.has(key) ? changed.get(key) : a[key];
    if (rest === undefined) continue;
    out[key] = rest;
    if (key !== SELF) children++;
  }
  // with `.` alone left, the node is a leaf
  if (children === 0) return out[SELF] === undefined ? undefined : LEAF;
  return out;
}

/** Paths that are in both. */
export function intersection(a: FieldSet | undefined, b: FieldSet | undefined): FieldSet | undefined {
  if (a === undefined || b === undefined) return undefined;
  let out: Draft | undefined;
  for (const key in a) {
    const other = b[key];
    if (other === undefined || key === SELF) continue;
    const mine = a[key] as FieldSet;
    const both = makeNode(isMember(mine) && isMember(other), intersection(mine, other));
    if (both !== undefined) (out ??= {})[key] = both;
  }
  return out;
}

export function hasPath(set: FieldSet | undefined, path: readonly PathElement[]): boolean {
  let node = set;
  for (const element of path) node = node?.[element];
  return path.length > 0 && isMember(node);
}

/** Every path, in upstream's order: the members of a node before what is below them. The path is reused. */
export function forEachPath(
  set: FieldSet | undefined,
  visit: (path: readonly PathElement[]) => void,
  prefix: PathElement[] = [],
): void {
  if (set === undefined) return;
  for (const key in set) {
    if (key === SELF || !isMember(set[key])) continue;
    prefix.push(key);
    visit(prefix);
    prefix.pop();
  }
  for (const key in set) {
    if (key === SELF || !hasChildren(set[key] as FieldSet)) continue;
    prefix.push(key);
    forEachPath(set[key], visit, prefix);
    prefix.pop();
  }
}

/** `setOf(['spec', 'replicas'], ['status'])`: paths of field names. */
export function setOfFields(paths: readonly (readonly string[])[]): FieldSet | undefined {
  let set: FieldSet | undefined;
  for (const path of paths) {
    const node = path.reduceRight<FieldSet>((below, name) => ({ [`f:${name}`]: below }), LEAF);
    set = union(set, node);
  }
  return set;
}

/**
 * Reads a set that came from a client: elements in any order and notation, unknown kinds of them dropped.
 * @throws Error when it is not one
 */
export function parseFieldSet(json: unknown): FieldSet | undefined {
  const { children } = parseNode(json);
  return children;
}

function parseNode(json: unknown): { member: boolean; children: FieldSet | undefined } {
  if (json !== null && (typeof json !== 'object' || Array.isArray(json)))
    throw new Error('a field set has objects only');
  let member = false;
  const entries: [PathElement, FieldSet][] = [];
  for (const [key, value] of Object.entries(json ?? {})) {
    if (key === SELF) {
      member = true;
      continue;
    }
    const element = parsePathElement(key);
    if (element === undefined) continue;
    const below = parseNode(value);
    const node = makeNode(below.member, below.children);
    if (node !== undefined) entries.push([element, node]);
  }
  const children = sortChildren(entries);
  return { member: member || children === undefined, children };
}
