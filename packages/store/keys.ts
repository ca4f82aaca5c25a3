/**
 * Keys of the store: `<group>/<resource>/<namespace>/<name>`, the core group and the namespace of cluster-scoped
 * objects being the empty string. Ranges are prefixes that end in a slash, or whole keys.
 */
export interface ObjectKey {
  readonly group: string;
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
}

export function objectKey(group: string, resource: string, namespace: string, name: string): string {
  return `${group}/${resource}/${namespace}/${name}`;
}

/** The prefix of all objects of a type, which is also the name of the type: `<group>/<resource>/`. */
export function typePrefix(group: string, resource: string): string {
  return `${group}/${resource}/`;
}

/** The prefix of all objects of a type in one namespace (`''`: the cluster-scoped ones). */
export function namespacePrefix(group: string, resource: string, namespace: string): string {
  return `${group}/${resource}/${namespace}/`;
}

/** Throws TypeError for what is no whole key. A name may hold anything, slashes included. */
export function parseKey(key: string): ObjectKey {
  const [first, second, third] = slashes(key);
  if (third < 0 || third === key.length - 1) throw new TypeError(`not a whole key: ${JSON.stringify(key)}`);
  return {
    group: key.slice(0, first),
    resource: key.slice(first + 1, second),
    namespace: key.slice(second + 1, third),
    name: key.slice(third + 1),
  };
}

/** The type of a whole key or of any range: its first two segments with both slashes. */
export function typeOf(key: string): string {
  const second = key.indexOf('/', key.indexOf('/') + 1);
  if (second < 0) throw new TypeError(`a key without a type: ${JSON.stringify(key)}`);
  return key.slice(0, second + 1);
}

/** The namespace prefix of a whole key: everything up to its third slash. */
export function namespaceOf(key: string): string {
  return key.slice(0, slashes(key)[2] + 1);
}

export type RangeScope = 'type' | 'namespace' | 'key';

/** What a range covers. Throws TypeError for a prefix that ends inside a segment: it would match by accident of names. */
export function rangeScope(prefix: string): RangeScope {
  const [, second, third] = slashes(prefix);
  if (second === prefix.length - 1 && second > 0) return 'type';
  if (third < 0) throw new TypeError(`not a range of keys: ${JSON.stringify(prefix)}`);
  return third === prefix.length - 1 ? 'namespace' : 'key';
}

/** The smallest string above every key that starts with `prefix`, where the prefix ends in a slash. */
export function prefixEnd(prefix: string): string {
  return `${prefix.slice(0, -1)}0`; // '0' follows '/' in Unicode
}

function slashes(key: string): [number, number, number] {
  const first = key.indexOf('/');
  const second = first < 0 ? -1 : key.indexOf('/', first + 1);
  const third = second < 0 ? -1 : key.indexOf('/', second + 1);
  return [first, second, third];
}
