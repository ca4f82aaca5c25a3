import { applyPatch } from '@nodeless/apimachinery/apply/apply-patch';
import { LAST_APPLIED } from '@nodeless/apimachinery/apply/last-applied';
import { schemaOfType } from '@nodeless/apimachinery/apply/typed-schema';
import type { KubernetesObject } from '@nodeless/apimachinery/object';
import { typeForKind } from '@nodeless/apimachinery/schema';
import { ApiError } from '@nodeless/apimachinery/status';
import { describe, expect, it } from 'vitest';
import { type Json, createSubject, reset } from './fixtures.ts';

const config = (data?: Json, metadata: Json = {}): Json => ({
  metadata: { name: 'x', ...metadata },
  ...(data && { data }),
});

function failureOf(act: () => unknown): ApiError {
  try {
    act();
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error('it succeeded');
}

describe('applying', () => {
  it('creates the object, owned by the applier', () => {
    const subject = createSubject('v1', 'ConfigMap');
    const created = subject.apply('a', config({ p: '1', q: '1' }, { labels: { l: '1' }, finalizers: ['a.b/c'] }));
    expect(created['data']).toEqual({ p: '1', q: '1' });
    expect(subject.owners()).toEqual([
      {
        manager: 'a',
        operation: 'Apply',
        time: '2024-01-01T00:00:00Z',
        fields:
          '{"f:data":{"f:p":{},"f:q":{}},"f:metadata":{"f:finalizers":{"v:\\"a.b/c\\"":{}},"f:labels":{"f:l":{}}}}',
      },
    ]);
  });

  it('the same again changes nothing, nor any time', () => {
    const subject = createSubject('v1', 'ConfigMap');
    subject.apply('a', config({ p: '1' }));
    const before = subject.live.metadata?.managedFields;
    subject.apply('a', config({ p: '1' }));
    expect(subject.live.metadata?.managedFields?.[0]).toBe(before?.[0]);
  });

  it('fails where another manager has another value', () => {
    const subject = createSubject('v1', 'ConfigMap');
    subject.apply('a', config({ p: '1' }));
    const error = failureOf(() => subject.apply('b', config({ p: '2' })));
    expect(error.status).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      reason: 'Conflict',
      code: 409,
      message: 'Apply failed with 1 conflict: conflict with "a": .data.p',
      details: { causes: [{ reason: 'FieldManagerConflict', message: 'conflict with "a"', field: '.data.p' }] },
    });
  });

  it('lists several conflicts by manager', () => {
    const subject = createSubject('v1', 'Pod', reset());
    subject.put('b', { metadata: { name: 'x' }, spec: { containers: [{ name: 'c', image: 'i' }], nodeName: 'n' } });
    subject.edit('b', (pod) => ({ ...pod, metadata: { ...pod.metadata, labels: { l: '1' } } }), 'status');
    const error = failureOf(() =>
      subject.apply('z', {
        metadata: { name: 'x', labels: { l: '2' } },
        spec: { nodeName: 'm', containers: [{ name: 'c', image: 'j' }] },
      }),
    );
    expect(error.message).toBe(
      'Apply failed with 3 conflicts: conflicts with "b" with subresource "status" using v1:\n- .metadata.labels.l\n' +
        'conflicts with "b" using v1:\n- .spec.nodeName\n- .spec.containers[name="c"].image',
    );
    expect(error.status.details?.causes?.map((cause) => cause.message)).toEqual([
      'conflict with "b" with subresource "status" using v1',
      'conflict with "b" using v1',
      'conflict with "b" using v1',
    ]);
  });

  it('by force takes the field from its owner', () => {
    const subject = createSubject('v1', 'ConfigMap');
    subject.apply('a', config({ p: '1', q: '1' }));
    subject.apply('b', config({ p: '2' }), { force: true });
    expect(subject.live['data']).toEqual({ p: '2', q: '1' });
    expect(subject.fields()).toEqual({ a: '{"f:data":{"f:q":{}}}', b: '{"f:data":{"f:p":{}}}' });
  });

  it('of the same value shares it; the new owner has no time, since the object did not change', () => {
    const subject = createSubject('v1', 'ConfigMap');
    subject.apply('a', config({ p: '1' }));
    subject.apply('b', config({ p: '1' }));
    expect(subject.owners()).toEqual([
      { manager: 'b', operation: 'Apply', time: undefined, fields: '{"f:data":{"f:p":{}}}' },
      { manager: 'a', operation: 'Apply', time: '2024-01-01T00:00:00Z', fields: '{"f:data":{"f:p":{}}}' },
    ]);
  });

  it('removes what it applied before, unless another owns it', () => {
    const subject = createSubject('v1', 'ConfigMap');
    subject.apply('a', config({ p: '1', q: '1' }));
    subject.apply('b', config({ p: '1' }));
    subject.edit('c', (object) => ({ ...object, data: { ...(object['data'] as object), r: '1' } }));
    subject.apply('a', config());
    expect(subject.live['data']).toEqual({ p: '1', r: '1' });
    expect(Object.keys(subject.fields())).toEqual(['b', 'c']);
    subject.apply('b', config());
    expect(subject.live['data']).toEqual({ r: '1' });
  });

  it('makes a last field that goes absent', () => {
    const subject = createSubject('v1', 'ConfigMap');
    subject.apply('a', config({ p: '1' }));
    const after = subject.apply('a', config());
    expect(after).toEqual({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'x', uid: 'u' } });
  });

  it('merges lists by their keys, with the default of a key that is left out', () => {
    const subject = createSubject('v1', 'Service');
    subject.apply('a', { metadata: { name: 'x' }, spec: { ports: [{ port: 80 }, { port: 81, name: 'b' }] } });
    subject.edit('defaults', (service) => ({
      ...service,
      spec: {
        ports: [
          { port: 80, protocol: 'TCP', targetPort: 80 },
          { name: 'b', port: 81, protocol: 'TCP', targetPort: 81 },
        ],
      },
    }));
    subject.apply(
      'a',
      { metadata: { name: 'x' }, spec: { ports: [{ port: 82 }, { port: 80, protocol: 'TCP' }] } },
      { force: true },
    );
    // whoever owns an item takes all of it away, what others own in it included
    expect(subject.live['spec']).toMatchObject({
      ports: [
        { port: 82, targetPort: 0 },
        { protocol: 'TCP', port: 80, targetPort: 80 },
      ],
    });
    expect(subject.fields()['a']).toBe(
      '{"f:spec":{"f:ports":{"k:{\\"port\\":80,\\"protocol\\":\\"TCP\\"}":{".":{},"f:port":{},"f:protocol":{}},"k:{\\"port\\":82,\\"protocol\\":\\"TCP\\"}":{".":{},"f:port":{}}}}}',
    );
  });

  it('replaces lists and maps that are one value', () => {
    const subject = createSubject('v1', 'Service');
    subject.apply('a', { metadata: { name: 'x' }, spec: { selector: { a: '1' }, externalIPs: ['1.1.1.1'] } });
    const error = failureOf(() => subject.apply('b', { metadata: { name: 'x' }, spec: { selector: { b: '1' } } }));
    expect(error.message).toBe('Apply failed with 1 conflict: conflict with "a": .spec.selector');
    subject.apply('b', { metadata: { name: 'x' }, spec: { selector: { b: '1' } } }, { force: true });
    expect(subject.live['spec']).toMatchObject({ selector: { b: '1' }, externalIPs: ['1.1.1.1'] });
  });

  it('adds to sets', () => {
    const subject = createSubject('v1', 'ConfigMap');
    subject.apply('a', config(undefined, { finalizers: ['a.b/c'] }));
    subject.apply('b', config(undefined, { finalizers: ['d.e/f'] }));
    expect(subject.live.metadata?.finalizers).toEqual(['a.b/c', 'd.e/f']);
    subject.apply('a', config());
    expect(subject.live.metadata?.finalizers).toEqual(['d.e/f']);
  });

  it('the first time gives what is there to before-first-apply', () => {
    const subject = createSubject('v1', 'ConfigMap');
    subject.put('u', config({ p: '1' }, { managedFields: [] }));
    subject.put('u', config({ p: '1' }, { managedFields: [] }));
    expect(subject.owners()).toEqual([]);
    const error = failureOf(() => subject.apply('a', config({ p: '2' })));
    expect(error.message).toBe('Apply failed with 1 conflict: conflict with "before-first-apply" using v1: .data.p');
    subject.apply('a', config({ p: '2' }), { force: true });
    expect(subject.owners()).toEqual([
      { manager: 'a', operation: 'Apply', time: '2024-01-01T00:00:03Z', fields: '{"f:data":{"f:p":{}}}' },
      { manager: 'before-first-apply', operation: 'Update', time: '2024-01-01T00:00:03Z', fields: '{"f:data":{}}' },
    ]);
  });

  it('through a door that resets fields does not own them', () => {
    const subject = createSubject('apps/v1', 'Deployment', reset('status'));
    subject.apply('a', { metadata: { name: 'x' }, spec: { replicas: 1 }, status: { replicas: 5 } });
    expect(subject.fields()).toEqual({ a: '{"f:spec":{"f:replicas":{}}}' });
  });

  it('canonicalises what the configuration says in its own way', () => {
    const subject = createSubject('v1', 'ResourceQuota');
    subject.apply('a', { metadata: { name: 'x' }, spec: { hard: { cpu: 0.5, memory: '1024Mi' } } });
    expect(subject.live['spec']).toEqual({ hard: { cpu: '500m', memory: '1Gi' } });
  });

  it('keeps keys from a user plain', () => {
    const subject = createSubject('v1', 'ConfigMap');
    const data = JSON.parse('{"__proto__":"1","constructor":"2"}') as Json;
    subject.apply('a', config(data));
    expect(Object.entries(subject.live['data'] as object)).toEqual(Object.entries(data));
    subject.apply('a', config({}));
    expect(subject.live['data']).toBeUndefined();
  });
});

