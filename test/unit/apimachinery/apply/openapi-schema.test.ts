import { applyPatch } from '@nodeless/apimachinery/apply/apply-patch';
import { schemaOfOpenApi } from '@nodeless/apimachinery/apply/openapi-schema';
import { type ObjectSchema, deducedSchema } from '@nodeless/apimachinery/apply/typed-schema';
import { updateManagedFields } from '@nodeless/apimachinery/apply/update-managed-fields';
import type { KubernetesObject } from '@nodeless/apimachinery/object';
import { describe, expect, it } from 'vitest';

type Json = Record<string, unknown>;
const kind = { apiVersion: 'g.io/v1', kind: 'Foo' };
const schemaOf = (spec: Json): ObjectSchema => schemaOfOpenApi({ type: 'object', properties: { spec } }, kind);
const context = { apiVersion: 'g.io/v1', subresource: '', time: '2024-01-01T00:00:00Z' };

function fieldsOf(schema: ObjectSchema, spec: unknown): string | undefined {
  const updated = { ...kind, metadata: { name: 'x', labels: { a: 'b' } }, spec } as KubernetesObject;
  const entries = updateManagedFields({ ...context, schema, live: undefined, updated, manager: 'm' });
  return entries && JSON.stringify(entries[0]?.fieldsV1);
}

describe('the fields of a custom resource', () => {
  const cases: { name: string; schema: Json; spec: unknown; want: string }[] = [
    {
      name: 'objects field by field, all of them marked',
      schema: { type: 'object', properties: { a: { type: 'string' } } },
      spec: { a: 'x' },
      want: '{".":{},"f:a":{}}',
    },
    {
      name: 'an atomic object',
      schema: { type: 'object', 'x-kubernetes-map-type': 'atomic', properties: { a: { type: 'string' } } },
      spec: { a: 'x' },
      want: '{}',
    },
    {
      name: 'a map',
      schema: { type: 'object', additionalProperties: { type: 'integer' } },
      spec: { b: 1, a: 2 },
      want: '{".":{},"f:a":{},"f:b":{}}',
    },
    { name: 'a list is one value', schema: { type: 'array', items: { type: 'string' } }, spec: ['x'], want: '{}' },
    {
      name: 'a set',
      schema: { type: 'array', items: { type: 'integer' }, 'x-kubernetes-list-type': 'set' },
      spec: [10, 2],
      want: '{".":{},"v:2":{},"v:10":{}}',
    },
    {
      name: 'a list of items with keys, one with a default',
      schema: {
        type: 'array',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['port', 'host'],
        items: {
          type: 'object',
          properties: { port: { type: 'integer' }, host: { type: 'string', default: 'any' }, v: { type: 'string' } },
        },
      },
      spec: [
        { port: 443, v: 'x' },
        { port: 80, host: 'h' },
      ],
      want: '{".":{},"k:{\\"host\\":\\"any\\",\\"port\\":443}":{".":{},"f:port":{},"f:v":{}},"k:{\\"host\\":\\"h\\",\\"port\\":80}":{".":{},"f:host":{},"f:port":{}}}',
    },
    {
      name: 'anything',
      schema: { 'x-kubernetes-preserve-unknown-fields': true },
      spec: { a: { b: [1] } },
      want: '{".":{},"f:a":{".":{},"f:b":{}}}',
    },
    {
      name: 'what is not declared but kept',
      schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true, properties: { z: { type: 'string' } } },
      spec: { z: 'x', a: { b: 1 } },
      want: '{".":{},"f:a":{".":{},"f:b":{}},"f:z":{}}',
    },
    { name: 'a number or a string', schema: { 'x-kubernetes-int-or-string': true }, spec: '5%', want: '{}' },
    {
      name: 'an embedded resource',
      schema: { type: 'object', 'x-kubernetes-embedded-resource': true, 'x-kubernetes-preserve-unknown-fields': true },
      spec: { apiVersion: 'v1', kind: 'Pod', metadata: { finalizers: ['a'] } },
      want: '{".":{},"f:apiVersion":{},"f:kind":{},"f:metadata":{".":{},"f:finalizers":{".":{},"v:\\"a\\"":{}}}}',
    },
    {
      name: 'properties named like what every object has',
      schema: { type: 'object', properties: { constructor: { type: 'string' }, toString: { type: 'string' } } },
      spec: { toString: 'x' },
      want: '{".":{},"f:toString":{}}',
    },
  ];
  it.each(cases)('$name', ({ schema, spec, want }) => {
    expect(fieldsOf(schemaOf(schema), spec)).toBe(`{"f:metadata":{"f:labels":{".":{},"f:a":{}}},"f:spec":${want}}`);
  });

  it('without a schema', () => {
    expect(fieldsOf(deducedSchema, { a: [{ name: 'x' }], b: { c: 1 } })).toBe(
      '{"f:metadata":{"f:labels":{".":{},"f:a":{}}},"f:spec":{".":{},"f:a":{},"f:b":{".":{},"f:c":{}}}}',
    );
  });
});

