/** /api, /apis and what lies directly below: which groups, versions and resources there are. */
import { methodNotAllowed, noSuchResource } from '@nodeless/registry/endpoint';
import type { Answer, Call } from '../call.ts';
import type { Discovery, Document } from '../discovery.ts';
import {
  type AllowsConversion,
  mediaTypeList,
  negotiate,
  noRepresentation,
  notAcceptable,
  onlyPlain,
  routerAccepts,
} from '../negotiation.ts';
import { jsonResponse, objectResponse, pageNotFound } from '../responses.ts';

const aggregatedGroup = 'apidiscovery.k8s.io';
const allowsAggregated: AllowsConversion = (convert) =>
  convert === undefined ||
  (convert.group === aggregatedGroup &&
    convert.kind === 'APIGroupDiscoveryList' &&
    (convert.version === 'v2' || convert.version === 'v2beta1'));

/** undefined = the path is none of discovery's. `segments`: of the path, without empty ones at the ends. */
export function serveDiscovery(call: Call, segments: readonly string[], discovery: Discovery): Answer | undefined {
  const [root, ...rest] = segments;
  if (root === 'api')
    return rest.length === 0 ? serveRoot(call, 'api', discovery) : serveApi(call, '', rest, discovery);
  if (root !== 'apis') return undefined;
  if (rest.length === 0) return serveRoot(call, 'apis', discovery);
  const [group = '', ...below] = rest;
  if (!discovery.groups.has(group)) return pageNotFound();
  if (below.length > 0) return serveApi(call, group, below, discovery);
  return serve(call, discovery.group(group));
}

function serveApi(call: Call, group: string, [version = '', ...more]: readonly string[], discovery: Discovery): Answer {
  const document = more.length === 0 ? discovery.resourceList(group, version) : undefined;
  if (!document) throw noSuchResource();
  return serve(call, document);
}

/** The handlers of /apis and /api look neither at the method nor, for the old form, at conversions they do not know. */
function serveRoot(call: Call, form: 'api' | 'apis', discovery: Discovery): Answer {
  const { request, query } = call;
  if (form === 'api') requireGet(call);
  const accept = request.header('accept');
  if (!routerAccepts(accept)) throw noRepresentation(mediaTypeList);
  const accepted = negotiate(accept, allowsAggregated);
  if (!accepted) throw notAcceptable();
  if (!accepted.convert) {
    if (form === 'apis') return objectResponse(request, query, accepted, 200, discovery.groupList().bytes);
    return objectResponse(
      request,
      query,
      accepted,
      200,
      Buffer.from(JSON.stringify(apiVersions(request.header('host')))),
    );
  }
  const version = accepted.convert.version as 'v2' | 'v2beta1';
  const { bytes, etag } = discovery.aggregated(form, version);
  const headers = ['ETag', `"${etag}"`, 'Vary', 'Accept', 'Cache-Control', 'public'];
  if (request.header('if-none-match') === `"${etag}"`) return { status: 304, headers, body: undefined };
  const answer = objectResponse(request, query, accepted, 200, bytes);
  const contentType = `${accepted.mediaType};g=${aggregatedGroup};v=${version};as=APIGroupDiscoveryList`;
  const withHeaders = (response: Awaited<Answer>): Awaited<Answer> => {
    const at = response.headers.indexOf('Content-Type');
    return { ...response, headers: [...response.headers.with(at + 1, contentType), ...headers] };
  };
  return answer instanceof Promise ? answer.then(withHeaders) : withHeaders(answer);
}

const apiVersions = (host: string | undefined): object => ({
  kind: 'APIVersions',
  versions: ['v1'],
  serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: host ?? '' }],
});

function requireGet(call: Call): void {
  if (call.request.method !== 'GET') throw methodNotAllowed();
}

function serve(call: Call, document: Document | undefined): Answer {
  if (!document) return pageNotFound();
  requireGet(call);
  const accept = call.request.header('accept');
  if (!routerAccepts(accept)) throw noRepresentation(mediaTypeList);
  const accepted = negotiate(accept, onlyPlain);
  if (!accepted) throw notAcceptable();
  return objectResponse(call.request, call.query, accepted, 200, document.bytes);
}

/** For documents that are not API objects: /version. */
export function serveJson(call: Call, value: unknown): Answer {
  requireGet(call);
  return jsonResponse(200, value);
}
