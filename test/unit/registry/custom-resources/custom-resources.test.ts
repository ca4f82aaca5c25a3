import { feedDefinitions } from '@nodeless/registry/custom-resources/definitions-feed';
import { planStatus } from '@nodeless/registry/custom-resources/accept-names';
import { parseJsonPath } from '@nodeless/registry/custom-resources/json-path';
import { pruneObject } from '@nodeless/registry/custom-resources/prune';
import { validateObject } from '@nodeless/registry/custom-resources/validate-value';
import { kinds } from '@nodeless/registry/resources/index';
import { objectOf } from '@nodeless/registry/stored-value';
import type { CustomResourceDefinition } from '@nodeless/apimachinery/generated/types/apiextensions/v1';
import { formatFieldError } from '@nodeless/apimachinery/field-errors';
import { describe, expect, it } from 'vitest';
import { createHarness, json, refusal, scope, wire } from '../harness.ts';

const spec = (properties: Record<string, unknown>) => ({
  type: 'object',
  properties: { spec: { type: 'object', properties } },
});

describe('validation', () => {
  it.each([
    [{ type: 'integer' }, 'a', 'spec.x: Invalid value: "string": spec.x in body must be of type integer: "string"'],
    [{ type: 'string', enum: ['b', 'c'] }, 'a', 'spec.x: Unsupported value: "a": supported values: "b", "c"'],
    [{ type: 'string', pattern: '^a$' }, 'b', `spec.x: Invalid value: "b": spec.x in body should match '^a$'`],
    [{ type: 'integer', maximum: 2 }, 3, 'spec.x: Invalid value: 3: spec.x in body should be less than or equal to 2'],
    [{ type: 'object', required: ['y'] }, {}, 'spec.x.y: Required value'],
    [
      { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } },
      ['a', 'a'],
      'spec.x[1]: Duplicate value: "a"',
    ],
    [
      { 'x-kubernetes-int-or-string': true },
      true,
      'spec.x: Invalid value: "boolean": spec.x in body must be of type integer,string: "boolean"',
    ],
  ])('%j refuses %j, unless it was so before', (schema, x, text) => {
    const object = { spec: { x } };
    expect(validateObject(object, undefined, spec({ x: schema })).map(formatFieldError)).toEqual([text]);
    expect(validateObject(object, object, spec({ x: schema }))).toEqual([]);
  });
});

it('prunes what the schema does not know', () => {
  const object = { kind: 'W', metadata: {}, zig: 1, spec: { a: { deep: 1 }, zag: 2, any: { k: 1 } } };
  const schema = spec({ a: { type: 'object' }, any: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } });
  expect(pruneObject(object, schema)).toEqual(['spec.a.deep', 'spec.zag', 'zig']);
  expect(object).toEqual({ kind: 'W', metadata: {}, spec: { a: {}, any: { k: 1 } } });
});

it.each([
  ['.a.b', { a: { b: 1 } }, [1]],
  [".a['b.c']", { a: { 'b.c': 1 } }, [1]],
  [
    '.c[?(@.type=="R")].s',
    {
      c: [
        { type: 'Q', s: 1 },
        { type: 'R', s: 2 },
      ],
    },
    [2],
  ],
  ['.a[1]', { a: [1, 2] }, [2]],
])('finds %s', (path, object, found) => {
  expect(parseJsonPath(path)?.find(object)).toEqual(found);
});

const definition = (properties: Record<string, unknown>): CustomResourceDefinition => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.example.dev' },
  spec: {
    group: 'example.dev',
    scope: 'Namespaced',
    names: { plural: 'widgets', kind: 'Widget' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: { openAPIV3Schema: spec(properties) as never },
      },
    ],
  },
});

it('serves what a definition describes, from its acceptance to its deletion', async () => {
  const harness = createHarness({ kinds });
  const { registry, store, resources, clock } = harness;
  const feed = feedDefinitions({ store, resources, objectOf });
  await feed.ready;
  const crds = 'apiextensions.k8s.io/v1/customresourcedefinitions';
  const cluster = { namespace: '' };
  const widgets = 'example.dev/v1/widgets';
  const establish = async () => {
    const current = json(
      await registry.get(scope(crds, 'widgets.example.dev', cluster)),
    ) as unknown as CustomResourceDefinition;
    const status = planStatus(current, [current], new Date(clock.now()).toISOString());
    await registry.update(
      scope(crds, 'widgets.example.dev', { ...cluster, subresource: 'status' }),
      wire({ ...current, status }),
    );
  };
  await registry.create(scope(crds, '', cluster), wire(definition({ n: { type: 'integer' } })));
  expect(resources.find('example.dev', 'v1', 'widgets')).toBeUndefined();
  await establish();
  const widget = {
    apiVersion: 'example.dev/v1',
    kind: 'Widget',
    metadata: { name: 'w' },
    spec: { n: 1, zag: 2 },
    status: { s: 1 },
  };
  expect(
    (await refusal(registry.create(scope(widgets, '', { fieldValidation: 'Strict' }), wire(widget)))).message,
  ).toContain('strict decoding error: unknown field "spec.zag"');
  const created = json((await registry.create(scope(widgets), wire(widget))).result);
  expect(created).toMatchObject({ metadata: { generation: 1 }, spec: { n: 1 } });
  expect(created).not.toHaveProperty('status');

  const current = json(
    await registry.get(scope(crds, 'widgets.example.dev', cluster)),
  ) as unknown as CustomResourceDefinition;
  await registry.update(
    scope(crds, 'widgets.example.dev', cluster),
    wire({ ...current, spec: definition({ n: { type: 'integer' }, m: { type: 'integer', default: 7 } }).spec }),
  );
  expect(json(await registry.get(scope(widgets, 'w')))).toMatchObject({
    metadata: { generation: 1 },
    spec: { n: 1, m: 7 },
  });

  await registry.delete(scope(crds, 'widgets.example.dev', cluster));
  expect(json(await registry.get(scope(crds, 'widgets.example.dev', cluster))).metadata?.finalizers).toEqual([
    'customresourcecleanup.apiextensions.k8s.io',
  ]);
  expect(resources.find('example.dev', 'v1', 'widgets')?.verbs).not.toContain('create');
  await registry.patch(scope(crds, 'widgets.example.dev', cluster), wire({ metadata: { finalizers: null } }), {
    type: 'merge',
  });
  expect(resources.find('example.dev', 'v1', 'widgets')).toBeUndefined();
  feed.stop();
});
