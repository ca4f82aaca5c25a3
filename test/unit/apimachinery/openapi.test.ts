import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { modelSchema, type Schema, V2, V3 } from '@nodeless/apimachinery/openapi/model-schemas';
import {
  builtinApis,
  createOpenApi,
  type Document,
  type GroupVersionApi,
} from '@nodeless/apimachinery/openapi/openapi';
import { META_V1 } from '@nodeless/apimachinery/schema';

interface Doc {
  paths: Record<string, Record<string, Schema>>;
  components: { schemas: Record<string, Schema> };
  definitions: Record<string, Schema>;
}
const read = (document: Document | undefined): Doc => JSON.parse(new TextDecoder().decode(document?.body)) as Doc;
const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });

const openapi = createOpenApi('v1.36.3');

describe('schemas', () => {
  it.each([
    [
      'a scalar without omitempty',
      'io.k8s.api.core.v1.ServicePort',
      'port',
      { type: 'integer', format: 'int32', default: 0 },
    ],
    [
      'a default by marker and an enum',
      'io.k8s.api.core.v1.ServicePort',
      'protocol',
      { type: 'string', default: 'TCP', enum: ['SCTP', 'TCP', 'UDP'] },
    ],
    ['a pointer', 'io.k8s.api.core.v1.PodSpec', 'affinity', ref('io.k8s.api.core.v1.Affinity')],
    ['a struct', 'io.k8s.api.core.v1.Pod', 'metadata', { default: {}, allOf: [ref(`${META_V1}.ObjectMeta`)] }],
    ['a time', `${META_V1}.ObjectMeta`, 'creationTimestamp', ref(`${META_V1}.Time`)],
    [
      'a map of bytes',
      'io.k8s.api.core.v1.Secret',
      'data',
      { type: 'object', additionalProperties: { type: 'string', format: 'byte' } },
    ],
    [
      'a map of quantities',
      'io.k8s.api.core.v1.ResourceRequirements',
      'limits',
      { type: 'object', additionalProperties: ref('io.k8s.apimachinery.pkg.api.resource.Quantity') },
    ],
    [
      'a list with its merge keys',
      'io.k8s.api.core.v1.PodSpec',
      'containers',
      {
        type: 'array',
        items: { default: {}, allOf: [ref('io.k8s.api.core.v1.Container')] },
        'x-kubernetes-list-map-keys': ['name'],
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-patch-merge-key': 'name',
        'x-kubernetes-patch-strategy': 'merge',
      },
    ],
  ])('%s', (_, model, property, schema) => {
    expect((modelSchema(model, V3) as { properties: Schema }).properties[property]).toEqual(schema);
  });

  it('has unions in v3 and none in v2', () => {
    const name = 'io.k8s.apimachinery.pkg.util.intstr.IntOrString';
    expect(modelSchema(name, V3)).toEqual({
      format: 'int-or-string',
      oneOf: [{ type: 'integer' }, { type: 'string' }],
    });
    expect(modelSchema(name, V2)).toEqual({ type: 'string', format: 'int-or-string' });
  });

  it('shows no defaults and bare references in v2', () => {
    expect(modelSchema('io.k8s.api.core.v1.ConfigMap', V2)).toEqual({
      type: 'object',
      properties: {
        apiVersion: { type: 'string' },
        binaryData: { type: 'object', additionalProperties: { type: 'string', format: 'byte' } },
        data: { type: 'object', additionalProperties: { type: 'string' } },
        immutable: { type: 'boolean' },
        kind: { type: 'string' },
        metadata: { $ref: `#/definitions/${META_V1}.ObjectMeta` },
      },
      'x-kubernetes-group-version-kind': [{ group: '', kind: 'ConfigMap', version: 'v1' }],
    });
  });

  it('marks atomic structs and the kinds of every group', () => {
    expect(modelSchema(`${META_V1}.LabelSelector`, V3)).toMatchObject({ 'x-kubernetes-map-type': 'atomic' });
    const kinds = modelSchema(`${META_V1}.DeleteOptions`, V3)?.['x-kubernetes-group-version-kind'];
    expect(kinds).toContainEqual({ group: '', kind: 'DeleteOptions', version: 'v1' });
    expect(kinds).toContainEqual({ group: 'apps', kind: 'DeleteOptions', version: 'v1' });
  });
});

