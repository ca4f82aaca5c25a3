import {
  DecodeError,
  type FieldValidation,
  StrictDecodeError,
  decodeObject,
  zeroObject,
} from '@nodeless/apimachinery/decode/decode';
import { parseJson } from '@nodeless/apimachinery/json';
import { typeForKind } from '@nodeless/apimachinery/schema';
import { describe, expect, it } from 'vitest';

const typeOf = (kind: string, group = '', version = 'v1') => {
  const type = typeForKind(group, version, kind);
  if (type === undefined) throw new Error(`no type ${kind}`);
  return type;
};

function decode(kind: string, text: string, fieldValidation: FieldValidation = 'Ignore', group = '') {
  const document = parseJson(text);
  return decodeObject(document.value, typeOf(kind, group), { document, fieldValidation });
}

describe('the canonical form', () => {
  const cases: { name: string; kind: string; group?: string; text: string; want: string }[] = [
    {
      name: 'fields in the order of the structs',
      kind: 'ConfigMap',
      text: '{"data":{"b":"1"},"metadata":{"namespace":"n","name":"x"},"kind":"ConfigMap","apiVersion":"v1"}',
      want: '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"x","namespace":"n"},"data":{"b":"1"}}',
    },
    {
      name: 'zero values of structs and of fields without omitempty',
      kind: 'Pod',
      text: '{}',
      want: '{"metadata":{},"spec":{"containers":null},"status":{}}',
    },
    {
      name: 'empty values of omitempty fields are dropped',
      kind: 'Pod',
      text: '{"metadata":{"name":"","labels":{}},"spec":{"containers":[],"volumes":[],"hostNetwork":false,"priority":0}}',
      want: '{"metadata":{},"spec":{"containers":[],"priority":0},"status":{}}',
    },
    {
      name: 'null is the zero value',
      kind: 'Pod',
      text: '{"metadata":null,"spec":{"containers":[{"name":null,"env":null,"resources":null}],"nodeSelector":{"a":null}}}',
      want: '{"metadata":{},"spec":{"containers":[{"name":"","resources":{}}],"nodeSelector":{"a":""}},"status":{}}',
    },
    { name: 'null as a whole', kind: 'ConfigMap', text: 'null', want: '{"metadata":{}}' },
    {
      name: 'unknown fields are dropped, names are case-sensitive',
      kind: 'ConfigMap',
      text: '{"Data":{"a":"b"},"zig":1,"metadata":{"Name":"x"}}',
      want: '{"metadata":{}}',
    },
    {
      name: 'quantities',
      kind: 'ResourceQuota',
      text: '{"spec":{"hard":{"cpu":"0.5","memory":1024,"a":"1024Mi"}}}',
      want: '{"metadata":{},"spec":{"hard":{"cpu":"500m","memory":"1024","a":"1Gi"}},"status":{}}',
    },
    {
      name: 'a quantity that is left out but shown by Go',
      kind: 'Pod',
      text: '{"spec":{"containers":[{"name":"c","env":[{"name":"A","valueFrom":{"resourceFieldRef":{"resource":"limits.cpu"}}}]}]}}',
      want: '{"metadata":{},"spec":{"containers":[{"name":"c","env":[{"name":"A","valueFrom":{"resourceFieldRef":{"resource":"limits.cpu","divisor":"0"}}}],"resources":{}}]},"status":{}}',
    },
    {
      name: 'times in UTC and seconds',
      kind: 'ConfigMap',
      text: '{"metadata":{"creationTimestamp":"2024-05-05T10:00:00.7+02:00"}}',
      want: '{"metadata":{"creationTimestamp":"2024-05-05T08:00:00Z"}}',
    },
    {
      name: 'the zero time is null',
      kind: 'Node',
      text: '{"status":{"conditions":[{"type":"Ready","status":"True","lastHeartbeatTime":"0001-01-01T00:00:00Z"}]}}',
      want: '{"metadata":{},"spec":{},"status":{"conditions":[{"type":"Ready","status":"True","lastHeartbeatTime":null,"lastTransitionTime":null}],"daemonEndpoints":{"kubeletEndpoint":{"Port":0}},"nodeInfo":{"machineID":"","systemUUID":"","bootID":"","kernelVersion":"","osImage":"","containerRuntimeVersion":"","kubeletVersion":"","kubeProxyVersion":"","operatingSystem":"","architecture":""}}}',
    },
    {
      name: 'base64 with line breaks and loose bits',
      kind: 'Secret',
      text: '{"data":{"a":"YW\\nJj","b":"YR=="}}',
      want: '{"metadata":{},"data":{"a":"YWJj","b":"YQ=="}}',
    },
    {
      name: 'int or string',
      kind: 'Service',
      text: '{"spec":{"ports":[{"port":80,"targetPort":"http"},{"port":81,"targetPort":null}]}}',
      want: '{"metadata":{},"spec":{"ports":[{"port":80,"targetPort":"http"},{"port":81,"targetPort":0}]},"status":{"loadBalancer":{}}}',
    },
    {
      name: 'raw extensions as they came',
      kind: 'ControllerRevision',
      group: 'apps',
      text: '{"data":{"b":1,"a":{"zig":null}},"revision":3}',
      want: '{"metadata":{},"data":{"b":1,"a":{"zig":null}},"revision":3}',
    },
    {
      name: 'unions of a schema',
      kind: 'CustomResourceDefinition',
      group: 'apiextensions.k8s.io',
      text: '{"spec":{"group":"g","names":{"plural":"p","kind":"K"},"scope":"Namespaced","versions":[{"name":"v1","served":true,"storage":true,"schema":{"openAPIV3Schema":{"items":{"type":"string","zig":1},"additionalProperties":true,"dependencies":{"a":["b"]}}}}]}}',
      want: '{"metadata":{},"spec":{"group":"g","names":{"plural":"p","kind":"K"},"scope":"Namespaced","versions":[{"name":"v1","served":true,"storage":true,"schema":{"openAPIV3Schema":{"items":{"type":"string"},"additionalProperties":true,"dependencies":{"a":["b"]}}}}]},"status":{"conditions":null,"acceptedNames":{"plural":"","kind":""},"storedVersions":null}}',
    },
  ];
  it.each(cases)('$name', ({ kind, group, text, want }) => {
    expect(JSON.stringify(decode(kind, text, 'Ignore', group).object)).toBe(want);
  });

  it('keeps keys that are names of Object.prototype plain', () => {
    const { object } = decode(
      'ConfigMap',
      '{"data":{"__proto__":"x","constructor":"y"},"__proto__":{"metadata":{"name":"z"}}}',
    );
    const data = object['data'] as Record<string, unknown>;
    expect(Object.keys(data)).toEqual(['__proto__', 'constructor']);
    expect(Object.getPrototypeOf(data)).toBe(Object.prototype);
    expect(object['metadata']).toEqual({});
    expect(({} as Record<string, unknown>)['metadata']).toBeUndefined();
  });

  it('is a copy: nothing of the value is shared', () => {
    const value = { metadata: { labels: { a: 'b' } }, data: { c: 'd' } };
    const { object } = decodeObject(value, typeOf('ConfigMap'));
    (object['data'] as Record<string, unknown>)['c'] = 'changed';
    expect(value.data.c).toBe('d');
  });

  it('takes frozen structs as they are when told so', () => {
    const spec = Object.freeze({ containers: [], zig: 1 });
    const trusted = decodeObject({ metadata: {}, spec, status: { phase: 'Running' } }, typeOf('Pod'), {
      trustFrozen: true,
    });
    expect(trusted.object['spec']).toBe(spec);
    expect(decodeObject({ spec }, typeOf('Pod')).object['spec']).toEqual({ containers: [] });
  });

  it('gives a fresh zero object each time', () => {
    const first = zeroObject(typeOf('Pod'));
    expect(first).toEqual({ metadata: {}, spec: { containers: null }, status: {} });
    (first['metadata'] as Record<string, unknown>)['name'] = 'x';
    expect(zeroObject(typeOf('Pod'))['metadata']).toEqual({});
  });

  it('keeps integers beyond 2^53 exact', () => {
    const { object } = decode('ConfigMap', '{"metadata":{"generation":9007199254740993}}');
    expect((object['metadata'] as Record<string, unknown>)['generation']).toBe(9007199254740993n);
  });
});

