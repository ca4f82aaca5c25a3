import { describe, expect, test } from 'vitest';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { TokenClaims } from '@nodeless/registry/subresources/token';
import { kinds } from '@nodeless/registry/resources/index';
import { createHarness, json, refusal, scope, wire } from './harness.ts';

type Harness = ReturnType<typeof createHarness>;

async function withPod(more: UnknownObject = {}, options: Parameters<typeof createHarness>[0] = {}): Promise<Harness> {
  const harness = createHarness({ kinds, ...options });
  const { metadata, ...rest } = more;
  await harness.registry.create(
    scope('pods'),
    wire({
      metadata: { name: 'p', labels: { app: 'x' }, ...metadata },
      spec: { containers: [{ name: 'c', image: 'i' }] },
      ...rest,
    }),
  );
  return harness;
}

async function setStatus({ registry }: Harness, resource: string, name: string, status: object): Promise<void> {
  await registry.patch(scope(resource, name, { subresource: 'status' }), wire({ status }), { type: 'merge' });
}

const pods = (subresource: string, more = {}) => scope('pods', 'p', { subresource, ...more });
const podOf = async ({ registry }: Harness) =>
  (await registry.get(scope('pods', 'p'))).object() as UnknownObject & {
    spec: { nodeName?: string };
    status: { conditions?: object[] };
  };

describe('binding', () => {
  const to = (name: string, more = {}) => wire({ target: { kind: 'Node', name }, ...more });

  test('gives the pod its node, condition and annotations', async () => {
    const harness = await withPod();
    const { code, result } = await harness.registry.create(
      pods('binding'),
      to('n1', { metadata: { annotations: { why: 'it fits' } } }),
    );
    expect(code).toBe(201);
    expect(json(result)).toEqual({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 });
    const pod = await podOf(harness);
    expect(pod.spec.nodeName).toBe('n1');
    expect(pod.metadata?.annotations).toEqual({ why: 'it fits' });
    expect(pod.metadata?.generation).toBe(1);
    expect(pod.status.conditions).toMatchObject([
      { type: 'PodScheduled', status: 'True', lastTransitionTime: '2030-01-01T00:00:00Z' },
    ]);
    expect(await refusal(harness.registry.create(pods('binding'), to('n2')))).toMatchObject({
      code: 409,
      message: 'Operation cannot be fulfilled on pods/binding "p": pod p is already assigned to node "n1"',
    });
  });

  test('of many at once one wins', async () => {
    const harness = await withPod();
    const results = await Promise.allSettled(
      ['n1', 'n2', 'n3'].map((name) => harness.registry.create(pods('binding'), to(name))),
    );
    expect(results.filter((r) => r.status === 'fulfilled')).toHaveLength(1);
  });

  test('refuses a target that is none, gates and pods that go', async () => {
    const harness = await withPod({ metadata: { finalizers: ['a.b/c'] } });
    expect(await refusal(harness.registry.create(pods('binding'), wire({ target: { kind: 'Pod' } })))).toMatchObject({
      code: 500,
      message:
        '[target.kind: Unsupported value: "Pod": supported values: "Node", "<empty>", target.name: Required value]',
    });
    await harness.registry.delete(scope('pods', 'p'));
    expect(await refusal(harness.registry.create(pods('binding'), to('n1')))).toMatchObject({
      message: expect.stringContaining('pod p is being deleted, cannot be assigned to a host') as string,
    });
    expect(
      await refusal(harness.registry.create(scope('pods', 'q', { subresource: 'binding' }), to('n1'))),
    ).toMatchObject({ code: 404 });
  });

  test('can be posted in the old way', async () => {
    const harness = await withPod();
    const { code } = await harness.registry.create(
      scope('bindings'),
      wire({ metadata: { name: 'p' }, target: { kind: 'Node', name: 'n1' } }),
    );
    expect([code, (await podOf(harness)).spec.nodeName]).toEqual([201, 'n1']);
  });

  test('a dry run binds nothing', async () => {
    const harness = await withPod();
    await harness.registry.create(pods('binding', { dryRun: ['All'] }), to('n1'));
    expect((await podOf(harness)).spec.nodeName).toBeUndefined();
  });
});

