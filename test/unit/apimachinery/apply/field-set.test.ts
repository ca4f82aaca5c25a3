import {
  type FieldSet,
  difference,
  forEachPath,
  hasPath,
  intersection,
  parseFieldSet,
  recursiveDifference,
  setOfFields,
  union,
} from '@nodeless/apimachinery/apply/field-set';
import {
  comparePathElements,
  displayPath,
  keyElement,
  parsePathElement,
  valueElement,
} from '@nodeless/apimachinery/apply/path-element';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

/** Paths as texts, the model that sets are compared with. */
function pathsOf(set: FieldSet | undefined): string[] {
  const paths: string[] = [];
  forEachPath(set, (path) => paths.push(path.join('/')));
  return paths;
}
const setOf = (paths: readonly (readonly string[])[]): FieldSet | undefined => setOfFields(paths);

const path = fc.array(fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor'), { minLength: 1, maxLength: 4 });
const paths = fc.array(path, { maxLength: 8 });
const texts = (list: readonly (readonly string[])[]): Set<string> =>
  new Set(list.map((p) => p.map((name) => `f:${name}`).join('/')));

describe('set operations agree with sets of paths', () => {
  const check = (
    name: string,
    ours: (a?: FieldSet, b?: FieldSet) => FieldSet | undefined,
    model: (a: Set<string>, b: Set<string>) => Set<string>,
  ) =>
    it(name, () => {
      fc.assert(
        fc.property(paths, paths, (a, b) => {
          const left = setOf(a);
          const before = JSON.stringify(left);
          const got = ours(left, setOf(b));
          expect(pathsOf(got).sort()).toEqual([...model(texts(a), texts(b))].sort());
          // sets are shared, never changed
          expect(JSON.stringify(left)).toBe(before);
          // and always in the order in which they are written
          expect(JSON.stringify(got)).toBe(JSON.stringify(got === undefined ? undefined : parseFieldSet(got)));
        }),
      );
    });
  check('union', union, (a, b) => a.union(b));
  check('difference', difference, (a, b) => a.difference(b));
  check('intersection', intersection, (a, b) => a.intersection(b));
  check(
    'recursive difference',
    recursiveDifference,
    (a, b) => new Set([...a].filter((p) => ![...b].some((q) => p === q || p.startsWith(`${q}/`)))),
  );

  it('what does not change is the same object', () => {
    const set = setOf([['a', 'b'], ['c']]) as FieldSet;
    expect(union(set, setOf([['c']]))).toBe(set);
    expect(difference(set, setOf([['a'], ['d']]))).toBe(set);
    expect(recursiveDifference(set, setOf([['a', 'x']]))).toBe(set);
    expect((difference(set, setOf([['c']])) as FieldSet)['f:a']).toBe(set['f:a']);
  });
});

describe('FieldsV1', () => {
  it('has a node that is in the set and has children marked by a dot', () => {
    expect(JSON.stringify(setOf([['a', 'b'], ['a'], ['c']]))).toBe('{"f:a":{".":{},"f:b":{}},"f:c":{}}');
  });
  it('is put into order and one notation when it comes from a client', () => {
    const text =
      '{"k:{ \\"b\\" : 1, \\"a\\":\\"x\\" }":{},"v:2":{},"v:\\"s\\"":{},"f:b":{"f:z":{},".":{}},"f:a":null,"v:10":{},"i:2":{},"i:10":{},"x:future":{"f:a":{}}}';
    expect(JSON.stringify(parseFieldSet(JSON.parse(text)))).toBe(
      '{"f:a":{},"f:b":{".":{},"f:z":{}},"k:{\\"a\\":\\"x\\",\\"b\\":1}":{},"v:2":{},"v:10":{},"v:\\"s\\"":{},"i:2":{},"i:10":{}}',
    );
  });
  it.each([['{"f:a":5}'], ['[]'], ['{"f":{}}'], ['{"fa":{}}'], ['{"v:{":{}}'], ['{"k:[]":{}}'], ['{"i:x":{}}']])(
    '%s is refused',
    (text) => {
      expect(() => parseFieldSet(JSON.parse(text))).toThrow();
    },
  );
  it('may be empty', () => {
    expect(parseFieldSet({})).toBeUndefined();
    expect(parseFieldSet(null)).toBeUndefined();
  });
  it('knows its paths', () => {
    const set = setOf([['a', 'b'], ['c']]);
    expect([['f:a', 'f:b'], ['f:a'], ['f:c'], ['f:x'], []].map((p) => hasPath(set, p))).toEqual([
      true,
      false,
      true,
      false,
      false,
    ]);
  });
});

describe('path elements', () => {
  it('sort as upstream sorts them', () => {
    const elements = [
      'i:3',
      'v:true',
      'v:"a"',
      'v:10',
      'v:2',
      'k:{"name":"a","port":80}',
      'k:{"name":"a"}',
      'k:{"name":"B"}',
      'f:b',
      'f:a',
      'k:{"port":443}',
      'k:{"port":80}',
      'i:1',
    ];
    expect(elements.sort(comparePathElements)).toEqual([
      'f:a',
      'f:b',
      'k:{"name":"B"}',
      'k:{"name":"a"}',
      'k:{"name":"a","port":80}',
      'k:{"port":80}',
      'k:{"port":443}',
      'v:2',
      'v:10',
      'v:"a"',
      'v:true',
      'i:1',
      'i:3',
    ]);
  });
  it('are shown as upstream shows them', () => {
    const path = [
      'f:spec',
      keyElement(['name', 'port'], ['c"d', 80]),
      'f:set',
      valueElement('x'),
      'i:3',
      valueElement(1.5),
    ];
    expect(displayPath(path)).toBe('.spec[name="c\\"d",port=80].set[="x"][3][=1.5]');
  });
  it('escape as Go writes JSON', () => {
    expect(valueElement('<a&b>')).toBe('v:"\\u003ca\\u0026b\\u003e"');
    expect(parsePathElement('v:"<a&b>"')).toBe('v:"\\u003ca\\u0026b\\u003e"');
  });
});
