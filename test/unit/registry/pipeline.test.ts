import { describe, expect, test } from 'vitest';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { forbidden } from '@nodeless/apimachinery/status';
import type { AdmissionPlugin } from '@nodeless/registry/admission/admission';
import type { KindDefinition } from '@nodeless/registry/resource';
import type { KindStrategy } from '@nodeless/registry/strategy';
import { configMap, createHarness, json, refusal, scope, wire } from './harness.ts';

/** A kind whose hooks say when they were called. */
function tracing(log: string[], more: Partial<KindStrategy> = {}): KindDefinition {
  return {
    group: '',
    resource: 'configmaps',
    strategy: {
      default: () => void log.push('default'),
      prepareForCreate: () => void log.push('prepareForCreate'),
      prepareForUpdate: () => void log.push('prepareForUpdate'),
      validate: () => (log.push('validate'), []),
      validateUpdate: () => (log.push('validateUpdate'), []),
      warnings: () => (log.push('warnings'), ['careful']),
      canonicalize: () => void log.push('canonicalize'),
      ...more,
    },
  };
}

function plugin(log: string[], name = 'plugin'): AdmissionPlugin {
  return {
    name,
    handles: () => true,
    admit: ({ operation }) => void log.push(`${name} admit ${operation}`),
    validate: async ({ operation }) => void log.push(`${name} validate ${operation}`),
  };
}

describe('order', () => {
  test('of a create', async () => {
    const log: string[] = [];
    const { registry } = createHarness({ kinds: [tracing(log)], admission: [plugin(log, 'one'), plugin(log, 'two')] });
    const creating = scope('configmaps');
    await registry.create(creating, wire(configMap('a')));
    expect(log).toEqual([
      'default',
      'one admit CREATE',
      'two admit CREATE',
      'default',
      'prepareForCreate',
      'validate',
      'warnings',
      'canonicalize',
      'one validate CREATE',
      'two validate CREATE',
    ]);
    expect(creating.warnings).toEqual(['careful']);
  });

  test('of an update', async () => {
    const log: string[] = [];
    const { registry } = createHarness({ kinds: [tracing(log)], admission: [plugin(log)] });
    await registry.create(scope('configmaps'), wire(configMap('a')));
    log.length = 0;
    await registry.update(scope('configmaps', 'a'), wire(configMap('a', { data: {} })));
    expect(log).toEqual([
      'default',
      'plugin admit UPDATE',
      'default',
      'prepareForUpdate',
      'validateUpdate',
      'warnings',
      'canonicalize',
      'plugin validate UPDATE',
    ]);
  });

  test('all of it runs again when somebody else was faster', async () => {
    const log: string[] = [];
    let interfere: (() => Promise<unknown>) | undefined;
    const { registry } = createHarness({
      kinds: [tracing(log)],
      admission: [
        {
          name: 'Slow',
          handles: ({ operation }) => operation === 'UPDATE',
          admit: async () => {
            const now = interfere;
            interfere = undefined;
            await now?.();
          },
        },
      ],
    });
    await registry.create(scope('configmaps'), wire(configMap('a')));
    log.length = 0;
    interfere = () => registry.update(scope('configmaps', 'a'), wire(configMap('a', { data: { other: '1' } })));
    const patching = scope('configmaps', 'a');
    const { result } = await registry.patch(patching, wire({ data: { mine: '2' } }), { type: 'merge' });
    expect(result.object().data).toEqual({ other: '1', mine: '2' });
    expect(log.filter((l) => l === 'prepareForUpdate')).toHaveLength(3);
    // each warning once, however often it was found
    expect(patching.warnings).toEqual(['careful']);
  });

  test('a hot object does not wear its writers out', async () => {
    let attempts = 0;
    const { registry } = createHarness({
      admission: [
        { name: 'Slow', handles: ({ operation }) => operation === 'UPDATE', admit: async () => void attempts++ },
      ],
    });
    await registry.create(scope('configmaps'), wire(configMap('a', { data: {} })));
    const writers = 150;
    await Promise.all(
      Array.from({ length: writers }, (_, i) =>
        registry.patch(scope('configmaps', 'a'), wire({ data: { [`k${i}`]: '1' } }), { type: 'merge' }),
      ),
    );
    expect(Object.keys((await registry.get(scope('configmaps', 'a'))).object().data as object)).toHaveLength(writers);
    expect(attempts).toBeLessThanOrEqual(writers * 3);
  });

  test('a refusal stops it and nothing is stored', async () => {
    const { registry } = createHarness({
      admission: [
        {
          name: 'No',
          handles: () => true,
          validate: ({ resource, name }) => {
            throw forbidden(resource, name, 'no');
          },
        },
      ],
    });
    expect(await refusal(registry.create(scope('configmaps'), wire(configMap('a'))))).toMatchObject({
      code: 403,
      message: 'configmaps "a" is forbidden: no',
    });
    expect((await registry.list(scope('configmaps'))).items).toEqual([]);
  });

  test("mutating admission changes what is stored, but is not recorded under the client's name", async () => {
    const { registry } = createHarness({
      admission: [
        {
          name: 'Mark',
          handles: () => true,
          admit: ({ object }) => void ((object!.data as Record<string, string>).marked = 'yes'),
        },
      ],
    });
    const { result } = await registry.create(scope('configmaps', '', { fieldManager: 'me' }), wire(configMap('a')));
    expect(result.object().data).toEqual({ a: 'b', marked: 'yes' });
    expect(result.object().metadata?.managedFields).toMatchObject([
      { manager: 'me', operation: 'Update', apiVersion: 'v1', fieldsV1: { 'f:data': { '.': {}, 'f:a': {} } } },
    ]);
    expect(JSON.stringify(result.object().metadata?.managedFields)).not.toContain('marked');
  });

  test('validating admission sees the name that was generated', async () => {
    const names: string[] = [];
    const { registry } = createHarness({
      admission: [
        {
          name: 'See',
          handles: () => true,
          admit: ({ name }) => void names.push(name),
          validate: ({ name }) => void names.push(name),
        },
      ],
    });
    await registry.create(scope('configmaps'), wire({ metadata: { generateName: 'g-' } }));
    expect(names[0]).toBe('');
    expect(names[1]).toMatch(/^g-.{5}$/);
  });

  test('plugins read current objects', async () => {
    const seen: unknown[] = [];
    const { registry } = createHarness({
      admission: [
        {
          name: 'Read',
          handles: ({ name }) => name === 'b',
          validate: async (_a, read) =>
            void seen.push(
              (await read.get('', 'configmaps', 'default', 'a'))?.data,
              (await read.list('', 'configmaps')).length,
            ),
        },
      ],
    });
    await registry.create(scope('configmaps'), wire(configMap('a')));
    await registry.create(scope('configmaps'), wire(configMap('b')));
    expect(seen).toEqual([{ a: 'b' }, 1]);
  });
});

