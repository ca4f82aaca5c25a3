import {
  DecodeError,
  StrictDecodeError,
  decodeObject,
  strictDecodingMessage,
} from '@nodeless/apimachinery/decode/decode';
import { copyJson } from '@nodeless/apimachinery/decode/copy-json';
import { JsonSyntaxError } from '@nodeless/apimachinery/json';
import { type UnknownObject, parseApiVersion } from '@nodeless/apimachinery/object';
import { type StructType, findType, typeForKind } from '@nodeless/apimachinery/schema';
import { type ApiError, badRequest } from '@nodeless/apimachinery/status';
import type { CustomKind } from './custom-resources/custom-kind.ts';
import type { RequestBody, WireValue } from './registry.ts';

/** The kind that a body must be of. */
export interface ExpectedKind {
  readonly group: string;
  readonly version: string;
  readonly apiVersion: string;
  readonly kind: string;
  /** OpenAPI model name; '' for custom resources. */
  readonly model: string;
  readonly custom?: CustomKind;
}

export interface BodyRules {
  readonly fieldValidation: 'Ignore' | 'Warn' | 'Strict';
  readonly warn: (text: string) => void;
}

/**
 * A new mutable object of the expected kind, canonical, without defaults.
 * @throws ApiError 400, worded as the create and update handlers of kube-apiserver do
 */
export function decodeBody(body: RequestBody, expected: ExpectedKind, rules: BodyRules): UnknownObject {
  const type = findType(expected.model);
  if (body.form === 'object') {
    const object = (type ? decodeObject(body.object, type).object : copyJson(body.object)) as UnknownObject;
    expected.custom?.decode(object);
    return named(object, expected);
  }
  return decodeWire(readWire(body, expected), body.raw, expected, type, rules);
}

function readWire(body: Extract<RequestBody, { form: 'wire' }>, expected: ExpectedKind): WireValue {
  let wire: WireValue;
  try {
    wire = body.read();
  } catch (error) {
    throw unrecognized(
      expected,
      body.raw,
      error instanceof JsonSyntaxError
        ? `couldn't get version/kind; json parse error: ${error.message}`
        : messageOf(error),
    );
  }
  const { value } = wire;
  if (value !== null && (typeof value !== 'object' || Array.isArray(value))) {
    const got = Array.isArray(value)
      ? 'array'
      : typeof value === 'boolean'
        ? 'bool'
        : typeof value === 'bigint'
          ? 'number'
          : typeof value;
    throw unrecognized(
      expected,
      body.raw,
      `couldn't get version/kind; json parse error: json: cannot unmarshal ${got} into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }`,
    );
  }
  return wire;
}

function decodeWire(
  wire: WireValue,
  raw: Uint8Array | undefined,
  expected: ExpectedKind,
  expectedType: StructType | undefined,
  rules: BodyRules,
): UnknownObject {
  const actual = actualKind(wire.value as Record<string, unknown> | null, expected, raw);
  const refuse = (message: string): ApiError =>
    badRequest(
      `${actual.kind} in version ${JSON.stringify(actual.version)} cannot be handled as a ${expected.kind}: ${message}`,
    );
  const isExpected =
    actual.kind === expected.kind && actual.group === expected.group && actual.version === expected.version;
  const type = isExpected ? expectedType : typeForKind(actual.group, actual.version, actual.kind);
  if (!type && !isExpected) {
    const groupVersion = actual.group === '' ? actual.version : `${actual.group}/${actual.version}`;
    throw refuse(
      `no kind ${JSON.stringify(actual.kind)} is registered for version ${JSON.stringify(groupVersion)} in scheme "pkg/runtime/scheme.go:111"`,
    );
  }
  if (!type) return decodeCustom(wire, expected, rules, refuse);
  const { object, warnings } = decodeTyped(wire, type, rules.fieldValidation, refuse);
  if (actual.kind !== expected.kind) {
    throw refuse(
      `converting (${type.goName}) to (${internalPackage(expected.group)}.${expected.kind}): unknown conversion`,
    );
  }
  if (!isExpected) {
    const sent = actual.group === '' ? actual.version : `${actual.group}/${actual.version}`;
    throw badRequest(
      `the API version in the data (${sent}) does not match the expected API version (${expected.apiVersion})`,
    );
  }
  for (const text of warnings) rules.warn(text);
  return named(object as UnknownObject, expected);
}

