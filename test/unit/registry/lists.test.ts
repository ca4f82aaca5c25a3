import { describe, expect, test } from 'vitest';
import type { List, ListOptions } from '@nodeless/registry/registry';
import type { KindDefinition } from '@nodeless/registry/resource';
import { configMap, createHarness, refusal, scope, wire } from './harness.ts';

const pods: KindDefinition = {
  group: '',
  resource: 'pods',
  strategy: {
    fieldNames: ['spec.nodeName', 'status.phase'],
    selectableFields: (pod) => ({
      'spec.nodeName': (pod.spec as { nodeName?: string }).nodeName ?? '',
      'status.phase': (pod.status as { phase?: string } | undefined)?.phase ?? '',
    }),
    trigger: { field: 'spec.nodeName', of: (pod) => (pod.spec as { nodeName?: string }).nodeName ?? '' },
  },
};

/** l0 … l6 with labels i and par, as in the recorded scenario. */
async function filled(options: Parameters<typeof createHarness>[0] = {}) {
  const harness = createHarness({ kinds: [pods], ...options });
  const before = await harness.registry.list(scope('configmaps'));
  for (let i = 0; i < 7; i++) {
    const labels: Record<string, string> = { i: String(i), z: 'q' };
    if (i < 6) labels.par = i % 2 === 0 ? 'even' : 'odd';
    await harness.registry.create(scope('configmaps'), wire(configMap(`l${i}`, { metadata: { labels } })));
  }
  await harness.registry.create(scope('configmaps', '', { namespace: 'other' }), wire(configMap('elsewhere')));
  const list = (query: ListOptions = {}, resource = 'configmaps', more = {}) =>
    harness.registry.list(scope(resource, '', more), query);
  return { ...harness, list, before };
}

const names = (list: List): string[] => list.items.map((item) => item.object().metadata?.name ?? '');
const all = ['l0', 'l1', 'l2', 'l3', 'l4', 'l5', 'l6'];

describe('selectors', () => {
  const cases: [ListOptions, string[]][] = [
    [{}, all],
    [{ labelSelector: 'par=even' }, ['l0', 'l2', 'l4']],
    [{ labelSelector: 'par!=even' }, ['l1', 'l3', 'l5', 'l6']],
    [{ labelSelector: '!par,z' }, ['l6']],
    [{ labelSelector: 'i>3' }, ['l4', 'l5', 'l6']],
    [{ fieldSelector: 'metadata.name=l1' }, ['l1']],
    [{ fieldSelector: 'metadata.name!=l1' }, ['l0', 'l2', 'l3', 'l4', 'l5', 'l6']],
    [{ fieldSelector: 'metadata.name=l1,metadata.namespace=zig' }, []],
    [{ fieldSelector: 'metadata.name=l1', labelSelector: 'par=even' }, []],
    [{ fieldSelector: '=' }, all],
    [{ fieldSelector: 'metadata.name=' }, []],
  ];
  test.each(cases)('%o', async (query, want) => {
    const { list } = await filled();
    expect(names(await list(query))).toEqual(want);
  });

  const refused: [ListOptions, string, string][] = [
    [
      { labelSelector: 'a b' },
      'configmaps',
      "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt",
    ],
    [
      { fieldSelector: 'metadata.name' },
      'configmaps',
      "invalid selector: 'metadata.name'; can't understand 'metadata.name'",
    ],
    [
      { fieldSelector: 'zig=1' },
      'configmaps',
      '"zig" is not a known field selector: only "metadata.name", "metadata.namespace"',
    ],
    [{ fieldSelector: 'spec.zig=1' }, 'pods', 'field label not supported: spec.zig'],
  ];
  test.each(refused)('refuses %o', async (query, resource, message) => {
    const { list } = await filled();
    expect(await refusal(list(query, resource))).toMatchObject({ code: 400, reason: 'BadRequest', message });
  });

  test('a field with an index finds by it, and others by looking', async () => {
    const { registry, list } = await filled();
    for (const [name, nodeName] of [
      ['a', 'n1'],
      ['b', 'n2'],
      ['c', ''],
    ] as const) {
      await registry.create(
        scope('pods'),
        wire({ metadata: { name }, spec: { nodeName, containers: [{ name: 'c', image: 'i' }] } }),
      );
    }
    expect(names(await list({ fieldSelector: 'spec.nodeName=n1' }, 'pods', { namespace: '' }))).toEqual(['a']);
    expect(names(await list({ fieldSelector: 'spec.nodeName=' }, 'pods'))).toEqual(['c']);
    expect(names(await list({ fieldSelector: 'spec.nodeName!=n1' }, 'pods'))).toEqual(['b', 'c']);
    expect(names(await list({ fieldSelector: 'spec.nodeName=n1,metadata.name=b' }, 'pods'))).toEqual([]);
  });

  test('namespaces narrow by field too', async () => {
    const { list } = await filled();
    expect(names(await list({}, 'configmaps', { namespace: '' }))).toEqual([...all, 'elsewhere']);
    expect(names(await list({ fieldSelector: 'metadata.namespace=other' }, 'configmaps', { namespace: '' }))).toEqual([
      'elsewhere',
    ]);
  });
});

