import fc from 'fast-check';
import { expect, it } from 'vitest';
import { deepFreeze } from '@nodeless/apimachinery/equality';
import type { JsonValue } from '@nodeless/apimachinery/json';
import { applyMergePatch } from '@nodeless/apimachinery/patch/merge-patch';

// the examples of RFC 7386, then what kube-apiserver's library does beyond it
it.each<[JsonValue, JsonValue, JsonValue]>([
  [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
  [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
  [{ a: 'b' }, { a: null }, {}],
  [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
  [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
  [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
  [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
  [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
  [
    ['a', 'b'],
    ['c', 'd'],
    ['c', 'd'],
  ],
  [{ a: 'b' }, ['c'], ['c']],
  [{ a: 'foo' }, null, null],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: 'b', c: null }, { a: 'b' }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  [{}, { a: [{ b: null, c: 1 }, null] }, { a: [{ c: 1 }, null] }],
  [{ a: [] }, { a: [{ b: null }] }, { a: [{}] }],
  [{ a: { x: 1 } }, { a: [{ b: null }] }, { a: [{ b: null }] }],
  [{ a: null }, { a: { b: null } }, { a: {} }],
  [{}, { constructor: { a: 1 } }, { constructor: { a: 1 } }],
])('%j with %j', (target, patch, want) => {
  expect(applyMergePatch(deepFreeze(target), deepFreeze(patch))).toEqual(want);
});

it('takes __proto__ for a key', () => {
  const result = applyMergePatch({}, JSON.parse('{"__proto__":{"x":1,"y":null}}') as JsonValue) as object;
  expect(JSON.stringify(result)).toBe('{"__proto__":{"x":1}}');
  expect((result as Record<string, unknown>)['x']).toBeUndefined();
});

it('a patch applied twice changes nothing more', () => {
  const scalar = fc.constantFrom<JsonValue>(null, 1, 'x', [], [1]);
  const json = fc.letrec<{ tree: JsonValue }>((tie) => ({
    tree: fc.oneof({ maxDepth: 3 }, scalar, fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('tree'))),
  })).tree;
  fc.assert(
    fc.property(json, json, (target, patch) => {
      const once = applyMergePatch(target, patch);
      expect(applyMergePatch(once, patch)).toEqual(once);
    }),
  );
});
