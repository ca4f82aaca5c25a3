/** /openapi/v2 and /openapi/v3: kept by clients, so that most answers are 304. */
import type { Answer, Call } from '../call.ts';
import { sized } from '../responses.ts';

/** One OpenAPI document; `hash` = upper-case hex of its content. */
export interface OpenApiDocument {
  readonly body: Uint8Array;
  readonly hash: string;
}

/** apimachinery/openapi builds them. */
export interface OpenApiSource {
  index(): OpenApiDocument;
  v3(key: string): OpenApiDocument | undefined;
  v2(): OpenApiDocument;
  v2Protobuf(): OpenApiDocument;
}

const v2Protobuf = /application\/com\.github\.proto-openapi\.spec\.v2[@.]v1\.0\+protobuf/;
/** Also for who asked with @, which no parser of media types takes. */
const v2ProtobufType = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';
const year = 365 * 24 * 3600 * 1000;

/** `segments`: the path below /openapi. undefined = no such path. */
export function serveOpenApi(
  call: Call,
  [version, ...key]: readonly string[],
  source: OpenApiSource,
): Answer | undefined {
  if (version === 'v2' && key.length === 0) return serveV2(call, source);
  if (version !== 'v3') return undefined;
  if (key.length === 0) {
    const index = source.index();
    return cached(call, index, 'text/plain; charset=utf-8', ['Vary', 'Accept']);
  }
  const path = key.join('/');
  const document = source.v3(path);
  if (!document) return { status: 404, headers: [], body: undefined };
  const asked = call.query.get('hash');
  if (asked === undefined || asked === '') return cached(call, document, 'application/json', ['Vary', 'Accept']);
  if (asked !== document.hash) {
    const location = `/openapi/v3/${path}?hash=${document.hash}`;
    return {
      status: 301,
      headers: ['Location', location, 'Content-Type', 'text/html; charset=utf-8'],
      body: `<a href="${location}">Moved Permanently</a>.\n\n`,
    };
  }
  const expires = new Date(call.receivedAt + year).toUTCString();
  return cached(call, document, 'application/json', [
    'Vary',
    'Accept',
    'Cache-Control',
    'public, immutable',
    'Expires',
    expires,
  ]);
}

function serveV2(call: Call, source: OpenApiSource): Answer {
  const accept = call.request.header('accept') ?? '';
  const protobuf = v2Protobuf.exec(accept)?.[0];
  const json = accept.indexOf('application/json');
  if (protobuf && (json < 0 || accept.indexOf(protobuf) < json))
    return cached(call, source.v2Protobuf(), v2ProtobufType, ['Vary', 'Accept']);
  return cached(call, source.v2(), 'application/json', ['Vary', 'Accept']);
}

function cached(call: Call, document: OpenApiDocument, contentType: string, headers: readonly string[]): Answer {
  const etag = `"${document.hash}"`;
  const own = ['ETag', etag, ...headers];
  if (call.request.header('if-none-match') === etag) return { status: 304, headers: own, body: undefined };
  const answer = sized(call.request, 200, contentType, document.body);
  return answer instanceof Promise
    ? answer.then((response) => ({ ...response, headers: [...response.headers, ...own] }))
    : { ...answer, headers: [...answer.headers, ...own] };
}