describe('generation', () => {
  const counted: KindDefinition = { group: 'apps', resource: 'deployments', strategy: { generation: true } };
  const body = (replicas: number, more: object = {}) =>
    wire({
      metadata: { name: 'd', ...more },
      spec: {
        replicas,
        selector: { matchLabels: { a: 'b' } },
        template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
      },
    });
  const deployments = (name = '', subresource = '') => scope('apps/v1/deployments', name, { subresource });
  const generationOf = async (call: Promise<{ result: { object(): Readonly<UnknownObject> } }>) =>
    (await call).result.object().metadata?.generation;

  test('starts at 1 and counts changes of the spec', async () => {
    const { registry } = createHarness({ kinds: [counted] });
    expect(await generationOf(registry.create(deployments(), body(1, { generation: 7 })))).toBe(1);
    expect(await generationOf(registry.update(deployments('d'), body(1, { labels: { x: 'y' }, generation: 9 })))).toBe(
      1,
    );
    expect(await generationOf(registry.update(deployments('d'), body(2)))).toBe(2);
    expect(
      await generationOf(
        registry.patch(deployments('d', 'status'), wire({ status: { replicas: 2 } }), { type: 'merge' }),
      ),
    ).toBe(2);
  });
});

describe('versions', () => {
  const hpa: KindDefinition = {
    group: 'autoscaling',
    resource: 'horizontalpodautoscalers',
    strategy: {},
    conversions: {
      'autoscaling/v1': {
        toStorage: (object) => {
          const { targetCPUUtilizationPercentage: target, ...spec } = object.spec as Record<string, unknown>;
          const metrics =
            target === undefined
              ? undefined
              : [
                  {
                    type: 'Resource',
                    resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: target } },
                  },
                ];
          return { ...object, apiVersion: 'autoscaling/v2', spec: { ...spec, metrics } };
        },
        fromStorage: (object) => {
          const { metrics, ...spec } = object.spec as {
            metrics?: { resource: { target: { averageUtilization: number } } }[];
          };
          return {
            ...object,
            apiVersion: 'autoscaling/v1',
            spec: { ...spec, targetCPUUtilizationPercentage: metrics?.[0]?.resource.target.averageUtilization },
          };
        },
      },
    },
  };
  const v1 = (name = '') => scope('autoscaling/v1/horizontalpodautoscalers', name);
  const v2 = (name = '') => scope('autoscaling/v2/horizontalpodautoscalers', name);
  const body = wire({
    metadata: { name: 'h' },
    spec: { scaleTargetRef: { kind: 'Deployment', name: 'd' }, maxReplicas: 3, targetCPUUtilizationPercentage: 50 },
  });

  test('are of one object', async () => {
    const { registry } = createHarness({ kinds: [hpa] });
    const { result } = await registry.create(v1(), body);
    expect(json(result)).toMatchObject({ apiVersion: 'autoscaling/v1', spec: { targetCPUUtilizationPercentage: 50 } });
    expect(json(await registry.get(v2('h')))).toMatchObject({
      apiVersion: 'autoscaling/v2',
      spec: { metrics: [{ type: 'Resource' }] },
    });
    const list = await registry.list(v1());
    expect(list.items.map((item) => item.object().apiVersion)).toEqual(['autoscaling/v1']);
    expect(await registry.get(v1('h'))).toBe(await registry.get(v1('h')));
  });

  test('managers are recorded in the version they wrote in', async () => {
    const { registry } = createHarness({ kinds: [hpa] });
    await registry.create(v1(), body);
    const { result } = await registry.patch(v2('h'), wire({ spec: { maxReplicas: 5 } }), { type: 'merge' });
    const managers = result.object().metadata?.managedFields?.map(({ apiVersion }) => apiVersion);
    expect(managers).toEqual(['autoscaling/v1', 'autoscaling/v2']);
    expect(JSON.stringify(result.object().metadata?.managedFields?.[0])).toContain('f:targetCPUUtilizationPercentage');
    expect(JSON.stringify(result.object().metadata?.managedFields?.[0])).not.toContain('f:maxReplicas');
  });

  test('a watch gives the version it was asked for', async () => {
    const { registry } = createHarness({ kinds: [hpa] });
    const kinds: (string | undefined)[] = [];
    await registry.watch(
      v1(),
      {},
      { onEvents: (events) => void kinds.push(...events.map((e) => e.object.object().apiVersion)), onEnd: () => {} },
    );
    await registry.create(
      v2(),
      wire({ metadata: { name: 'h' }, spec: { scaleTargetRef: { kind: 'Deployment', name: 'd' }, maxReplicas: 3 } }),
    );
    expect(kinds).toEqual(['autoscaling/v1']);
  });

  test('the wrong version for the door is refused', async () => {
    const { registry } = createHarness({ kinds: [hpa] });
    const wrong = wire({
      apiVersion: 'autoscaling/v1',
      metadata: { name: 'h' },
      spec: { scaleTargetRef: { kind: 'Deployment', name: 'd' }, maxReplicas: 3 },
    });
    expect(await refusal(registry.create(v2(), wrong))).toMatchObject({
      code: 400,
      message: 'the API version in the data (autoscaling/v1) does not match the expected API version (autoscaling/v2)',
    });
  });
});