describe('a schema that changes', () => {
  it('to one value gives it whole to the owners of its parts', () => {
    const granular = schemaOf({
      type: 'object',
      properties: {
        m: { type: 'object', additionalProperties: { type: 'string' } },
        l: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' },
      },
    });
    const atomic = schemaOf({
      type: 'object',
      properties: {
        m: { type: 'object', additionalProperties: { type: 'string' }, 'x-kubernetes-map-type': 'atomic' },
        l: { type: 'array', items: { type: 'string' } },
      },
    });
    const object = { ...kind, metadata: { name: 'x', uid: 'u' }, spec: { m: { a: '1' }, l: ['x'] } };
    const managedFields = updateManagedFields({
      ...context,
      schema: granular,
      live: undefined,
      updated: object,
      manager: 'm',
    });
    expect(JSON.stringify(managedFields?.[0]?.fieldsV1)).toBe(
      '{"f:spec":{".":{},"f:l":{".":{},"v:\\"x\\"":{}},"f:m":{".":{},"f:a":{}}}}',
    );
    const live = { ...object, metadata: { ...object.metadata, managedFields } } as KubernetesObject;
    const after = updateManagedFields({
      ...context,
      schema: atomic,
      live,
      updated: { ...live, metadata: { ...live.metadata, labels: { a: 'b' } } },
      manager: 'n',
    });
    expect(JSON.stringify(after?.find((entry) => entry.manager === 'm')?.fieldsV1)).toBe(
      '{"f:spec":{".":{},"f:l":{},"f:m":{}}}',
    );
  });
});

describe('applying a custom resource', () => {
  const apply = (live: KubernetesObject | undefined, manager: string, spec: unknown, schema: ObjectSchema) =>
    applyPatch({
      ...context,
      schema,
      live,
      patch: { ...kind, metadata: { name: 'x' }, spec },
      manager,
      force: false,
      kind: 'Foo',
    }).object as KubernetesObject & Json;

  it('merges by the schema', () => {
    const schema = schemaOf({
      type: 'object',
      properties: {
        set: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' },
        list: { type: 'array', items: { type: 'string' } },
      },
    });
    const first = apply(undefined, 'a', { set: ['x'], list: ['x'] }, schema);
    expect(first).toMatchObject({ ...kind, metadata: { name: 'x' } });
    const second = apply(first, 'b', { set: ['y'] }, schema);
    expect(second['spec']).toEqual({ set: ['x', 'y'], list: ['x'] });
    expect(() => apply(second, 'b', { list: ['y'] }, schema)).toThrow(
      'Apply failed with 1 conflict: conflict with "a": .spec.list',
    );
  });

  it('refuses what the schema does not know', () => {
    expect(() =>
      apply(undefined, 'a', { zig: 1 }, schemaOf({ type: 'object', properties: { a: { type: 'string' } } })),
    ).toThrow('failed to create typed patch object (/x; g.io/v1, Kind=Foo): .spec.zig: field not declared in schema');
  });
});