describe('values of the wrong type get the words of Go', () => {
  const cases: [kind: string, text: string, want: string][] = [
    [
      'ConfigMap',
      '{"data":5}',
      'json: cannot unmarshal number into Go struct field ConfigMap.data of type map[string]string',
    ],
    [
      'ConfigMap',
      '{"data":{"a":5}}',
      'json: cannot unmarshal number into Go struct field ConfigMap.data of type string',
    ],
    [
      'ConfigMap',
      '{"metadata":{"name":true}}',
      'json: cannot unmarshal bool into Go struct field ObjectMeta.metadata.name of type string',
    ],
    ['ConfigMap', '[]', 'json: cannot unmarshal array into Go value of type v1.ConfigMap'],
    [
      'Pod',
      '{"spec":{"containers":{}}}',
      'json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container',
    ],
    [
      'Pod',
      '{"spec":{"containers":[{"image":["x"]}]}}',
      'json: cannot unmarshal array into Go struct field Container.spec.containers.image of type string',
    ],
    [
      'Pod',
      '{"spec":{"restartPolicy":1}}',
      'json: cannot unmarshal number into Go struct field PodSpec.spec.restartPolicy of type v1.RestartPolicy',
    ],
    [
      'Pod',
      '{"spec":{"priority":1.5}}',
      'json: cannot unmarshal number 1.5 into Go struct field PodSpec.spec.priority of type int32',
    ],
    [
      'Pod',
      '{"spec":{"priority":1.0}}',
      'json: cannot unmarshal number 1.0 into Go struct field PodSpec.spec.priority of type int32',
    ],
    [
      'Pod',
      '{"spec":{"priority":3000000000}}',
      'json: cannot unmarshal number 3000000000 into Go struct field PodSpec.spec.priority of type int32',
    ],
    [
      'Pod',
      '{"spec":{"priority":"x"}}',
      'json: cannot unmarshal string into Go struct field PodSpec.spec.priority of type int32',
    ],
    [
      'Pod',
      '{"spec":{"volumes":[{"hostPath":5}]}}',
      'json: cannot unmarshal number into Go struct field Volume.spec.volumes.VolumeSource.hostPath of type v1.HostPathVolumeSource',
    ],
    [
      'Pod',
      '{"metadata":{"creationTimestamp":"x"}}',
      'parsing time "x" as "2006-01-02T15:04:05Z07:00": cannot parse "x" as "2006"',
    ],
    [
      'Pod',
      '{"metadata":{"creationTimestamp":5}}',
      'json: cannot unmarshal number into Go struct field ObjectMeta.metadata.creationTimestamp of type string',
    ],
    [
      'Service',
      '{"spec":{"ports":[{"targetPort":true}]}}',
      'json: cannot unmarshal bool into Go struct field ServicePort.spec.ports.targetPort of type int32',
    ],
    [
      'ResourceQuota',
      '{"spec":{"hard":{"cpu":"zig"}}}',
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    ],
    ['Secret', '{"data":{"a":"b"}}', 'illegal base64 data at input byte 0'],
    ['Secret', '{"data":{"a":"YWJ$"}}', 'illegal base64 data at input byte 3'],
    [
      'PersistentVolumeClaim',
      '{"status":{"allocatedResourceStatuses":5}}',
      'json: cannot unmarshal number into Go struct field PersistentVolumeClaimStatus.status.allocatedResourceStatuses of type map[v1.ResourceName]v1.ClaimResourceStatus',
    ],
    [
      'Secret',
      '{"data":{"a":[1,300]}}',
      'json: cannot unmarshal number 300 into Go struct field Secret.data of type uint8',
    ],
  ];
  it.each(cases)('%s %s', (kind, text, want) => {
    expect(() => decode(kind, text)).toThrow(new DecodeError(want));
  });

  it('tells the first of several, but a parser of its own goes first', () => {
    expect(() => decode('ConfigMap', '{"data":5,"metadata":{"name":5}}')).toThrow(/ConfigMap\.data/);
    expect(() => decode('Pod', '{"spec":{"priority":"x"},"metadata":{"creationTimestamp":"y"}}')).toThrow(
      /parsing time "y"/,
    );
  });

  it('knows unions of a schema', () => {
    const text = (schema: string) => `{"spec":{"versions":[{"schema":{"openAPIV3Schema":${schema}}}]}}`;
    expect(() =>
      decode('CustomResourceDefinition', text('{"additionalProperties":5}'), 'Ignore', 'apiextensions.k8s.io'),
    ).toThrow('boolean or JSON schema expected');
    expect(() =>
      decode('CustomResourceDefinition', text('{"items":{"type":5}}'), 'Ignore', 'apiextensions.k8s.io'),
    ).toThrow(
      'json: cannot unmarshal number into Go struct field JSONSchemaProps.spec.versions.schema.openAPIV3Schema.items.type of type string',
    );
  });
});