describe('a configuration that does not fit', () => {
  const apply = (patch: Json, kind = 'ConfigMap', apiVersion = 'v1') =>
    failureOf(() => createSubject(apiVersion, kind).apply('a', patch)).status;
  const cases: { name: string; patch: Json; kind?: string; apiVersion?: string; code: number; message: string }[] = [
    { name: 'no kind', patch: { kind: undefined }, code: 400, message: 'invalid object type: /v1, Kind=' },
    {
      name: 'no apiVersion',
      patch: { apiVersion: undefined },
      code: 400,
      message: 'invalid object type: /, Kind=ConfigMap',
    },
    { name: 'wrong kind', patch: { kind: 'Zig' }, code: 400, message: 'invalid object type: /v1, Kind=Zig' },
    {
      name: 'wrong version',
      patch: { apiVersion: 'apps/v1beta1' },
      code: 400,
      message: 'invalid object type: apps/v1beta1, Kind=ConfigMap',
    },
    {
      name: 'no apiVersion that one can read',
      patch: { apiVersion: 'a/b/c' },
      code: 400,
      message: 'invalid object type: /, Kind=',
    },
    {
      name: 'managed fields',
      patch: config({}, { managedFields: [{ manager: 'x' }] }),
      code: 400,
      message: 'metadata.managedFields must be nil',
    },
    {
      name: 'not a map',
      patch: { ...config(), data: 5 },
      code: 500,
      message: 'failed to create typed patch object (/x; /v1, Kind=ConfigMap): .data: expected map, got &{5}',
    },
    {
      name: 'not a string',
      patch: config({ a: 5 }),
      code: 500,
      message:
        'failed to create typed patch object (/x; /v1, Kind=ConfigMap): .data.a: expected string, got &value.valueUnstructured{Value:5}',
    },
    {
      name: 'an unknown field',
      patch: { ...config(undefined, { namespace: 'n' }), zig: 1 },
      code: 500,
      message: 'failed to create typed patch object (n/x; /v1, Kind=ConfigMap): .zig: field not declared in schema',
    },
    {
      name: 'several faults',
      patch: { ...config({ a: 5 }), immutable: 'x' },
      code: 500,
      message:
        'failed to create typed patch object (/x; /v1, Kind=ConfigMap): errors:\n  .data.a: expected string, got &value.valueUnstructured{Value:5}\n  .immutable: expected boolean, got &{x}',
    },
    {
      name: 'a number that is none',
      patch: { metadata: { name: 'x' }, spec: { replicas: 'x' } },
      kind: 'Deployment',
      apiVersion: 'apps/v1',
      code: 500,
      message:
        'failed to create typed patch object (/x; apps/v1, Kind=Deployment): .spec.replicas: expected numeric (int or float), got string',
    },
    {
      name: 'duplicate items',
      patch: { metadata: { name: 'x' }, spec: { containers: [{ name: 'c' }, { name: 'c' }] } },
      kind: 'Pod',
      code: 500,
      message:
        'failed to create typed patch object (/x; /v1, Kind=Pod): .spec.containers: duplicate entries for key [name="c"]',
    },
    {
      name: 'a null item',
      patch: { metadata: { name: 'x' }, spec: { containers: [null] } },
      kind: 'Pod',
      code: 500,
      message:
        'failed to create typed patch object (/x; /v1, Kind=Pod): .spec.containers: element 0: associative list with keys may not have a null element',
    },
    {
      name: 'a list of something else',
      patch: { metadata: { name: 'x' }, spec: { tolerations: ['x'] } },
      kind: 'Pod',
      code: 500,
      message: 'failed to create typed patch object (/x; /v1, Kind=Pod): .spec.tolerations[0]: expected map, got &{x}',
    },
    {
      name: 'a bad quantity',
      patch: { metadata: { name: 'x' }, spec: { hard: { cpu: 'zig' } } },
      kind: 'ResourceQuota',
      code: 500,
      message:
        "failed to convert new object (/x; /v1, Kind=ResourceQuota) to proper version: unable to convert unstructured object to /v1, Kind=ResourceQuota: quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    },
  ];
  it.each(cases)('$name', ({ patch, kind, apiVersion, code, message }) => {
    expect(apply(patch, kind, apiVersion)).toMatchObject({ code, message });
  });
});

describe('kubectl moving from client-side apply', () => {
  const lastApplied = (data: Json) => ({
    [LAST_APPLIED]: JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', ...config(data) }),
  });

  it('takes over what client-side apply owned', () => {
    const subject = createSubject('v1', 'ConfigMap');
    subject.put('kubectl-client-side-apply', config({ p: '1' }, { annotations: lastApplied({ p: '1' }) }));
    subject.apply('kubectl', config({ p: '2' }));
    expect(subject.live['data']).toEqual({ p: '2' });
    expect(subject.fields()['kubectl']).toBe('{"f:data":{"f:p":{}}}');
    expect(subject.live.metadata?.annotations?.[LAST_APPLIED]).toBe(
      '{"apiVersion":"v1","data":{"p":"2"},"kind":"ConfigMap","metadata":{"name":"x"}}\n',
    );
  });

  it('not what has changed since', () => {
    const subject = createSubject('v1', 'ConfigMap');
    subject.put(
      'kubectl-client-side-apply',
      config({ p: '1', q: '1' }, { annotations: lastApplied({ p: '1', q: '1' }) }),
    );
    subject.edit('other', (object) => ({ ...object, data: { p: '1', q: '5' } }));
    const error = failureOf(() => subject.apply('kubectl', config({ p: '2', q: '2' })));
    expect(error.message).toBe('Apply failed with 1 conflict: conflict with "other" using v1: .data.q');
  });

  it('not for another manager', () => {
    const subject = createSubject('v1', 'ConfigMap');
    subject.put('kubectl-client-side-apply', config({ p: '1' }, { annotations: lastApplied({ p: '1' }) }));
    expect(failureOf(() => subject.apply('me', config({ p: '2' }))).code).toBe(409);
  });

  it.each(['{bad', '{}', '{"apiVersion":"v2","kind":"ConfigMap"}', '5'])('not by an annotation like %s', (text) => {
    const subject = createSubject('v1', 'ConfigMap');
    subject.put('u', config({ p: '1' }, { annotations: { [LAST_APPLIED]: text } }));
    expect(failureOf(() => subject.apply('kubectl', config({ p: '2' }))).code).toBe(409);
  });

  it('drops the annotation when it grows too large', () => {
    const subject = createSubject('v1', 'ConfigMap');
    subject.put(
      'kubectl',
      config({ p: '1' }, { annotations: { ...lastApplied({ p: '1' }), big: 'x'.repeat(200_000) } }),
    );
    subject.apply('kubectl', config({ p: 'y'.repeat(100_000) }), { force: true });
    expect(Object.keys(subject.live.metadata?.annotations ?? {})).toEqual(['big']);
  });
});

it('applies in one version what it applied in another', () => {
  const type = typeForKind('', 'v1', 'ConfigMap');
  if (type === undefined) throw new Error('no ConfigMap');
  const schema = schemaOfType(type);
  const renamed =
    (from: string, to: string) =>
    (object: object): KubernetesObject => {
      const data = (object as { data?: Json }).data ?? {};
      return {
        ...object,
        data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key.replace(from, to), value])),
      } as KubernetesObject;
    };
  const applied = applyPatch({
    schema,
    apiVersion: 'v1',
    kind: 'ConfigMap',
    subresource: '',
    time: '2024-01-01T00:00:00Z',
    manager: 'a',
    force: false,
    live: {
      kind: 'ConfigMap',
      apiVersion: 'v1',
      metadata: {
        name: 'x',
        uid: 'u',
        managedFields: [
          {
            manager: 'a',
            operation: 'Apply',
            apiVersion: 'v1beta1',
            fieldsType: 'FieldsV1',
            fieldsV1: { 'f:data': { 'f:old-p': {}, 'f:old-q': {} } },
          },
        ],
      },
      data: { 'new-p': '1', 'new-q': '1' },
    } as object,
    patch: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x' }, data: { 'new-p': '1' } },
    inVersion: (version) =>
      version === 'v1beta1'
        ? { schema, convert: renamed('new', 'old'), convertBack: renamed('old', 'new') }
        : undefined,
  });
  expect((applied.object as Json)['data']).toEqual({ 'new-p': '1' });
  expect(
    applied.object.metadata?.managedFields?.map((entry) => [entry.apiVersion, JSON.stringify(entry.fieldsV1)]),
  ).toEqual([['v1', '{"f:data":{"f:new-p":{}}}']]);
});
