import { goSyntax, goType, goValue } from '../decode/go-format.ts';
import { keyElement, valueElement } from './path-element.ts';
import type { ListNode, ScalarSort, TypedNode } from './typed-schema.ts';

/** What the walkers of typed values share. */
export type Sort = 'map' | 'list' | 'scalar';

export type JsonMap = Readonly<Record<string, unknown>>;

/** Which of the sorts of a node a value is taken for. Null, and what fits none, is taken for the first there is. */
export function sortOf(node: TypedNode, value: unknown): Sort {
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'boolean':
    case 'bigint':
      if (node.scalar !== undefined) return 'scalar';
      break;
    case 'object':
      if (value === null) break;
      if (Array.isArray(value)) {
        if (node.list !== undefined) return 'list';
      } else if (node.map !== undefined) return 'map';
  }
  return node.map !== undefined ? 'map' : node.scalar !== undefined ? 'scalar' : 'list';
}

export function asMap(value: unknown): JsonMap | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonMap) : undefined;
}

export function asList(value: unknown): readonly unknown[] | undefined {
  return Array.isArray(value) ? value : undefined;
}

export function isEmptyMap(map: JsonMap | undefined): boolean {
  if (map !== undefined) for (const key in map) if (map[key] !== undefined) return false;
  return true;
}

/** An item that has no place in its list. */
export class ItemError extends Error {}

/** The element by which an item of a set or map list is known. @throws ItemError */
export function itemElement(list: ListNode, item: unknown): string {
  if (list.keys.length === 0) return setElement(item);
  const map = asMap(item);
  if (map === undefined) {
    throw new ItemError(
      `associative list with keys may not have ${item === null ? 'a null element' : 'non-map elements'}`,
    );
  }
  const names: string[] = [];
  const values: unknown[] = [];
  for (let i = 0; i < list.keys.length; i++) {
    const name = list.keys[i] as string;
    const own = Object.hasOwn(map, name) ? map[name] : undefined;
    const known = own === undefined ? list.keyDefaults[i] : own;
    if (known === undefined) continue;
    names.push(name);
    values.push(known);
  }
  if (names.length === 0) {
    const keys = `[${list.keys.map((key) => JSON.stringify(key)).join(' ')}]`;
    throw new ItemError(
      `associative list with keys has an element that omits all key fields ${keys} (and doesn't have default values for any key fields)`,
    );
  }
  return keyElement(names, values);
}

/** As above; undefined for an item that has no place: pruning leaves such behind on its way, as upstream's does. */
export function itemElementOrNone(list: ListNode, item: unknown): string | undefined {
  try {
    return itemElement(list, item);
  } catch (error) {
    if (error instanceof ItemError) return undefined;
    throw error;
  }
}

function setElement(item: unknown): string {
  if (item === null) throw new ItemError("associative list without keys has an element that's an explicit null");
  if (Array.isArray(item)) throw new ItemError('not supported: associative list with lists as elements');
  if (typeof item === 'object') throw new ItemError("associative list without keys has an element that's a map type");
  return valueElement(item);
}

const isNumber = (value: unknown): value is number | bigint => typeof value === 'number' || typeof value === 'bigint';

/** Why a value is not of a sort of scalar; undefined when it is, or is null. Numbers of a patch come from YAML: floats. */
export function scalarError(sort: ScalarSort, value: unknown): string | undefined {
  if (value === null || value === undefined) return undefined;
  switch (sort) {
    case 'numeric':
      return isNumber(value) ? undefined : `expected numeric (int or float), got ${goType(value, floats)}`;
    case 'string':
      return typeof value === 'string'
        ? undefined
        : `expected string, got &value.valueUnstructured{Value:${goSyntax(value, floats)}}`;
    case 'boolean':
      return typeof value === 'boolean' ? undefined : `expected boolean, got ${shown(value)}`;
    default:
      return typeof value === 'object' ? `expected any scalar, got ${shown(value)}` : undefined;
  }
}

const floats = { floats: true };

/** `%v` of structured-merge-diff's pointer to a value */
export function shown(value: unknown): string {
  return `&{${goValue(value, floats)}}`;
}
