import { describe, expect, test } from 'vitest';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { planDeletion } from '@nodeless/registry/deletion';
import type { DeleteOptions } from '@nodeless/registry/registry';
import type { KindStrategy } from '@nodeless/registry/strategy';
import { configMap, createHarness, json, refusal, scope, wire } from './harness.ts';

const now = Date.UTC(2030, 0, 1);
const pods = { group: '', resource: 'pods' };
const graceful: KindStrategy = { gracefulDeletion: { gracePeriodSeconds: (_object, requested) => requested ?? 30 } };
const object = (metadata: object = {}): UnknownObject => ({ metadata: { name: 'x', generation: 1, ...metadata } });

describe('planDeletion', () => {
  const cases: {
    name: string;
    given: UnknownObject;
    options?: DeleteOptions;
    strategy?: KindStrategy;
    want: object;
  }[] = [
    { name: 'at once', given: object(), want: { type: 'remove', object: undefined } },
    {
      name: 'waits for a finalizer',
      given: object({ finalizers: ['a.b/c'] }),
      want: {
        type: 'mark',
        object: {
          metadata: {
            finalizers: ['a.b/c'],
            generation: 2,
            deletionTimestamp: '2030-01-01T00:00:00Z',
            deletionGracePeriodSeconds: 0,
          },
        },
      },
    },
    {
      name: 'keeps its first time of deletion',
      given: object({
        finalizers: ['a.b/c'],
        deletionTimestamp: '2029-01-01T00:00:00Z',
        deletionGracePeriodSeconds: 0,
      }),
      want: { type: 'mark', object: { metadata: { deletionTimestamp: '2029-01-01T00:00:00Z', generation: 1 } } },
    },
    {
      name: 'foreground',
      given: object(),
      options: { propagationPolicy: 'Foreground' },
      want: { type: 'mark', object: { metadata: { finalizers: ['foregroundDeletion'] } } },
    },
    {
      name: 'orphan',
      given: object(),
      options: { propagationPolicy: 'Orphan' },
      want: { type: 'mark', object: { metadata: { finalizers: ['orphan'] } } },
    },
    {
      name: 'orphan in the old way',
      given: object(),
      options: { orphanDependents: true },
      want: { type: 'mark', object: { metadata: { finalizers: ['orphan'] } } },
    },
    {
      name: 'orphan by default',
      given: object(),
      strategy: { defaultPropagation: 'Orphan' },
      want: { type: 'mark', object: { metadata: { finalizers: ['orphan'] } } },
    },
    {
      name: 'background against the default',
      given: object(),
      options: { propagationPolicy: 'Background' },
      strategy: { defaultPropagation: 'Orphan' },
      want: { type: 'remove' },
    },
    {
      name: 'policies that mean nothing',
      given: object(),
      options: { propagationPolicy: 'Foreground' },
      strategy: { defaultPropagation: 'Unsupported' },
      want: { type: 'remove' },
    },
    {
      name: 'background takes the orphan finalizer away',
      given: object({ finalizers: ['orphan'] }),
      options: { propagationPolicy: 'Background' },
      want: { type: 'remove' },
    },
    {
      name: 'a grace period',
      given: object(),
      strategy: graceful,
      want: {
        type: 'mark',
        object: {
          metadata: { generation: 2, deletionTimestamp: '2030-01-01T00:00:30Z', deletionGracePeriodSeconds: 30 },
        },
      },
    },
    {
      name: 'no grace period',
      given: object(),
      options: { gracePeriodSeconds: 0 },
      strategy: graceful,
      want: {
        type: 'remove',
        object: { metadata: { deletionTimestamp: '2030-01-01T00:00:00Z', deletionGracePeriodSeconds: 0 } },
      },
    },
    {
      name: 'a negative one is a second',
      given: object(),
      options: { gracePeriodSeconds: -5 },
      strategy: graceful,
      want: { type: 'mark', object: { metadata: { deletionGracePeriodSeconds: 1 } } },
    },
    {
      name: 'a shorter one',
      given: object({ deletionTimestamp: '2030-01-01T00:00:30Z', deletionGracePeriodSeconds: 30 }),
      options: { gracePeriodSeconds: 10 },
      strategy: graceful,
      want: {
        type: 'mark',
        object: {
          metadata: { generation: 1, deletionTimestamp: '2030-01-01T00:00:10Z', deletionGracePeriodSeconds: 10 },
        },
      },
    },
    {
      name: 'not a longer one',
      given: object({ deletionTimestamp: '2030-01-01T00:00:30Z', deletionGracePeriodSeconds: 30 }),
      options: { gracePeriodSeconds: 60 },
      strategy: graceful,
      want: { type: 'pending' },
    },
    {
      name: 'none given while it waits',
      given: object({ deletionTimestamp: '2030-01-01T00:00:30Z', deletionGracePeriodSeconds: 30 }),
      strategy: graceful,
      want: { type: 'pending' },
    },
    {
      name: 'force while it waits',
      given: object({ deletionTimestamp: '2030-01-01T00:00:30Z', deletionGracePeriodSeconds: 30 }),
      options: { gracePeriodSeconds: 0 },
      strategy: graceful,
      want: { type: 'remove', object: { metadata: { deletionGracePeriodSeconds: 0 } } },
    },
    {
      name: 'its period is over but a finalizer is left',
      given: object({
        finalizers: ['a.b/c'],
        deletionTimestamp: '2030-01-01T00:00:30Z',
        deletionGracePeriodSeconds: 30,
      }),
      options: { gracePeriodSeconds: 0 },
      strategy: graceful,
      want: { type: 'mark', object: { metadata: { finalizers: ['a.b/c'], deletionGracePeriodSeconds: 0 } } },
    },
  ];
  test.each(cases)('$name', ({ given, options = {}, strategy = {}, want }) => {
    const before = structuredClone(given);
    expect(planDeletion(given, options, strategy, pods, now)).toMatchObject(want);
    expect(given).toEqual(before);
  });

  test('a namespace is Terminating until its own finalizers are gone', () => {
    const namespaces = { group: '', resource: 'namespaces' };
    const alive: UnknownObject = {
      metadata: { name: 'x' },
      spec: { finalizers: ['kubernetes'] },
      status: { phase: 'Active' },
    };
    const plan = planDeletion(alive, {}, {}, namespaces, now);
    expect(plan).toMatchObject({
      type: 'mark',
      object: { metadata: { deletionTimestamp: '2030-01-01T00:00:00Z' }, status: { phase: 'Terminating' } },
    });
    if (plan.type !== 'mark') throw new Error('not marked');
    expect(plan.object.metadata).not.toHaveProperty('deletionGracePeriodSeconds');
    expect(planDeletion(plan.object, {}, {}, namespaces, now)).toEqual({ type: 'pending' });
    expect(planDeletion({ ...plan.object, spec: {} }, {}, {}, namespaces, now)).toEqual({
      type: 'remove',
      object: undefined,
    });
  });
});

