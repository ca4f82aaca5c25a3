import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonSyntaxError, parseJson, parseTrustedJson, quoteJson, stringifyJson } from '@nodeless/apimachinery/json';
import { parseJsonText } from '@nodeless/apimachinery/json-parser';

const messageOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(JsonSyntaxError);
    return (error as Error).message;
  }
  return 'no error';
};

describe('parseJson: syntax errors in the words of Go', () => {
  // recorded from sigs.k8s.io/json
  const table: [string | Uint8Array, string][] = [
    ['', 'unexpected end of JSON input'],
    ['  ', 'unexpected end of JSON input'],
    ['{', 'unexpected end of JSON input'],
    ['{"a"', 'unexpected end of JSON input'],
    ['{"a":', 'unexpected end of JSON input'],
    ['{"a":1', 'unexpected end of JSON input'],
    ['"abc', 'unexpected end of JSON input'],
    ['{bad', "invalid character 'b' looking for beginning of object key string"],
    ['{"a":1,}', "invalid character '}' looking for beginning of object key string"],
    ['{,', "invalid character ',' looking for beginning of object key string"],
    ["{'a':1}", "invalid character '\\'' looking for beginning of object key string"],
    ['{"a" 1}', "invalid character '1' after object key"],
    ['{"a":1 "b":2}', `invalid character '"' after object key:value pair`],
    ['[1 2]', "invalid character '2' after array element"],
    ['[1,]', "invalid character ']' looking for beginning of value"],
    ['[01]', "invalid character '1' after array element"],
    ['{"a":1}x', "invalid character 'x' after top-level value"],
    ['{} {}', "invalid character '{' after top-level value"],
    ['"a\nb"', "invalid character '\\n' in string literal"],
    ['"a\u0001b"', "invalid character '\\x01' in string literal"],
    ['"\\x"', "invalid character 'x' in string escape code"],
    ['"\\u12g4"', "invalid character 'g' in \\u hexadecimal character escape"],
    ['tru', "invalid character ' ' in literal true (expecting 'e')"],
    ['{"a":nul}', "invalid character '}' in literal null (expecting 'l')"],
    ['fAlse', "invalid character 'A' in literal false (expecting 'a')"],
    ['-', "invalid character ' ' in numeric literal"],
    ['[-a]', "invalid character 'a' in numeric literal"],
    ['1.', "invalid character ' ' after decimal point in numeric literal"],
    ['1e', "invalid character ' ' in exponent of numeric literal"],
    ['\ufeff{}', "invalid character 'ï' looking for beginning of value"],
    ['{"a":é}', "invalid character 'Ã' looking for beginning of value"],
    [Buffer.from([0x5b, 0xe6, 0x5d]), "invalid character 'æ' looking for beginning of value"],
    [Buffer.from([0x5b, 0x83, 0x5d]), "invalid character '\\u0083' looking for beginning of value"],
    ['['.repeat(10_001), "invalid character '[' exceeded max depth"],
    ['{"a":'.repeat(10_001), "invalid character '{' exceeded max depth"],
  ];
  it.each(table)('%j', (text, message) => {
    expect(messageOf(() => parseJson(text))).toBe(message);
  });

  it('accepts ten thousand levels', () => {
    const text = '['.repeat(10_000) + ']'.repeat(10_000);
    let depth = 0;
    for (let value: unknown = parseJson(text).value; Array.isArray(value); value = value[0]) depth++;
    expect(depth).toBe(10_000);
  });
});

describe('parseJson: numbers', () => {
  it.each([
    ['0', 0],
    ['-0', 0],
    ['9007199254740991', 9007199254740991],
    ['9007199254740992', 9007199254740992],
    ['9007199254740993', 9007199254740993n],
    ['-9223372036854775808', -9223372036854775808n],
    ['123456789012345678901234', 123456789012345678901234n],
    ['1.5', 1.5],
    ['1e3', 1000],
  ])('%s', (text, value) => {
    expect(parseJson(`{"a":${text}}`).value).toStrictEqual({ a: value });
    expect(parseJson(`{"a": ${text}}`).value).toStrictEqual({ a: value });
  });

  it('tells how a number was written when it is not how it would be written', () => {
    const document = parseJson('{"a":1.0,"b":[1,2e2],"c":0.5,"d":1e999}');
    const root = document.value as { b: object };
    expect(document.literals.get(root)).toEqual(
      new Map([
        ['a', '1.0'],
        ['d', '1e999'],
      ]),
    );
    expect(document.literals.get(root.b)).toEqual(new Map([[1, '2e2']]));
    expect(parseJson('1.0').literals.get(null)).toEqual(new Map([['', '1.0']]));
  });
});