describe('eviction', () => {
  const eviction = (more = {}) => wire({ metadata: { name: 'p' }, ...more });
  const budgets = 'policy/v1/poddisruptionbudgets';

  async function guarded(status: object): Promise<Harness> {
    const harness = await withPod();
    await harness.registry.create(pods('binding'), wire({ target: { kind: 'Node', name: 'n1' } }));
    await setStatus(harness, 'pods', 'p', { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] });
    await harness.registry.create(
      scope(budgets),
      wire({ metadata: { name: 'b' }, spec: { minAvailable: 1, selector: { matchLabels: { app: 'x' } } } }),
    );
    await setStatus(harness, budgets, 'b', {
      observedGeneration: 1,
      disruptionsAllowed: 0,
      currentHealthy: 1,
      desiredHealthy: 1,
      expectedPods: 1,
      ...status,
    });
    return harness;
  }

  test('deletes a pod that no budget guards', async () => {
    const harness = await withPod();
    const { code, result } = await harness.registry.create(pods('eviction'), eviction());
    expect([code, json(result)]).toEqual([
      201,
      { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 },
    ]);
    expect(await refusal(podOf(harness))).toMatchObject({ code: 404 });
  });

  test('is refused when the budget is used up', async () => {
    const harness = await guarded({});
    expect(await refusal(harness.registry.create(pods('eviction'), eviction()))).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      code: 429,
      reason: 'TooManyRequests',
      message: "Cannot evict pod as it would violate the pod's disruption budget.",
      details: {
        causes: [
          { reason: 'DisruptionBudget', message: 'The disruption budget b needs 1 healthy pods and has 1 currently' },
        ],
      },
    });
  });

  test('takes one disruption', async () => {
    const harness = await guarded({ disruptionsAllowed: 1, currentHealthy: 2 });
    await harness.registry.create(pods('eviction'), eviction());
    expect((await podOf(harness)).metadata?.deletionTimestamp).toBeDefined();
    const budget = (await harness.registry.get(scope(budgets, 'b'))).object();
    expect(budget.status).toMatchObject({
      disruptionsAllowed: 0,
      disruptedPods: { p: '2030-01-01T00:00:00Z' },
      conditions: [{ type: 'DisruptionAllowed', status: 'False' }],
    });
  });

  test('a dry run takes nothing', async () => {
    const harness = await guarded({ disruptionsAllowed: 1, currentHealthy: 2 });
    await harness.registry.create(pods('eviction', { dryRun: ['All'] }), eviction());
    expect((await podOf(harness)).metadata?.deletionTimestamp).toBeUndefined();
    expect((await harness.registry.get(scope(budgets, 'b'))).object().status).toMatchObject({ disruptionsAllowed: 1 });
  });

  test('waits for a controller that is behind', async () => {
    const harness = await guarded({ observedGeneration: 0, disruptionsAllowed: 5 });
    expect(await refusal(harness.registry.create(pods('eviction'), eviction()))).toMatchObject({
      code: 429,
      details: { retryAfterSeconds: 10 },
    });
  });

  test("finished pods are nobody's loss", async () => {
    const harness = await guarded({});
    await setStatus(harness, 'pods', 'p', { phase: 'Succeeded' });
    await harness.registry.create(pods('eviction'), eviction());
    expect(await refusal(podOf(harness))).toMatchObject({ code: 404 });
  });

  test('checks names and preconditions', async () => {
    const harness = await withPod();
    expect(await refusal(harness.registry.create(pods('eviction'), wire({ metadata: { name: 'q' } })))).toMatchObject({
      code: 400,
      message: 'name in URL does not match name in Eviction object',
    });
    expect(
      await refusal(
        harness.registry.create(pods('eviction'), eviction({ deleteOptions: { preconditions: { uid: 'x' } } })),
      ),
    ).toMatchObject({ code: 409 });
    expect(
      await refusal(
        harness.registry.create(scope('pods', 'q', { subresource: 'eviction' }), wire({ metadata: { name: 'q' } })),
      ),
    ).toMatchObject({ code: 404 });
  });
});