describe('side effects', () => {
  /** Takes the first number whose Lease is free. */
  function numbered(numbers: readonly string[]): KindDefinition {
    return {
      group: '',
      resource: 'configmaps',
      strategy: {},
      sideEffects: {
        async onCreate(object, _context, _read, taken) {
          const free = numbers.find((n) => !taken.has(`coordination.k8s.io/leases/default/n${n}`));
          if (free === undefined)
            throw forbidden({ group: '', resource: 'configmaps' }, object.metadata?.name ?? '', 'no number is free');
          object.data = { ...(object.data as object), number: free };
          return [
            {
              type: 'create',
              group: 'coordination.k8s.io',
              resource: 'leases',
              object: { metadata: { name: `n${free}`, namespace: 'default' }, spec: {} },
            },
          ];
        },
        async onDelete(object) {
          return [
            {
              type: 'delete',
              group: 'coordination.k8s.io',
              resource: 'leases',
              namespace: 'default',
              name: `n${(object.data as Record<string, string>).number}`,
            },
          ];
        },
      },
    };
  }
  const leases = scope('coordination.k8s.io/v1/leases');

  test('are committed with the object, or another choice is made', async () => {
    const { registry } = createHarness({ kinds: [numbered(['1', '2', '3'])] });
    const made = await Promise.all(
      ['a', 'b', 'c'].map((name) => registry.create(scope('configmaps'), wire(configMap(name)))),
    );
    expect(
      made
        .map(({ result }) => (result.object().data as Record<string, string>).number)
        .toSorted((a, b) => Number(a) - Number(b)),
    ).toEqual(['1', '2', '3']);
    expect((await registry.list(leases)).items.map((item) => item.object())).toMatchObject([
      {
        kind: 'Lease',
        apiVersion: 'coordination.k8s.io/v1',
        metadata: { name: 'n1', uid: expect.stringMatching(/-/) as string },
      },
      { metadata: { name: 'n2' } },
      { metadata: { name: 'n3' } },
    ]);
    expect(await refusal(registry.create(scope('configmaps'), wire(configMap('d'))))).toMatchObject({ code: 403 });
  });

  test('go with it', async () => {
    const { registry } = createHarness({ kinds: [numbered(['1'])] });
    await registry.create(scope('configmaps'), wire(configMap('a')));
    await registry.delete(scope('configmaps', 'a'));
    expect((await registry.list(leases)).items).toEqual([]);
    await registry.create(scope('configmaps'), wire(configMap('b')));
  });

  test('of a dry run do not happen', async () => {
    const { registry } = createHarness({ kinds: [numbered(['1'])] });
    const { result } = await registry.create(scope('configmaps', '', { dryRun: ['All'] }), wire(configMap('a')));
    expect(result.object().data).toMatchObject({ number: '1' });
    expect((await registry.list(leases)).items).toEqual([]);
  });
});

