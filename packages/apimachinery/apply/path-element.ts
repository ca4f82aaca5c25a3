import { goFloat } from '../decode/go-format.ts';
import { quoteJson } from '../json.ts';
import { compareGoStrings, writeSorted } from '../json-writer.ts';
import { quoteGo } from '../quote-go.ts';

/**
 * One step of a field path as FieldsV1 writes it (sigs.k8s.io/structured-merge-diff, fieldpath):
 * `f:name` a field or map key, `k:{"port":80,"protocol":"TCP"}` a list item by its keys, `v:"x"` an item of a set,
 * `i:0` an index. Beside them, `.` says that the path so far is itself in the set.
 */
export type PathElement = string;

export const SELF = '.';

export function fieldElement(name: string): PathElement {
  return `f:${name}`;
}

export function valueElement(value: unknown): PathElement {
  return `v:${writeSorted(value)}`;
}

/** `names` must be sorted. */
export function keyElement(names: readonly string[], values: readonly unknown[]): PathElement {
  let text = 'k:{';
  for (let i = 0; i < names.length; i++) {
    const value = values[i];
    const json = typeof value === 'string' ? quoteJson(value) : writeSorted(value);
    text += `${i === 0 ? '' : ','}${quoteJson(names[i] as string)}:${json}`;
  }
  return `${text}}`;
}

/** The order in which FieldsV1 has its members. */
export function comparePathElements(a: PathElement, b: PathElement): number {
  if (a === b) return 0;
  const kind = a.charCodeAt(0);
  if (kind !== b.charCodeAt(0)) return rank(kind) - rank(b.charCodeAt(0));
  if (kind === FIELD) return compareGoStrings(a, b);
  if (kind === KEY) return compareKeys(keysOf(a), keysOf(b));
  if (kind === VALUE) return compareValues(JSON.parse(a.slice(2)), JSON.parse(b.slice(2)));
  return Number(a.slice(2)) - Number(b.slice(2));
}

const FIELD = 0x66;
const KEY = 0x6b;
const VALUE = 0x76;
const INDEX = 0x69;

function rank(kind: number): number {
  return kind === FIELD ? 0 : kind === KEY ? 1 : kind === VALUE ? 2 : 3;
}

type Keys = readonly (readonly [name: string, value: unknown])[];

const parsedKeys = new Map<PathElement, Keys>();
const MAX_PARSED = 2000;

function keysOf(element: PathElement): Keys {
  let keys = parsedKeys.get(element);
  if (keys === undefined) {
    keys = sortedEntries(JSON.parse(element.slice(2)));
    if (parsedKeys.size >= MAX_PARSED) parsedKeys.clear();
    parsedKeys.set(element, keys);
  }
  return keys;
}

function sortedEntries(object: unknown): Keys {
  return Object.entries((object ?? {}) as Record<string, unknown>).sort(([a], [b]) => compareGoStrings(a, b));
}

function compareKeys(a: Keys, b: Keys): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    const [aName, aValue] = a[i] as Keys[number];
    const [bName, bValue] = b[i] as Keys[number];
    const order = compareGoStrings(aName, bName) || compareValues(aValue, bValue);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

/** A total order over JSON: numbers, strings, booleans, lists, maps, null. */
function compareValues(a: unknown, b: unknown): number {
  const order = typeRank(a) - typeRank(b);
  if (order !== 0) return order;
  if (typeof a === 'number') return a - (b as number);
  if (typeof a === 'string') return compareGoStrings(a, b as string);
  if (typeof a === 'boolean') return Number(a) - Number(b);
  if (Array.isArray(a)) {
    const other = b as unknown[];
    for (let i = 0; i < a.length && i < other.length; i++) {
      const itemOrder = compareValues(a[i], other[i]);
      if (itemOrder !== 0) return itemOrder;
    }
    return a.length - other.length;
  }
  return a === null ? 0 : compareKeys(sortedEntries(a), sortedEntries(b));
}

function typeRank(value: unknown): number {
  if (typeof value === 'number') return 0;
  if (typeof value === 'string') return 1;
  if (typeof value === 'boolean') return 2;
  if (Array.isArray(value)) return 3;
  return value === null ? 5 : 4;
}

/**
 * Brings an element that a client wrote into the form used here; undefined = a kind that is not known, to be ignored.
 * @throws Error when it is none
 */
export function parsePathElement(text: string): PathElement | undefined {
  if (text.length < 2) throw new Error('key must be 2 characters long:');
  if (text[1] !== ':') throw new Error(`missing colon: ${text}`);
  const rest = text.slice(2);
  switch (text.charCodeAt(0)) {
    case FIELD:
      return text;
    case VALUE:
      return valueElement(JSON.parse(rest));
    case KEY: {
      const keys: unknown = JSON.parse(rest);
      if (typeof keys !== 'object' || Array.isArray(keys)) throw new Error(`not an object: ${text}`);
      const entries = sortedEntries(keys);
      return keyElement(
        entries.map(([name]) => name),
        entries.map(([, value]) => value),
      );
    }
    case INDEX:
      if (!/^[+-]?\d+$/.test(rest)) throw new Error(`not an index: ${text}`);
      return `i:${Number(rest)}`;
    default:
      return undefined;
  }
}

/** As conflicts show it: `.name`, `[name="c"]`, `[="x"]`, `[0]` */
export function displayPathElement(element: PathElement): string {
  const rest = element.slice(2);
  switch (element.charCodeAt(0)) {
    case FIELD:
      return `.${rest}`;
    case KEY:
      return `[${keysOf(element)
        .map(([name, value]) => `${name}=${displayValue(value)}`)
        .join(',')}]`;
    case VALUE:
      return `[=${displayValue(JSON.parse(rest))}]`;
    default:
      return `[${rest}]`;
  }
}

function displayValue(value: unknown): string {
  if (typeof value === 'string') return quoteGo(value);
  // numbers of YAML and of field sets are floats
  if (typeof value === 'number') return goFloat(value);
  if (Array.isArray(value)) return `[${value.map(displayValue).join(',')}]`;
  if (typeof value === 'object' && value !== null)
    return sortedEntries(value)
      .map(([name, member]) => `${name}=${displayValue(member)}`)
      .join('');
  return String(value);
}

export function displayPath(path: readonly PathElement[]): string {
  return path.map(displayPathElement).join('');
}
