/** Request bodies: which form they have, and how they are read when the registry asks for their value. */
import { type JsonValue, parseJson } from '@nodeless/apimachinery/json';
import { noLiterals } from '@nodeless/apimachinery/json-value';
import type { GroupVersionKind } from '@nodeless/apimachinery/object';
import { decodeProtobuf } from '@nodeless/apimachinery/protobuf/protobuf';
import { ApiError } from '@nodeless/apimachinery/status';
import type { RequestBody, WireValue } from '@nodeless/registry/registry';
import { parseYaml } from './body-yaml.ts';
import { mediaTypeList } from './negotiation.ts';

/** etcd's default request limit is 1.5 MiB; patches and comments may be larger than what comes of them. */
export const maxBodyBytes = 3 * 1024 * 1024;

/** Media types may carry parameters and any case. */
function baseType(contentType: string): string {
  const semicolon = contentType.indexOf(';');
  return (semicolon < 0 ? contentType : contentType.slice(0, semicolon)).trim().toLowerCase();
}

/**
 * The body of a create, an update or the options of a delete. Throws 415 for a form that is not known.
 * `expected`: the kind that a protobuf body is of when it does not say.
 */
export function wireBody(raw: Uint8Array, contentType: string | undefined, expected: GroupVersionKind): RequestBody {
  return { form: 'wire', raw, read: reader(raw, contentType, expected) };
}

function reader(raw: Uint8Array, contentType: string | undefined, expected: GroupVersionKind): () => WireValue {
  switch (contentType === undefined || contentType === '' ? 'application/json' : baseType(contentType)) {
    case 'application/json':
      return () => parseJson(raw);
    case 'application/yaml':
      return () => yamlValue(raw);
    case 'application/vnd.kubernetes.protobuf':
      return () => ({ value: decodeProtobuf(raw, expected).object as JsonValue, duplicates: [], literals: noLiterals });
    default:
      throw unsupportedMediaType();
  }
}

export type PatchForm = 'json' | 'merge' | 'strategic' | 'apply';

/** The router knows patches by their exact media type. */
export function patchForm(contentType: string | undefined): PatchForm | undefined {
  const semicolon = contentType?.indexOf(';') ?? -1;
  switch (semicolon < 0 ? contentType : contentType?.slice(0, semicolon).trim()) {
    case 'application/json-patch+json':
      return 'json';
    case 'application/merge-patch+json':
      return 'merge';
    case 'application/strategic-merge-patch+json':
      return 'strategic';
    case 'application/apply-patch+yaml':
      return 'apply';
    default:
      return undefined;
  }
}

export function patchBody(raw: Uint8Array, form: PatchForm): RequestBody {
  return { form: 'wire', raw, read: form === 'apply' ? () => yamlValue(raw) : () => parseJson(raw) };
}

function yamlValue(raw: Uint8Array): WireValue {
  // JSON is YAML, and much faster to read as what it is.
  if (raw[0] === 0x7b) {
    try {
      return parseJson(raw);
    } catch {
      // Flow style with bare words: only YAML.
    }
  }
  return parseYaml(Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength).toString('utf8'));
}

export function unsupportedMediaType(): ApiError {
  const message = `the body of the request was in an unknown format - accepted media types include: ${mediaTypeList}`;
  return new ApiError({ code: 415, reason: 'UnsupportedMediaType', message });
}

/** The router's own 415, for patches. */
export function unsupportedPatchType(): ApiError {
  return new ApiError({
    code: 415,
    reason: 'UnsupportedMediaType',
    message: '415: Unsupported Media Type',
    details: {},
  });
}

export function bodyTooLarge(limit: number): ApiError {
  return new ApiError({
    code: 413,
    reason: 'RequestEntityTooLarge',
    message: `Request entity too large: limit is ${limit}`,
  });
}
