import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { parseYaml, parseYamlDocuments } from '@nodeless/apimachinery/yaml';

// values and messages recorded from sigs.k8s.io/yaml
describe('scalars', () => {
  it.each([
    ['yes', true],
    ['on', true],
    ['n', false],
    ['NO', false],
    ['y', true],
    ['~', null],
    ['', null],
    ['Null', null],
    ['0644', 420],
    ['0o17', 15],
    ['0x1F', 31],
    ['0b11', 3],
    ['08', 8],
    ['1_000', 1000],
    ['1:30', '1:30'],
    ['2001-01-01', '2001-01-01'],
    ['1.5', 1.5],
    ['1e3', 1000],
    ['.5', 0.5],
    ['+5', 5],
    ['-0x10', -16],
    ['9007199254740993', 9007199254740993n],
    ['18446744073709551615', 18446744073709551615n],
    ['1e400', '1e400'],
    ['0x', '0x'],
    ['"5"', '5'],
    ["'yes'", 'yes'],
    ['!!str 5', '5'],
    ['!!int "7"', 7],
    ['!!binary aGk=', 'hi'],
    ['!foo 5', '5'],
    ['=', '='],
    ['|\n  a\n  b', 'a\nb\n'],
    ['>-\n  a\n  b', 'a b'],
  ])('%s', (text, value) => {
    expect(parseYaml(`k: ${text}`).value).toStrictEqual({ k: value });
  });

  it('keys become text', () => {
    const { value } = parseYaml('n: 3\n0x10: a\n1.5: b\n1000000.5: c\nyes: d\n__proto__: e');
    expect(JSON.stringify(value)).toBe('{"16":"a","1.0000005e+06":"c","1.5":"b","__proto__":"e","false":3,"true":"d"}');
  });

  it.each([
    ['a: .inf', 'json: unsupported value: +Inf'],
    ['a: [.nan]', 'json: unsupported value: NaN'],
    ['a: !!int x', 'yaml: cannot decode !!str `x` as a !!int'],
    ['~: x', 'unsupported map key of type: %!s(<nil>), key: <nil>, value: "x"'],
    ['a: *nope', "yaml: unknown anchor 'nope' referenced"],
    ['a: &x [*x]', "yaml: anchor 'x' value contains itself"],
    ['<<: 5', 'yaml: map merge requires map or sequence of maps as the value'],
  ])('%s is refused', (text, message) => {
    expect(() => parseYaml(text)).toThrow(message);
  });
});

describe('structure', () => {
  it('tells repeated keys with the line of their value; the last one counts', () => {
    expect(parseYaml('metadata: {name: u}\ndata: {a: b}\ndata: {c: d}\nzig: 1\n5: a\n5: b')).toEqual({
      value: { 5: 'b', data: { c: 'd' }, metadata: { name: 'u' }, zig: 1 },
      problems: ['line 3: key "data" already set in map', 'line 6: key 5 already set in map'],
    });
  });
  it('anchors, aliases and merges', () => {
    expect(parseYaml('x: &a {k: 1, z: 2}\nw:\n  k: 0\n  <<: *a\n  z: 5').value).toEqual({
      x: { k: 1, z: 2 },
      w: { k: 1, z: 5 },
    });
    expect(parseYaml('x: &a {k: 1}\nw: {<<: [*a, {k: 2, m: 3}]}').value).toEqual({ x: { k: 1 }, w: { k: 1, m: 3 } });
    expect(parseYaml('a: &x 1\nb: *x\nc: &x 2\nd: *x').value).toEqual({ a: 1, b: 1, c: 2, d: 2 });
  });
  it('refuses a document that is nearly all aliases', () => {
    const levels = Array.from(
      { length: 9 },
      (_, i) => `l${i + 1}: &l${i + 1} [${Array.from({ length: 9 }, () => `*l${i}`).join(', ')}]`,
    );
    expect(() => parseYaml(`l0: &l0 [x]\n${levels.join('\n')}`)).toThrow('yaml: document contains excessive aliasing');
  });
  it('a nested text is refused, not fatal', () => {
    expect(() => parseYaml('['.repeat(200_000))).toThrow(/^yaml: /);
  });
  it('documents', () => {
    expect(parseYamlDocuments('# c\n---\na: 1\n---\n---\nb: 2\n...\n')).toEqual([{ a: 1 }, null, { b: 2 }]);
    expect(parseYaml('a: 1\n---\nb: [').value).toEqual({ a: 1 });
    expect(parseYaml('').value).toBeNull();
    expect(() => parseYamlDocuments('a: 1\n---\nb: [')).toThrow(/did not find expected node content/);
  });
});

describe('syntax errors in the words of Go', () => {
  it.each([
    ['a: [', 'yaml: line 1: did not find expected node content'],
    ['a: [\n', 'yaml: line 1: did not find expected node content'],
    ['{a: b', "yaml: line 1: did not find expected ',' or '}'"],
    ['[a, b', "yaml: line 1: did not find expected ',' or ']'"],
    ['a: [1\nb: 2', "yaml: line 1: did not find expected ',' or ']'"],
    ['{bad', "yaml: line 1: did not find expected ',' or '}'"],
    ['{"a" 1}', "yaml: did not find expected ',' or '}'"],
    ['{a: 1\nb: 2}', "yaml: line 1: did not find expected ',' or '}'"],
    ['b: 1\nc: {x: [}', 'yaml: line 1: did not find expected node content'],
    ['a: ]', 'yaml: did not find expected node content'],
    ['a: b: c', 'yaml: mapping values are not allowed in this context'],
    ['a: b\n c: d', 'yaml: line 2: mapping values are not allowed in this context'],
    ['a: - x', 'yaml: block sequence entries are not allowed in this context'],
    ['a: ? x', 'yaml: mapping keys are not allowed in this context'],
    ['a:\n\tb: 1', 'yaml: line 2: found character that cannot start any token'],
    ['b: 1\n\ta: x', 'yaml: line 2: found a tab character that violates indentation'],
    ['a: @x', 'yaml: found character that cannot start any token'],
    ['a: "x\nb: c', 'yaml: line 2: found unexpected end of stream'],
    ['a: "\\z"', 'yaml: found unknown escape character'],
    ['b: 1\na\nc: d', "yaml: line 3: could not find expected ':'"],
    ['a: 1\na b\n', "yaml: line 3: could not find expected ':'"],
    ['- a\nb: c', "yaml: line 1: did not find expected '-' indicator"],
    ['a: [b] c', 'yaml: did not find expected key'],
    ['a: *', 'yaml: did not find expected alphabetic or numeric character'],
    ['a: \u0001', 'yaml: control characters are not allowed'],
  ])('%j', (text, message) => {
    expect(() => parseYaml(text)).toThrow(new RegExp(`^${message.replace(/[[\]{}()?.*+^$|\\]/g, '\\$&')}$`));
  });
});

it('reads what the yaml package writes', () => {
  const json = fc.jsonValue({ maxDepth: 3 });
  fc.assert(
    fc.property(json, (value) => {
      // -0 is an integer to Go
      const plain = JSON.parse(JSON.stringify(value)) as unknown;
      expect(parseYaml(stringify(plain, { version: '1.1' })).value).toEqual(plain);
    }),
  );
});
