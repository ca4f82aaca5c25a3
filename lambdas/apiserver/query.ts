/** Query parameters, read as Go's net/url does: what cannot be decoded is dropped. */
export class Query {
  readonly #values: ReadonlyMap<string, readonly string[]>;
  readonly raw: string;
  constructor(raw: string) {
    this.raw = raw;
    this.#values = raw === '' ? none : parse(raw);
  }
  /** The first value; undefined if there is none. */
  get(name: string): string | undefined {
    return this.#values.get(name)?.[0];
  }
  getAll(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }
  has(name: string): boolean {
    return this.#values.has(name);
  }
  entries(): Iterable<readonly [string, readonly string[]]> {
    return this.#values;
  }
}

const none: ReadonlyMap<string, readonly string[]> = new Map();
export const emptyQuery = new Query('');

function parse(raw: string): Map<string, string[]> {
  const values = new Map<string, string[]>();
  for (const pair of raw.split('&')) {
    // Go refuses a semicolon, which some servers take for a separator and others do not.
    if (pair === '' || pair.includes(';')) continue;
    const equals = pair.indexOf('=');
    const name = decode(equals < 0 ? pair : pair.slice(0, equals));
    const value = equals < 0 ? '' : decode(pair.slice(equals + 1));
    if (name === undefined || value === undefined) continue;
    const known = values.get(name);
    if (known) known.push(value);
    else values.set(name, [value]);
  }
  return values;
}

const special = /[+%]/;

function decode(text: string): string | undefined {
  if (!special.test(text)) return text;
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}
