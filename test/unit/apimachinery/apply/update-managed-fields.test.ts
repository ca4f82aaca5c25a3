import { setOfFields } from '@nodeless/apimachinery/apply/field-set';
import { managerOfUserAgent } from '@nodeless/apimachinery/apply/manager-name';
import { withoutSpuriousTimes } from '@nodeless/apimachinery/apply/timestamps';
import { schemaOfType } from '@nodeless/apimachinery/apply/typed-schema';
import { updateManagedFields } from '@nodeless/apimachinery/apply/update-managed-fields';
import { decodeObject } from '@nodeless/apimachinery/decode/decode';
import type { KubernetesObject } from '@nodeless/apimachinery/object';
import { typeForKind } from '@nodeless/apimachinery/schema';
import { describe, expect, it } from 'vitest';
import { createSubject, reset } from './fixtures.ts';

const configMap = (data: Record<string, string>, metadata = {}) => ({ metadata: { name: 'x', ...metadata }, data });

describe('a create', () => {
  it('gives the creator every field but what the server sets', () => {
    const subject = createSubject('v1', 'Service', reset('status'));
    subject.put('creator', {
      metadata: { name: 'x', namespace: 'n', labels: { a: 'b' }, finalizers: ['a.b/c'], generateName: 'g-' },
      spec: { ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }], selector: { app: 'x' }, type: 'ClusterIP' },
      status: { loadBalancer: { ingress: [{ ip: '1.2.3.4' }] } },
    });
    expect(subject.owners()).toEqual([
      {
        manager: 'creator',
        operation: 'Update',
        time: '2024-01-01T00:00:00Z',
        fields:
          '{"f:metadata":{"f:finalizers":{".":{},"v:\\"a.b/c\\"":{}},"f:generateName":{},"f:labels":{".":{},"f:a":{}}},' +
          '"f:spec":{"f:ports":{".":{},"k:{\\"port\\":80,\\"protocol\\":\\"TCP\\"}":{".":{},"f:port":{},"f:protocol":{},"f:targetPort":{}}},"f:selector":{},"f:type":{}}}',
      },
    ]);
  });

  it('knows what Go always writes: no dot for structs that are never absent', () => {
    const subject = createSubject('apps/v1', 'Deployment', reset('status'));
    subject.put('m', {
      metadata: { name: 'x' },
      spec: {
        selector: { matchLabels: { a: 'b' } },
        template: {
          metadata: { labels: { a: 'b' } },
          spec: { containers: [{ name: 'c', image: 'i', ports: [{ containerPort: 80, protocol: 'TCP' }] }] },
        },
      },
    });
    expect(subject.fields()['m']).toBe(
      '{"f:spec":{"f:selector":{},"f:template":{"f:metadata":{"f:labels":{".":{},"f:a":{}}},"f:spec":{"f:containers":{"k:{\\"name\\":\\"c\\"}":' +
        '{".":{},"f:image":{},"f:name":{},"f:ports":{".":{},"k:{\\"containerPort\\":80,\\"protocol\\":\\"TCP\\"}":{".":{},"f:containerPort":{},"f:protocol":{}}},"f:resources":{}}}}}}}',
    );
  });

  it('keeps what a client says of other managers, if it is valid', () => {
    const mine = {
      manager: 'other',
      operation: 'Apply',
      apiVersion: 'v1',
      fieldsType: 'FieldsV1',
      fieldsV1: { 'f:data': { 'f:b': {}, 'f:a': {} } },
    };
    const subject = createSubject('v1', 'ConfigMap');
    subject.put('m', configMap({ a: '1', c: '2' }, { managedFields: [mine] }));
    // a is new, so the creator takes it
    expect(subject.fields()).toEqual({ other: '{"f:data":{"f:b":{}}}', m: '{"f:data":{".":{},"f:a":{},"f:c":{}}}' });
    for (const bad of [
      { operation: 'Zig' },
      { apiVersion: '' },
      { fieldsType: 'V2' },
      { fieldsType: '' },
      { fieldsV1: { zig: {} } },
    ]) {
      const fresh = createSubject('v1', 'ConfigMap');
      fresh.put('m', configMap({ a: '1' }, { managedFields: [{ ...mine, ...bad }] }));
      expect(fresh.fields()).toEqual({ m: '{"f:data":{".":{},"f:a":{}}}' });
    }
  });

  it('survives hostile keys', () => {
    const subject = createSubject('v1', 'ConfigMap');
    subject.put('m', {
      metadata: { name: 'x' },
      data: JSON.parse('{"__proto__":"1","constructor":"2"}') as Record<string, string>,
    });
    expect(subject.fields()).toEqual({ m: '{"f:data":{".":{},"f:__proto__":{},"f:constructor":{}}}' });
    subject.put('n', {
      metadata: { name: 'x' },
      data: JSON.parse('{"__proto__":"1","constructor":"3"}') as Record<string, string>,
    });
    expect(subject.fields()).toEqual({
      m: '{"f:data":{".":{},"f:__proto__":{}}}',
      n: '{"f:data":{"f:constructor":{}}}',
    });
  });

  it('gives up tracking where a list item has no key, as upstream does', () => {
    const subject = createSubject('v1', 'ServiceAccount');
    subject.put('m', { metadata: { name: 'x' }, secrets: [{ namespace: 'n' }] });
    expect(subject.owners()).toEqual([]);
  });
});

