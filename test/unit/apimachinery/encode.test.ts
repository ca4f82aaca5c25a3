import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  encodeList,
  encodeListFrame,
  encodeObject,
  encodeText,
  encodeWithRevision,
  readRevision,
  withRevision,
  writeRevision,
} from '@nodeless/apimachinery/encode';
import { compareGoStrings } from '@nodeless/apimachinery/json-writer';
import type { KubernetesObject } from '@nodeless/apimachinery/object';

const revision = 1_900_000_000_000_001;

describe('encodeText: built-in kinds', () => {
  const table: { name: string; object: Record<string, unknown>; text: string }[] = [
    {
      name: 'fields in declared order, whatever order they came in',
      object: {
        data: { b: '2', a: '1' },
        metadata: { uid: 'u', namespace: 'd', name: 'x' },
        apiVersion: 'v1',
        kind: 'ConfigMap',
      },
      text: '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"x","namespace":"d","uid":"u"},"data":{"a":"1","b":"2"}}',
    },
    {
      name: 'zero values that Go shows, and those it leaves out',
      object: {
        kind: 'Pod',
        apiVersion: 'v1',
        metadata: { name: 'x', labels: {}, generation: 0 },
        spec: { containers: [{ name: 'c', image: '', env: [], stdin: false }], priority: 0, hostNetwork: false },
      },
      text: '{"kind":"Pod","apiVersion":"v1","metadata":{"name":"x"},"spec":{"containers":[{"name":"c","resources":{}}],"priority":0},"status":{}}',
    },
    {
      name: 'missing lists, structs and times',
      object: { kind: 'Pod', apiVersion: 'v1', status: { conditions: [{ type: 'Ready', status: 'True' }] } },
      text: '{"kind":"Pod","apiVersion":"v1","metadata":{},"spec":{"containers":null},"status":{"conditions":[{"type":"Ready","status":"True","lastProbeTime":null,"lastTransitionTime":null}]}}',
    },
    {
      name: 'map keys that look like numbers are sorted as strings',
      object: { kind: 'ConfigMap', apiVersion: 'v1', data: { 9: 'a', 10: 'b', '<': 'c', __proto: 'd' } },
      text: '{"kind":"ConfigMap","apiVersion":"v1","metadata":{},"data":{"10":"b","9":"a","\\u003c":"c","__proto":"d"}}',
    },
    {
      name: 'quantities and times in canonical form',
      object: {
        kind: 'ResourceQuota',
        apiVersion: 'v1',
        metadata: { creationTimestamp: '2030-01-01T02:00:00.5+02:00' },
        spec: { hard: { cpu: '0.5', memory: '1024Mi', pods: 10 } },
      },
      text: '{"kind":"ResourceQuota","apiVersion":"v1","metadata":{"creationTimestamp":"2030-01-01T00:00:00Z"},"spec":{"hard":{"cpu":"500m","memory":"1Gi","pods":"10"}},"status":{}}',
    },
    {
      name: 'ints of IntOrString stay ints, unknown fields are left out',
      object: {
        kind: 'Service',
        apiVersion: 'v1',
        zig: 1,
        spec: { ports: [{ port: 80, targetPort: 'http' }, { port: 81, targetPort: 81 }, { port: 82 }] },
      },
      text: '{"kind":"Service","apiVersion":"v1","metadata":{},"spec":{"ports":[{"port":80,"targetPort":"http"},{"port":81,"targetPort":81},{"port":82,"targetPort":0}]},"status":{"loadBalancer":{}}}',
    },
    {
      name: 'raw values keep the order of their author',
      object: { kind: 'ControllerRevision', apiVersion: 'apps/v1', data: { z: 1, a: 2 }, revision: 9007199254740993n },
      text: '{"kind":"ControllerRevision","apiVersion":"apps/v1","metadata":{},"data":{"z":1,"a":2},"revision":9007199254740993}',
    },
  ];
  it.each(table)('$name', ({ object, text }) => {
    expect(encodeText(object)).toBe(text);
    expect(encodeObject(object).toString()).toBe(text);
  });
});

