import {
  DecodeError,
  StrictDecodeError,
  decodeObject,
  strictDecodingMessage,
} from '@nodeless/apimachinery/decode/decode';
import { copyJson } from '@nodeless/apimachinery/decode/copy-json';
import { goValue } from '@nodeless/apimachinery/decode/go-format';
import { encodeText } from '@nodeless/apimachinery/encode';
import { invalidValue } from '@nodeless/apimachinery/field-errors';
import { type JsonValue, JsonSyntaxError, parseTrustedJson, stringifyJson } from '@nodeless/apimachinery/json';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { applyJsonPatch, checkJsonPatch } from '@nodeless/apimachinery/patch/json-patch';
import { applyMergePatch } from '@nodeless/apimachinery/patch/merge-patch';
import { applyStrategicMergePatch } from '@nodeless/apimachinery/patch/strategic-merge';
import { type StructType, findType, typeForKind } from '@nodeless/apimachinery/schema';
import { ApiError, badRequest, invalid } from '@nodeless/apimachinery/status';
import { parseApiVersion } from '@nodeless/apimachinery/object';
import { type BodyRules, type ExpectedKind, unknownFields } from './body-decoder.ts';
import type { PatchType, RequestBody, WireValue } from './registry.ts';

/** A patched object of the patch's version: new, mutable, canonical, not defaulted. The argument is canonical and may be frozen. */
export type Patcher = (current: Readonly<UnknownObject>) => UnknownObject;

type PlainPatch = Exclude<PatchType, 'apply'>;

/**
 * Reads the patch at its first use, so that a missing object is told before a bad patch.
 * Errors of the patcher: ApiError, worded as kube-apiserver's patch handler does.
 */
export function createPatcher(
  body: RequestBody,
  patchType: PlainPatch,
  expected: ExpectedKind,
  rules: BodyRules,
): Patcher {
  const type = findType(expected.model);
  let read: ReadPatch | undefined;
  return (current) => {
    read ??= readPatch(body, patchType, rules.fieldValidation);
    const patched = applyPatchValue(patchType, current, read.value, type);
    return decodePatched(patched, current, read, patchType, type, expected, rules);
  };
}

interface ReadPatch {
  readonly value: JsonValue;
  /** What strict validation has to say of the patch itself. */
  readonly found: readonly string[];
}

function readPatch(body: RequestBody, patchType: PlainPatch, fieldValidation: BodyRules['fieldValidation']): ReadPatch {
  if (body.form === 'object') throw new TypeError('a patch is a JSON value');
  // what the two libraries that upstream reads patches with say first
  const before = patchType === 'strategic' || fieldValidation === 'Ignore' ? '' : 'error decoding patch: ';
  let wire: WireValue;
  try {
    wire = body.read();
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw badRequest(before + error.message);
    throw error;
  }
  const { value } = wire;
  const wanted = patchType === 'json' ? '[]handlers.jsonPatchOp' : 'map[string]interface {}';
  const fits = patchType === 'json' ? Array.isArray(value) : typeof value === 'object' && !Array.isArray(value);
  if (!fits) throw badRequest(`${before}json: cannot unmarshal ${jsonKind(value)} into Go value of type ${wanted}`);
  // nothing is a patch to the two others, and none to this library
  if (patchType === 'merge' && value === null) throw badRequest('Invalid JSON Patch');
  if (fieldValidation === 'Ignore') return { value: value ?? {}, found: [] };
  const found = wire.duplicates.map(
    (duplicate) => `${patchType === 'json' ? 'json patch ' : ''}duplicate field ${JSON.stringify(duplicate.path)}`,
  );
  if (patchType === 'json') found.push(...checkJsonPatch(value as JsonValue[]));
  return { value: value ?? {}, found };
}

function jsonKind(value: JsonValue): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'boolean') return 'bool';
  return typeof value === 'bigint' ? 'number' : typeof value;
}

function applyPatchValue(
  patchType: PlainPatch,
  current: Readonly<UnknownObject>,
  patch: JsonValue,
  type: StructType | undefined,
): JsonValue {
  const target = current as unknown as JsonValue;
  switch (patchType) {
    case 'merge':
      return applyMergePatch(target, patch);
    case 'json':
      return applyJsonPatch(target, patch as JsonValue[]);
    case 'strategic':
      if (!type) throw unsupportedMediaType();
      return applyStrategicMergePatch(current, patch as Record<string, unknown>, type) as JsonValue;
  }
}

