/** Makes responses of API objects in the form the client asked for. */
import { encodeObject } from '@nodeless/apimachinery/encode';
import { parseTrustedJson } from '@nodeless/apimachinery/json';
import type { KubernetesObject } from '@nodeless/apimachinery/object';
import { encodeProtobuf } from '@nodeless/apimachinery/protobuf/protobuf';
import { ApiError, type Status, internalError } from '@nodeless/apimachinery/status';
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import { stringify } from 'yaml';
import type { ApiRequest, ApiResponse, ResponseBody } from './exchange.ts';
import { type Accepted, acceptsGzip, negotiate, onlyPlain, wantsPretty } from './negotiation.ts';
import { indentJson } from './pretty-json.ts';
import type { Query } from './query.ts';

const gzipBytes = promisify(gzip);
/** Smaller answers are not worth the time, as upstream has it. */
const gzipThreshold = 128 * 1024;
const newline = Buffer.from('\n');

/** `json` = the object's compact wire JSON in pieces, without a newline at the end. */
export function objectResponse(
  request: ApiRequest,
  query: Query,
  accepted: Accepted,
  status: number,
  json: Uint8Array | readonly Uint8Array[],
): ApiResponse | Promise<ApiResponse> {
  const single = json instanceof Uint8Array;
  if (accepted.mediaType === 'application/vnd.kubernetes.protobuf') {
    const object = parseTrustedJson(joined(json)) as KubernetesObject;
    return sized(request, status, accepted.mediaType, encodeProtobuf(object));
  }
  if (accepted.mediaType === 'application/yaml')
    return sized(request, status, 'application/yaml', toYaml(joined(json)));
  if (accepted.pretty || wantsPretty(query.get('pretty'), request.header('user-agent'))) {
    return sized(request, status, 'application/json', indentJson(joined(json)));
  }
  if (single && json.byteLength < 16 * 1024) {
    // One small buffer is one write; beyond that copying costs more.
    const bytes = Buffer.allocUnsafe(json.byteLength + 1);
    bytes.set(json);
    bytes[json.byteLength] = 0x0a;
    return { status, headers: ['Content-Type', 'application/json'], body: bytes };
  }
  return sized(request, status, 'application/json', single ? [json, newline] : [...json, newline]);
}

/** Compresses what is large when the client can take it. */
export function sized(
  request: ApiRequest,
  status: number,
  contentType: string,
  body: Uint8Array | readonly Uint8Array[],
): ApiResponse | Promise<ApiResponse> {
  const headers = ['Content-Type', contentType];
  const length = body instanceof Uint8Array ? body.byteLength : body.reduce((sum, piece) => sum + piece.byteLength, 0);
  if (length <= gzipThreshold || !acceptsGzip(request.header('accept-encoding'))) return { status, headers, body };
  headers.push('Content-Encoding', 'gzip', 'Vary', 'Accept-Encoding');
  return gzipBytes(joined(body), { level: constants.Z_BEST_SPEED }).then((bytes) => ({ status, headers, body: bytes }));
}

function joined(json: Uint8Array | readonly Uint8Array[]): Uint8Array {
  return json instanceof Uint8Array ? json : Buffer.concat(json);
}

function toYaml(json: Uint8Array): Uint8Array {
  return Buffer.from(yamlText(parseTrustedJson(json)));
}

/** As sigs.k8s.io/yaml writes it: keys sorted, lists not indented, what YAML 1.1 could misread quoted. */
export function yamlText(value: unknown): string {
  return stringify(value, {
    version: '1.1',
    sortMapEntries: byKey,
    lineWidth: 0,
    indentSeq: false,
    aliasDuplicateObjects: false,
  });
}
const byKey = (a: { key: unknown }, b: { key: unknown }): number => {
  const [x, y] = [
    String((a.key as { value?: unknown })?.value ?? a.key),
    String((b.key as { value?: unknown })?.value ?? b.key),
  ];
  return x < y ? -1 : x > y ? 1 : 0;
};

export function statusOf(error: unknown): Status {
  return (error instanceof ApiError ? error : internalError(error)).status;
}

/** A failure, in the form the client asked for where it can be one. */
export function errorResponse(request: ApiRequest, query: Query, error: unknown): ApiResponse {
  const status = statusOf(error);
  const code = status.code ?? 500;
  const accepted = negotiate(request.header('accept'), onlyPlain);
  // The error must not hide behind a form that cannot be had.
  const mediaType = accepted?.mediaType ?? 'application/json';
  const headers = ['Content-Type', mediaType];
  if (status.details?.retryAfterSeconds) headers.push('Retry-After', String(status.details.retryAfterSeconds));
  const object = status as unknown as KubernetesObject;
  if (mediaType === 'application/vnd.kubernetes.protobuf')
    return { status: code, headers, body: encodeProtobuf(object) };
  const json = encodeObject(object);
  if (mediaType === 'application/yaml') return { status: code, headers, body: toYaml(json) };
  const pretty = !accepted || accepted.pretty || wantsPretty(query.get('pretty'), request.header('user-agent'));
  return { status: code, headers, body: pretty ? indentJson(json) : Buffer.concat([json, newline]) };
}

/** What Go's http.Error and http.NotFound answer. */
export function textResponse(status: number, text: string): ApiResponse {
  return {
    status,
    headers: ['Content-Type', 'text/plain; charset=utf-8', 'X-Content-Type-Options', 'nosniff'],
    body: text,
  };
}

export const pageNotFound = (): ApiResponse => textResponse(404, '404 page not found\n');

export function jsonResponse(status: number, value: unknown, contentType = 'application/json'): ApiResponse {
  return { status, headers: ['Content-Type', contentType], body: JSON.stringify(value) };
}

export function bodyLength(body: ResponseBody): number | undefined {
  if (body === undefined) return 0;
  if (typeof body === 'string') return Buffer.byteLength(body);
  if (body instanceof Uint8Array) return body.byteLength;
  if ('stream' in body || 'upgraded' in body) return undefined;
  let length = 0;
  for (const piece of body) length += piece.byteLength;
  return length;
}