it('custom resources: every key sorted', () => {
  const object = {
    kind: 'Zig',
    apiVersion: 'example.com/v1',
    spec: { b: [{ y: 1, x: '&' }], a: null },
    metadata: { name: 'n', labels: { b: '', a: '' } },
  };
  expect(encodeText(object)).toBe(
    '{"apiVersion":"example.com/v1","kind":"Zig","metadata":{"labels":{"a":"","b":""},"name":"n"},"spec":{"a":null,"b":[{"x":"\\u0026","y":1}]}}',
  );
});

describe('encodeWithRevision', () => {
  const objects: KubernetesObject[] = [
    {
      kind: 'ConfigMap',
      apiVersion: 'v1',
      metadata: { name: 'é', uid: 'u', resourceVersion: '7', labels: { resourceVersion: 'no' } },
    },
    { kind: 'Lease', apiVersion: 'coordination.k8s.io/v1' },
    {
      kind: 'Zig',
      apiVersion: 'example.com/v1',
      metadata: { name: 'ü', uid: 'u', annotations: { resourceVersion: 'no' } },
      zag: { metadata: { resourceVersion: 'no' } },
      alpha: 'é',
    } as KubernetesObject,
  ];
  it.each(objects)('puts the revision where it belongs: $kind', (object) => {
    const { bytes, revisionOffset } = encodeWithRevision(object);
    const later = withRevision(bytes, revisionOffset, revision + 1);
    writeRevision(bytes, revisionOffset, revision);
    expect(readRevision(bytes, revisionOffset)).toBe(revision);
    const written = (version: number): KubernetesObject => ({
      ...object,
      metadata: { ...object.metadata, resourceVersion: String(version) },
    });
    expect(bytes.toString()).toBe(encodeText(written(revision)));
    expect(later.toString()).toBe(encodeText(written(revision + 1)));
  });

  it('refuses a revision that does not fit', () => {
    const { bytes, revisionOffset } = encodeWithRevision(objects[0] as KubernetesObject);
    for (const wrong of [5, 0, -1, 1.5e15 + 0.5, 2 ** 53 * 2])
      expect(() => writeRevision(bytes, revisionOffset, wrong)).toThrow(RangeError);
  });
});

describe('encodeList', () => {
  const encode = (object: KubernetesObject): ReturnType<typeof encodeWithRevision> => {
    const encoded = encodeWithRevision(object);
    writeRevision(encoded.bytes, encoded.revisionOffset, revision);
    return encoded;
  };
  it('built-in items have neither kind nor apiVersion', () => {
    const items = ['a', 'ü'].map((name) => encode({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { name } }));
    const list = encodeList(
      {
        kind: 'ConfigMapList',
        apiVersion: 'v1',
        metadata: { resourceVersion: '9', continue: 'c', remainingItemCount: 3 },
      },
      items,
    );
    expect(list.toString()).toBe(
      `{"kind":"ConfigMapList","apiVersion":"v1","metadata":{"resourceVersion":"9","continue":"c","remainingItemCount":3},"items":[{"metadata":{"name":"a","resourceVersion":"${revision}"}},{"metadata":{"name":"ü","resourceVersion":"${revision}"}}]}`,
    );
    expect(encodeList({ kind: 'PodList', apiVersion: 'v1', metadata: {} }, []).toString()).toBe(
      '{"kind":"PodList","apiVersion":"v1","metadata":{},"items":[]}',
    );
  });
  it('custom ones keep them', () => {
    const item = encode({ kind: 'Zig', apiVersion: 'e.x/v1', metadata: { name: 'a' } });
    const list = encodeList(
      { kind: 'ZigList', apiVersion: 'e.x/v1', metadata: { resourceVersion: '9' } },
      [item, item],
      false,
    );
    const text = `{"apiVersion":"e.x/v1","kind":"Zig","metadata":{"name":"a","resourceVersion":"${revision}"}}`;
    expect(list.toString()).toBe(
      `{"apiVersion":"e.x/v1","items":[${text},${text}],"kind":"ZigList","metadata":{"resourceVersion":"9"}}`,
    );
    expect(encodeListFrame({ kind: 'ZigList', apiVersion: 'e.x/v1', metadata: {} }, false).tail).toBe(
      '],"kind":"ZigList","metadata":{}}',
    );
  });
});

it('compareGoStrings orders by bytes', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
      expect(Math.sign(compareGoStrings(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
    }),
  );
  expect(compareGoStrings('\u{1f600}', '\uffff')).toBe(1);
});
