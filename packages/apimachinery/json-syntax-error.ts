import { JsonSyntaxError, MAX_JSON_DEPTH } from './json-value.ts';

/**
 * What Go's encoding/json says about a text that is not JSON: a scanner with its states, one byte at a time.
 * Only called when a parser has already found that something is wrong, so it need not be fast.
 */
export function jsonSyntaxError(source: string | Uint8Array): JsonSyntaxError {
  // bytes as Latin-1, because Go looks at bytes; and at the end it looks at one space more
  const text = `${Buffer.from(source as string).toString('latin1')} `;
  const closers: ('}' | ']')[] = [];
  let state: State = 'value';
  let pos = 0;
  const at = (context: string): JsonSyntaxError =>
    pos >= text.length
      ? new JsonSyntaxError('unexpected end of JSON input', pos)
      : new JsonSyntaxError(`invalid character ${quoteByte(text.charCodeAt(pos))} ${context}`, pos);

  for (;;) {
    const c = text.charAt(pos);
    if (c === ' ' || c === '\n' || c === '\r' || c === '\t') {
      pos++;
      continue;
    }
    if (state === 'end') {
      if (pos >= text.length) return new JsonSyntaxError('unexpected end of JSON input', pos);
      return at('after top-level value');
    }
    if (state === 'key' || state === 'key-or-end') {
      if (c === '}' && state === 'key-or-end') {
        closers.pop();
        pos++;
        state = afterValue(closers);
        continue;
      }
      if (c !== '"') return at('looking for beginning of object key string');
      const problem = scanString();
      if (problem !== undefined) return at(problem);
      state = 'colon';
    } else if (state === 'colon') {
      if (c !== ':') return at('after object key');
      pos++;
      state = 'value';
    } else if (state === 'after-member' || state === 'after-element') {
      const isMember: boolean = state === 'after-member';
      if (c === ',') state = isMember ? 'key' : 'value';
      else if (c !== '' && c === closers.at(-1)) {
        closers.pop();
        state = afterValue(closers);
      } else return at(isMember ? 'after object key:value pair' : 'after array element');
      pos++;
    } else {
      if (c === ']' && state === 'value-or-end') {
        closers.pop();
        pos++;
        state = afterValue(closers);
        continue;
      }
      if (c === '{' || c === '[') {
        if (closers.length >= MAX_JSON_DEPTH) return at('exceeded max depth');
        closers.push(c === '{' ? '}' : ']');
        state = c === '{' ? 'key-or-end' : 'value-or-end';
        pos++;
        continue;
      }
      const problem = c === '"' ? scanString() : c === '-' || (c >= '0' && c <= '9') ? scanNumber() : scanLiteral();
      if (problem !== undefined) return at(problem);
      state = afterValue(closers);
    }
  }

  function scanString(): string | undefined {
    for (pos++; ; pos++) {
      const c = text.charAt(pos);
      if (c === '') return '';
      if (c === '"') {
        pos++;
        return undefined;
      }
      if (c < ' ') return 'in string literal';
      if (c !== '\\') continue;
      pos++;
      const escape = text.charAt(pos);
      if (escape === '' || !'"\\/bfnrtu'.includes(escape)) return 'in string escape code';
      if (escape !== 'u') continue;
      for (let k = 0; k < 4; k++) {
        pos++;
        if (!/^[0-9a-fA-F]$/.test(text.charAt(pos))) return 'in \\u hexadecimal character escape';
      }
    }
  }

  function scanNumber(): string | undefined {
    if (text.charAt(pos) === '-') pos++;
    if (!isDigit()) return 'in numeric literal';
    if (text.charAt(pos) === '0') pos++;
    else skipDigits();
    if (text.charAt(pos) === '.') {
      pos++;
      if (!isDigit()) return 'after decimal point in numeric literal';
      skipDigits();
    }
    if (text.charAt(pos) === 'e' || text.charAt(pos) === 'E') {
      pos++;
      if (text.charAt(pos) === '+' || text.charAt(pos) === '-') pos++;
      if (!isDigit()) return 'in exponent of numeric literal';
      skipDigits();
    }
    return undefined;
  }
  function isDigit(): boolean {
    const c = text.charAt(pos);
    return c >= '0' && c <= '9';
  }
  function skipDigits(): void {
    while (isDigit()) pos++;
  }

  function scanLiteral(): string | undefined {
    const word = ['true', 'false', 'null'].find((w) => w.charAt(0) === text.charAt(pos));
    if (word === undefined || pos >= text.length) return 'looking for beginning of value';
    for (let k = 1; k < word.length; k++) {
      pos++;
      if (text.charAt(pos) !== word.charAt(k)) return `in literal ${word} (expecting ${quoteByte(word.charCodeAt(k))})`;
    }
    pos++;
    return undefined;
  }
}

type State = 'value' | 'value-or-end' | 'key' | 'key-or-end' | 'colon' | 'after-member' | 'after-element' | 'end';

function afterValue(closers: readonly string[]): State {
  const around = closers.at(-1);
  return around === undefined ? 'end' : around === '}' ? 'after-member' : 'after-element';
}

/** A byte as Go quotes a character: beyond ASCII it is read as Latin-1. */
function quoteByte(byte: number): string {
  if (byte === 0x27) return `'\\''`;
  const named = namedCharacters[byte];
  if (named !== undefined) return `'${named}'`;
  const hex = byte.toString(16).padStart(2, '0');
  if (byte < 0x20 || byte === 0x7f) return `'\\x${hex}'`;
  if ((byte >= 0x80 && byte <= 0xa0) || byte === 0xad) return `'\\u00${hex}'`;
  return `'${String.fromCharCode(byte)}'`;
}
const namedCharacters: Record<number, string> = {
  7: '\\a',
  8: '\\b',
  9: '\\t',
  10: '\\n',
  11: '\\v',
  12: '\\f',
  13: '\\r',
  0x5c: '\\\\',
};
