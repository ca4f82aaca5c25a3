import { getOwn, isObject, setOwn } from '../decode/copy-json.ts';
import { goString, goType, goValue } from '../decode/go-format.ts';
import type { StructType } from '../schema.ts';
import { ApiError, badRequest } from '../status.ts';
import { type PatchMeta, type PatchTarget, listMeta, structMeta, targetOf } from './strategic-merge-meta.ts';
import { isSameScalar, normalizeOrder, partition, typeOfItems } from './strategic-merge-order.ts';

/**
 * Strategic merge patch (k8s.io/apimachinery/pkg/util/strategicpatch) for objects of built-in kinds: lists are merged
 * by their merge keys, `$patch`, `$retainKeys`, `$setElementOrder/x` and `$deleteFromPrimitiveList/x` are obeyed.
 */
type Json = Record<string, unknown>;

const PATCH = '$patch';
const RETAIN_KEYS = '$retainKeys';
const SET_ORDER = '$setElementOrder/';
const DELETE_FROM_LIST = '$deleteFromPrimitiveList/';

/**
 * The patched object, not decoded: go on with `decodeObject(object, type, { source: 'untyped' })`. Neither argument is
 * changed; the result shares with both what it keeps.
 * @throws ApiError 400 and 422 for a patch that is formed wrongly, 500 for one that does not fit the object
 */
export function applyStrategicMergePatch(target: Readonly<Json>, patch: Readonly<Json>, type: StructType): Json {
  return mergeMap(target, patch, targetOf(type));
}

function mergeMap(original: Readonly<Json>, patchMap: Readonly<Json>, target: PatchTarget): Json {
  const directive = getOwn(patchMap, PATCH);
  if (directive !== undefined) return obey(directive, patchMap);

  const patch = { ...patchMap };
  const out = retainKeys({ ...original }, patch);
  setElementOrders(out, patch, target);
  for (const key of Object.keys(patch)) {
    const value = patch[key];
    if (key.startsWith(DELETE_FROM_LIST)) deleteFromList(out, key.slice(DELETE_FROM_LIST.length), value, target);
    else if (value === null) delete out[key];
    else setOwn(out, key, mergeMember(getOwn(out, key), value, key, target));
    if (out[key] === DROPPED) delete out[key];
  }
  return out;
}

/** The member of a patch that asks to be left out. */
const DROPPED = Symbol('dropped');

function obey(directive: unknown, patch: Readonly<Json>): Json {
  if (directive === 'delete') return {};
  if (directive !== 'replace') throw failure(`unknown patch type: ${goString(directive)} in map: ${goValue(patch)}`);
  const { [PATCH]: _, ...rest } = patch;
  return rest;
}

function mergeMember(original: unknown, patch: unknown, key: string, target: PatchTarget): unknown {
  if (original === undefined || goType(original) !== goType(patch)) return withoutDirectives(withoutNulls(patch));
  if (isObject(patch)) {
    const { meta, inner } = structMeta(target, key);
    return meta.strategy === 'replace' ? patch : mergeMap(original as Json, patch, inner);
  }
  if (Array.isArray(patch)) {
    const { meta, inner } = listMeta(target, key);
    return meta.strategy === 'merge' ? mergeList(original as unknown[], patch, meta, inner) : patch;
  }
  return patch;
}

/** `$deleteFromPrimitiveList/x`: takes the listed values out of x. */
function deleteFromList(out: Json, key: string, values: unknown, target: PatchTarget): void {
  if (values === null) {
    delete out[key];
    return;
  }
  const original = getOwn(out, key);
  if (original === undefined || goType(original) !== goType(values)) return;
  if (isObject(values)) setOwn(out, key, mergeMember(original, values, key, target));
  else if (!Array.isArray(values)) setOwn(out, key, values);
  else {
    const list = original as unknown[];
    const { meta, inner } = listMeta(target, key);
    const isMap = list.length + values.length > 0 && typeOfItems(list, values) === 'map';
    setOwn(
      out,
      key,
      isMap
        ? mergeList(list, values, meta, inner)
        : list.filter((item) => !values.some((value) => isSameScalar(value, item))),
    );
  }
}

