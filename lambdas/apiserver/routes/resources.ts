/** Requests about resources: finds what is meant and calls the registry. Which methods exist where follows upstream's installer. */
import { badRequest } from '@nodeless/apimachinery/status';
import { methodNotAllowed, noSuchResource } from '@nodeless/registry/endpoint';
import type { Encoded, List, Registry } from '@nodeless/registry/registry';
import type { ServedResource, ServedSubresource } from '@nodeless/registry/resource-table';
import { encodePartialMetadata, encodePartialMetadataList, encodeTable } from '@nodeless/registry/table-encoder';
import { maxBodyBytes, patchBody, patchForm, unsupportedPatchType, wireBody } from '../body.ts';
import { type Answer, type Call, CallScope } from '../call.ts';
import type { ApiResponse } from '../exchange.ts';
import {
  type Accepted,
  listTypeList,
  mediaTypeList,
  negotiate,
  noRepresentation,
  notAcceptable,
  resourceConversions,
  routerAccepts,
} from '../negotiation.ts';
import { deleteOptions, getOptions, listOptions } from '../options.ts';
import { pathSegmentFaults } from '../request-info.ts';
import { objectResponse, pageNotFound } from '../responses.ts';
import { includedObject, wrongShape } from '../tables.ts';
import type { Connector } from './connect.ts';
import type { WatchServer } from './watch.ts';

export interface ResourceDeps {
  readonly registry: Registry;
  readonly watches: WatchServer;
  readonly connector: Connector;
  /** The API groups that are served, '' left out. */
  readonly groups: () => ReadonlySet<string>;
  readonly now: () => number;
}

/** What the path names, once it is known to be served. */
interface Target {
  readonly served: ServedResource;
  readonly subresource: ServedSubresource | undefined;
  readonly scope: CallScope;
}

export function createResourceHandler(deps: ResourceDeps): (call: Call) => Answer {
  const { registry } = deps;
  return (call) => {
    const { info } = call;
    if (info.group !== '' && !deps.groups().has(info.group)) return pageNotFound();
    const served = registry.resources.find(info.group, info.version, info.resource);
    if (!served) throw noSuchResource();
    const target = locate(call, served);
    if (info.verbInPath) return serveWatch(deps, call, target);
    if (target.subresource) return serveSubresource(deps, call, target, target.subresource);
    return target.scope.name === '' ? serveCollection(deps, call, target) : serveObject(deps, call, target);
  };
}

/** Errors: 404 where upstream has no route, 400 for names that cannot be. */
function locate(call: Call, served: ServedResource): Target {
  const { info } = call;
  const [, name = '', subresourceName = '', ...rest] = info.parts;
  // The namespace of a Namespace is itself, to the authorizer; to the registry it has none.
  const isNamespace = served.resource === 'namespaces' && served.group === '';
  const namespace = served.namespaced ? info.namespace : '';
  if (!served.namespaced && !isNamespace && info.namespace !== '') throw noSuchResource();
  if (served.namespaced && namespace === '' && name !== '') throw noSuchResource();
  if (info.parts.length > 1 && name === '') throw noSuchResource();
  const subresource = info.parts.length > 2 ? served.subresources.get(subresourceName) : undefined;
  if (info.parts.length > 2 && !subresource) throw noSuchResource();
  if (rest.length > 0 && subresourceName !== 'proxy') throw noSuchResource();
  const faults = pathSegmentFaults(name);
  if (faults.length > 0) throw badRequest(`Name parameter invalid: ${JSON.stringify(name)}: ${faults.join(';')}`);
  return { served, subresource, scope: new CallScope(call, subresourceName, namespace, name) };
}

/** The two negotiations of upstream: the router's and the handler's. Errors: 406. */
function acceptedForm(call: Call, available: string): Accepted {
  const accept = call.request.header('accept');
  if (!routerAccepts(accept)) throw noRepresentation(available);
  const accepted = negotiate(accept, resourceConversions);
  if (!accepted) throw notAcceptable();
  return accepted;
}