function decodeCustom(
  wire: WireValue,
  expected: ExpectedKind,
  rules: BodyRules,
  refuse: (message: string) => ApiError,
): UnknownObject {
  const object = named((copyJson(wire.value) ?? {}) as UnknownObject, expected);
  const unknown = unknownFields(object, expected, refuse);
  if (rules.fieldValidation === 'Ignore') return object;
  const repeated = wire.problems ?? wire.duplicates.map(({ path }) => `duplicate field ${JSON.stringify(path)}`);
  const found = [...repeated, ...unknown];
  if (found.length > 0 && rules.fieldValidation === 'Strict') throw refuse(strictDecodingMessage(found));
  for (const text of found) rules.warn(text);
  return object;
}

/** Drops from a custom resource what its schema does not know, and tells what that was. */
export function unknownFields(
  object: UnknownObject,
  { custom }: ExpectedKind,
  refuse: (message: string) => ApiError,
): string[] {
  try {
    return (custom?.decode(object) ?? []).map((path) => `unknown field ${JSON.stringify(path)}`);
  } catch (error) {
    if (error instanceof DecodeError) throw refuse(error.message);
    throw error;
  }
}

function decodeTyped(
  wire: WireValue,
  type: StructType,
  fieldValidation: BodyRules['fieldValidation'],
  refuse: (message: string) => ApiError,
) {
  const problems = fieldValidation === 'Ignore' ? [] : (wire.problems ?? []);
  // what the text's parser found comes first, as one error of several lines
  const before = problems.length > 0 ? [`yaml: unmarshal errors:\n${problems.map((p) => `  ${p}`).join('\n')}`] : [];
  try {
    const { object, warnings } = decodeObject(wire.value, type, { fieldValidation, document: wire });
    if (fieldValidation === 'Strict' && before.length > 0) throw refuse(strictDecodingMessage(before));
    return { object, warnings: [...problems, ...warnings] };
  } catch (error) {
    if (error instanceof StrictDecodeError) throw refuse(strictDecodingMessage([...before, ...error.errors]));
    if (error instanceof DecodeError) throw refuse(error.message);
    throw error;
  }
}

function actualKind(
  value: Record<string, unknown> | null,
  expected: ExpectedKind,
  raw: Uint8Array | undefined,
): { group: string; version: string; kind: string } {
  const read = (field: 'apiVersion' | 'kind'): string => {
    const found = value !== null && Object.hasOwn(value, field) ? value[field] : undefined;
    if (found === undefined || found === null) return '';
    if (typeof found === 'string') return found;
    throw unrecognized(
      expected,
      raw,
      `couldn't get version/kind; json parse error: json: cannot unmarshal ${jsonKind(found)} into Go struct field .${field} of type string`,
    );
  };
  const apiVersion = read('apiVersion');
  const kind = read('kind') || expected.kind;
  if (apiVersion === '') return { group: expected.group, version: expected.version, kind };
  const parsed = parseApiVersion(apiVersion);
  if (!parsed) throw unrecognized(expected, raw, `unexpected GroupVersion string: ${apiVersion}`);
  return { ...parsed, kind };
}

function jsonKind(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value === 'bigint' ? 'number' : typeof value;
}

function named(object: UnknownObject, { kind, apiVersion }: ExpectedKind): UnknownObject {
  object.kind = kind;
  object.apiVersion = apiVersion;
  return object;
}

function unrecognized(expected: ExpectedKind, raw: Uint8Array | undefined, why: string): ApiError {
  return badRequest(
    `the object provided is unrecognized (must be of type ${expected.kind}): ${why} (${summaryOf(raw ?? new Uint8Array())})`,
  );
}

const summaryLength = 30;

/** The beginning of a body: as text where it looks like JSON, else in hexadecimal. */
function summaryOf(raw: Uint8Array): string {
  if (raw.length === 0) return '<empty>';
  const head = Buffer.from(raw.buffer, raw.byteOffset, Math.min(raw.length, summaryLength));
  return head.toString(raw[0] === 0x7b ? 'utf8' : 'hex') + (raw.length > summaryLength ? ' ...' : '');
}

/** Go's package of a group's internal types. */
function internalPackage(group: string): string {
  if (group === '' || group === 'events.k8s.io') return 'core';
  return group.split('.')[0] as string;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