/** Nulls of what is new go. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isObject(value)) return value;
  const out: Json = {};
  for (const key of Object.keys(value)) if (value[key] !== null) setOwn(out, key, withoutNulls(value[key]));
  return out;
}

/** Maps with a directive go: there is nothing that they could be merged with. */
function withoutDirectives(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutDirectives).filter((item) => item !== DROPPED);
  if (!isObject(value)) return value;
  if (Object.hasOwn(value, PATCH)) return DROPPED;
  const out: Json = {};
  for (const key of Object.keys(value)) {
    const member = withoutDirectives(value[key]);
    if (member !== DROPPED) setOwn(out, key, member);
  }
  return out;
}

/** `$retainKeys`: everything else goes. */
function retainKeys(original: Json, patch: Json): Json {
  const keys = getOwn(patch, RETAIN_KEYS);
  if (keys === undefined) return original;
  delete patch[RETAIN_KEYS];
  const malformed = badRequest('invalid patch format of retainKeys');
  if (!Array.isArray(keys)) throw malformed;
  for (const key of Object.keys(patch)) {
    const isOther = patch[key] === null || key.startsWith(DELETE_FROM_LIST) || key.startsWith(SET_ORDER);
    if (!isOther && !keys.includes(key)) throw malformed;
  }
  for (const key of Object.keys(original)) if (!keys.includes(key)) delete original[key];
  return original;
}

/** `$setElementOrder/x`: merges x and puts its items into that order. */
function setElementOrders(out: Json, patch: Json, target: PatchTarget): void {
  for (const directive of Object.keys(patch)) {
    if (!directive.startsWith(SET_ORDER)) continue;
    const order = asList(patch[directive]);
    delete patch[directive];
    const key = directive.slice(SET_ORDER.length);
    const original = Object.hasOwn(out, key) ? asList(out[key]) : undefined;
    const changes = Object.hasOwn(patch, key) ? asList(patch[key]) : undefined;
    const { meta, inner } = listMeta(target, key);
    checkOrder(changes ?? [], order, meta.mergeKey);
    if (original === undefined && changes === undefined) continue;
    let merged: readonly unknown[];
    if (changes === undefined) merged = original as unknown[];
    else if (original === undefined) merged = withoutDirectives(changes) as unknown[];
    else merged = meta.strategy === 'merge' ? mergeList(original, changes, meta, inner) : changes;
    setOwn(out, key, ordered(merged, order, original ?? [], changes ?? [], meta.mergeKey));
    delete patch[key];
  }
}

function ordered(
  merged: readonly unknown[],
  order: readonly unknown[],
  original: readonly unknown[],
  changes: readonly unknown[],
  mergeKey: string,
): unknown[] {
  const [inOrder, others] = partition(merged, order, mergeKey);
  const isMap = typeOfItems(original, changes) === 'map';
  return normalizeOrder(inOrder, others, order, original, isMap ? mergeKey : undefined);
}

function asList(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw failure(`expected a []interface {}, but received a ${typeName(value)}`);
  return value;
}

/** The items of a patch must be in the order that it asks for. */
function checkOrder(changes: readonly unknown[], order: readonly unknown[], mergeKey: string): void {
  if (changes.length === 0 || order.length === 0) return;
  const items = mergeKey === '' ? changes : changes.filter((item) => asMap(item)[PATCH] !== 'delete');
  let at = 0;
  let inOrder = 0;
  while (at < items.length && inOrder < order.length) {
    const item = items[at];
    if (isObject(item) && Object.hasOwn(item, PATCH)) {
      at++;
      continue;
    }
    const wanted = order[inOrder++];
    const isNext =
      mergeKey === '' ? isSameScalar(item, wanted) : isSameScalar(keyOf(item, mergeKey), keyOf(wanted, mergeKey));
    if (isNext) at++;
  }
  if (at < items.length)
    throw failure(
      `The order in patch list:\n${goValue(changes)}\n doesn't match $setElementOrder list:\n${goValue(order)}\n`,
    );
}

