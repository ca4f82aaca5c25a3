/** Request bodies: which form they have and what they say. */
import { JsonSyntaxError, parseJson } from '@nodeless/apimachinery/json';
import { ApiError, badRequest } from '@nodeless/apimachinery/status';
import type { WireValue } from '@nodeless/registry/registry';
import { YamlSyntaxError, parseYaml } from './body-yaml.ts';
import { mediaTypeList } from './negotiation.ts';

/** etcd's default request limit is 1.5 MiB; patches and comments may be larger than what comes of them. */
export const maxBodyBytes = 3 * 1024 * 1024;

export type BodyForm = 'json' | 'yaml' | 'protobuf';

/** Reads Kubernetes' protobuf envelope into a JSON value. `kind` = what the endpoint takes, for messages. Errors: ApiError. */
export type ProtobufDecoder = (body: Uint8Array, kind: string) => WireValue;

/** Media types may carry parameters and any case; what is no media type at all is no known one either. */
function baseType(contentType: string): string {
  const semicolon = contentType.indexOf(';');
  return (semicolon < 0 ? contentType : contentType.slice(0, semicolon)).trim().toLowerCase();
}

export function bodyForm(contentType: string | undefined): BodyForm {
  if (contentType === undefined || contentType === '') return 'json';
  switch (contentType === 'application/json' ? contentType : baseType(contentType)) {
    case 'application/json':
      return 'json';
    case 'application/yaml':
      return 'yaml';
    case 'application/vnd.kubernetes.protobuf':
      return 'protobuf';
    default:
      throw unsupportedMediaType();
  }
}

export function unsupportedMediaType(): ApiError {
  const message = `the body of the request was in an unknown format - accepted media types include: ${mediaTypeList}`;
  return new ApiError({ code: 415, reason: 'UnsupportedMediaType', message });
}

/** The router's own 415, for patches. */
export function unsupportedPatchType(): ApiError {
  return new ApiError({ code: 415, reason: 'UnsupportedMediaType', message: '415: Unsupported Media Type', details: {} });
}

export function bodyTooLarge(limit: number): ApiError {
  return new ApiError({ code: 413, reason: 'RequestEntityTooLarge', message: `Request entity too large: limit is ${limit}` });
}

/** `kind`: what the endpoint takes. Errors: 400 for what is no object, 415. */
export function readObject(body: Uint8Array, contentType: string | undefined, kind: string, protobuf: ProtobufDecoder): WireValue {
  const form = bodyForm(contentType);
  if (form === 'protobuf') return protobuf(body, kind);
  const document = form === 'json' ? readJson(body, kind) : readYaml(body, kind);
  const fault = typeMetaFault(document.value);
  if (fault !== undefined) throw unrecognized(kind, fault, body);
  // An empty document is an object without members to Go.
  return document.value === null ? { ...document, value: {} } : document;
}

function readJson(body: Uint8Array, kind: string): WireValue {
  try {
    return parseJson(body);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    throw unrecognized(kind, `couldn't get version/kind; json parse error: ${error.message}`, body);
  }
}

function readYaml(body: Uint8Array, kind: string): WireValue {
  try {
    return parseYaml(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8'));
  } catch (error) {
    if (!(error instanceof YamlSyntaxError)) throw error;
    throw unrecognized(kind, error.message, body);
  }
}

function unrecognized(kind: string, why: string, body: Uint8Array): ApiError {
  return badRequest(`the object provided is unrecognized (must be of type ${kind}): ${why} (${summary(body)})`);
}

const summaryLength = 30;

/** The start of a body, as text if it looks like an object, else as hex. */
function summary(body: Uint8Array): string {
  if (body.byteLength === 0) return '<empty>';
  const start = Buffer.from(body.buffer, body.byteOffset, Math.min(body.byteLength, summaryLength));
  return start.toString(body[0] === 0x7b ? 'utf8' : 'hex') + (body.byteLength > summaryLength ? ' ...' : '');
}

const typeMetaStruct = String.raw`struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }`;

/** Why apiVersion and kind cannot be read off the value. */
function typeMetaFault(value: unknown): string | undefined {
  const prefix = "couldn't get version/kind; json parse error: json: cannot unmarshal";
  if (value === null) return undefined;
  if (typeof value !== 'object' || Array.isArray(value)) return `${prefix} ${goKind(value)} into Go value of type ${typeMetaStruct}`;
  const object = value as Record<string, unknown>;
  for (const name of ['apiVersion', 'kind']) {
    const member = Object.hasOwn(object, name) ? object[name] : undefined;
    if (member === undefined || member === null || typeof member === 'string') continue;
    return `${prefix} ${goKind(member)} into Go struct field .${name} of type string`;
  }
  const version = Object.hasOwn(object, 'apiVersion') ? object.apiVersion : undefined;
  if (typeof version === 'string' && version.split('/').length > 2) return `unexpected GroupVersion string: ${version}`;
  return undefined;
}

function goKind(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'boolean') return 'bool';
  return typeof value === 'bigint' ? 'number' : typeof value;
}
