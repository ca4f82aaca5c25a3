import { applyStrategicMergePatch } from '@nodeless/apimachinery/patch/strategic-merge';
import { typeForKind } from '@nodeless/apimachinery/schema';
import { ApiError } from '@nodeless/apimachinery/status';
import { describe, expect, it } from 'vitest';

type Json = Record<string, unknown>;

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null)
    for (const member of Object.values(Object.freeze(value))) freeze(member);
  return value;
}

function patch(kind: string, target: Json, change: Json, group = ''): Json {
  const type = typeForKind(group, 'v1', kind);
  if (type === undefined) throw new Error(`no kind ${kind}`);
  return applyStrategicMergePatch(freeze(target), freeze(change), type);
}

/** Patches the spec of a pod. */
const pod = (target: Json, change: Json): unknown => patch('Pod', { spec: target }, { spec: change })['spec'];
const names = (...list: string[]): Json[] => list.map((name) => ({ name }));

describe('lists', () => {
  const cases: { name: string; target: Json; change: Json; want: Json }[] = [
    {
      name: 'are merged by their key',
      target: {
        containers: [
          { name: 'a', image: '1' },
          { name: 'b', image: '1' },
        ],
      },
      change: { containers: [{ name: 'b', image: '2' }] },
      want: {
        containers: [
          { name: 'a', image: '1' },
          { name: 'b', image: '2' },
        ],
      },
    },
    {
      name: 'get new items in front of those the patch does not name',
      target: { containers: names('a', 'b') },
      change: { containers: names('c') },
      want: { containers: names('c', 'a', 'b') },
    },
    {
      name: 'keep the order of the live list around items of the patch',
      target: { containers: names('a', 'b', 'c') },
      change: { containers: [{ name: 'b', image: '2' }] },
      want: { containers: [{ name: 'a' }, { name: 'b', image: '2' }, { name: 'c' }] },
    },
    {
      name: 'take the order of the patch for its items',
      target: { containers: names('a', 'b', 'c') },
      change: { containers: names('c', 'a') },
      want: { containers: names('b', 'c', 'a') },
    },
    {
      name: 'lose items on request',
      target: { containers: names('a', 'b') },
      change: { containers: [{ name: 'a', $patch: 'delete' }] },
      want: { containers: names('b') },
    },
    {
      name: 'are replaced on request',
      target: { containers: names('a', 'b') },
      change: { containers: [{ $patch: 'replace' }, { name: 'only' }] },
      want: { containers: names('only') },
    },
    {
      name: 'are merged in depth',
      target: {
        containers: [
          {
            name: 'a',
            env: [
              { name: 'X', value: '1' },
              { name: 'Y', value: '1' },
            ],
          },
        ],
      },
      change: {
        containers: [
          {
            name: 'a',
            env: [
              { name: 'Y', $patch: 'delete' },
              { name: 'Z', value: '3' },
            ],
          },
        ],
      },
      want: {
        containers: [
          {
            name: 'a',
            env: [
              { name: 'Z', value: '3' },
              { name: 'X', value: '1' },
            ],
          },
        ],
      },
    },
    {
      name: 'without a merge key are replaced',
      target: { tolerations: [{ key: 'a' }] },
      change: { tolerations: [{ key: 'b' }] },
      want: { tolerations: [{ key: 'b' }] },
    },
    {
      name: 'are put into an order',
      target: { containers: names('a', 'b', 'c') },
      change: { '$setElementOrder/containers': names('c', 'a'), containers: [{ name: 'a', image: '2' }] },
      want: { containers: [{ name: 'b' }, { name: 'c' }, { name: 'a', image: '2' }] },
    },
    {
      name: 'are put into an order without being changed',
      target: { containers: names('a', 'b') },
      change: { '$setElementOrder/containers': names('b', 'a') },
      want: { containers: names('b', 'a') },
    },
    {
      name: 'that are new lose directives and nulls',
      target: {},
      change: {
        containers: [
          { name: 'a', image: null },
          { name: 'b', $patch: 'delete' },
        ],
      },
      want: { containers: names('a') },
    },
    {
      name: 'go with null',
      target: { containers: names('a'), nodeName: 'n' },
      change: { containers: null },
      want: { nodeName: 'n' },
    },
  ];
  it.each(cases)('$name', ({ target, change, want }) => {
    expect(pod(target, change)).toEqual(want);
  });

  const finalizers = (target: string[] | undefined, change: Json): unknown =>
    (patch('Pod', { metadata: { finalizers: target } }, { metadata: change })['metadata'] as Json)['finalizers'];
  it('of strings are merged as sets', () => {
    expect(finalizers(['a', 'b'], { finalizers: ['c', 'a'] })).toEqual(['c', 'a', 'b']);
    expect(finalizers(['a', 'b', 'c'], { '$deleteFromPrimitiveList/finalizers': ['b', 'x'] })).toEqual(['a', 'c']);
    expect(finalizers(['d', 'b'], { '$setElementOrder/finalizers': ['b', 'd'], finalizers: ['b'] })).toEqual([
      'b',
      'd',
    ]);
    expect(finalizers(undefined, { '$deleteFromPrimitiveList/finalizers': ['b'] })).toBeUndefined();
  });
});

