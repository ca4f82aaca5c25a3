import { setOwn } from '../decode/copy-json.ts';
import { type JsonObject, type JsonValue, stringifyJson } from '../json.ts';
import { ApiError, badRequest } from '../status.ts';
import { quoteGo } from '../quote-go.ts';

/**
 * JSON patch (RFC 6902) with the ways of the library that kube-apiserver uses (evanphx/json-patch 4): negative indexes
 * count from the end, `replace` and `add` of a key are the same, an absent key is null, a path without a leading slash
 * begins with its second part.
 */
export const MAX_OPERATIONS = 10_000;

/** Bytes of JSON that `copy` operations may add up to; without it a short patch makes a document of any size. */
const MAX_COPIED = 3 * 1024 * 1024;

/**
 * Checks the operations as kube-apiserver does before it applies them under Warn or Strict.
 * Result: what strict validation has to say, `json patch unknown field "[0].zig"`.
 * @throws ApiError 400 where a member is of the wrong type
 */
export function checkJsonPatch(patch: readonly JsonValue[]): string[] {
  const found: string[] = [];
  patch.forEach((operation, i) => {
    if (operation === null) return;
    if (!isObject(operation)) throw undecodable(operation, 'handlers.jsonPatchOp', undefined);
    for (const key of Object.keys(operation)) {
      const value = operation[key] as JsonValue;
      if (key === 'op' || key === 'path' || key === 'from') {
        if (value !== null && typeof value !== 'string') throw undecodable(value, 'string', key);
      } else if (key !== 'value') found.push(`json patch unknown field ${quoteGo(`[${i}].${key}`)}`);
    }
  });
  return found;
}

function undecodable(value: JsonValue, type: string, field: string | undefined): ApiError {
  const kind = Array.isArray(value)
    ? 'array'
    : typeof value === 'boolean'
      ? 'bool'
      : typeof value === 'bigint'
        ? 'number'
        : typeof value;
  const into = field === undefined ? 'Go value' : `Go struct field jsonPatchOp.${field}`;
  return badRequest(`error decoding patch: json: cannot unmarshal ${kind} into ${into} of type ${type}`);
}

/**
 * The patched document. The argument is not changed; objects and lists that no path leads through are shared with it.
 * @throws ApiError 413 for too many operations, 422 for one that cannot be done
 */
export function applyJsonPatch(target: JsonValue, patch: readonly JsonValue[]): JsonValue {
  if (patch.length > MAX_OPERATIONS) {
    const message = `Request entity too large: The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${patch.length}`;
    throw new ApiError({ code: 413, reason: 'RequestEntityTooLarge', message });
  }
  const state: State = { root: open(target), opened: new Set(), copied: 0 };
  if (state.root === undefined) throw unprocessable();
  state.opened.add(state.root);
  for (const operation of patch) perform(state, operation);
  return state.root;
}

/** What upstream says of any operation that fails; the reason is not told. */
function unprocessable(): ApiError {
  return new ApiError({
    code: 422,
    reason: 'Invalid',
    message: 'the server rejected our request due to an error in our request',
    details: {},
  });
}

type Container = JsonObject | JsonValue[];

interface State {
  root: Container | undefined;
  /** Containers made for this patch: they may be changed. */
  readonly opened: Set<Container>;
  copied: number;
}

function perform(state: State, operation: JsonValue): void {
  if (!isObject(operation)) throw unprocessable();
  switch (member(operation, 'op')) {
    case 'add':
      return add(locate(state, pathOf(operation, 'path')), valueOf(operation));
    case 'remove':
      return remove(locate(state, pathOf(operation, 'path')));
    case 'replace':
      return replace(state, pathOf(operation, 'path'), valueOf(operation));
    case 'move': {
      const from = locate(state, pathOf(operation, 'from'));
      const value = get(from);
      remove(from);
      return add(locate(state, pathOf(operation, 'path')), value);
    }
    case 'copy': {
      const value = get(locate(state, pathOf(operation, 'from')));
      state.copied += value === null ? 0 : Buffer.byteLength(stringifyJson(value));
      if (state.copied > MAX_COPIED) throw unprocessable();
      seal(state, value);
      return add(locate(state, pathOf(operation, 'path')), value);
    }
    case 'test':
      return test(state, pathOf(operation, 'path'), valueOf(operation));
    default:
      throw unprocessable();
  }
}

