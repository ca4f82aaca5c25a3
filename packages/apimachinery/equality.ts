/** Equality, copies and freezing of JSON trees. */

/** The same value all through. An absent key and an undefined one are the same. */
export function deepEqual(a: unknown, b: unknown): boolean {
  return equal(a, b, false);
}

/**
 * Equal for an API object's purposes: absent, null, empty list, empty object and '' / 0 / false are one value, as they are
 * after a round trip through Go's omitempty. For comparing desired with observed state, where defaults are filled already.
 * Quantities are compared as text: decoded objects have them in canonical form (see resource-list.ts for amounts).
 */
export function semanticEqual(a: unknown, b: unknown): boolean {
  return equal(a, b, true);
}

function equal(a: unknown, b: unknown, loose: boolean): boolean {
  if (a === b) return true;
  if (loose && isEmpty(a) && isEmpty(b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    for (let i = 0; i < a.length; i++) if (!equal(a[i], b[i], loose)) return false;
    return true;
  }
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  for (const key in left)
    if (!equal(left[key], Object.hasOwn(right, key) ? right[key] : undefined, loose)) return false;
  for (const key in right) if (!Object.hasOwn(left, key) && !equal(undefined, right[key], loose)) return false;
  return true;
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === 0 || value === false) return true;
  if (typeof value !== 'object') return false;
  if (Array.isArray(value)) return value.length === 0;
  for (const key in value) if (!isEmpty((value as Record<string, unknown>)[key])) return false;
  return true;
}

/** A copy that shares nothing with the original and may be changed. */
export function deepCopy<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item: unknown) => deepCopy(item)) as T;
  const source = value as Record<string, unknown>;
  const copy: Record<string, unknown> = {};
  for (const key in source) {
    const member = source[key];
    if (key === '__proto__') setOwn(copy, key, deepCopy(member));
    else copy[key] = typeof member === 'object' ? deepCopy(member) : member;
  }
  return copy as T;
}

/** Sets a key that may come from a user: `__proto__` becomes a key like any other. */
export function setOwn(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
}

/** Freezes the whole tree in place and returns it. Stops at what is frozen already: trees are frozen from the root. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) deepFreeze(value[i] as unknown);
  } else {
    for (const key in value) deepFreeze((value as Record<string, unknown>)[key]);
  }
  return value;
}
