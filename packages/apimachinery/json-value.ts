/** What the JSON codec (json.ts) reads and says. */
export type JsonValue = null | boolean | number | bigint | string | JsonValue[] | { [key: string]: JsonValue };
export type JsonObject = { [key: string]: JsonValue };

export interface DuplicateKey {
  /** Go's field path of the repeated key: `spec.containers[0].name`. */
  readonly path: string;
  /** The object that has the key twice, and the key. */
  readonly container: object;
  readonly key: string;
}

export interface JsonDocument {
  readonly value: JsonValue;
  /** In the order of the text, each path once. */
  readonly duplicates: readonly DuplicateKey[];
  /**
   * Numbers that are not written as `value` would be (`1.0`, `1e3`, `1e999`): by container, then key or index
   * ('' in an empty container key for the top level). Go refuses `1.0` for an integer field, and says what it read.
   */
  readonly literals: ReadonlyMap<object | null, ReadonlyMap<string | number, string>>;
}

export const noLiterals: JsonDocument['literals'] = new Map();

/** The text is not JSON. The message is Go's: `invalid character 'b' looking for beginning of object key string`. */
export class JsonSyntaxError extends Error {
  /** Where it was noticed, in bytes. */
  readonly offset: number;
  constructor(message: string, offset: number) {
    super(message);
    this.name = 'JsonSyntaxError';
    this.offset = offset;
  }
}

/** Go's maxNestingDepth. */
export const MAX_JSON_DEPTH = 10_000;