function mergeList(
  original: readonly unknown[],
  patch: readonly unknown[],
  { mergeKey }: PatchMeta,
  inner: PatchTarget,
): unknown[] {
  if (original.length === 0 && patch.length === 0) return [...original];
  if (typeOfItems(original, patch) !== 'map') {
    const merged = withoutRepeats([...original, ...patch]);
    const [patched, others] = partition(merged, patch, '');
    return normalizeOrder(patched, others, patch, original, undefined);
  }
  if (mergeKey === '') throw failure(`cannot merge lists without merge key for ${inner.goKind}`);
  const [kept, changes] = obeyItems(original, patch, mergeKey);
  const merged = mergeItems(kept, changes, mergeKey, inner);
  const [patched, others] = partition(merged, changes, mergeKey);
  return normalizeOrder(patched, others, changes, kept, mergeKey);
}

/** Upstream's way: the last takes the place of a repeated one. */
function withoutRepeats(items: unknown[]): unknown[] {
  let { length } = items;
  for (let i = 0; i < length - 1; i++) {
    for (let j = i + 1; j < length; j++) {
      if (!isSameScalar(items[i], items[j])) continue;
      items[j] = items[--length];
      j--;
    }
  }
  items.length = length;
  return items;
}

/** `$patch` within items: what is left of the list, and of the patch. */
function obeyItems(original: readonly unknown[], patch: readonly unknown[], mergeKey: string): [unknown[], unknown[]] {
  let kept = [...original];
  const changes: unknown[] = [];
  let replace = false;
  for (const item of patch as Json[]) {
    const directive = getOwn(item, PATCH);
    if (directive === undefined) changes.push(item);
    else if (directive === 'delete') {
      const key = keyOf(item, mergeKey);
      kept = kept.filter((other) => !isSameScalar(getOwn(asItem(other, kept), mergeKey), key));
    } else if (directive === 'replace') replace = true;
    else if (directive === 'merge') throw failure('merging lists cannot yet be specified in the patch');
    else throw failure(`unknown patch type: ${goString(directive)} in map: ${goValue(item)}`);
  }
  return replace ? [changes, []] : [kept, changes];
}

function mergeItems(
  original: readonly unknown[],
  patch: readonly unknown[],
  mergeKey: string,
  inner: PatchTarget,
): unknown[] {
  const merged = [...original];
  for (const item of patch as Json[]) {
    const key = keyOf(item, mergeKey);
    const at = merged.findIndex((other) => isSameScalar(getOwn(asItem(other, merged), mergeKey), key));
    if (at < 0) merged.push(item);
    else merged[at] = mergeMap(merged[at] as Json, item, inner);
  }
  return merged;
}

function asItem(value: unknown, list: readonly unknown[]): Json {
  if (!isObject(value)) throw failure(`value for key ${list.indexOf(value)} is not a map`);
  return value;
}

function asMap(value: unknown): Json {
  if (!isObject(value)) throw failure(`expected a map[string]interface {}, but received a ${typeName(value)}`);
  return value;
}

/** @throws ApiError when an item has no merge key */
function keyOf(item: unknown, mergeKey: string): unknown {
  const map = asMap(item);
  if (!Object.hasOwn(map, mergeKey))
    throw failure(`map: ${goValue(map)} does not contain declared merge key: ${mergeKey}`);
  return map[mergeKey];
}

function typeName(value: unknown): string {
  return value === null ? '%!s(<nil>)' : goType(value);
}

/** What upstream answers for an error without a status of its own. */
export function failure(message: string): ApiError {
  return new ApiError({ code: 500, message });
}