describe('documents', () => {
  it('are listed with the hash of their content', () => {
    const index = read(openapi.index()).paths;
    expect(Object.keys(index)).toEqual(Object.keys(index).sort());
    expect(Object.keys(index)).toEqual(
      expect.arrayContaining([
        '.well-known/openid-configuration',
        'api',
        'api/v1',
        'apis',
        'apis/apps',
        'apis/apps/v1',
        'version',
      ]),
    );
    expect(Object.keys(index)).not.toContain('apis/certificates.k8s.io/v1beta1');
    expect(index['apis/apps/v1']).toEqual({
      serverRelativeURL: `/openapi/v3/apis/apps/v1?hash=${openapi.v3('apis/apps/v1')!.hash}`,
    });
    expect(openapi.v3('apis/apps/v1')!.hash).toMatch(/^[0-9A-F]{128}$/);
    expect(openapi.v3('apis/nope/v1')).toBeUndefined();
    expect(openapi.v3('__proto__')).toBeUndefined();
  });

  it('refer to nothing that they do not hold', () => {
    for (const key of Object.keys(read(openapi.index()).paths)) {
      const text = new TextDecoder().decode(openapi.v3(key)!.body);
      const { schemas } = read(openapi.v3(key)).components;
      const wanted = new Set([...text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map((m) => m[1]!));
      expect(
        [...wanted].filter((w) => !(w in schemas)),
        key,
      ).toEqual([]);
    }
  });

  it('name every operation differently', () => {
    const ids = Object.values(read(openapi.v2()).paths).flatMap((item) =>
      Object.values(item).flatMap((o) => (o.operationId ? [o.operationId] : [])),
    );
    expect(ids.length).toBeGreaterThan(700);
    expect(new Set(ids).size).toBe(ids.length);
  });

  const core = read(openapi.v3('api/v1')).paths;
  it.each([
    ['/api/v1/namespaces/{namespace}/pods', 'get', 'listCoreV1NamespacedPod', 'list'],
    ['/api/v1/namespaces/{namespace}/pods', 'delete', 'deleteCoreV1CollectionNamespacedPod', 'deletecollection'],
    ['/api/v1/pods', 'get', 'listCoreV1PodForAllNamespaces', 'list'],
    ['/api/v1/namespaces/{namespace}/pods/{name}/log', 'get', 'readCoreV1NamespacedPodLog', 'get'],
    ['/api/v1/namespaces/{namespace}/pods/{name}/exec', 'post', 'connectCoreV1PostNamespacedPodExec', 'connect'],
    [
      '/api/v1/namespaces/{namespace}/pods/{name}/proxy/{path}',
      'head',
      'connectCoreV1HeadNamespacedPodProxyWithPath',
      'connect',
    ],
    ['/api/v1/namespaces/{namespace}/pods/{name}/eviction', 'post', 'createCoreV1NamespacedPodEviction', 'post'],
    [
      '/api/v1/namespaces/{namespace}/replicationcontrollers/{name}/scale',
      'put',
      'replaceCoreV1NamespacedReplicationControllerScale',
      'put',
    ],
    ['/api/v1/watch/pods', 'get', 'watchCoreV1PodListForAllNamespaces', 'watchlist'],
    ['/api/v1/watch/nodes/{name}', 'get', 'watchCoreV1Node', 'watch'],
    ['/api/v1/namespaces/{name}/finalize', 'put', 'replaceCoreV1NamespaceFinalize', 'put'],
  ])('%s %s is %s', (path, method, id, action) => {
    expect(core[path]?.[method]).toMatchObject({ operationId: id, tags: ['core_v1'], 'x-kubernetes-action': action });
  });

  it('fold parameters that all operations of a path share', () => {
    const names = (list: unknown) => (list as { name: string }[]).map((p) => p.name);
    const item = core['/api/v1/namespaces/{namespace}/pods/{name}']!;
    expect(names(item.parameters)).toEqual(['name', 'namespace', 'pretty']);
    expect(names(item.patch!.parameters)).toEqual(['dryRun', 'fieldManager', 'fieldValidation', 'force']);
    expect(item.get!.parameters).toBeUndefined();
    expect(names(core['/api/v1/pods']!.parameters)).toEqual([
      'allowWatchBookmarks',
      'continue',
      'fieldSelector',
      'labelSelector',
      'limit',
      'pretty',
      'resourceVersion',
      'resourceVersionMatch',
      'sendInitialEvents',
      'timeoutSeconds',
      'watch',
    ]);
    expect(names(core['/api/v1/namespaces/{namespace}/pods/{name}/exec']!.parameters)).toEqual([
      'command',
      'container',
      'name',
      'namespace',
      'stderr',
      'stdin',
      'stdout',
      'tty',
    ]);
  });

  it('answer a delete with the object where the server does', () => {
    const answer = (path: string) => JSON.stringify((core[path]!.delete!.responses as Record<string, unknown>)[200]);
    expect(answer('/api/v1/namespaces/{namespace}/pods/{name}')).toContain('core.v1.Pod"');
    expect(answer('/api/v1/namespaces/{namespace}/configmaps/{name}')).toContain('meta.v1.Status"');
  });
});

describe('custom resources', () => {
  const model = 'com.example.v1.Widget';
  const widgets: GroupVersionApi = {
    group: 'example.com',
    version: 'v1',
    builtin: false,
    resources: [
      {
        name: 'widgets',
        singular: 'widget',
        kind: 'Widget',
        model,
        listModel: `${model}List`,
        namespaced: true,
        verbs: ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'],
      },
    ],
    schemas: (dialect) =>
      new Map<string, Schema>([
        [model, { type: 'object', properties: { metadata: { $ref: `${dialect.refPrefix}${META_V1}.ObjectMeta` } } }],
        [
          `${model}List`,
          { type: 'object', properties: { items: { type: 'array', items: { $ref: dialect.refPrefix + model } } } },
        ],
      ]),
  };

  it('join, keep the other documents as they are, and leave', () => {
    const apis = builtinApis();
    const server = createOpenApi('v1.36.3', apis);
    const before = server.v3('apis/apps/v1');
    server.setApis([...apis, widgets]);
    expect(server.v3('apis/apps/v1')).toBe(before);
    const document = read(server.v3('apis/example.com/v1'));
    expect(document.components.schemas[`${META_V1}.OwnerReference`]).toBeDefined();
    expect(document.components.schemas[model]).toBeDefined();
    const item = document.paths['/apis/example.com/v1/namespaces/{namespace}/widgets/{name}']!;
    expect(item.patch!.operationId).toBe('patchExampleComV1NamespacedWidget');
    expect(JSON.stringify(item.patch!.requestBody)).not.toContain('strategic');
    expect(JSON.stringify(item.get!.responses)).not.toContain('protobuf');
    expect(read(server.v2()).definitions[model]).toBeDefined();
    expect(read(server.index()).paths['apis/example.com']).toBeDefined();
    server.setApis(apis);
    expect(server.v3('apis/example.com/v1')).toBeUndefined();
    expect(read(server.v2()).definitions[model]).toBeUndefined();
  });
});

describe('protobuf (gnostic)', () => {
  // A reading of gnostic's OpenAPIv2.proto, as far as this test looks.
  const { root } = protobuf.parse(`syntax = "proto3"; package openapi.v2;
    message Document { string swagger = 1; Info info = 2; Paths paths = 8; Definitions definitions = 9; }
    message Info { string title = 1; string version = 2; }
    message Paths { repeated NamedPathItem path = 2; }
    message NamedPathItem { string name = 1; PathItem value = 2; }
    message PathItem { Operation get = 2; Operation post = 4; repeated ParametersItem parameters = 9; }
    message Operation { repeated string tags = 1; string operation_id = 5; repeated NamedAny vendor_extension = 13; }
    message ParametersItem { Parameter parameter = 1; }
    message Parameter { NonBodyParameter non_body_parameter = 2; }
    message NonBodyParameter { PathParameter path_parameter_sub_schema = 4; }
    message PathParameter { bool required = 1; string in = 2; string name = 4; }
    message Definitions { repeated NamedSchema additional_properties = 1; }
    message NamedSchema { string name = 1; Schema value = 2; }
    message Schema { string _ref = 1; TypeItem type = 22; Definitions properties = 25; repeated NamedAny vendor_extension = 31; }
    message TypeItem { repeated string value = 1; }
    message NamedAny { string name = 1; Any value = 2; }
    message Any { string yaml = 2; }`);

  it('says what the JSON says', () => {
    const decoded = root.lookupType('openapi.v2.Document').decode(openapi.v2Protobuf().body).toJSON() as {
      swagger: string;
      info: unknown;
      paths: { path: { name: string; value: Record<string, unknown> }[] };
      definitions: { additionalProperties: { name: string; value: Record<string, unknown> }[] };
    };
    const json = read(openapi.v2());
    expect(decoded.swagger).toBe('2.0');
    expect(decoded.info).toEqual({ title: 'Kubernetes', version: 'v1.36.3' });
    expect(decoded.paths.path.map((p) => p.name)).toEqual(Object.keys(json.paths));
    expect(decoded.definitions.additionalProperties.map((p) => p.name)).toEqual(Object.keys(json.definitions));
    const pod = decoded.definitions.additionalProperties.find((d) => d.name === 'io.k8s.api.core.v1.Pod')!.value;
    expect(pod).toMatchObject({
      type: { value: ['object'] },
      vendorExtension: [
        { name: 'x-kubernetes-group-version-kind', value: { yaml: '[{"group":"","kind":"Pod","version":"v1"}]\n' } },
      ],
    });
    const item = decoded.paths.path.find((p) => p.name === '/api/v1/namespaces/{name}')!.value;
    expect(item).toMatchObject({
      get: { tags: ['core_v1'], operationId: 'readCoreV1Namespace' },
      parameters: [
        { parameter: { nonBodyParameter: { pathParameterSubSchema: { required: true, in: 'path', name: 'name' } } } },
        expect.anything(),
      ],
    });
  });
});