describe('field validation', () => {
  const text = '{"metadata":{"name":"u","zig":1},"spec":{"zag":true,"containers":[{"name":"c","ports":[{"x":1}]}]}}';
  const unknown = [
    'unknown field "metadata.zig"',
    'unknown field "spec.zag"',
    'unknown field "spec.containers[0].ports[0].x"',
  ];

  it.each(['Warn', ''] as const)('%j gives warnings in the order of the document', (directive) => {
    expect(decode('Pod', text, directive).warnings).toEqual(unknown);
  });
  it('Ignore is silent', () => {
    expect(decode('Pod', text, 'Ignore').warnings).toEqual([]);
  });
  it('Strict refuses', () => {
    const error = (() => {
      try {
        return decode('Pod', text, 'Strict');
      } catch (e) {
        return e;
      }
    })();
    expect(error).toBeInstanceOf(StrictDecodeError);
    expect((error as StrictDecodeError).errors).toEqual(unknown);
    expect((error as Error).message).toBe(`strict decoding error: ${unknown.join(', ')}`);
  });
  it('finds duplicates among them', () => {
    const { warnings, object } = decode(
      'ConfigMap',
      '{"metadata":{"name":"u","name":"v","zig":1},"data":{"a":"b","a":"c"},"data":{"x":"y"}}',
      'Warn',
    );
    expect(warnings).toEqual([
      'duplicate field "metadata.name"',
      'unknown field "metadata.zig"',
      'duplicate field "data.a"',
      'duplicate field "data"',
    ]);
    expect(object['data']).toEqual({ a: 'c', x: 'y' });
  });
  it('stops at a hundred', () => {
    const many = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`x${i}`, 1]));
    expect(decode('ConfigMap', JSON.stringify(many), 'Warn').warnings).toHaveLength(100);
  });
  it('quotes keys as Go does', () => {
    expect(decode('ConfigMap', '{"a\\"\\u0007":1}', 'Warn').warnings).toEqual(['unknown field "a\\"\\a"']);
  });
});