describe('parseJson: duplicate keys', () => {
  const paths = (text: string): string[] => parseJson(text).duplicates.map((d) => d.path);

  it('names each by Go’s path, in order, once', () => {
    const text =
      '{"metadata":{"name":"u","name":"v","name":"w"},"spec":{"containers":[{"a":1},{"env":[{"n":1,"n":2}]}]},"x":1,"x":2}';
    expect(paths(text)).toEqual(['metadata.name', 'spec.containers[1].env[0].n', 'x']);
    expect(paths('[{"a":1,"a":1}]')).toEqual(['[0].a']);
    expect(paths('{"a":{"x":1},"b":{"x":1},"x":{}}')).toEqual([]);
  });

  it('merges objects as Go does for known types, or replaces them', () => {
    const text = '{"data":{"a":"b","a":"c"},"data":{"x":"y"}}';
    const merged = parseJson(text);
    expect(merged.value).toEqual({ data: { a: 'c', x: 'y' } });
    expect(merged.duplicates.map((d) => d.path)).toEqual(['data.a', 'data']);
    expect(parseJson(text, { duplicates: 'replace' }).value).toEqual({ data: { x: 'y' } });
  });

  it('a key in both occurrences of a merged object is not a duplicate', () => {
    expect(paths('{"data":{"a":1,"b":{"c":1}},"data":{"a":2,"b":{"c":2,"c":3}}}')).toEqual(['data', 'data.b.c']);
  });

  it('stops at a hundred', () => {
    const keys = Array.from({ length: 150 }, (_, i) => `"k${i}":1,"k${i}":2`).join(',');
    expect(paths(`{${keys}}`)).toHaveLength(100);
  });
});

describe('parseJson: hostile text', () => {
  it.each(['{"__proto__":{"polluted":true},"constructor":1}', '{ "__proto__": {"polluted": true}, "constructor": 1}'])(
    '%s',
    (text) => {
      const value = parseJson(text).value as Record<string, unknown>;
      expect(Object.keys(value)).toEqual(['__proto__', 'constructor']);
      expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
      expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
      expect(stringifyJson(value)).toBe('{"__proto__":{"polluted":true},"constructor":1}');
    },
  );

  it.each([
    ['"\\ud800"', '\ufffd'],
    ['["\\ud800"]', ['\ufffd']],
    ['{"a":"\\udc00x"}', { a: '\ufffdx' }],
    ['{"a":"\\ud83d\\ude00"}', { a: '😀' }],
    [Buffer.from([0x22, 0xe2, 0x82, 0x22]), '\ufffd\ufffd'],
    [Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), '\ufffd\ufffd\ufffd'],
    [Buffer.from([0x22, 0xc3, 0xa9, 0xff, 0xf0, 0x9f, 0x98, 0x80, 0x22]), 'é\ufffd😀'],
  ])('half characters become U+FFFD: %j', (text, value) => {
    expect(parseJson(text).value).toEqual(value);
  });
});

describe('stringifyJson', () => {
  it.each([
    [{ a: '<b> & c' }, '{"a":"\\u003cb\\u003e \\u0026 c"}'],
    [{ '<': 1 }, '{"\\u003c":1}'],
    ['\u2028\u2029', '"\\u2028\\u2029"'],
    ['\b\f\n\r\t\u0000\u001f\u007f"\\/', '"\\b\\f\\n\\r\\t\\u0000\\u001f\u007f\\"\\\\/"'],
    [{ a: 9007199254740993n, b: [1n] }, '{"a":9007199254740993,"b":[1]}'],
    ['x\ud800y', '"x\ufffdy"'],
    ['\\ud800', '"\\\\ud800"'],
    [{ a: undefined, b: null }, '{"b":null}'],
    [1e21, '1e+21'],
    [0.000001, '0.000001'],
    [1e-7, '1e-7'],
  ])('%#', (value, text) => {
    expect(stringifyJson(value)).toBe(text);
    if (typeof value === 'string') expect(quoteJson(value)).toBe(text);
  });
});

describe('properties', () => {
  const json = fc.jsonValue({ maxDepth: 5, noUnicodeString: false });

  it('reads back what it writes, by both parsers', () => {
    fc.assert(
      fc.property(json, (value) => {
        const text = stringifyJson(value);
        const expected = JSON.parse(JSON.stringify(value)) as unknown;
        expect(parseJson(text).value).toEqual(expected);
        expect(parseJsonText(text, true).value).toEqual(expected);
        expect(parseTrustedJson(Buffer.from(text))).toEqual(expected);
        expect(parseJson(JSON.stringify(value, null, 2))).toEqual({
          value: expected,
          duplicates: [],
          literals: new Map(),
        });
      }),
    );
  });

  it('keeps every integer exact', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }), (n) => {
        const text = `{"n":${n}}`;
        expect(stringifyJson(parseJson(text).value)).toBe(text);
        expect(stringifyJson(parseTrustedJson(text))).toBe(text);
        expect(stringifyJson(parseJson(`[ ${n} ]`).value)).toBe(`[${n}]`);
      }),
    );
  });

  it('never takes what the engine refuses, nor refuses what it takes', () => {
    fc.assert(
      fc.property(json, fc.nat(), fc.string({ maxLength: 2 }), (value, at, junk) => {
        const text = JSON.stringify(value);
        const cut = at % (text.length + 1);
        const broken = text.slice(0, cut) + junk + text.slice(cut + 1);
        let engine: unknown;
        try {
          engine = { value: JSON.parse(broken.toWellFormed()) as unknown };
        } catch {
          expect(messageOf(() => parseJson(broken))).not.toBe('no error');
          return;
        }
        // half a surrogate written as an escape, and the last of two equal keys, are where the two differ
        const mine = parseJson(broken, { duplicates: 'replace' });
        // exact integers beyond 2^53 are ours alone
        const rounded = (_: string, v: unknown): unknown => (typeof v === 'bigint' ? Number(v) : v);
        if (!JSON.stringify(engine).includes('\\ud'))
          expect(JSON.stringify({ value: mine.value }, rounded)).toBe(JSON.stringify(engine));
      }),
    );
  });
});
