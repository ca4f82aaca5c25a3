import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deepCopy, deepEqual, deepFreeze, semanticEqual } from '@nodeless/apimachinery/equality';

const json = fc.jsonValue({ maxDepth: 4 });

describe('deepEqual', () => {
  it.each([
    [{ a: 1 }, { a: 1, b: undefined }, true],
    [{ a: null }, {}, false],
    [{ a: [] }, {}, false],
    [[1, 2], [1, 2], true],
    [[1], { 0: 1 }, false],
    [{}, { constructor: 1 }, false],
    [{ toString: 1 }, {}, false],
    [1n, 1n, true],
  ])('case %#', (a, b, want) => {
    expect(deepEqual(a, b)).toBe(want);
    expect(deepEqual(b, a)).toBe(want);
  });
  it('is equality of JSON', () => {
    fc.assert(
      fc.property(json, json, (a, b) => {
        expect(deepEqual(a, deepCopy(a))).toBe(true);
        if (deepEqual(a, b)) expect(b).toEqual(a);
        else expect(JSON.stringify(b)).not.toBe(JSON.stringify(a));
      }),
    );
  });
});

it.each([
  [{ a: '', b: 0, c: [], d: { e: null } }, {}, true],
  [{ a: 1 }, {}, false],
  [undefined, { x: {} }, true],
  [[{ a: '' }], [{}], true],
  [[], [{}], false],
])('semanticEqual(%j, %j): %s', (a, b, want) => {
  expect(semanticEqual(a, b)).toBe(want);
  expect(semanticEqual(b, a)).toBe(want);
});

describe('deepCopy and deepFreeze', () => {
  it('a copy shares nothing', () => {
    const original = deepFreeze({ a: [{ b: { c: 1 } }] });
    const copy = deepCopy(original);
    (copy.a[0] as { b: { c: number } }).b.c = 2;
    expect(original.a[0]?.b.c).toBe(1);
    expect(copy).not.toBe(original);
  });
  it('hostile keys stay keys', () => {
    const hostile = JSON.parse('{"a":{"__proto__":{"x":1}}}') as { a: object };
    const copy = deepCopy(hostile);
    expect(Object.keys(copy.a)).toEqual(['__proto__']);
    expect(Object.getPrototypeOf(copy.a)).toBe(Object.prototype);
    expect((copy.a as Record<string, unknown>)['x']).toBeUndefined();
  });
  it('freezes all of it', () => {
    const frozen = deepFreeze({ a: [{ b: {} }] });
    expect(() => (frozen.a as unknown[]).push(1)).toThrow(TypeError);
    expect(Object.isFrozen(frozen.a[0]?.b)).toBe(true);
  });
});
