/** Values of annotations, in the formats of the AWS Load Balancer Controller. */

/** `a, b,c`; empty parts are left out. */
export function stringList(value: string): string[] {
  return value
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** `k1=v1, k2=v2`; undefined where a part has no `=` or a key comes twice. */
export function stringMap(value: string): Record<string, string> | undefined {
  const map = new Map<string, string>();
  for (const part of stringList(value)) {
    const at = part.indexOf('=');
    if (at <= 0) return undefined;
    const key = part.slice(0, at).trim();
    if (map.has(key)) return undefined;
    map.set(key, part.slice(at + 1).trim());
  }
  return Object.fromEntries(map);
}

/** A whole number within the range. */
export function integer(value: string, from: number, to: number): number | undefined {
  if (!/^-?\d+$/.test(value.trim())) return undefined;
  const number = Number(value);
  return number >= from && number <= to ? number : undefined;
}

export function boolean(value: string): boolean | undefined {
  return value === 'true' ? true : value === 'false' ? false : undefined;
}
