import { describe, expect, test } from 'vitest';
import type { PatchOptions, RequestScope } from '@nodeless/registry/registry';
import { type TestScope, configMap, createHarness, refusal, scope, wire } from './harness.ts';

async function made(more: Record<string, unknown> = {}) {
  const harness = createHarness();
  const { result } = await harness.registry.create(
    scope('configmaps', '', { fieldManager: 'maker' }),
    wire(configMap('a', more)),
  );
  const patch = (body: unknown, type: PatchOptions['type'], at: TestScope = scope('configmaps', 'a')) =>
    harness.registry.patch(at, wire(body), { type });
  return { ...harness, created: result.object(), patch };
}

describe('a patch', () => {
  const refused: [string, PatchOptions['type'], unknown, Partial<RequestScope>, object][] = [
    [
      'bad JSON',
      'merge',
      '{bad',
      {},
      { code: 400, message: "error decoding patch: invalid character 'b' looking for beginning of object key string" },
    ],
    [
      'bad JSON, unchecked',
      'strategic',
      '{bad',
      {},
      { code: 400, message: "invalid character 'b' looking for beginning of object key string" },
    ],
    [
      'a list',
      'merge',
      [],
      {},
      {
        code: 400,
        message: 'error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}',
      },
    ],
    [
      'a list',
      'strategic',
      [],
      {},
      { code: 400, message: 'json: cannot unmarshal array into Go value of type map[string]interface {}' },
    ],
    [
      'an object',
      'json',
      {},
      {},
      {
        code: 400,
        message: 'error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp',
      },
    ],
    ['null', 'merge', 'null', {}, { code: 400, message: 'Invalid JSON Patch' }],
    [
      'an operation that fails',
      'json',
      [{ op: 'remove', path: '/nope/x' }],
      {},
      { code: 422, message: 'the server rejected our request due to an error in our request' },
    ],
    [
      'another name',
      'merge',
      { metadata: { name: 'z' } },
      {},
      { code: 400, message: 'the name of the object (z) does not match the name on the URL (a)' },
    ],
    [
      'another namespace',
      'merge',
      { metadata: { namespace: 'z' } },
      {},
      { code: 400, message: 'the namespace of the provided object does not match the namespace sent on the request' },
    ],
    [
      'another uid',
      'merge',
      { metadata: { uid: 'x' } },
      {},
      { code: 422, message: 'ConfigMap "a" is invalid: metadata.uid: Invalid value: "x": field is immutable' },
    ],
    ['an old revision', 'merge', { metadata: { resourceVersion: '1' } }, {}, { code: 409, reason: 'Conflict' }],
    [
      'force',
      'merge',
      {},
      {},
      {
        code: 422,
        message: 'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch',
      },
    ],
    [
      'an unknown field, strictly',
      'strategic',
      { zig: 1 },
      { fieldValidation: 'Strict' },
      {
        code: 422,
        message: ' "" is invalid: patch: Invalid value: "map[zig:1]": strict decoding error: unknown field "zig"',
      },
    ],
    [
      'no field manager',
      'apply',
      {},
      {},
      {
        code: 422,
        message: 'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
      },
    ],
    [
      'no kind',
      'apply',
      { apiVersion: 'v1' },
      { fieldManager: 'x' },
      { code: 400, message: 'invalid object type: /v1, Kind=' },
    ],
  ];
  test.each(refused)('with %s (%s) is refused', async (what, type, body, more, status) => {
    const { registry } = await made();
    const options = { type, ...(what === 'force' && { force: true }) };
    expect(await refusal(registry.patch(scope('configmaps', 'a', more), wire(body), options))).toMatchObject(status);
  });

  test('that does not fit shows the patched JSON as upstream has it', async () => {
    const { patch, created } = await made();
    const { uid, resourceVersion } = created.metadata ?? {};
    const { message } = await refusal(patch({ data: 5 }, 'merge'));
    const managed = JSON.stringify(created.metadata?.managedFields);
    const json = `{"apiVersion":"v1","data":5,"kind":"ConfigMap","metadata":{"name":"a","namespace":"default","uid":"${uid}","resourceVersion":"${resourceVersion}","creationTimestamp":"2030-01-01T00:00:00Z","managedFields":${managed}}}`;
    expect(message).toContain(` "" is invalid: patch: Invalid value: ${JSON.stringify(json).slice(0, 250)}`);
    expect(message).toMatch(
      /json: cannot unmarshal number into Go struct field ConfigMap\.data of type map\[string\]string$/,
    );
  });

  test('warns of what it does not know', async () => {
    const { patch } = await made();
    const at = scope('configmaps', 'a');
    await patch('{"data":{"x":"1","x":"2"},"zig":1}', 'merge', at);
    expect(at.warnings).toEqual(['duplicate field "data.x"', 'unknown field "zig"']);
  });

  test('of what is not there is NotFound, whatever the patch', async () => {
    const { patch } = await made();
    expect(await refusal(patch('{bad', 'merge', scope('configmaps', 'nope')))).toMatchObject({ code: 404 });
  });

  test('that frees the object from its last finalizer deletes it', async () => {
    const { registry, patch } = await made({ metadata: { finalizers: ['a.b/c'] } });
    await registry.delete(scope('configmaps', 'a'));
    await patch({ metadata: { finalizers: null } }, 'merge');
    expect(await refusal(registry.get(scope('configmaps', 'a')))).toMatchObject({ code: 404 });
  });
});

