import type { JsonValue } from '@nodeless/apimachinery/json';
import { applyJsonPatch, checkJsonPatch } from '@nodeless/apimachinery/patch/json-patch';
import { ApiError } from '@nodeless/apimachinery/status';
import { describe, expect, it } from 'vitest';

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null)
    for (const member of Object.values(Object.freeze(value))) freeze(member);
  return value;
}
const document = (): JsonValue =>
  freeze({ a: 'x', list: [1, 2, 3], map: { b: { c: 1 } }, 'k/ey': { 't~ilde': true }, none: null });

function statusOf(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    if (error instanceof ApiError) return error.status;
    throw error;
  }
  throw new Error('it succeeded');
}

describe('applyJsonPatch', () => {
  const cases: { name: string; patch: JsonValue[]; want: object }[] = [
    {
      name: 'adds a member',
      patch: [{ op: 'add', path: '/map/new', value: [1] }],
      want: { map: { b: { c: 1 }, new: [1] } },
    },
    { name: 'adds over what is there', patch: [{ op: 'add', path: '/a', value: 'y' }], want: { a: 'y' } },
    {
      name: 'adds to a list',
      patch: [
        { op: 'add', path: '/list/1', value: 9 },
        { op: 'add', path: '/list/-', value: 8 },
      ],
      want: { list: [1, 9, 2, 3, 8] },
    },
    {
      name: 'adds counting from the end',
      patch: [{ op: 'add', path: '/list/-1', value: 9 }],
      want: { list: [1, 2, 3, 9] },
    },
    { name: 'adds null where no value is given', patch: [{ op: 'add', path: '/a' }], want: { a: null } },
    {
      name: 'removes',
      patch: [
        { op: 'remove', path: '/list/0' },
        { op: 'remove', path: '/a' },
      ],
      want: { a: undefined, list: [2, 3] },
    },
    {
      name: 'replaces, even what is not there',
      patch: [
        { op: 'replace', path: '/list/-1', value: 9 },
        { op: 'replace', path: '/new', value: 1 },
      ],
      want: { list: [1, 2, 9], new: 1 },
    },
    { name: 'moves', patch: [{ op: 'move', from: '/map/b', path: '/b' }], want: { map: {}, b: { c: 1 } } },
    {
      name: 'copies',
      patch: [
        { op: 'copy', from: '/map', path: '/copy' },
        { op: 'add', path: '/copy/b/c', value: 2 },
      ],
      want: { copy: { b: { c: 2 } } },
    },
    {
      name: 'copies what the patch itself opened',
      patch: [
        { op: 'add', path: '/map/b/d', value: 1 },
        { op: 'copy', from: '/map', path: '/copy' },
        { op: 'add', path: '/map/b/e', value: 1 },
      ],
      want: { map: { b: { c: 1, d: 1, e: 1 } }, copy: { b: { c: 1, d: 1 } } },
    },
    { name: 'copies nothing as null', patch: [{ op: 'copy', from: '/nope', path: '/a' }], want: { a: null } },
    {
      name: 'tests',
      patch: [
        { op: 'test', path: '/map', value: { b: { c: 1 } } },
        { op: 'test', path: '/none', value: null },
        { op: 'test', path: '/nope', value: null },
      ],
      want: {},
    },
    {
      name: 'unescapes paths',
      patch: [{ op: 'add', path: '/k~1ey/t~0ilde', value: false }],
      want: { 'k/ey': { 't~ilde': false } },
    },
    {
      name: 'takes a path without its slash from the second part on',
      patch: [{ op: 'add', path: 'zig/a', value: 'y' }],
      want: { a: 'y' },
    },
    { name: 'knows the empty key', patch: [{ op: 'add', path: '/', value: 1 }], want: { '': 1 } },
  ];
  it.each(cases)('$name', ({ patch, want }) => {
    expect(applyJsonPatch(document(), freeze(patch))).toEqual({ ...(document() as object), ...want });
  });

  it('replaces the whole document', () => {
    expect(
      applyJsonPatch(document(), [
        { op: 'replace', path: '', value: { z: 1 } },
        { op: 'add', path: '/y', value: 2 },
      ]),
    ).toEqual({ z: 1, y: 2 });
  });

  it('shares what no path leads through', () => {
    const from = document() as Record<string, unknown>;
    const to = applyJsonPatch(from as JsonValue, [{ op: 'add', path: '/map/x', value: 1 }]) as Record<string, unknown>;
    expect(to['list']).toBe(from['list']);
    expect(to['map']).not.toBe(from['map']);
    expect((to['map'] as Record<string, unknown>)['b']).toBe((from['map'] as Record<string, unknown>)['b']);
  });

  const failing: [string, JsonValue][] = [
    ['an unknown operation', { op: 'zig', path: '/a' }],
    ['no operation', { path: '/a', value: 1 }],
    ['an operation that is no text', { op: 5, path: '/a' }],
    ['null', null],
    ['no path', { op: 'add', value: 1 }],
    ['an empty path', { op: 'add', path: '', value: {} }],
    ['a parent that is missing', { op: 'add', path: '/nope/x', value: 1 }],
    ['a parent that is a scalar', { op: 'add', path: '/a/x', value: 1 }],
    ['a parent that is null', { op: 'add', path: '/none/x', value: 1 }],
    ['an index too far', { op: 'add', path: '/list/4', value: 1 }],
    ['an index too far back', { op: 'add', path: '/list/-5', value: 1 }],
    ['an index that is none', { op: 'add', path: '/list/x', value: 1 }],
    ['the end where there is nothing', { op: 'replace', path: '/list/-', value: 1 }],
    ['removing what is missing', { op: 'remove', path: '/nope' }],
    ['moving what is missing', { op: 'move', from: '/nope', path: '/a' }],
    ['moving from nowhere', { op: 'move', path: '/a' }],
    ['a test that fails', { op: 'test', path: '/a', value: 'y' }],
    ['a test of more members', { op: 'test', path: '/map', value: { b: { c: 1 }, d: 1 } }],
    ['a test of nothing', { op: 'test', path: '/a' }],
    ['a document that is a scalar', { op: 'replace', path: '', value: 5 }],
  ];
  it.each(failing)('answers %s with 422, untold why', (_name, operation) => {
    expect(statusOf(() => applyJsonPatch(document(), [operation]))).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      details: {},
      reason: 'Invalid',
      code: 422,
      message: 'the server rejected our request due to an error in our request',
    });
  });

  it('limits the number of operations', () => {
    const add: JsonValue = { op: 'add', path: '/a', value: 'x' };
    expect(
      applyJsonPatch(
        document(),
        Array.from({ length: 10_000 }, () => add),
      ),
    ).toEqual(document());
    expect(
      statusOf(() =>
        applyJsonPatch(
          document(),
          Array.from({ length: 10_001 }, () => add),
        ),
      ),
    ).toMatchObject({
      code: 413,
      reason: 'RequestEntityTooLarge',
      message: 'Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001',
    });
  });

  it('does not let copies grow without end', () => {
    const doubling: JsonValue[] = [{ op: 'add', path: '/s', value: ['0123456789'] }];
    for (let i = 0; i < 60; i++) doubling.push({ op: 'copy', from: '/s', path: '/s/-' });
    expect(statusOf(() => applyJsonPatch(document(), doubling))).toMatchObject({ code: 422 });
  });

  it('keeps hostile keys plain', () => {
    const patched = applyJsonPatch(document(), [
      { op: 'add', path: '/__proto__', value: { polluted: true } },
      { op: 'add', path: '/__proto__/more', value: 1 },
      { op: 'add', path: '/constructor', value: 'x' },
    ]) as Record<string, unknown>;
    expect(Object.keys(patched)).toEqual(expect.arrayContaining(['__proto__', 'constructor']));
    expect(Object.getPrototypeOf(patched)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    expect(statusOf(() => applyJsonPatch(document(), [{ op: 'remove', path: '/constructor' }]))).toMatchObject({
      code: 422,
    });
    expect(
      statusOf(() => applyJsonPatch(document(), [{ op: 'add', path: '/constructor/prototype/x', value: 1 }])),
    ).toMatchObject({ code: 422 });
  });
});

describe('checkJsonPatch', () => {
  it('tells unknown members', () => {
    expect(
      checkJsonPatch([
        { op: 'add', path: '/a', value: { zig: 1 } },
        { op: 'add', zag: 1, Path: '/a' },
      ]),
    ).toEqual(['json patch unknown field "[1].zag"', 'json patch unknown field "[1].Path"']);
  });
  it.each<[JsonValue, string]>([
    [
      { op: 5 },
      'error decoding patch: json: cannot unmarshal number into Go struct field jsonPatchOp.op of type string',
    ],
    [
      { op: 'add', path: ['x'] },
      'error decoding patch: json: cannot unmarshal array into Go struct field jsonPatchOp.path of type string',
    ],
    ['x', 'error decoding patch: json: cannot unmarshal string into Go value of type handlers.jsonPatchOp'],
  ])('refuses %j', (operation, message) => {
    expect(statusOf(() => checkJsonPatch([operation]))).toMatchObject({ code: 400, reason: 'BadRequest', message });
  });
});