describe('scale', () => {
  const deployment = {
    metadata: { name: 'd' },
    spec: {
      replicas: 2,
      selector: { matchLabels: { a: 'b' } },
      template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
    },
  };
  const scales = (more = {}) => scope('apps/v1/deployments', 'd', { subresource: 'scale', ...more });

  async function made(): Promise<Harness> {
    const harness = createHarness({ kinds });
    await harness.registry.create(scope('apps/v1/deployments'), wire(deployment));
    return harness;
  }

  test('reads and writes the count', async () => {
    const { registry } = await made();
    const scale = json(await registry.get(scales()));
    expect(scale).toMatchObject({
      kind: 'Scale',
      apiVersion: 'autoscaling/v1',
      metadata: { name: 'd', namespace: 'default' },
      spec: { replicas: 2 },
      status: { replicas: 0, selector: 'a=b' },
    });
    const { result } = await registry.update(scales(), wire({ ...scale, spec: { replicas: 5 } }));
    expect(json(result)).toMatchObject({ kind: 'Scale', spec: { replicas: 5 } });
    const parent = (await registry.get(scope('apps/v1/deployments', 'd'))).object();
    expect(parent).toMatchObject({ metadata: { generation: 2 }, spec: { replicas: 5 } });
    expect(await refusal(registry.update(scales(), wire({ ...scale, spec: { replicas: 6 } })))).toMatchObject({
      code: 409,
      reason: 'Conflict',
    });
  });

  test('is recorded as such among the managers', async () => {
    const { registry } = await made();
    await registry.patch(scales({ fieldManager: 'scaler' }), wire({ spec: { replicas: 0 } }), { type: 'merge' });
    const { metadata } = (await registry.get(scope('apps/v1/deployments', 'd'))).object();
    expect(metadata?.managedFields).toContainEqual(
      expect.objectContaining({
        manager: 'scaler',
        operation: 'Update',
        apiVersion: 'apps/v1',
        subresource: 'scale',
        fieldsV1: { 'f:spec': { 'f:replicas': {} } },
      }),
    );
  });

  test('can be applied, and conflicts with who applied another count', async () => {
    const { registry } = await made();
    const apply = (replicas: number, manager: string) =>
      registry.patch(
        scales({ fieldManager: manager }),
        wire({ apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name: 'd' }, spec: { replicas } }),
        { type: 'apply', ...(manager === 'one' && { force: true }) },
      );
    expect(json((await apply(3, 'one')).result)).toMatchObject({ kind: 'Scale', spec: { replicas: 3 } });
    expect(await refusal(apply(4, 'two'))).toMatchObject({
      code: 409,
      message: 'Apply failed with 1 conflict: conflict with "one" with subresource "scale": .spec.replicas',
    });
    const { metadata } = (await registry.get(scope('apps/v1/deployments', 'd'))).object();
    expect(metadata?.managedFields).toContainEqual(
      expect.objectContaining({ manager: 'one', operation: 'Apply', subresource: 'scale' }),
    );
  });

  test('counts are not negative', async () => {
    const { registry } = await made();
    expect(await refusal(registry.patch(scales(), wire({ spec: { replicas: -1 } }), { type: 'merge' }))).toMatchObject({
      code: 422,
      message: 'Scale.autoscaling "d" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0',
    });
  });
});

describe('token', () => {
  async function withAccount() {
    const asked: TokenClaims[] = [];
    const harness = createHarness({
      kinds,
      tokens: {
        async issue(claims) {
          asked.push(claims);
          return { token: 'signed', expirationTimestamp: '2030-01-01T01:00:00Z', audiences: ['api'] };
        },
      },
    });
    await harness.registry.create(scope('serviceaccounts'), wire({ metadata: { name: 'sa' } }));
    return {
      ...harness,
      asked,
      ask: (spec: object) =>
        harness.registry.create(scope('serviceaccounts', 'sa', { subresource: 'token' }), wire({ spec })),
    };
  }

  test('is issued for an hour to the account', async () => {
    const { ask, asked } = await withAccount();
    const { code, result } = await ask({});
    expect(code).toBe(201);
    expect(json(result)).toMatchObject({
      kind: 'TokenRequest',
      metadata: { name: 'sa', namespace: 'default' },
      spec: { audiences: ['api'], expirationSeconds: 3600 },
      status: { token: 'signed', expirationTimestamp: '2030-01-01T01:00:00Z' },
    });
    expect(asked).toMatchObject([
      { namespace: 'default', serviceAccount: { name: 'sa' }, audiences: [], expirationSeconds: 3600 },
    ]);
  });

  test('can be bound to a pod of the account', async () => {
    const { ask, asked, registry } = await withAccount();
    await registry.create(
      scope('pods'),
      wire({
        metadata: { name: 'p' },
        spec: { serviceAccountName: 'sa', nodeName: 'n1', containers: [{ name: 'c', image: 'i' }] },
      }),
    );
    const boundObjectRef = { apiVersion: 'v1', kind: 'Pod', name: 'p' };
    await ask({ boundObjectRef });
    expect(asked[0]).toMatchObject({ boundTo: { kind: 'Pod', name: 'p' }, node: { name: 'n1' } });
    expect(await refusal(ask({ boundObjectRef: { ...boundObjectRef, uid: 'x' } }))).toMatchObject({ code: 409 });
    expect(await refusal(ask({ boundObjectRef: { ...boundObjectRef, name: 'q' } }))).toMatchObject({
      code: 404,
      message: 'pods "q" not found',
    });
    expect(await refusal(ask({ boundObjectRef: { ...boundObjectRef, kind: 'ConfigMap' } }))).toMatchObject({
      code: 400,
      message: 'cannot bind token to object of type /v1, Kind=ConfigMap',
    });
  });

  test('lives ten minutes at least', async () => {
    const { ask } = await withAccount();
    expect(await refusal(ask({ expirationSeconds: 5 }))).toMatchObject({
      code: 422,
      message: expect.stringContaining('may not specify a duration less than 10 minutes') as string,
    });
  });
});