function serveCollection(deps: ResourceDeps, call: Call, target: Target): Answer {
  const { served, scope } = target;
  const { verbs } = served;
  const lists = verbs.includes('list') || verbs.includes('watch');
  const everywhere = served.namespaced && scope.namespace === '';
  // Over all namespaces there is nothing but reading.
  if (everywhere && !lists) throw noSuchResource();
  switch (call.request.method) {
    case 'GET':
      if (!lists) break;
      return call.info.verb === 'watch' ? serveWatch(deps, call, target) : serveList(deps, call, target);
    case 'POST':
      if (everywhere || !verbs.includes('create')) break;
      return serveCreate(deps, call, target, served);
    case 'DELETE':
      if (everywhere || !verbs.includes('deletecollection')) break;
      return serveDeleteCollection(deps, call, target);
  }
  throw methodNotAllowed();
}

function serveObject(deps: ResourceDeps, call: Call, target: Target): Answer {
  const { verbs } = target.served;
  switch (call.request.method) {
    case 'GET':
      if (!verbs.includes('get')) break;
      return serveGet(deps, call, target);
    case 'PUT':
      if (!verbs.includes('update')) break;
      return serveUpdate(deps, call, target, target.served);
    case 'PATCH':
      if (!verbs.includes('patch')) break;
      return servePatch(deps, call, target);
    case 'DELETE':
      if (!verbs.includes('delete')) break;
      return serveDelete(deps, call, target);
  }
  throw methodNotAllowed();
}

function serveSubresource(deps: ResourceDeps, call: Call, target: Target, subresource: ServedSubresource): Answer {
  const connect = deps.connector.handlerFor(target.served, subresource.name);
  if (connect) return connect(call, target.scope);
  const { verbs } = subresource;
  switch (call.request.method) {
    case 'GET':
      if (!verbs.includes('get')) break;
      return serveGet(deps, call, target);
    case 'POST':
      if (!verbs.includes('create')) break;
      return serveCreate(deps, call, target, subresource);
    case 'PUT':
      if (!verbs.includes('update')) break;
      return serveUpdate(deps, call, target, subresource);
    case 'PATCH':
      if (!verbs.includes('patch')) break;
      return servePatch(deps, call, target);
    case 'DELETE':
      if (!verbs.includes('delete')) break;
      return serveDelete(deps, call, target);
  }
  throw methodNotAllowed();
}

function serveGet(deps: ResourceDeps, call: Call, target: Target): Answer {
  const accepted = acceptedForm(call, mediaTypeList);
  return deps.registry
    .get(target.scope, getOptions(call.query))
    .then((result) => respond(deps, call, target, accepted, 200, result));
}

async function serveList(deps: ResourceDeps, call: Call, target: Target): Promise<ApiResponse> {
  const accepted = acceptedForm(call, listTypeList);
  const list = await deps.registry.list(target.scope, listOptions(call.query));
  return respondList(deps, call, target, accepted, list);
}

function serveWatch(deps: ResourceDeps, call: Call, target: Target): Answer {
  const { served, subresource } = target;
  if (subresource || call.info.verb !== 'watch') throw noSuchResource();
  if (call.request.method !== 'GET') throw methodNotAllowed();
  if (!served.verbs.includes('watch')) throw methodNotAllowed();
  const accepted = acceptedForm(call, listTypeList);
  return deps.watches.serve(call, target.scope, served, accepted, listOptions(call.query));
}

type BodyKind = { readonly group: string; readonly version: string; readonly kind: string };

async function serveCreate(deps: ResourceDeps, call: Call, target: Target, kind: BodyKind): Promise<ApiResponse> {
  const accepted = acceptedForm(call, mediaTypeList);
  const { request } = call;
  const raw = await request.readBody(maxBodyBytes);
  const { code, result } = await deps.registry.create(
    target.scope,
    wireBody(raw, request.header('content-type'), kind),
  );
  return respond(deps, call, target, accepted, code, result);
}

async function serveUpdate(deps: ResourceDeps, call: Call, target: Target, kind: BodyKind): Promise<ApiResponse> {
  const accepted = acceptedForm(call, mediaTypeList);
  const { request } = call;
  const raw = await request.readBody(maxBodyBytes);
  const { code, result } = await deps.registry.update(
    target.scope,
    wireBody(raw, request.header('content-type'), kind),
  );
  return respond(deps, call, target, accepted, code, result);
}

