import { describe, expect, test } from 'vitest';
import { configMap, createHarness, json, refusal, scope, wire } from './harness.ts';

describe('create', () => {
  test("fills what is the server's and answers 201 with the stored bytes", async () => {
    const { registry } = createHarness();
    const { code, result } = await registry.create(
      scope('configmaps'),
      wire(configMap('a', { metadata: { uid: 'mine' } })),
    );
    expect(code).toBe(201);
    const object = json(result);
    expect(object).toEqual(result.object());
    expect(object).toMatchObject({
      kind: 'ConfigMap',
      apiVersion: 'v1',
      metadata: { name: 'a', namespace: 'default', creationTimestamp: '2030-01-01T00:00:00Z' },
      data: { a: 'b' },
    });
    expect(object.metadata?.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(object.metadata?.resourceVersion).toMatch(/^\d{16}$/);
    expect(json(await registry.get(scope('configmaps', 'a')))).toEqual(object);
  });

  test('the frozen object is shared by all readers', async () => {
    const { registry } = createHarness();
    const { result } = await registry.create(scope('configmaps'), wire(configMap('a')));
    const read = (await registry.get(scope('configmaps', 'a'))).object();
    expect(read).toBe(result.object());
    expect(Object.isFrozen(read.metadata)).toBe(true);
  });

  const refused: [string, unknown, Partial<ReturnType<typeof scope>>, object][] = [
    [
      'no name',
      { data: {} },
      {},
      {
        code: 422,
        message: 'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required',
      },
    ],
    ['null', 'null', {}, { code: 422, reason: 'Invalid' }],
    [
      'an array',
      '[]',
      {},
      {
        code: 400,
        message:
          'the object provided is unrecognized (must be of type ConfigMap): couldn\'t get version/kind; json parse error: json: cannot unmarshal array into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" } (5b5d)',
      },
    ],
    [
      'bad JSON',
      '{bad',
      {},
      {
        code: 400,
        message:
          "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: invalid character 'b' looking for beginning of object key string ({bad)",
      },
    ],
    [
      'nothing',
      '',
      {},
      {
        message:
          "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: unexpected end of JSON input (<empty>)",
      },
    ],
    [
      'another namespace',
      configMap('a', { metadata: { namespace: 'other' } }),
      {},
      { code: 400, message: 'the namespace of the provided object does not match the namespace sent on the request' },
    ],
    [
      'another kind',
      { ...configMap('a'), kind: 'Secret' },
      {},
      { message: 'Secret in version "v1" cannot be handled as a ConfigMap: illegal base64 data at input byte 0' },
    ],
    [
      'no such kind',
      { ...configMap('a'), kind: 'Zig' },
      {},
      {
        message:
          'Zig in version "v1" cannot be handled as a ConfigMap: no kind "Zig" is registered for version "v1" in scheme "pkg/runtime/scheme.go:111"',
      },
    ],
    [
      'a list',
      { ...configMap('a'), kind: 'ConfigMapList', data: undefined },
      {},
      {
        message:
          'ConfigMapList in version "v1" cannot be handled as a ConfigMap: converting (v1.ConfigMapList) to (core.ConfigMap): unknown conversion',
      },
    ],
    [
      'a bad apiVersion',
      { ...configMap('a'), apiVersion: 'a/b/c' },
      {},
      {
        message:
          'the object provided is unrecognized (must be of type ConfigMap): unexpected GroupVersion string: a/b/c ({"apiVersion":"a/b/c","kind":" ...)',
      },
    ],
    ['a bad name', configMap('Bad_Name'), {}, { code: 422, reason: 'Invalid' }],
    [
      'a bad option',
      configMap('a'),
      { dryRun: ['Zig'] },
      {
        message: 'CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["Zig"]: supported values: "All"',
      },
    ],
    [
      'an unknown field, strictly',
      { ...configMap('a'), zig: 1 },
      { fieldValidation: 'Strict' },
      {
        message:
          'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "zig"',
      },
    ],
    [
      'a revision',
      configMap('a', { metadata: { resourceVersion: '5' } }),
      {},
      { code: 500, message: 'resourceVersion should not be set on objects to be created' },
    ],
    [
      'too large an object',
      { ...configMap('a'), data: { a: 'x'.repeat(1_600_000) } },
      {},
      { code: 500, message: 'etcdserver: request is too large' },
    ],
  ];
  test.each(refused)('refuses %s', async (_name, body, more, status) => {
    const { registry } = createHarness();
    expect(await refusal(registry.create(scope('configmaps', '', more), wire(body)))).toMatchObject(status);
  });

  test('warns of unknown fields unless told to ignore them', async () => {
    const { registry } = createHarness();
    const warning = scope('configmaps');
    await registry.create(warning, wire({ ...configMap('a'), zig: 1 }));
    expect(warning.warnings).toEqual(['unknown field "zig"']);
    const ignoring = scope('configmaps', '', { fieldValidation: 'Ignore' });
    await registry.create(ignoring, wire({ ...configMap('b'), zig: 1 }));
    expect(ignoring.warnings).toEqual([]);
  });

  test('a second time is refused, and says when the first is being deleted', async () => {
    const { registry } = createHarness();
    await registry.create(scope('configmaps'), wire(configMap('a', { metadata: { finalizers: ['a.b/c'] } })));
    const again = () => refusal(registry.create(scope('configmaps'), wire(configMap('a'))));
    expect(await again()).toMatchObject({
      code: 409,
      reason: 'AlreadyExists',
      message: 'configmaps "a" already exists',
    });
    await registry.delete(scope('configmaps', 'a'));
    expect(await again()).toMatchObject({
      code: 409,
      message: 'object is being deleted: configmaps "a" already exists',
    });
    expect(
      await refusal(registry.create(scope('configmaps', '', { dryRun: ['All'] }), wire(configMap('a')))),
    ).toMatchObject({ code: 409 });
  });

  test('a generated name is another one each time', async () => {
    const { registry } = createHarness();
    const names = new Set<string>();
    for (let i = 0; i < 20; i++) {
      const { result } = await registry.create(scope('configmaps'), wire({ metadata: { generateName: 'g-' } }));
      names.add(result.object().metadata?.name ?? '');
    }
    expect(names.size).toBe(20);
    for (const name of names) expect(name).toMatch(/^g-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  });

  test('a dry run stores nothing and gives no revision', async () => {
    const { registry } = createHarness();
    const { code, result } = await registry.create(scope('configmaps', '', { dryRun: ['All'] }), wire(configMap('a')));
    expect(code).toBe(201);
    expect(json(result).metadata?.resourceVersion).toBeUndefined();
    expect(await refusal(registry.get(scope('configmaps', 'a')))).toMatchObject({
      code: 404,
      message: 'configmaps "a" not found',
    });
  });

  test('keys like __proto__ are data', async () => {
    const { registry } = createHarness();
    await registry.create(
      scope('configmaps'),
      wire('{"metadata":{"name":"a","labels":{"constructor":"x"}},"data":{"__proto__":"evil"}}'),
    );
    const { items } = await registry.list(scope('configmaps'), { labelSelector: 'toString' });
    expect(items).toEqual([]);
    expect(Buffer.from((await registry.get(scope('configmaps', 'a'))).bytes()).toString()).toContain(
      '"__proto__":"evil"',
    );
    expect(({} as Record<string, unknown>).evil).toBeUndefined();
  });
});

describe('update', () => {
  async function made(more: Record<string, unknown> = {}) {
    const harness = createHarness();
    const { result } = await harness.registry.create(scope('configmaps'), wire(configMap('a', more)));
    return { ...harness, created: result.object() };
  }

  test('replaces, keeping what the server filled in', async () => {
    const { registry, created } = await made();
    const { code, result } = await registry.update(
      scope('configmaps', 'a'),
      wire({ metadata: { name: 'a' }, data: { x: 'y' } }),
    );
    expect(code).toBe(200);
    expect(result.object()).toMatchObject({
      data: { x: 'y' },
      metadata: { uid: created.metadata?.uid, creationTimestamp: created.metadata?.creationTimestamp },
    });
    expect(result.object().metadata?.resourceVersion).not.toBe(created.metadata?.resourceVersion);
  });

  test('what changes nothing makes no revision', async () => {
    const { registry, created } = await made();
    const { result } = await registry.update(scope('configmaps', 'a'), wire(created));
    expect(result.object()).toBe(created);
  });

  const refused: [string, object, object][] = [
    [
      'another name',
      { metadata: { name: 'b' } },
      { code: 400, message: 'the name of the object (b) does not match the name on the URL (a)' },
    ],
    [
      'no name',
      { metadata: {} },
      { code: 400, message: 'the name of the object (a based on URL) was undeterminable: name must be provided' },
    ],
    [
      'an old revision',
      { metadata: { name: 'a', resourceVersion: '1' } },
      {
        code: 409,
        message:
          'Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to the latest version and try again',
      },
    ],
    [
      'a bad revision',
      { metadata: { name: 'a', resourceVersion: 'x' } },
      { code: 500, message: 'strconv.ParseUint: parsing "x": invalid syntax' },
    ],
    ['another uid', { metadata: { name: 'a', uid: 'x' } }, { code: 409, reason: 'Conflict' }],
  ];
  test.each(refused)('refuses %s', async (_name, body, status) => {
    const { registry } = await made();
    expect(await refusal(registry.update(scope('configmaps', 'a'), wire(body)))).toMatchObject(status);
  });

  test('of what is not there is refused, or creates where the kind says so', async () => {
    const { registry } = createHarness({
      kinds: [
        {
          group: 'coordination.k8s.io',
          resource: 'leases',
          strategy: { allowCreateOnUpdate: true, allowUnconditionalUpdate: false },
        },
      ],
    });
    expect(await refusal(registry.update(scope('configmaps', 'x'), wire({ metadata: { name: 'x' } })))).toMatchObject({
      code: 404,
    });
    const leases = scope('coordination.k8s.io/v1/leases', 'x');
    expect((await registry.update(leases, wire({ metadata: { name: 'x' } }))).code).toBe(201);
    expect(await refusal(registry.update(leases, wire({ metadata: { name: 'x' } })))).toMatchObject({
      code: 422,
      message:
        'leases.coordination.k8s.io "x" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update',
    });
  });

  test('creating by PUT needs the right to create', async () => {
    const { registry } = createHarness({
      kinds: [{ group: 'coordination.k8s.io', resource: 'leases', strategy: { allowCreateOnUpdate: true } }],
      authorizer: { authorize: ({ verb }) => ({ decision: verb === 'create' ? 'no-opinion' : 'allow', reason: '' }) },
    });
    expect(
      await refusal(registry.update(scope('coordination.k8s.io/v1/leases', 'x'), wire({ metadata: { name: 'x' } }))),
    ).toMatchObject({ code: 403 });
  });

  test('concurrent updates without a revision all happen', async () => {
    const { registry } = await made();
    const kinds = Array.from({ length: 20 }, (_, i) =>
      registry.update(scope('configmaps', 'a'), wire({ metadata: { name: 'a' }, data: { i: String(i) } })),
    );
    const revisions = new Set(
      (await Promise.all(kinds)).map(({ result }) => result.object().metadata?.resourceVersion),
    );
    expect(revisions.size).toBe(20);
  });

  test('of concurrent updates of one state, one happens', async () => {
    const { registry, created } = await made();
    const results = await Promise.allSettled(
      Array.from({ length: 10 }, (_, i) =>
        registry.update(scope('configmaps', 'a'), wire({ ...created, data: { i: String(i) } })),
      ),
    );
    expect(results.filter((r) => r.status === 'fulfilled')).toHaveLength(1);
  });

  test('metadata faults are told as often as upstream finds them', async () => {
    const { registry } = await made();
    const status = await refusal(
      registry.update(scope('configmaps', 'a'), wire({ metadata: { name: 'a', labels: { 'a b': 'x' } } })),
    );
    expect(status.code).toBe(422);
    expect(status.details?.causes).toHaveLength(4);
  });

  test('the status door changes the status alone, the main one everything else', async () => {
    const { registry } = createHarness();
    const deployments = (subresource = '') => scope('apps/v1/deployments', 'd', { subresource });
    const spec = {
      selector: { matchLabels: { a: 'b' } },
      template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
    };
    await registry.create(
      scope('apps/v1/deployments'),
      wire({ metadata: { name: 'd' }, spec, status: { replicas: 5 } }),
    );
    expect((await registry.get(deployments())).object().status).toEqual({});
    const viaStatus = await registry.update(
      deployments('status'),
      wire({ metadata: { name: 'd', labels: { x: 'y' } }, spec: { ...spec, replicas: 9 }, status: { replicas: 3 } }),
    );
    expect(viaStatus.result.object()).toMatchObject({ status: { replicas: 3 } });
    expect((viaStatus.result.object().spec as { replicas?: number }).replicas).toBeUndefined();
    const viaMain = await registry.update(
      deployments(),
      wire({ metadata: { name: 'd' }, spec: { ...spec, replicas: 2 }, status: { replicas: 7 } }),
    );
    expect(viaMain.result.object()).toMatchObject({ spec: { replicas: 2 }, status: { replicas: 3 } });
  });
});