describe('an update', () => {
  it('takes what it changes and drops what it removes', () => {
    const subject = createSubject('v1', 'ConfigMap');
    subject.put('a', configMap({ x: '1', y: '1', z: '1' }));
    subject.put('b', configMap({ x: '2', z: '1', w: '1' }));
    expect(subject.owners()).toEqual([
      { manager: 'a', operation: 'Update', time: '2024-01-01T00:00:00Z', fields: '{"f:data":{".":{},"f:z":{}}}' },
      { manager: 'b', operation: 'Update', time: '2024-01-01T00:00:01Z', fields: '{"f:data":{"f:w":{},"f:x":{}}}' },
    ]);
  });

  it('of nothing changes nothing, not even the list', () => {
    const subject = createSubject('v1', 'ConfigMap');
    subject.put('a', configMap({ x: '1' }));
    const before = subject.live.metadata?.managedFields;
    subject.put('a', configMap({ x: '1' }));
    subject.edit('b', (object) => ({ ...object }));
    expect(subject.live.metadata?.managedFields).toBe(before);
  });

  it('moves only its own time, and keeps the sets that stay', () => {
    const subject = createSubject('v1', 'Pod', reset('spec'));
    subject.put('creator', { metadata: { name: 'x', labels: { a: 'b' } }, spec: { containers: [] } });
    subject.edit('kubelet', (pod) => ({ ...pod, status: { phase: 'Pending' } }), 'status');
    const [first, second] = subject.live.metadata?.managedFields ?? [];
    subject.edit('kubelet', (pod) => ({ ...pod, status: { phase: 'Running' } }), 'status');
    const after = subject.live.metadata?.managedFields ?? [];
    expect(after[0]).toBe(first);
    expect(after[1]?.fieldsV1).toBe(second?.fieldsV1);
    expect([second?.time, after[1]?.time]).toEqual(['2024-01-01T00:00:01Z', '2024-01-01T00:00:02Z']);
    expect(subject.owners()[1]).toMatchObject({
      manager: 'kubelet',
      subresource: 'status',
      fields: '{"f:status":{"f:phase":{}}}',
    });
  });

  it('that only removes takes nothing', () => {
    const subject = createSubject('v1', 'ConfigMap');
    subject.put('a', configMap({ x: '1', y: '1' }));
    subject.put('b', configMap({ x: '1' }));
    expect(subject.owners()).toEqual([
      { manager: 'a', operation: 'Update', time: '2024-01-01T00:00:00Z', fields: '{"f:data":{".":{},"f:x":{}}}' },
    ]);
    subject.put('b', configMap({}));
    expect(subject.owners()).toEqual([]);
  });

  it('follows items by their keys, wherever they stand', () => {
    const subject = createSubject('v1', 'Pod');
    const pod = (...containers: { name: string; image: string }[]) => ({
      metadata: { name: 'x' },
      spec: { containers },
    });
    subject.put('a', pod({ name: 'one', image: 'i' }, { name: 'two', image: 'i' }));
    subject.put('b', pod({ name: 'two', image: 'i' }, { name: 'one', image: 'j' }));
    expect(subject.fields()['b']).toBe('{"f:spec":{"f:containers":{"k:{\\"name\\":\\"one\\"}":{"f:image":{}}}}}');
  });

  it('of objects that were never tracked does not start to', () => {
    const subject = createSubject('v1', 'ConfigMap');
    subject.put('a', configMap({ x: '1' }));
    subject.put('a', configMap({ x: '1' }, { managedFields: [] }));
    expect(subject.owners()).toEqual([]);
    subject.put('b', configMap({ x: '2' }));
    expect(subject.owners()).toEqual([]);
  });

  it.each([[[]], [[{}]]])('with managedFields %j forgets all managers', (managedFields) => {
    const subject = createSubject('v1', 'ConfigMap');
    subject.put('a', configMap({ x: '1' }));
    subject.put('b', configMap({ x: '2' }, { managedFields }));
    expect(subject.owners()).toEqual([]);
  });

  it('through a subresource cannot set managed fields', () => {
    const subject = createSubject('v1', 'Pod');
    subject.put('a', { metadata: { name: 'x', labels: { a: 'b' } }, spec: { containers: [] } });
    subject.put(
      'b',
      { metadata: { name: 'x', labels: { a: 'b' }, managedFields: [] }, spec: { containers: [] } },
      'status',
    );
    expect(Object.keys(subject.fields())).toEqual(['a']);
  });

  it('by an eleventh manager merges the oldest', () => {
    const subject = createSubject('v1', 'ConfigMap');
    for (let i = 0; i <= 10; i++)
      subject.put(`m${i}`, configMap(Object.fromEntries(Array.from({ length: i + 1 }, (_, j) => [`k${j}`, '1']))));
    const owners = subject.owners();
    expect(owners).toHaveLength(10);
    expect(owners[0]).toEqual({
      manager: 'ancient-changes',
      operation: 'Update',
      time: '2024-01-01T00:00:01Z',
      fields: '{"f:data":{".":{},"f:k0":{},"f:k1":{}}}',
    });
    expect(owners[9]?.manager).toBe('m10');
  });

  it('drops managers of versions that are gone, and compares others in theirs', () => {
    const type = typeForKind('', 'v1', 'ConfigMap');
    if (type === undefined) throw new Error('no ConfigMap');
    const schema = schemaOfType(type);
    const entry = (manager: string, apiVersion: string) => ({
      manager,
      operation: 'Update',
      apiVersion,
      fieldsType: 'FieldsV1',
      fieldsV1: { 'f:data': { 'f:old-x': {}, 'f:x': {} } },
    });
    const live = {
      metadata: { uid: 'u', managedFields: [entry('gone', 'v0'), entry('older', 'v1beta1')] },
      data: { x: '1' },
    };
    const updated = { metadata: { uid: 'u' }, data: { x: '2' } };
    const rename = (object: object): KubernetesObject =>
      ({ ...object, data: { 'old-x': (object as typeof updated).data.x } }) as KubernetesObject;
    const managedFields = updateManagedFields({
      schema,
      apiVersion: 'v1',
      subresource: '',
      time: '2024-01-01T00:00:00Z',
      live,
      updated,
      manager: 'm',
      inVersion: (version) =>
        version === 'v1beta1' ? { schema, convert: rename, convertBack: (object) => object } : undefined,
    });
    expect(managedFields?.map((e) => [e.manager, JSON.stringify(e.fieldsV1)])).toEqual([
      ['older', '{"f:data":{"f:x":{}}}'],
      ['m', '{"f:data":{"f:x":{}}}'],
    ]);
  });
});

