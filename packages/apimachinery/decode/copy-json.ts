/** A deep copy of plain JSON. Iterates own keys only, and keeps `__proto__` a plain key. */
export function copyJson<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item: unknown) => copyJson(item)) as T;
  const object: Record<string, unknown> = {};
  for (const key of Object.keys(value)) setOwn(object, key, copyJson((value as Record<string, unknown>)[key]));
  return object as T;
}

/** Assignment that is safe for a key from a user: `__proto__` becomes an own property. */
export function setOwn(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
  else object[key] = value;
}

/** Lookup that is safe for a key from a user: `constructor` is found only when it is there. */
export function getOwn(object: Readonly<Record<string, unknown>>, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
