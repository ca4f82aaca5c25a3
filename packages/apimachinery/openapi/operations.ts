import type { ResourceInfo, SubresourceInfo } from '../resources.ts';
import { META_V1 } from '../schema.ts';
import { createOperationNamer, title } from './operation-names.ts';
import {
  createParameters,
  deleteCollectionParameters,
  deleteParameters,
  listParameters,
  type Parameter,
  patchParameters,
  pathParameter,
  pretty,
  queryParameters,
  updateParameters,
} from './parameters.ts';

/**
 * The operations of a resource as OpenAPI describes them, before they are written in the terms of v2 or v3.
 */
export interface Operation {
  readonly method: 'get' | 'put' | 'post' | 'delete' | 'options' | 'head' | 'patch';
  readonly id: string;
  readonly description: string;
  readonly tag: string;
  readonly parameters: readonly Parameter[];
  readonly body?: { readonly model: string; readonly consumes: readonly string[]; readonly required: boolean };
  /** Model of the answer by status code; `string` for plain text. */
  readonly responses: Readonly<Record<string, { readonly description: string; readonly model: string }>>;
  readonly produces: readonly string[];
  readonly action?: string;
  readonly kind?: { readonly group: string; readonly version: string; readonly kind: string };
}

export interface PathItem {
  readonly path: string;
  readonly operations: readonly Operation[];
}

/** What the server at hand calls the group version, and which content types it writes. */
export interface Target {
  readonly group: string;
  readonly version: string;
  /** False for custom resources, which have no protobuf and no strategic merge patch. */
  readonly builtin: boolean;
}

const STATUS = `${META_V1}.Status`;
const PATCH = `${META_V1}.Patch`;
const codes = { 200: 'OK', 201: 'Created', 202: 'Accepted' };

export function resourcePaths(target: Target, resource: ResourceInfo): PathItem[] {
  const root = target.group === '' ? `/api/${target.version}` : `/apis/${target.group}/${target.version}`;
  const scope = resource.namespaced ? '/namespaces/{namespace}' : '';
  const name = createOperationNamer(target, resource);
  const common = {
    tag: name.tag,
    kind: { group: target.group, version: target.version, kind: resource.kind },
    produces: mediaTypes(target),
  };
  const inScope = resource.namespaced ? [pathParameter('namespace'), pretty] : [pretty];
  const named = [pathParameter('name'), ...inScope];
  const has = (verb: string) => resource.verbs.includes(verb);

  const paths: PathItem[] = [];
  const add = (path: string, operations: (Operation | false)[]) => {
    const present = operations.filter((o) => o !== false);
    if (present.length > 0) paths.push({ path: root + path, operations: present });
  };

  const list = (forAll: boolean): Operation => ({
    ...common,
    method: 'get',
    id: name('list', forAll ? 'ForAllNamespaces' : '', !forAll),
    description: `list or watch objects of kind ${resource.kind}`,
    parameters: [...(forAll ? [pretty] : inScope), ...listParameters],
    responses: answers([200], resource.listModel!),
    produces: has('watch') ? [...mediaTypes(target), ...streamTypes(target)] : mediaTypes(target),
    action: 'list',
  });
  add(`${scope}/${resource.name}`, [
    has('list') && list(false),
    has('create') && {
      ...common,
      method: 'post',
      id: name('create'),
      description: `create ${article(resource.kind)}`,
      parameters: [...inScope, ...createParameters],
      body: anyBody(resource.model),
      responses: answers([200, 201, 202], resource.model),
      action: 'post',
    },
    has('deletecollection') && {
      ...common,
      method: 'delete',
      id: name('delete', '', true, 'Collection'),
      description: `delete collection of ${resource.kind}`,
      parameters: [...inScope, ...deleteCollectionParameters],
      body: { ...anyBody(`${META_V1}.DeleteOptions`), required: false },
      responses: answers([200], STATUS),
      action: 'deletecollection',
    },
  ]);
  if (resource.namespaced && has('list')) add(`/${resource.name}`, [list(true)]);

  add(`${scope}/${resource.name}/{name}`, [
    has('get') && reading(common, name('read'), resource.kind, named, resource.model),
    has('update') && writing(common, name('replace'), resource.kind, named, resource.model),
    has('patch') && patching(common, target, name('patch'), resource.kind, named, resource.model),
    has('delete') && {
      ...common,
      method: 'delete',
      id: name('delete'),
      description: `delete ${article(resource.kind)}`,
      parameters: [...named, ...deleteParameters],
      body: { ...anyBody(`${META_V1}.DeleteOptions`), required: false },
      responses: answers([200, 202], resource.deleteReturnsObject ? resource.model : STATUS),
      action: 'delete',
    },
  ]);
  for (const sub of resource.subresources ?? []) {
    paths.push(
      ...subresourcePaths(target, resource, sub, `${root}${scope}/${resource.name}/{name}/${sub.name}`, named, name),
    );
  }
  if (has('watch')) {
    const watch = (id: string, description: string, action: string, parameters: Parameter[]): Operation => ({
      ...common,
      method: 'get',
      id,
      description,
      action,
      parameters: [...parameters, ...listParameters],
      responses: answers([200], `${META_V1}.WatchEvent`),
      produces: [...mediaTypes(target), ...streamTypes(target)],
    });
    const changes = `watch individual changes to a list of ${resource.kind}. deprecated: use the 'watch' parameter with a list operation instead.`;
    const one = `watch changes to an object of kind ${resource.kind}. deprecated: use the 'watch' parameter with a list operation instead, filtered to a single item with the 'fieldSelector' parameter.`;
    add(`/watch${scope}/${resource.name}`, [watch(name('watch', 'List'), changes, 'watchlist', inScope)]);
    add(`/watch${scope}/${resource.name}/{name}`, [watch(name('watch'), one, 'watch', named)]);
    if (resource.namespaced)
      add(`/watch/${resource.name}`, [
        watch(name('watch', 'ListForAllNamespaces', false), changes, 'watchlist', [pretty]),
      ]);
  }
  return paths;
}