describe('timestamps', () => {
  const entry = (time: string) => ({
    manager: 'm',
    operation: 'Update',
    apiVersion: 'v1',
    time,
    fieldsType: 'FieldsV1',
    fieldsV1: { 'f:data': {} },
  });
  const object = (time: string, data: object) => ({ metadata: { name: 'x', managedFields: [entry(time)] }, data });
  it('go back where nothing else changed', () => {
    const live = object('2024-01-01T00:00:00Z', { a: '1' });
    expect(withoutSpuriousTimes(live, object('2024-01-01T00:00:05Z', { a: '1' }))).toBe(live.metadata.managedFields);
    const changed = object('2024-01-01T00:00:05Z', { a: '2' });
    expect(withoutSpuriousTimes(live, changed)).toBe(changed.metadata.managedFields);
  });
});

describe('managerOfUserAgent', () => {
  it.each([
    ['kubectl/v1.36.0 (linux/amd64) kubernetes/abc', 'kubectl'],
    ['curl', 'curl'],
    ['', ''],
    ['a\tb\u200bc/1', 'abc'],
    ['x'.repeat(200), 'x'.repeat(128)],
    ['é'.repeat(100), 'é'.repeat(64)],
  ])('%j', (agent, want) => {
    expect(managerOfUserAgent(agent)).toBe(want);
  });
});

it('costs what the inline path can pay', () => {
  const type = typeForKind('', 'v1', 'Pod');
  if (type === undefined) throw new Error('no Pod');
  const pod = {
    metadata: { name: 'x', labels: { a: 'b' } },
    spec: { containers: [{ name: 'c', image: 'i', env: [{ name: 'A', value: '1' }] }] },
  };
  const updated = decodeObject(pod, type).object;
  const context = {
    schema: schemaOfType(type),
    apiVersion: 'v1',
    subresource: '',
    time: '2024-01-01T00:00:00Z',
    resetFields: setOfFields([['status']]),
  };
  const create = () => updateManagedFields({ ...context, live: undefined, updated, manager: 'm' });
  for (let i = 0; i < 2000; i++) create();
  const start = performance.now();
  for (let i = 0; i < 2000; i++) create();
  // ten times the measured cost: this is to notice a change of order, not of speed
  expect((performance.now() - start) / 2000).toBeLessThan(0.3);
});