describe('apply', () => {
  const configuration = (data?: object, metadata: object = {}) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'n', ...metadata },
    ...(data && { data }),
  });
  const at = (manager: string, more: Partial<RequestScope> = {}) =>
    scope('configmaps', 'n', { fieldManager: manager, ...more });

  test('creates, changes and takes away what it owns', async () => {
    const { registry } = createHarness();
    const apply = (data: object | undefined, manager = 'one', force = false) =>
      registry.patch(at(manager), wire(configuration(data)), { type: 'apply', force });
    const created = await apply({ a: '1', b: '1' });
    expect(created.code).toBe(201);
    const same = await apply({ a: '1', b: '1' });
    expect(same.result.object()).toBe(created.result.object());
    expect(await refusal(apply({ a: '2' }, 'two'))).toMatchObject({
      code: 409,
      message: 'Apply failed with 1 conflict: conflict with "one": .data.a',
    });
    expect((await apply({ a: '2' }, 'two', true)).result.object().data).toEqual({ a: '2', b: '1' });
    expect((await apply(undefined)).result.object().data).toEqual({ a: '2' });
  });

  test('needs the right to create what is not there', async () => {
    const { registry } = createHarness({
      authorizer: { authorize: ({ verb }) => ({ decision: verb === 'create' ? 'no-opinion' : 'allow', reason: 'no' }) },
    });
    expect(await refusal(registry.patch(at('one'), wire(configuration({})), { type: 'apply' }))).toMatchObject({
      code: 403,
      message: 'configmaps "n" is forbidden: no',
    });
  });

  test('does not create under a given uid', async () => {
    const { registry } = createHarness();
    expect(
      await refusal(registry.patch(at('one'), wire(configuration({}, { uid: 'zzz' })), { type: 'apply' })),
    ).toMatchObject({
      code: 409,
      message:
        'Operation cannot be fulfilled on configmaps "n": uid mismatch: the provided object specified uid zzz, and no existing object was found',
    });
  });

  test('of an object does not share what is frozen', async () => {
    const { registry } = createHarness({
      admission: [
        {
          name: 'Mark',
          handles: () => true,
          admit: ({ object }) => void ((object!.data as Record<string, string>).marked = 'yes'),
        },
      ],
    });
    await registry.create(
      scope('configmaps', '', { fieldManager: 'x' }),
      wire({ metadata: { name: 'n' }, data: { a: 'b' } }),
    );
    const { result } = await registry.patch(at('one'), wire(configuration(undefined, { labels: { l: '1' } })), {
      type: 'apply',
    });
    expect(result.object()).toMatchObject({ data: { a: 'b', marked: 'yes' }, metadata: { labels: { l: '1' } } });
  });
});

describe('a scope of a class', () => {
  class ClassScope implements RequestScope {
    readonly #warnings: string[] = [];
    readonly user = { name: 'u', groups: [] };
    readonly group = '';
    readonly version = 'v1';
    readonly resource = 'configmaps';
    readonly subresource = '';
    readonly namespace = 'default';
    readonly userAgent = '';
    readonly name: string;
    constructor(name = '') {
      this.name = name;
    }
    warn(text: string): void {
      this.#warnings.push(text);
    }
    annotate(key: string): void {
      this.#warnings.push(key);
    }
    get heard(): string[] {
      return this.#warnings;
    }
  }

  test('keeps its methods through all requests', async () => {
    const { registry } = createHarness({
      admission: [{ name: 'Talk', handles: () => true, admit: (a) => (a.warn(a.operation), a.annotate('a', 'b')) }],
    });
    const heard: string[][] = [];
    const run = async (at: ClassScope, call: (s: ClassScope) => Promise<unknown>) => {
      await call(at);
      heard.push(at.heard);
    };
    await run(new ClassScope(), (s) => registry.create(s, wire(configMap('a'))));
    await run(new ClassScope('a'), (s) => registry.update(s, wire({ ...configMap('a'), data: {} })));
    await run(new ClassScope(), (s) => registry.deleteCollection(s));
    expect(heard).toEqual([
      ['CREATE', 'a'],
      ['UPDATE', 'a'],
      ['DELETE', 'a'],
    ]);
  });
});