/** Custom resources know no merge keys. */
function unsupportedMediaType(): ApiError {
  const message =
    'the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml';
  return new ApiError({ code: 415, reason: 'UnsupportedMediaType', message });
}

/** Makes the patched value the kind's own again, and finds what does not belong there. */
function decodePatched(
  patched: JsonValue,
  current: Readonly<UnknownObject>,
  read: ReadPatch,
  patchType: PlainPatch,
  type: StructType | undefined,
  expected: ExpectedKind,
  { fieldValidation, warn }: BodyRules,
): UnknownObject {
  const refuse = (message: string): ApiError => {
    const value = patchType === 'strategic' ? goValue(read.value) : patchedText(patchType, current, read.value, type);
    return invalid({ group: '', kind: '' }, '', [invalidValue('patch', value, message)]);
  };
  const object = patched as UnknownObject;
  checkKind(object, expected, refuse);
  const { found } = read;
  if (!type) {
    const copy = Object.assign(copyJson(object), { kind: expected.kind, apiVersion: expected.apiVersion });
    const faults = [...found, ...unknownFields(copy, expected, refuse)];
    if (fieldValidation === 'Ignore') return copy;
    if (faults.length > 0 && fieldValidation === 'Strict') throw refuse(strictDecodingMessage(faults));
    for (const text of faults) warn(text);
    return copy;
  }
  try {
    const decoded = decodeObject(object, type, {
      fieldValidation,
      source: patchType === 'strategic' ? 'untyped' : 'json',
    });
    if (found.length > 0 && fieldValidation === 'Strict') throw refuse(strictDecodingMessage(found));
    for (const text of [...found, ...decoded.warnings]) warn(text);
    return Object.assign(decoded.object as UnknownObject, { kind: expected.kind, apiVersion: expected.apiVersion });
  } catch (error) {
    if (error instanceof StrictDecodeError) throw refuse(strictDecodingMessage([...found, ...error.errors]));
    if (error instanceof DecodeError) throw refuse(error.message);
    throw error;
  }
}

/** A patch may not make another kind of the object. */
function checkKind(
  { kind, apiVersion }: UnknownObject,
  expected: ExpectedKind,
  refuse: (message: string) => ApiError,
): void {
  if (kind === expected.kind && apiVersion === expected.apiVersion) return;
  const actual = { kind: kind || expected.kind, apiVersion: apiVersion || expected.apiVersion };
  if (actual.kind === expected.kind && actual.apiVersion === expected.apiVersion) return;
  const gv = parseApiVersion(actual.apiVersion);
  if (!gv || !typeForKind(gv.group, gv.version, actual.kind)) {
    throw refuse(
      `no kind ${JSON.stringify(actual.kind)} is registered for version ${JSON.stringify(actual.apiVersion)} in scheme "pkg/runtime/scheme.go:111"`,
    );
  }
  throw refuse(`unable to decode ${actual.apiVersion}, Kind=${actual.kind} into ${expected.kind}`);
}

/**
 * The patched JSON as upstream's library has it: objects that the patch went through have their keys sorted, all others
 * are as they were.
 */
function patchedText(
  patchType: PlainPatch,
  current: Readonly<UnknownObject>,
  patch: JsonValue,
  type: StructType | undefined,
): string {
  const original = parseTrustedJson(encodeText(current, type));
  const untouched = new Set<unknown>();
  const note = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    untouched.add(value);
    for (const member of Object.values(value)) note(member);
  };
  note(original);
  const write = (value: JsonValue): string => {
    if (typeof value !== 'object' || value === null || untouched.has(value)) return stringifyJson(value);
    if (Array.isArray(value)) return `[${value.map(write).join(',')}]`;
    const members = Object.keys(value)
      .sort()
      .map((key) => `${JSON.stringify(key)}:${write(value[key] as JsonValue)}`);
    return `{${members.join(',')}}`;
  };
  return write(applyPatchValue(patchType, original as UnknownObject, patch, type));
}
