import {
  type DuplicateKey,
  type JsonDocument,
  type JsonObject,
  type JsonSyntaxError,
  type JsonValue,
  MAX_JSON_DEPTH,
  noLiterals,
} from './json-value.ts';
import { jsonSyntaxError } from './json-syntax-error.ts';

/** What Go reports at most (sigs.k8s.io/json). */
const MAX_DUPLICATES = 100;

/** Keys seen before, so that a known key costs a comparison and not a new string. Never grows. */
const knownKeys: string[] = Array.from({ length: 512 }, () => '');

/**
 * The parser for text that the engine's own cannot be trusted with. Iterative: ten thousand levels must not
 * depend on the stack. Anything wrong is left to `jsonSyntaxError`, which finds Go's words for it.
 */
export function parseJsonText(text: string, mergeDuplicates: boolean): JsonDocument {
  let pos = 0;
  /** Containers around the current one with the key or index at which it stands there. */
  const outer: (JsonObject | JsonValue[])[] = [];
  const outerKeys: (string | number)[] = [];
  /** Keys seen in this occurrence of an object that was merged into an earlier one; undefined = the object tells. */
  const outerSeen: (Set<string> | undefined)[] = [];
  let container = null as JsonObject | JsonValue[] | null;
  let key = '';
  let seen: Set<string> | undefined;
  const duplicates: DuplicateKey[] = [];
  const duplicatePaths = new Set<string>();
  let literals: Map<object | null, Map<string | number, string>> | undefined;

  const fail = (): JsonSyntaxError => jsonSyntaxError(text);

  const skipSpace = (): number => {
    let c = text.charCodeAt(pos);
    while (c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09) c = text.charCodeAt(++pos);
    return c;
  };

  /** At the character after the opening quote. */
  const readString = (asKey: boolean): string => {
    const start = pos;
    let c = text.charCodeAt(pos);
    while (c >= 0x20 && c !== 0x22 && c !== 0x5c) c = text.charCodeAt(++pos);
    if (c === 0x22) {
      const length = pos++ - start;
      if (!asKey || length > 40 || length === 0) return text.slice(start, start + length);
      const slot =
        (length * 37 +
          text.charCodeAt(start) * 5 +
          text.charCodeAt(start + length - 1) * 11 +
          text.charCodeAt(start + (length >> 1)) * 3) &
        511;
      const known = knownKeys[slot] as string;
      if (known.length === length && text.startsWith(known, start)) return known;
      const fresh = text.slice(start, start + length);
      knownKeys[slot] = fresh;
      return fresh;
    }
    if (c !== 0x5c) throw fail();
    return readEscaped(start);
  };

  const readEscaped = (start: number): string => {
    let out = text.slice(start, pos);
    for (;;) {
      const c = text.charCodeAt(pos);
      if (c === 0x22) {
        pos++;
        // Go writes U+FFFD for half a surrogate pair
        return out.toWellFormed();
      }
      if (c === 0x5c) {
        const e = text.charCodeAt(pos + 1);
        if (e === 0x75) {
          const hex = text.slice(pos + 2, pos + 6);
          if (!/^[0-9a-fA-F]{4}$/.test(hex)) throw fail();
          out += String.fromCharCode(Number.parseInt(hex, 16));
          pos += 6;
        } else {
          const plain = simpleEscapes.get(e);
          if (plain === undefined) throw fail();
          out += plain;
          pos += 2;
        }
        continue;
      }
      if (!(c >= 0x20)) throw fail();
      const from = pos++;
      let next = text.charCodeAt(pos);
      while (next >= 0x20 && next !== 0x22 && next !== 0x5c) next = text.charCodeAt(++pos);
      out += text.slice(from, pos);
    }
  };

  const readNumber = (first: number): number | bigint => {
    const start = pos;
    let c = first;
    if (c === 0x2d) c = text.charCodeAt(++pos);
    if (c === 0x30) c = text.charCodeAt(++pos);
    else if (c >= 0x31 && c <= 0x39) {
      do c = text.charCodeAt(++pos);
      while (c >= 0x30 && c <= 0x39);
    } else throw fail();
    if (c !== 0x2e && c !== 0x65 && c !== 0x45) {
      const literal = text.slice(start, pos);
      // + 0: Go's integer has no negative zero
      if (pos - start <= 15) return Number(literal) + 0;
      const value = Number(literal);
      return String(value) === literal ? value : BigInt(literal);
    }
    number.lastIndex = start;
    const literal = number.exec(text)?.[0];
    if (literal === undefined) throw fail();
    pos = start + literal.length;
    const value = Number(literal);
    if (String(value) !== literal) {
      literals ??= new Map();
      let own = literals.get(container);
      if (own === undefined) literals.set(container, (own = new Map()));
      own.set(Array.isArray(container) ? container.length : key, literal);
    }
    return value;
  };

  const noteDuplicate = (): void => {
    if (duplicates.length >= MAX_DUPLICATES) return;
    let path = '';
    for (let i = 1; i < outerKeys.length; i++) path += segment(outerKeys[i] as string | number, path);
    path += segment(key, path);
    if (duplicatePaths.has(path)) return;
    duplicatePaths.add(path);
    duplicates.push({ path, container: container as object, key });
  };

  /** After `{` or `,`: reads `"key":` and notes a repeated one. */
  const readKey = (c: number): void => {
    if (c !== 0x22) throw fail();
    pos++;
    key = readString(true);
    if (skipSpace() !== 0x3a) throw fail();
    pos++;
    if (seen !== undefined) {
      if (seen.has(key)) noteDuplicate();
      seen.add(key);
    } else if (Object.hasOwn(container as JsonObject, key)) noteDuplicate();
  };

  const enter = (next: JsonObject | JsonValue[]): void => {
    if (container !== null) {
      outer.push(container);
      outerSeen.push(seen);
    }
    outerKeys.push(container === null ? '' : Array.isArray(container) ? container.length : key);
    if (outerKeys.length > MAX_JSON_DEPTH) throw fail();
    container = next;
    seen = undefined;
  };

  for (;;) {
    let value: JsonValue;
    let c = skipSpace();
    if (c === 0x22) {
      pos++;
      value = readString(false);
    } else if (c === 0x7b) {
      pos++;
      const merged =
        mergeDuplicates && container !== null && !Array.isArray(container) ? existingObject(container, key) : undefined;
      enter(merged ?? {});
      if (merged !== undefined) seen = new Set();
      c = skipSpace();
      if (c !== 0x7d) {
        readKey(c);
        continue;
      }
      pos++;
      value = leave();
    } else if (c === 0x5b) {
      pos++;
      enter([]);
      if (skipSpace() !== 0x5d) continue;
      pos++;
      value = leave();
    } else if (c === 0x2d || (c >= 0x30 && c <= 0x39)) {
      value = readNumber(c);
    } else if (c === 0x74 && text.startsWith('true', pos)) {
      pos += 4;
      value = true;
    } else if (c === 0x66 && text.startsWith('false', pos)) {
      pos += 5;
      value = false;
    } else if (c === 0x6e && text.startsWith('null', pos)) {
      pos += 4;
      value = null;
    } else throw fail();

    // a value is complete: put it where it belongs, and close what ends here
    for (;;) {
      if (container === null) {
        skipSpace();
        if (pos < text.length) throw fail();
        return { value, duplicates, literals: literals ?? noLiterals };
      }
      if (Array.isArray(container)) {
        container.push(value);
        c = skipSpace();
        pos++;
        if (c === 0x2c) break;
        if (c !== 0x5d) throw fail();
      } else {
        if (key === '__proto__')
          Object.defineProperty(container, key, { value, writable: true, enumerable: true, configurable: true });
        else container[key] = value;
        c = skipSpace();
        pos++;
        if (c === 0x2c) {
          readKey(skipSpace());
          break;
        }
        if (c !== 0x7d) throw fail();
      }
      value = leave();
    }
  }

  /** Back to the container around: the one that ends is its value. */
  function leave(): JsonValue {
    const ended = container as JsonObject | JsonValue[];
    const at = outerKeys.pop();
    container = outer.pop() ?? null;
    seen = container === null ? undefined : outerSeen.pop();
    if (typeof at === 'string') key = at;
    return ended;
  }
}

function existingObject(container: JsonObject, key: string): JsonObject | undefined {
  if (!Object.hasOwn(container, key)) return undefined;
  const old = container[key];
  return typeof old === 'object' && old !== null && !Array.isArray(old) ? old : undefined;
}

function segment(key: string | number, before: string): string {
  return typeof key === 'number' ? `[${key}]` : before === '' ? key : `.${key}`;
}

const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const simpleEscapes = new Map<number, string>([
  [0x22, '"'],
  [0x5c, '\\'],
  [0x2f, '/'],
  [0x62, '\b'],
  [0x66, '\f'],
  [0x6e, '\n'],
  [0x72, '\r'],
  [0x74, '\t'],
]);