describe('doors', () => {
  test('namespaces/finalize lets a namespace go', async () => {
    const { registry } = createHarness({ kinds });
    const ns = (subresource = '') => scope('namespaces', 'n', { namespace: '', subresource });
    const { result } = await registry.create(
      scope('namespaces', '', { namespace: '' }),
      wire({ metadata: { name: 'n' } }),
    );
    expect(result.object()).toMatchObject({
      spec: { finalizers: ['kubernetes'] },
      status: { phase: 'Active' },
      metadata: { labels: { 'kubernetes.io/metadata.name': 'n' } },
    });
    expect((await registry.delete(ns())).result.object()).toMatchObject({ status: { phase: 'Terminating' } });
    const emptied = { metadata: { name: 'n' }, spec: { finalizers: [] } };
    await registry.update(ns(), wire(emptied));
    expect((await registry.get(ns())).object().spec).toMatchObject({ finalizers: ['kubernetes'] });
    await registry.update(ns('finalize'), wire(emptied));
    expect(await refusal(registry.get(ns()))).toMatchObject({ code: 404 });
  });

  test('a graceful pod delete', async () => {
    const harness = await withPod();
    await harness.registry.create(pods('binding'), wire({ target: { kind: 'Node', name: 'n1' } }));
    const { result } = await harness.registry.delete(scope('pods', 'p'), {});
    expect(result.object().metadata).toMatchObject({
      deletionGracePeriodSeconds: 30,
      deletionTimestamp: '2030-01-01T00:00:30Z',
      generation: 2,
    });
    expect(
      (await harness.registry.delete(scope('pods', 'p'), { gracePeriodSeconds: 60 })).result.object().metadata
        ?.deletionGracePeriodSeconds,
    ).toBe(30);
    await harness.registry.delete(scope('pods', 'p'), { gracePeriodSeconds: 0 });
    expect(await refusal(podOf(harness))).toMatchObject({ code: 404 });
  });

  test('connect resolves and admits', async () => {
    const seen: unknown[] = [];
    const harness = await withPod(
      {},
      {
        admission: [
          {
            name: 'See',
            handles: ({ operation }) => operation === 'CONNECT',
            validate: ({ name, subresource, kind }) => void seen.push([name, subresource, kind.kind]),
          },
        ],
      },
    );
    const target = await harness.registry.connect(pods('exec'), { kind: 'PodExecOptions', command: ['sh'] });
    expect(target.object.metadata?.name).toBe('p');
    expect(seen).toEqual([['p', 'exec', 'PodExecOptions']]);
    await harness.registry.connect(pods('log'), {});
    expect(seen).toHaveLength(1);
    expect(await refusal(harness.registry.connect(scope('pods', 'q', { subresource: 'exec' }), {}))).toMatchObject({
      code: 404,
    });
  });
});

describe('virtual resources', () => {
  test('answer what is posted and are not stored', async () => {
    const { registry } = createHarness({
      virtual: {
        'authentication.k8s.io/tokenreviews': {
          create: (object, { user }) => ({ ...object, status: { authenticated: true, user: { username: user.name } } }),
        },
        '/componentstatuses': {
          get: (name) => (name === 'etcd-0' ? { metadata: { name } } : undefined),
          list: () => [{ metadata: { name: 'etcd-0' } }],
        },
      },
    });
    const reviews = scope('authentication.k8s.io/v1/tokenreviews', '', { namespace: '' });
    expect(json((await registry.create(reviews, wire({ spec: { token: 't' } }))).result)).toMatchObject({
      kind: 'TokenReview',
      spec: { token: 't' },
      status: { user: { username: 'tester' } },
    });
    expect(json(await registry.get(scope('componentstatuses', 'etcd-0')))).toMatchObject({
      kind: 'ComponentStatus',
      metadata: { name: 'etcd-0' },
    });
    expect(await refusal(registry.get(scope('componentstatuses', 'zig')))).toMatchObject({ code: 404 });
    expect((await registry.list(scope('componentstatuses'))).items).toHaveLength(1);
    expect(
      await refusal(registry.create(scope('authorization.k8s.io/v1/subjectaccessreviews'), wire({}))),
    ).toMatchObject({ code: 405 });
  });
});
