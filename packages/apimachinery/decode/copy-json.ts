/** Members of plain JSON objects, by keys that may come from a user. */

/** A deep copy that shares nothing with the original. */
export { deepCopy as copyJson } from '../equality.ts';

/** Assignment that is safe for any key: `__proto__` becomes an own property. */
export function setOwn(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
  } else object[key] = value;
}

/** Lookup that is safe for any key: `constructor` is found only when it is there. */
export function getOwn(object: Readonly<Record<string, unknown>>, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