describe('delete', () => {
  async function made(more: Record<string, unknown> = {}, options = {}) {
    const harness = createHarness(options);
    const { result } = await harness.registry.create(scope('configmaps'), wire(configMap('a', more)));
    return {
      ...harness,
      created: result.object(),
      remove: (deleteOptions: DeleteOptions = {}) => harness.registry.delete(scope('configmaps', 'a'), deleteOptions),
    };
  }

  test('answers with a Status that names what went', async () => {
    const { registry, remove, created } = await made();
    const { code, result } = await remove();
    expect(code).toBe(200);
    expect(json(result)).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Success',
      details: { name: 'a', kind: 'configmaps', uid: created.metadata?.uid },
    });
    expect(await refusal(remove())).toMatchObject({ code: 404, message: 'configmaps "a" not found' });
    expect((await registry.list(scope('configmaps'))).items).toEqual([]);
  });

  test('of some kinds answers with the object', async () => {
    const { registry } = createHarness();
    await registry.create(scope('services'), wire({ metadata: { name: 's' }, spec: { ports: [{ port: 80 }] } }));
    expect((await registry.delete(scope('services', 's'))).result.object()).toMatchObject({
      kind: 'Service',
      metadata: { name: 's' },
    });
  });

  test('the last finalizer to go takes the object with it', async () => {
    const { registry, remove } = await made({ metadata: { finalizers: ['a.b/c'] } });
    const { result } = await remove();
    expect(result.object()).toMatchObject({ metadata: { finalizers: ['a.b/c'], deletionGracePeriodSeconds: 0 } });
    const again = await remove();
    expect(again.result.object()).toBe(result.object());
    const added = registry.update(
      scope('configmaps', 'a'),
      wire({ metadata: { name: 'a', finalizers: ['a.b/c', 'd.e/f'] } }),
    );
    const status = await refusal(added);
    expect(status.message).toBe(
      'ConfigMap "a" is invalid: metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"d.e/f"}',
    );
    expect(status.details?.causes).toHaveLength(2);
    const freed = await registry.update(scope('configmaps', 'a'), wire(configMap('a')));
    expect(freed.result.object()).toMatchObject({ metadata: { name: 'a', deletionTimestamp: '2030-01-01T00:00:00Z' } });
    expect(await refusal(registry.get(scope('configmaps', 'a')))).toMatchObject({ code: 404 });
  });

  test('preconditions', async () => {
    const { remove, created } = await made();
    const { uid = '', resourceVersion = '' } = created.metadata ?? {};
    expect(await refusal(remove({ preconditions: { uid: 'x' } }))).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      code: 409,
      reason: 'Conflict',
      message: `Operation cannot be fulfilled on ConfigMap "a": the UID in the precondition (x) does not match the UID in record (${uid}). The object might have been deleted and then recreated`,
      details: { name: 'a', kind: 'ConfigMap' },
    });
    expect(await refusal(remove({ preconditions: { resourceVersion: '1' } }))).toMatchObject({
      message: `Operation cannot be fulfilled on ConfigMap "a": the ResourceVersion in the precondition (1) does not match the ResourceVersion in record (${resourceVersion}). The object might have been modified`,
    });
    expect((await remove({ preconditions: { uid, resourceVersion } })).code).toBe(200);
  });

  const refused: [DeleteOptions, string][] = [
    [
      { propagationPolicy: 'Zig' },
      'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: "Zig": supported values: "Foreground", "Background", "Orphan", "nil"',
    ],
    [
      { propagationPolicy: 'Foreground', orphanDependents: true },
      'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Invalid value: "Foreground": orphanDependents and deletionPropagation cannot be both set',
    ],
    [
      { dryRun: ['Zig'] },
      'DeleteOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["Zig"]: supported values: "All"',
    ],
  ];
  test.each(refused)('refuses %o', async (options, message) => {
    const { remove } = await made();
    expect(await refusal(remove(options))).toMatchObject({ code: 422, message });
  });

  test('a dry run deletes nothing', async () => {
    const { registry, remove } = await made();
    expect(json((await remove({ dryRun: ['All'] })).result)).toMatchObject({ status: 'Success' });
    expect((await remove({ dryRun: ['All'], propagationPolicy: 'Orphan' })).result.object()).toMatchObject({
      metadata: { finalizers: ['orphan'] },
    });
    expect((await registry.get(scope('configmaps', 'a'))).object().metadata?.deletionTimestamp).toBeUndefined();
  });

  test('202 for a background delete that was asked for in the old way and is not done', async () => {
    const { remove } = await made({ metadata: { finalizers: ['a.b/c'] } });
    expect((await remove({ orphanDependents: false })).code).toBe(202);
  });

  test('many at once: each is deleted once', async () => {
    const { remove } = await made();
    const results = await Promise.allSettled(Array.from({ length: 10 }, () => remove()));
    expect(results.filter((r) => r.status === 'fulfilled')).toHaveLength(1);
  });

  test('admission sees the object and may refuse', async () => {
    const seen: unknown[] = [];
    const { remove } = await made(
      {},
      {
        admission: [
          {
            name: 'Guard',
            handles: ({ operation }: { operation: string }) => operation === 'DELETE',
            validate: ({ oldObject }: { oldObject: UnknownObject }) => void seen.push(oldObject.metadata?.name),
          },
        ],
      },
    );
    await remove();
    expect(seen).toEqual(['a']);
  });
});