async function servePatch(deps: ResourceDeps, call: Call, target: Target): Promise<ApiResponse> {
  const { request, query } = call;
  const form = patchForm(request.header('content-type'));
  // Custom resources have no struct tags that a strategic merge could go by.
  if (!form || (form === 'strategic' && target.served.model === '')) throw unsupportedPatchType();
  const accepted = acceptedForm(call, mediaTypeList);
  const raw = await request.readBody(maxBodyBytes);
  const force = query.get('force');
  const options = {
    type: form,
    ...(force === undefined ? {} : { force: !(force === '0' || force.toLowerCase() === 'false') }),
  };
  const { code, result } = await deps.registry.patch(target.scope, patchBody(raw, form), options);
  return respond(deps, call, target, accepted, code, result);
}

const deleteKind: BodyKind = { group: 'meta.k8s.io', version: 'v1', kind: 'DeleteOptions' };

async function deleteBody({ request }: Call) {
  const raw = await request.readBody(maxBodyBytes);
  return raw.byteLength === 0 ? undefined : wireBody(raw, request.header('content-type'), deleteKind);
}

async function serveDelete(deps: ResourceDeps, call: Call, target: Target): Promise<ApiResponse> {
  const accepted = acceptedForm(call, mediaTypeList);
  const options = deleteOptions(call.query, await deleteBody(call));
  const { code, result } = await deps.registry.delete(target.scope, options);
  return respond(deps, call, target, accepted, code, result);
}

async function serveDeleteCollection(deps: ResourceDeps, call: Call, target: Target): Promise<ApiResponse> {
  const accepted = acceptedForm(call, mediaTypeList);
  const body = await deleteBody(call);
  const list = listOptions(call.query);
  const deleted = await deps.registry.deleteCollection(target.scope, list, deleteOptions(call.query, body));
  return respondList(deps, call, target, accepted, deleted);
}

function respond(
  deps: ResourceDeps,
  call: Call,
  { served }: Target,
  accepted: Accepted,
  code: number,
  result: Encoded,
): Answer {
  const { request, query } = call;
  const { convert } = accepted;
  if (!convert || result.object().kind === 'Status')
    return objectResponse(request, query, accepted, code, result.bytes());
  if (convert.kind === 'PartialObjectMetadataList') throw wrongShape(convert, goTypeOf(served));
  if (convert.kind === 'PartialObjectMetadata')
    return objectResponse(request, query, accepted, code, encodePartialMetadata(result, convert.version));
  const options = { version: convert.version, includeObject: includedObject(query), columns: true, now: deps.now() };
  return objectResponse(
    request,
    query,
    accepted,
    code,
    encodeTable(served, [result], { resourceVersion: result.object().metadata?.resourceVersion }, options),
  );
}

function respondList(deps: ResourceDeps, call: Call, { served }: Target, accepted: Accepted, list: List): Answer {
  const { request, query } = call;
  const { convert } = accepted;
  if (!convert) return objectResponse(request, query, accepted, 200, coalesce(list.chunks()));
  if (convert.kind === 'PartialObjectMetadata') throw wrongShape(convert, `${goTypeOf(served)}List`);
  if (convert.kind === 'PartialObjectMetadataList')
    return objectResponse(
      request,
      query,
      accepted,
      200,
      encodePartialMetadataList(list.items, list.metadata, convert.version),
    );
  const options = { version: convert.version, includeObject: includedObject(query), columns: true, now: deps.now() };
  return objectResponse(request, query, accepted, 200, encodeTable(served, list.items, list.metadata, options));
}

/** Go's name of the internal type, which upstream's message shows. */
const goTypeOf = (served: ServedResource): string => `*${served.group.split('.')[0] || 'core'}.${served.kind}`;

const pieceBytes = 64 * 1024;

/** Many small pieces cost more to send than to copy. */
function coalesce(chunks: Iterable<Uint8Array>): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let small: Uint8Array[] = [];
  let size = 0;
  const flush = (): void => {
    if (small.length > 0) pieces.push(small.length === 1 ? (small[0] as Uint8Array) : Buffer.concat(small, size));
    small = [];
    size = 0;
  };
  for (const chunk of chunks) {
    if (size + chunk.byteLength > pieceBytes) flush();
    small.push(chunk);
    size += chunk.byteLength;
  }
  flush();
  return pieces;
}