describe('pages', () => {
  test('go through everything once, saying how much is left', async () => {
    const { list } = await filled();
    const first = await list({ limit: 3 });
    expect(names(first)).toEqual(['l0', 'l1', 'l2']);
    expect(first.metadata.remainingItemCount).toBe(4);
    const second = await list({ limit: 3, continue: first.metadata.continue });
    expect(names(second)).toEqual(['l3', 'l4', 'l5']);
    const third = await list({ limit: 3, continue: second.metadata.continue });
    expect(names(third)).toEqual(['l6']);
    expect(third.metadata).toEqual({ resourceVersion: first.metadata.resourceVersion });
  });

  test('are of one revision, whatever happens between them', async () => {
    const { registry, list } = await filled();
    const first = await list({ limit: 3 });
    await registry.delete(scope('configmaps', 'l4'));
    await registry.create(scope('configmaps'), wire(configMap('l33')));
    expect(names(await list({ continue: first.metadata.continue }))).toEqual(['l3', 'l4', 'l5', 'l6']);
  });

  test('with a selector do not say how much is left', async () => {
    const { list } = await filled();
    const { metadata } = await list({ limit: 2, labelSelector: 'z=q' });
    expect(metadata.continue).toBeDefined();
    expect(metadata.remainingItemCount).toBeUndefined();
  });

  test('an expired token is answered with one that goes on in the present', async () => {
    const { list, clock, registry } = await filled({ historyMs: 60_000 });
    const first = await list({ limit: 3 });
    await registry.create(scope('configmaps'), wire(configMap('l33')));
    await clock.advance(120_000);
    await registry.create(scope('configmaps'), wire(configMap('l34')));
    const status = await refusal(list({ limit: 3, continue: first.metadata.continue }));
    expect(status).toMatchObject({ code: 410, reason: 'Expired' });
    expect(status.message).toMatch(/^The provided continue parameter is too old to display a consistent list result\./);
    const next = await list({ continue: status.metadata.continue as string });
    expect(names(next)).toEqual(['l3', 'l33', 'l34', 'l4', 'l5', 'l6']);
  });

  const bad: [string, string][] = [
    ['abc!', 'invalid continue token: continue key is not valid: illegal base64 data at input byte 3'],
    [
      Buffer.from('{}').toString('base64url'),
      'invalid continue token: continue key is not valid: server does not recognize this encoded version ',
    ],
    [
      Buffer.from('{"v":"meta.k8s.io/v1","rv":5,"start":"../x"}').toString('base64url'),
      'invalid continue token: continue key is not valid: ../x',
    ],
    [
      Buffer.from('{"v":"meta.k8s.io/v1","rv":0,"start":"x"}').toString('base64url'),
      'invalid continue token: continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)',
    ],
  ];
  test.each(bad)('token %s is refused', async (token, message) => {
    const { list } = await filled();
    expect(await refusal(list({ limit: 3, continue: token }))).toMatchObject({ code: 400, message });
  });
});