describe('deletecollection', () => {
  test('deletes what is selected, each admitted, and says what it was', async () => {
    const seen: string[] = [];
    const { registry } = createHarness({
      admission: [
        {
          name: 'Guard',
          handles: ({ operation }) => operation === 'DELETE',
          validate: ({ name }) => void seen.push(name),
        },
      ],
    });
    for (let i = 0; i < 4; i++)
      await registry.create(
        scope('configmaps'),
        wire(configMap(`d${i}`, { metadata: { labels: { g: String(i % 2) } } })),
      );
    const dry = await registry.deleteCollection(scope('configmaps'), { labelSelector: 'g=0' }, { dryRun: ['All'] });
    expect(dry.items).toHaveLength(2);
    expect((await registry.list(scope('configmaps'))).items).toHaveLength(4);
    seen.length = 0;
    const gone = await registry.deleteCollection(scope('configmaps'), { labelSelector: 'g=0' });
    expect(gone.items.map((item) => item.object().metadata?.name)).toEqual(['d0', 'd2']);
    expect(seen.toSorted()).toEqual(['d0', 'd2']);
    expect((await registry.list(scope('configmaps'))).items.map((item) => item.object().metadata?.name)).toEqual([
      'd1',
      'd3',
    ]);
    expect((await registry.deleteCollection(scope('configmaps'), { labelSelector: 'none=1' })).items).toEqual([]);
  });

  test('refuses bad options before anything is deleted', async () => {
    const { registry } = createHarness();
    await registry.create(scope('configmaps'), wire(configMap('a')));
    expect(
      await refusal(registry.deleteCollection(scope('configmaps'), {}, { propagationPolicy: 'Zig' })),
    ).toMatchObject({ code: 422 });
    expect(await refusal(registry.deleteCollection(scope('configmaps'), { labelSelector: 'g in (0' }))).toMatchObject({
      code: 400,
    });
    expect((await registry.list(scope('configmaps'))).items).toHaveLength(1);
  });
});
