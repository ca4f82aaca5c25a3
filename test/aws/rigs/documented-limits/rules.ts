/** What a service refuses although its model allows it: rules that stand only in its documentation. */
export type Input = Readonly<Record<string, unknown>>;
export type LimitRules = Readonly<Record<string, (input: Input) => readonly string[]>>;

export function between(input: Input, name: string, low: number, high: number, at = ''): string[] {
  const value = input[name];
  if (value === undefined || (typeof value === 'number' && value >= low && value <= high)) return [];
  return [`${at}${name}: ${low} to ${high}, is ${String(value)}`];
}

/** How many elements a list, or characters a string, may have. */
export function atMost(input: Input, name: string, most: number, at = ''): string[] {
  const value = input[name] as { readonly length: number } | undefined;
  return value === undefined || value.length <= most ? [] : [`${at}${name}: at most ${most}, has ${value.length}`];
}

export function matches(input: Input, name: string, pattern: RegExp, said: string, at = ''): string[] {
  const value = input[name];
  return value === undefined || pattern.test(String(value)) ? [] : [`${at}${name}: ${said}, is ${String(value)}`];
}

export function notBoth(input: Input, one: string, other: string): string[] {
  return input[one] !== undefined && input[other] !== undefined ? [`${one} and ${other}: only one of them`] : [];
}

export const list = (value: unknown): readonly Input[] => (value ?? []) as readonly Input[];

/** Tags of any service: keys differ, are not AWS's own; 50 at most. */
export function tagRules(tags: unknown, at = 'Tags'): string[] {
  const all = list(tags);
  const keys = all.map((tag) => String(tag['Key'] ?? tag['key']));
  const values = all.map((tag) => String(tag['Value'] ?? tag['value'] ?? ''));
  return [
    ...(all.length > 50 ? [`${at}: at most 50, are ${all.length}`] : []),
    ...(new Set(keys).size === keys.length ? [] : [`${at}: keys must differ`]),
    ...keys
      .filter((key) => key.length < 1 || key.length > 128)
      .map((key) => `${at}: a key of 1 to 128 characters: ${key}`),
    ...keys.filter((key) => /^aws:/i.test(key)).map((key) => `${at}: ${key} is AWS's own`),
    ...values.filter((value) => value.length > 256).map((value) => `${at}: a value of up to 256 characters: ${value}`),
    ...[...keys, ...values]
      .filter((text) => !/^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u.test(text))
      .map((text) => `${at}: letters, digits, spaces and _.:/=+-@ only: ${text}`),
  ];
}
