import { isAscii, isUtf8 } from 'node:buffer';
import { decodeUtf8AsGo } from './json-utf8.ts';
import { parseJsonText } from './json-parser.ts';
import { jsonSyntaxError } from './json-syntax-error.ts';
import { type JsonDocument, JsonSyntaxError, type JsonValue, MAX_JSON_DEPTH, noLiterals } from './json-value.ts';

export {
  type DuplicateKey,
  type JsonDocument,
  type JsonObject,
  JsonSyntaxError,
  type JsonValue,
} from './json-value.ts';

/**
 * The one JSON codec. It reads as kube-apiserver's decoder does (sigs.k8s.io/json: exact integers, duplicate keys
 * found, depth limit, Go's error texts) and writes as Go's encoder does (HTML-safe escapes). Where the built-in
 * JSON of the engine is equal to that, it does the work.
 *
 * Objects are plain ones. A key like `__proto__` becomes an own property and changes no prototype, but a reader who
 * looks up a key from a user still needs Object.hasOwn: `constructor` is found on every object.
 */
export interface ParseJsonOptions {
  /**
   * What the second occurrence of a key does when both values are objects. `merge`, as Go decodes into structs and
   * maps of known types (default); `replace`, as for untyped objects.
   */
  readonly duplicates?: 'merge' | 'replace';
}

const none: readonly never[] = [];

/**
 * Parses a body that came from outside.
 * @throws JsonSyntaxError
 */
export function parseJson(input: string | Uint8Array, options: ParseJsonOptions = {}): JsonDocument {
  const text = typeof input === 'string' ? input.toWellFormed() : decodeText(input);
  const value = parseCompact(text);
  if (value !== undefined) return { value, duplicates: none, literals: noLiterals };
  try {
    return parseJsonText(text, options.duplicates !== 'replace');
  } catch (error) {
    // the words depend on bytes that the text has lost
    if (error instanceof JsonSyntaxError && typeof input !== 'string' && !isUtf8(input)) throw jsonSyntaxError(input);
    throw error;
  }
}

/** Parses what stringifyJson or encodeObject wrote: no duplicates, known to be valid. Integers stay exact. */
export function parseTrustedJson(input: string | Uint8Array): JsonValue {
  const text = typeof input === 'string' ? input : decodeText(input);
  return longInteger.test(text) ? parseJsonText(text, false).value : (JSON.parse(text) as JsonValue);
}
/** An integer that a double may not hold; inside a string it costs a slow parse and no harm. */
const longInteger = /[:[,]-?\d{16}/;

/**
 * The engine's parser, for the form that Go and JavaScript clients send. It neither tells duplicate keys nor lost
 * digits, but when writing the result gives the text back then there were none. Undefined = not of that form.
 */
function parseCompact(text: string): JsonValue | undefined {
  const colon = text.indexOf(':');
  // `{"a": 1}` and indented text never come back the same: do not even try
  if (text.charCodeAt(0) !== 0x7b || colon < 0 || text.charCodeAt(1) !== 0x22 || text.charCodeAt(colon + 1) <= 0x20)
    return undefined;
  if (text.length > 2 * MAX_JSON_DEPTH && mayBeTooDeep(text)) return undefined;
  const body = text.charCodeAt(text.length - 1) === 0x0a ? text.slice(0, -1) : text;
  try {
    const value = JSON.parse(body) as JsonValue;
    const again = JSON.stringify(value);
    // a lone surrogate is written as it came but must become U+FFFD
    if (again.includes('\\ud')) return undefined;
    if (again === body || (body.includes('\\u') && escapeHtml(again) === body)) return value;
  } catch {
    // the other parser finds the words for it
  }
  return undefined;
}

function mayBeTooDeep(text: string): boolean {
  let opened = 0;
  for (const bracket of ['{', '[']) {
    for (let at = text.indexOf(bracket); at >= 0 && opened <= MAX_JSON_DEPTH; at = text.indexOf(bracket, at + 1))
      opened++;
  }
  return opened > MAX_JSON_DEPTH;
}

function decodeText(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isAscii(buffer)) return buffer.toString('latin1');
  return isUtf8(buffer) ? buffer.toString() : decodeUtf8AsGo(buffer);
}

/**
 * Compact JSON as Go's encoder writes it: `<`, `>`, `&`, U+2028 and U+2029 as escapes, bigints as digits, lone
 * surrogates as U+FFFD. Keys keep their order; undefined members are left out.
 */
export function stringifyJson(value: unknown): string {
  let text: string;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    text = JSON.stringify(value, writeBigint);
  }
  if (text.includes('\\ud')) text = text.replace(/(?<!\\)((?:\\\\)*)\\ud[89a-f][0-9a-f]{2}/g, '$1\ufffd');
  return escapeHtml(text);
}

function writeBigint(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? rawJson(value.toString()) : value;
}
const rawJson = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON;

/** In JSON text these characters stand only inside strings. */
function escapeHtml(text: string): string {
  return special.test(text) ? text.replace(specials, (c) => escapes[c] as string) : text;
}
const special = /[<>&\u2028\u2029]/;
const specials = /[<>&\u2028\u2029]/g;
const escapes: Record<string, string> = {
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
};

/** One JSON string, quoted and escaped as Go does. */
export function quoteJson(text: string): string {
  return plain.test(text) ? `"${text}"` : stringifyJson(text);
}
const plain = /^[ !#-%'-;=?-[\]-~]*$/;