describe('resourceVersion', () => {
  test('0 means any: limits do not count', async () => {
    const { list } = await filled();
    const { metadata, items } = await list({ resourceVersion: '0', limit: 2 });
    expect(items).toHaveLength(7);
    expect(metadata.continue).toBeUndefined();
  });

  test('Exact is the past', async () => {
    const { list, before } = await filled();
    const past = await list({ resourceVersion: before.metadata.resourceVersion, resourceVersionMatch: 'Exact' });
    expect(names(past)).toEqual([]);
    expect(past.metadata).toEqual(before.metadata);
    // a limit without a match means Exact, for old clients
    expect(names(await list({ resourceVersion: before.metadata.resourceVersion, limit: 5 }))).toEqual([]);
    expect(
      names(
        await list({
          resourceVersion: before.metadata.resourceVersion,
          resourceVersionMatch: 'NotOlderThan',
          limit: 2,
        }),
      ),
    ).toEqual(['l0', 'l1']);
    expect(names(await list({ resourceVersion: before.metadata.resourceVersion }))).toEqual(all);
  });

  test('what is not reached yet is a timeout', async () => {
    const { list, registry, before } = await filled();
    const future = String(Number(before.metadata.resourceVersion) + 1e9);
    const { metadata } = await list();
    const want = {
      code: 504,
      reason: 'Timeout',
      message: `Timeout: Too large resource version: ${future}, current: ${metadata.resourceVersion}`,
      details: {
        causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
        retryAfterSeconds: 1,
      },
    };
    expect(await refusal(list({ resourceVersion: future }))).toMatchObject(want);
    expect(await refusal(list({ resourceVersion: future, resourceVersionMatch: 'Exact' }))).toMatchObject({
      code: 504,
    });
    expect(await refusal(registry.get(scope('configmaps', 'l0'), { resourceVersion: future }))).toMatchObject(want);
  });

  const refused: [ListOptions, object][] = [
    [
      { resourceVersion: 'x' },
      {
        code: 400,
        message:
          'invalid resource version: resourceVersion: Invalid value: "x": strconv.ParseUint: parsing "x": invalid syntax',
      },
    ],
    [
      { resourceVersionMatch: 'Exact' },
      {
        code: 422,
        message:
          'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided',
      },
    ],
    [
      { resourceVersionMatch: 'Zig' },
      {
        code: 422,
        message:
          'ListOptions.meta.k8s.io "" is invalid: [resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided, resourceVersionMatch: Unsupported value: "Zig": supported values: "Exact", "NotOlderThan", ""]',
      },
    ],
    [{ resourceVersionMatch: 'Exact', resourceVersion: '0' }, { code: 422 }],
    [
      { sendInitialEvents: true },
      {
        code: 422,
        message:
          'ListOptions.meta.k8s.io "" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list',
      },
    ],
  ];
  test.each(refused)('refuses %o', async (query, status) => {
    const { list } = await filled();
    expect(await refusal(list(query))).toMatchObject(status);
  });

  test('of a get: x is not a revision', async () => {
    const { registry } = await filled();
    expect(await refusal(registry.get(scope('configmaps', 'l0'), { resourceVersion: 'x' }))).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      code: 500,
      message: 'resourceVersion: Invalid value: "x": strconv.ParseUint: parsing "x": invalid syntax',
    });
  });
});

describe('encoding', () => {
  test('a list on the wire has items without kind and apiVersion', async () => {
    const { list } = await filled();
    const page = await list({ limit: 2 });
    const text = Buffer.concat([...page.chunks()]).toString();
    expect(text.startsWith('{"kind":"ConfigMapList","apiVersion":"v1","metadata":{"resourceVersion":"')).toBe(true);
    const parsed = JSON.parse(text) as { items: object[]; metadata: object };
    expect(parsed.metadata).toEqual(page.metadata);
    expect(parsed.items[0]).not.toHaveProperty('kind');
    expect(parsed.items[1]).toMatchObject({ metadata: { name: 'l1' }, data: { a: 'b' } });
  });

  test('a long list comes in pieces', async () => {
    const { registry } = createHarness();
    await Promise.all(
      Array.from({ length: 2500 }, (_, i) => registry.create(scope('configmaps'), wire(configMap(`c${i}`)))),
    );
    const page = await registry.list(scope('configmaps'));
    const chunks = [...page.chunks()];
    expect(chunks.length).toBeGreaterThan(3);
    const { items } = JSON.parse(Buffer.concat(chunks).toString()) as { items: { metadata: { name: string } }[] };
    expect(items.map((item) => item.metadata.name)).toEqual(names(page));
    expect(items).toHaveLength(2500);
  });

  test('an empty list has a revision that is never 0', async () => {
    const { registry } = createHarness();
    const page = await registry.list(scope('configmaps'));
    expect(page.items).toEqual([]);
    expect(page.metadata.resourceVersion).toMatch(/^\d{16}$/);
  });
});