describe('values made of untyped objects', () => {
  const untyped = (kind: string, value: unknown, fieldValidation: FieldValidation = 'Warn') =>
    decodeObject(value, typeOf(kind), { source: 'untyped', fieldValidation });
  const cases: [kind: string, value: unknown, want: string][] = [
    ['Pod', { spec: { containers: 'x' } }, 'cannot restore slice from string'],
    ['Pod', { spec: { priority: 'x' } }, 'unrecognized type: int32'],
    ['Pod', { spec: { priority: 1.5 } }, 'cannot convert float64 to int32'],
    ['Pod', { spec: { restartPolicy: 5 } }, 'cannot convert int64 to v1.RestartPolicy'],
    ['Pod', { spec: { hostNetwork: 'x' } }, 'unrecognized type: bool'],
    ['Pod', { spec: [] }, 'cannot restore struct from: slice'],
    ['ConfigMap', { data: 5 }, 'cannot restore map from int64'],
    ['Service', { spec: { ports: [{ targetPort: true }] } }, 'json: cannot unmarshal bool into Go value of type int32'],
  ];
  it.each(cases)('%s %j', (kind, value, want) => {
    expect(() => untyped(kind, value)).toThrow(new DecodeError(want));
  });
  it('wraps integers that are too large', () => {
    expect(untyped('Pod', { spec: { containers: [], priority: 4294967297 } }).object['spec']).toEqual({
      containers: [],
      priority: 1,
    });
  });
  it('sorts unknown fields', () => {
    const { warnings } = untyped('Pod', {
      zig: 1,
      spec: { zag: 1, containers: [{ x: 1 }] },
      metadata: { labels: { a: 'b' }, q: 1 },
    });
    expect(warnings).toEqual([
      'unknown field "metadata.q"',
      'unknown field "spec.containers[0].x"',
      'unknown field "spec.zag"',
      'unknown field "zig"',
    ]);
  });
});