describe('maps', () => {
  const strategy = (target: Json, change: Json): unknown =>
    (patch('Deployment', { spec: { strategy: target } }, { spec: { strategy: change } }, 'apps')['spec'] as Json)[
      'strategy'
    ];
  it('are merged, members go with null', () => {
    expect(patch('ConfigMap', { data: { a: '1', b: '1' } }, { data: { a: null, c: '1', d: null } })).toEqual({
      data: { b: '1', c: '1' },
    });
  });
  it('are replaced, deleted, or keep some keys on request', () => {
    expect(strategy({ type: 'RollingUpdate', rollingUpdate: {} }, { $patch: 'replace', type: 'Recreate' })).toEqual({
      type: 'Recreate',
    });
    expect(strategy({ type: 'RollingUpdate' }, { $patch: 'delete' })).toEqual({});
    expect(strategy({ type: 'RollingUpdate', rollingUpdate: {} }, { $retainKeys: ['type'], type: 'Recreate' })).toEqual(
      { type: 'Recreate' },
    );
    expect(
      pod(
        { volumes: [{ name: 'v', emptyDir: {} }] },
        { volumes: [{ name: 'v', $retainKeys: ['name', 'hostPath'], hostPath: { path: '/h' } }] },
      ),
    ).toEqual({ volumes: [{ name: 'v', hostPath: { path: '/h' } }] });
  });
  it('that are new and marked go', () => {
    expect(
      patch(
        'ConfigMap',
        {},
        { data: { $patch: 'delete', a: 'b' }, metadata: { name: 'x', labels: { $patch: 'replace' } } },
      ),
    ).toEqual({ metadata: { name: 'x' } });
  });
  it('take the place of what is no map, and the other way', () => {
    expect(patch('ConfigMap', { data: null }, { data: { a: 'b' } })).toEqual({ data: { a: 'b' } });
    expect(pod({ containers: names('a') }, { containers: 'x' })).toEqual({ containers: 'x' });
  });
  it('with hostile keys', () => {
    const change = JSON.parse('{"data":{"__proto__":"x","constructor":"y"},"__proto__":{"polluted":"z"}}') as Json;
    const data = patch('ConfigMap', { data: { a: '1' } }, change)['data'] as Json;
    expect(Object.keys(data)).toEqual(['a', '__proto__', 'constructor']);
    expect(({} as Json)['polluted']).toBeUndefined();
    expect(
      patch(
        'ConfigMap',
        { data: JSON.parse('{"__proto__":"x"}') as Json },
        JSON.parse('{"data":{"__proto__":null}}') as Json,
      ),
    ).toEqual({ data: {} });
  });
});

