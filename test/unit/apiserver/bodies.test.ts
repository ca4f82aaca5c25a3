import { JsonSyntaxError } from '@nodeless/apimachinery/json';
import { patchBody, patchForm, wireBody } from '@nodeless/apiserver/body';
import { parseYaml } from '@nodeless/apiserver/body-yaml';
import { indentJson } from '@nodeless/apiserver/pretty-json';
import { yamlText } from '@nodeless/apiserver/responses';
import { describe, expect, it } from 'vitest';

const configMap = { group: '', version: 'v1', kind: 'ConfigMap' };
const read = (text: string, type?: string) => {
  const body = wireBody(Buffer.from(text), type, configMap);
  if (body.form !== 'wire') throw new Error('not from the wire');
  return body.read();
};

describe('bodies', () => {
  it.each([
    ['{"a":1}', undefined],
    ['{"a":1}', 'application/json'],
    ['{"a":1}', 'application/json; charset=utf-8'],
    ['a: 1', 'application/yaml'],
    ['{"a":1}', 'application/yaml'],
    ['{a: 1}', 'application/yaml'],
  ])('%s as %s', (text, type) => expect(read(text, type).value).toEqual({ a: 1 }));

  it.each(['text/plain', 'garbage', 'application/merge-patch+json'])('does not know %s', (type) => {
    expect(() => read('{}', type)).toThrow(
      'the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf',
    );
  });

  it('tells duplicates and bad JSON', () => {
    expect(read('{"a":1,"a":2}').duplicates.map(({ path }) => path)).toEqual(['a']);
    expect(() => read('{bad')).toThrow(JsonSyntaxError);
  });

  it('knows patches', () => {
    expect(patchForm('application/apply-patch+yaml')).toBe('apply');
    expect(patchForm('application/merge-patch+json; charset=utf-8')).toBe('merge');
    expect(patchForm('application/json')).toBeUndefined();
    expect(patchForm(undefined)).toBeUndefined();
    const body = patchBody(Buffer.from('a: y'), 'apply');
    expect(body.form === 'wire' && body.read().value).toEqual({ a: true });
  });
});

describe('YAML', () => {
  it.each([
    ['a: yes\nb: 0644\nc: "no"\n', { a: true, b: 420, c: 'no' }],
    ['spec: {n: 3}', { spec: { false: 3 } }],
    ['1: a\ntrue: b', { 1: 'a', true: 'b' }],
    ['a: &x {b: 1}\nc: *x\nd: {<<: *x, e: 2}', { a: { b: 1 }, c: { b: 1 }, d: { b: 1, e: 2 } }],
    ['a: 12345678901234567890', { a: 12345678901234567890n }],
    ['a: 2001-01-01', { a: '2001-01-01' }],
    ['a:\n- b\n- c', { a: ['b', 'c'] }],
    ['', null],
  ])('%j', (text, value) => expect(parseYaml(text).value).toEqual(value));

  it('takes hostile keys for keys', () => {
    const value = parseYaml('__proto__: {polluted: 1}').value as object;
    expect(Object.keys(value)).toEqual(['__proto__']);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });

  it('tells repeated keys with their line', () => {
    expect(parseYaml('metadata: {name: u}\ndata: {a: b}\ndata: {c: d}\n')).toMatchObject({
      value: { data: { c: 'd' } },
      problems: ['line 3: key "data" already set in map'],
    });
  });

  it.each([
    ['a: [', 'yaml: line 1: did not find expected node content'],
    ['a: b: c', 'yaml: mapping values are not allowed in this context'],
    ['\ta: 1', 'yaml: found character that cannot start any token'],
    ['a: *x', "yaml: unknown anchor 'x' referenced"],
    ['"abc', 'yaml: found unexpected end of stream'],
  ])('%j is not YAML', (text, message) => expect(() => parseYaml(text)).toThrow(message));

  it('is not blown up by aliases', () => {
    let text = 'a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n';
    for (let i = 1; i < 9; i++)
      text += `a${i}: &a${i} [${Array.from({ length: 10 }, () => `*a${i - 1}`).join(', ')}]\n`;
    expect(() => parseYaml(text)).toThrow('excessive aliasing');
  });

  it('is not blown up by depth', () => {
    expect(() => parseYaml('['.repeat(100_000))).toThrow(/yaml/);
    expect(() => parseYaml(`${'['.repeat(5_000)}${']'.repeat(5_000)}`)).toThrow(/yaml/);
  });

  it('is written as Kubernetes writes it', () => {
    expect(
      yamlText({
        kind: 'Status',
        details: { name: 'y', kind: 'configmaps' },
        list: [{ b: 1, a: 'on' }],
        none: {},
        text: 'a\nb\n',
      }),
    ).toBe(
      'details:\n  kind: configmaps\n  name: "y"\nkind: Status\nlist:\n- a: "on"\n  b: 1\nnone: {}\ntext: |\n  a\n  b\n',
    );
  });
});

describe('pretty JSON', () => {
  it.each<{ value: unknown }>([
    { value: {} },
    { value: { a: [], b: {}, c: [1, { d: 'x,:{}[]"\\' }], e: null } },
    { value: [] },
    { value: 'text' },
  ])('$value', ({ value }) => {
    expect(Buffer.from(indentJson(Buffer.from(JSON.stringify(value)))).toString()).toBe(JSON.stringify(value, null, 2));
  });
  it('leaves escapes and long numbers alone', () => {
    expect(Buffer.from(indentJson(Buffer.from('{"a":"\\u003c","n":12345678901234567890}'))).toString()).toBe(
      '{\n  "a": "\\u003c",\n  "n": 12345678901234567890\n}',
    );
  });
});