describe('resources', () => {
  test('what is not served is not found', async () => {
    const { registry } = createHarness();
    expect(await refusal(registry.get(scope('zig.dev/v1/zags', 'x')))).toMatchObject({
      code: 404,
      message: 'the server could not find the requested resource',
      details: {},
    });
    expect(await refusal(registry.get(scope('configmaps', 'x', { subresource: 'status' })))).toMatchObject({
      code: 404,
    });
  });

  test('the table grows at run time', async () => {
    const { registry, resources } = createHarness();
    resources.add({
      group: 'zig.dev',
      version: 'v1',
      apiVersion: 'zig.dev/v1',
      resource: 'zags',
      singular: 'zag',
      kind: 'Zag',
      listKind: 'ZagList',
      namespaced: true,
      verbs: [],
      shortNames: [],
      categories: [],
      subresources: new Map(),
      model: '',
      storage: {
        group: 'zig.dev',
        resource: 'zags',
        version: 'v1',
        apiVersion: 'zig.dev/v1',
        model: '',
        prefix: 'zig.dev/zags/',
      },
      definition: { group: 'zig.dev', resource: 'zags', strategy: {} },
    });
    const zags = (name = '') => scope('zig.dev/v1/zags', name);
    const { result } = await registry.create(
      zags(),
      wire({ apiVersion: 'zig.dev/v1', kind: 'Zag', metadata: { name: 'z' }, spec: { any: ['thing'] } }),
    );
    expect(json(result)).toMatchObject({
      kind: 'Zag',
      metadata: { name: 'z', namespace: 'default' },
      spec: { any: ['thing'] },
    });
    const text = Buffer.concat([...(await registry.list(zags())).chunks()]).toString();
    expect(JSON.parse(text)).toMatchObject({ kind: 'ZagList', items: [{ kind: 'Zag', spec: { any: ['thing'] } }] });
    resources.remove('zig.dev', 'v1', 'zags');
    expect(await refusal(registry.get(zags('z')))).toMatchObject({ code: 404 });
  });
});