function member(operation: JsonObject, name: string): JsonValue | undefined {
  return Object.hasOwn(operation, name) ? operation[name] : undefined;
}

function pathOf(operation: JsonObject, name: 'path' | 'from'): string {
  const path = member(operation, name);
  if (typeof path !== 'string') throw unprocessable();
  return path;
}

/** A value that is left out is null. */
function valueOf(operation: JsonObject): JsonValue {
  return member(operation, 'value') ?? null;
}

interface Place {
  readonly container: Container;
  readonly key: string;
}

/** Opens every container on the way. */
function locate(state: State, path: string): Place {
  const parts = path.split('/').slice(1).map(unescape);
  const key = parts.pop();
  if (key === undefined) throw unprocessable();
  let container = state.root as Container;
  for (const part of parts) {
    const place = { container, key: part };
    const child = get(place);
    const next = open(child, state.opened);
    if (next === undefined) throw unprocessable();
    if (next !== child) set(place, next);
    state.opened.add(next);
    container = next;
  }
  return { container, key };
}

const unescape = (part: string): string => part.replace(/~[01]/g, (escape) => (escape === '~1' ? '/' : '~'));

/** A copy of a container that may be changed; undefined for scalars. */
function open(value: JsonValue, opened?: ReadonlySet<Container>): Container | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (opened?.has(value)) return value;
  if (Array.isArray(value)) return [...value];
  // Go's map has its keys sorted when it is written again
  const copy: JsonObject = {};
  for (const key of Object.keys(value)) setOwn(copy, key, value[key]);
  return copy;
}

/** A value that now stands in two places is copied when next opened. */
function seal(state: State, value: JsonValue): void {
  if (typeof value !== 'object' || value === null || !state.opened.delete(value)) return;
  for (const child of Object.values(value)) seal(state, child);
}

function get({ container, key }: Place): JsonValue {
  if (Array.isArray(container)) return container[indexOf(key, container.length, container.length - 1)] as JsonValue;
  return Object.hasOwn(container, key) ? (container[key] as JsonValue) : null;
}

function set({ container, key }: Place, value: JsonValue): void {
  if (Array.isArray(container)) container[indexOf(key, container.length, container.length - 1)] = value;
  else setOwn(container, key, value);
}

function add({ container, key }: Place, value: JsonValue): void {
  if (!Array.isArray(container)) setOwn(container, key, value);
  else if (key === '-') container.push(value);
  else container.splice(indexOf(key, container.length + 1, container.length), 0, value);
}

function remove({ container, key }: Place): void {
  if (Array.isArray(container)) container.splice(indexOf(key, container.length, container.length - 1), 1);
  else if (Object.hasOwn(container, key)) delete container[key];
  else throw unprocessable();
}

/** Negative ones count back from `size`. */
function indexOf(key: string, size: number, last: number): number {
  if (!/^[+-]?\d+$/.test(key)) throw unprocessable();
  const index = Number(key);
  const at = index < 0 ? index + size : index;
  if (at < 0 || at > last) throw unprocessable();
  return at;
}

function replace(state: State, path: string, value: JsonValue): void {
  if (path !== '') {
    const place = locate(state, path);
    get(place);
    return set(place, value);
  }
  const root = open(value);
  if (root === undefined) throw unprocessable();
  state.root = root;
  state.opened.add(root);
}

function test(state: State, path: string, wanted: JsonValue): void {
  const value = path === '' ? (state.root as Container) : get(locate(state, path));
  if (!isSame(value, wanted)) throw unprocessable();
}

function isSame(a: JsonValue | undefined, b: JsonValue | undefined): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, i) => isSame(item, b[i]));
  }
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && isSame(a[key], b[key]));
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
