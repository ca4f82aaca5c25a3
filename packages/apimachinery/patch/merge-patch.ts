import { setOwn } from '../equality.ts';
import type { JsonObject, JsonValue } from '../json.ts';

/**
 * JSON merge patch (RFC 7386) as kube-apiserver applies it: what is new is taken without its nulls, which reaches, other
 * than in the RFC, into objects of lists. Neither argument is changed; the result shares with both what it keeps.
 */
export function applyMergePatch(target: JsonValue | undefined, patch: JsonValue): JsonValue {
  if (!isObject(target)) return withoutNulls(patch);
  if (!isObject(patch)) return patch;
  const result: JsonObject = { ...target };
  for (const key of Object.keys(patch)) {
    const value = patch[key] as JsonValue;
    if (value === null) delete result[key];
    else set(result, key, applyMergePatch(Object.hasOwn(result, key) ? result[key] : undefined, value));
  }
  return result;
}

function withoutNulls(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isObject(value)) return value;
  const result: JsonObject = {};
  for (const key of Object.keys(value)) {
    if (value[key] !== null) set(result, key, withoutNulls(value[key] as JsonValue));
  }
  return result;
}

function set(object: JsonObject, key: string, value: JsonValue): void {
  if (key === '__proto__') setOwn(object, key, value);
  else object[key] = value;
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
