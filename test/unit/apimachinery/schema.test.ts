import { describe, expect, it } from 'vitest';
import { findType, isInline, META_V1, typeForKind, typeNames, typeOf } from '@nodeless/apimachinery/schema';

const podSpec = typeOf('io.k8s.api.core.v1.PodSpec');

describe('types', () => {
  it('knows every type and expands each', () => {
    const names = typeNames();
    expect(names.length).toBeGreaterThan(1000);
    for (const name of names) {
      const type = typeOf(name);
      for (const member of type.members) {
        if (isInline(member)) expect(findType(member.inline), `${name}: ${member.inline}`).toBeDefined();
      }
      for (const field of type.fields) {
        expect(field.name, name).not.toBe('');
        expect(type.field(field.name), `${name}.${field.name} stands twice`).toBe(field);
        let element = field.type;
        while (element.kind === 'list' || element.kind === 'map')
          element = element.kind === 'list' ? element.items : element.values;
        if (element.kind === 'ref') expect(findType(element.name), `${name}.${field.name}`).toBeDefined();
      }
    }
  });

  it('gives no two members of a type the same protobuf number', () => {
    for (const name of typeNames()) {
      const numbers = typeOf(name).members.flatMap((m) => (m.proto ? [m.proto.number] : []));
      expect(new Set(numbers).size, name).toBe(numbers.length);
    }
  });

  it('has tags and markers of a list of structs', () => {
    expect(podSpec.field('containers')).toEqual({
      name: 'containers',
      type: { kind: 'list', items: { kind: 'ref', name: 'io.k8s.api.core.v1.Container' } },
      proto: { number: 2, kind: 'bytes' },
      omitEmpty: false,
      omitZero: false,
      pointer: false,
      required: true,
      patchStrategy: 'merge',
      patchMergeKey: 'name',
      listType: 'map',
      listMapKeys: ['name'],
    });
  });

  it.each([
    [
      'io.k8s.api.core.v1.PodSpec',
      'nodeSelector',
      { type: { kind: 'map', values: { kind: 'string' } }, mapType: 'atomic' },
    ],
    [
      'io.k8s.api.core.v1.PodSpec',
      'overhead',
      { type: { kind: 'map', values: { kind: 'quantity' }, goName: 'v1.ResourceList' } },
    ],
    [
      'io.k8s.api.core.v1.PodSpec',
      'activeDeadlineSeconds',
      { pointer: true, proto: { number: 5, kind: 'varint' }, type: { kind: 'int64' } },
    ],
    [
      'io.k8s.api.core.v1.PodSpec',
      'restartPolicy',
      { enum: ['Always', 'Never', 'OnFailure'], type: { kind: 'string', goName: 'v1.RestartPolicy' } },
    ],
    ['io.k8s.api.core.v1.ContainerPort', 'protocol', { default: 'TCP' }],
    ['io.k8s.api.core.v1.ConfigMap', 'binaryData', { type: { kind: 'map', values: { kind: 'bytes' } } }],
    [
      'io.k8s.api.core.v1.ServicePort',
      'targetPort',
      { type: { kind: 'intOrString' }, pointer: false, omitEmpty: true },
    ],
    ['io.k8s.api.core.v1.ServiceSpec', 'ports', { listMapKeys: ['port', 'protocol'], patchMergeKey: 'port' }],
    ['io.k8s.api.apps.v1.ControllerRevision', 'data', { type: { kind: 'rawExtension' } }],
    ['io.k8s.api.coordination.v1.LeaseSpec', 'renewTime', { type: { kind: 'microTime' } }],
    [`${META_V1}.ObjectMeta`, 'creationTimestamp', { type: { kind: 'time' }, omitEmpty: true, omitZero: true }],
    [`${META_V1}.ManagedFieldsEntry`, 'fieldsV1', { type: { kind: 'fieldsV1' } }],
    [
      'io.k8s.api.authentication.v1.UserInfo',
      'extra',
      {
        type: {
          kind: 'map',
          values: { kind: 'list', items: { kind: 'string' }, goName: 'v1.ExtraValue', message: true },
        },
      },
    ],
    [
      'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps',
      'items',
      { type: { kind: 'schemaOrArray' } },
    ],
  ])('%s %s', (model, name, facts) => {
    expect(typeOf(model).field(name)).toMatchObject(facts);
  });

  it('finds fields of inlined structs and keeps the struct for protobuf', () => {
    const source = typeOf('io.k8s.api.core.v1.ConfigMapVolumeSource');
    expect(source.field('name')?.type).toEqual({ kind: 'string' });
    expect(source.members[0]).toEqual({
      inline: 'io.k8s.api.core.v1.LocalObjectReference',
      pointer: false,
      proto: { number: 1, kind: 'bytes' },
    });
    expect(
      typeOf('io.k8s.api.core.v1.Pod')
        .fields.slice(0, 3)
        .map((f) => f.name),
    ).toEqual(['kind', 'apiVersion', 'metadata']);
  });

  it('marks atomic structs', () => {
    expect(typeOf(`${META_V1}.LabelSelector`).atomic).toBe(true);
    expect(podSpec.atomic).toBe(false);
  });

  it.each(['__proto__', 'constructor', 'toString', 'Containers', ''])('has no field %j', (name) => {
    expect(podSpec.field(name)).toBeUndefined();
  });

  it.each(['', 'io.k8s.api.core.v1.Nope', 'io.k8s.api.core.v1.__proto__', '__proto__.x', 'constructor'])(
    'has no type %j',
    (name) => {
      expect(findType(name)).toBeUndefined();
      expect(() => typeOf(name)).toThrow('no API type');
    },
  );
});

describe('kinds', () => {
  it.each([
    ['', 'v1', 'Pod', 'io.k8s.api.core.v1.Pod'],
    ['rbac.authorization.k8s.io', 'v1', 'Role', 'io.k8s.api.rbac.v1.Role'],
    ['apps', 'v1', 'DeploymentList', 'io.k8s.api.apps.v1.DeploymentList'],
    [
      'apiextensions.k8s.io',
      'v1',
      'CustomResourceDefinition',
      'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition',
    ],
    ['apps', 'v1', 'DeleteOptions', `${META_V1}.DeleteOptions`],
    ['example.com', 'v1', 'DeleteOptions', `${META_V1}.DeleteOptions`],
    ['', 'v1', 'Status', `${META_V1}.Status`],
    ['meta.k8s.io', 'v1', 'Table', `${META_V1}.Table`],
    ['', 'v1', 'PodSpec', undefined],
    ['apps', 'v1', 'Status', undefined],
    ['apps', 'v9', 'Deployment', undefined],
    ['', '', '', undefined],
    ['', 'v1', '__proto__', undefined],
  ])('%s %s %s', (group, version, kind, model) => {
    expect(typeForKind(group, version, kind)?.name).toBe(model);
  });

  it('says what kind a type is', () => {
    expect(typeOf('io.k8s.api.rbac.v1.Role').gvk).toEqual({
      group: 'rbac.authorization.k8s.io',
      version: 'v1',
      kind: 'Role',
    });
    expect(typeOf('io.k8s.api.core.v1.Pod').gvk).toEqual({ group: '', version: 'v1', kind: 'Pod' });
    expect(podSpec.gvk).toBeUndefined();
    expect(podSpec.goName).toBe('v1.PodSpec');
  });
});