it('changes neither argument, and shares what it keeps', () => {
  const spec = { containers: names('a') };
  const target = { metadata: { name: 'x' }, spec };
  const type = typeForKind('', 'v1', 'Pod');
  if (type === undefined) throw new Error('no Pod');
  const patched = applyStrategicMergePatch(freeze(target), freeze({ metadata: { labels: { a: 'b' } } }), type);
  expect(patched['spec']).toBe(spec);
});

describe('what does not fit', () => {
  const spec = (change: Json) => () => pod({ containers: [{ name: 'a', image: 'i' }], volumes: names('v') }, change);
  const cases: { name: string; act: () => unknown; code: number; message: string }[] = [
    {
      name: 'no merge key',
      act: spec({ containers: [{ image: 'x' }] }),
      code: 500,
      message: 'map: map[image:x] does not contain declared merge key: name',
    },
    {
      name: 'no merge key to delete by',
      act: spec({ containers: [{ $patch: 'delete' }] }),
      code: 500,
      message: 'map: map[$patch:delete] does not contain declared merge key: name',
    },
    {
      name: 'a bad directive',
      act: spec({ securityContext: null, $patch: 'zig' }),
      code: 500,
      message: 'unknown patch type: zig in map: map[$patch:zig securityContext:<nil>]',
    },
    {
      name: 'a directive for maps that says merge',
      act: spec({ $patch: 'merge' }),
      code: 500,
      message: 'unknown patch type: merge in map: map[$patch:merge]',
    },
    {
      name: 'a directive for items that says merge',
      act: spec({ containers: [{ $patch: 'merge', name: 'a' }] }),
      code: 500,
      message: 'merging lists cannot yet be specified in the patch',
    },
    {
      name: 'a directive that is no text',
      act: spec({ $patch: 5 }),
      code: 500,
      message: 'unknown patch type: %!s(int64=5) in map: map[$patch:5]',
    },
    {
      name: 'an order that the patch does not follow',
      act: spec({ '$setElementOrder/containers': names('zig'), containers: names('c') }),
      code: 500,
      message: "The order in patch list:\n[map[name:c]]\n doesn't match $setElementOrder list:\n[map[name:zig]]\n",
    },
    {
      name: 'an order that is no list',
      act: spec({ '$setElementOrder/containers': 'x' }),
      code: 500,
      message: 'expected a []interface {}, but received a string',
    },
    {
      name: 'items of different types',
      act: spec({ containers: ['x'] }),
      code: 500,
      message: 'list element types are not identical: [[map[image:i name:a]] [x]]',
    },
    {
      name: 'keys to retain that the patch oversteps',
      act: spec({ volumes: [{ name: 'v', $retainKeys: ['name'], hostPath: {} }] }),
      code: 400,
      message: 'invalid patch format of retainKeys',
    },
    {
      name: 'keys to retain that are no list',
      act: spec({ $retainKeys: 'x' }),
      code: 400,
      message: 'invalid patch format of retainKeys',
    },
    {
      name: 'lists of lists',
      act: () => patch('Pod', { metadata: { finalizers: [['x']] } }, { metadata: { finalizers: [['y']] } }),
      code: 422,
      message: 'the server rejected our request due to an error in our request',
    },
    {
      name: 'a map in a map that has none',
      act: () => patch('ConfigMap', { data: { a: {} } }, { data: { a: { b: 1 } } }),
      code: 500,
      message: 'merging an object in json but data type is not struct, instead is: map',
    },
    {
      name: 'an unknown field with a value on both sides',
      act: () => patch('ConfigMap', { zig: {} }, { zig: { a: 1 } }),
      code: 500,
      message: 'unable to find api field in struct ConfigMap for the json field "zig"',
    },
  ];
  it.each(cases)('$name', ({ act, code, message }) => {
    let error: unknown;
    try {
      act();
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(ApiError);
    expect({ code: (error as ApiError).code, message: (error as ApiError).message }).toEqual({ code, message });
  });
});