const connectMethods = { get: 'get', create: 'post', update: 'put', patch: 'patch', delete: 'delete' } as const;

type Namer = ReturnType<typeof createOperationNamer>;

function subresourcePaths(
  target: Target,
  resource: ResourceInfo,
  sub: SubresourceInfo,
  path: string,
  named: Parameter[],
  name: Namer,
): PathItem[] {
  const suffix = title(sub.name);
  const kind = {
    group: sub.version === undefined ? target.group : (sub.group ?? ''),
    version: sub.version ?? target.version,
    kind: sub.kind,
  };
  const common = { tag: name.tag, kind, produces: mediaTypes(target) };
  if (sub.kind.endsWith('Options')) {
    const options = queryParameters(sub.model);
    const connect = (method: Operation['method'], ending: string, parameters: readonly Parameter[]): Operation => ({
      ...common,
      method,
      id: name('connect', suffix + ending, true, title(method)),
      description: `connect ${method.toUpperCase()} requests to ${sub.name} of ${resource.kind}`,
      parameters: [...named.filter((p) => p !== pretty), ...parameters],
      responses: answers([200], 'string'),
      produces: ['*/*'],
      action: 'connect',
    });
    const methods: Operation['method'][] = sub.verbs.map((v) => connectMethods[v as keyof typeof connectMethods]);
    if (sub.name !== 'proxy') return [{ path, operations: methods.map((m) => connect(m, '', options)) }];
    methods.push('head', 'options');
    return [
      { path, operations: methods.map((m) => connect(m, '', options)) },
      {
        path: `${path}/{path}`,
        operations: methods.map((m) => connect(m, 'WithPath', [pathParameter('path'), ...options])),
      },
    ];
  }
  if (sub.name === 'log') {
    const log = reading(common, name('read', suffix), `${sub.name} of the specified ${resource.kind}`, named, 'string');
    const parameters = [...log.parameters, ...queryParameters('io.k8s.api.core.v1.PodLogOptions')];
    return [{ path, operations: [{ ...log, parameters, produces: ['text/plain', ...mediaTypes(target)] }] }];
  }
  const of = `${sub.name} of the specified ${resource.kind}`;
  const operations: Operation[] = [];
  for (const verb of sub.verbs) {
    if (verb === 'get') operations.push(reading(common, name('read', suffix), of, named, sub.model));
    if (verb === 'update') operations.push(writing(common, name('replace', suffix), of, named, sub.model));
    if (verb === 'patch') operations.push(patching(common, target, name('patch', suffix), of, named, sub.model));
    if (verb === 'create') {
      operations.push({
        ...common,
        method: 'post',
        id: name('create', suffix),
        description: `create ${sub.name} of ${article(resource.kind)}`,
        parameters: [...named, ...createParameters],
        body: anyBody(sub.model),
        responses: answers([200, 201, 202], sub.model),
        action: 'post',
      });
    }
  }
  return [{ path, operations }];
}

type Common = Pick<Operation, 'tag' | 'kind' | 'produces'>;

function reading(common: Common, id: string, what: string, parameters: Parameter[], model: string): Operation {
  return {
    ...common,
    method: 'get',
    id,
    description: `read ${the(what)}`,
    parameters,
    responses: answers([200], model),
    action: 'get',
  };
}

function writing(common: Common, id: string, what: string, parameters: Parameter[], model: string): Operation {
  return {
    ...common,
    method: 'put',
    id,
    description: `replace ${the(what)}`,
    parameters: [...parameters, ...updateParameters],
    body: anyBody(model),
    responses: answers([200, 201], model),
    action: 'put',
  };
}

function patching(
  common: Common,
  target: Target,
  id: string,
  what: string,
  parameters: Parameter[],
  model: string,
): Operation {
  const consumes = ['application/apply-patch+yaml', 'application/json-patch+json', 'application/merge-patch+json'];
  if (target.builtin) consumes.push('application/strategic-merge-patch+json');
  return {
    ...common,
    method: 'patch',
    id,
    description: `partially update ${the(what)}`,
    parameters: [...parameters, ...patchParameters],
    body: { model: PATCH, consumes, required: true },
    responses: answers([200, 201], model),
    action: 'patch',
  };
}

function the(what: string): string {
  return what.includes(' of the ') ? what : `the specified ${what}`;
}

function article(kind: string): string {
  return `${/^[AEIOU]/i.test(kind) ? 'an' : 'a'} ${kind}`;
}

function anyBody(model: string): NonNullable<Operation['body']> {
  return { model, consumes: ['*/*'], required: true };
}

function answers(statuses: (keyof typeof codes)[], model: string): Operation['responses'] {
  return Object.fromEntries(statuses.map((s) => [s, { description: codes[s], model }]));
}

export function mediaTypes(target: Pick<Target, 'builtin'>): string[] {
  return ['application/json', 'application/yaml', ...(target.builtin ? ['application/vnd.kubernetes.protobuf'] : [])];
}

function streamTypes(target: Target): string[] {
  return [
    'application/json;stream=watch',
    ...(target.builtin ? ['application/vnd.kubernetes.protobuf;stream=watch'] : []),
  ];
}
