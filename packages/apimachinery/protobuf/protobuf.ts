import { type GroupVersionKind, parseApiVersion } from '../object.ts';
import { type StructType, typeForKind } from '../schema.ts';
import { decodeMessage } from './decode-message.ts';
import { encodeMessage } from './encode-message.ts';
import { createCursor, type Cursor, ProtobufError, readBytes, readString, readTag, skipField } from './reader.ts';
import { createProtoWriter } from './writer.ts';

export { ProtobufError } from './reader.ts';

/**
 * application/vnd.kubernetes.protobuf: four magic bytes, then runtime.Unknown (type meta, the object's own message,
 * content encoding and type). Only built-in kinds have this form.
 */
export const PROTOBUF_MEDIA_TYPE = 'application/vnd.kubernetes.protobuf';

const MAGIC = Buffer.from('k8s\0', 'latin1');

export interface Envelope {
  readonly apiVersion: string;
  readonly kind: string;
  /** The object's message, still encoded. */
  readonly raw: Uint8Array;
}

export function isProtobuf(data: Uint8Array): boolean {
  return data.length >= MAGIC.length && MAGIC.equals(data.subarray(0, MAGIC.length));
}

/** @throws ProtobufError with kube-apiserver's text */
export function decodeEnvelope(data: Uint8Array): Envelope {
  if (data.length === 0) throw new ProtobufError('empty data');
  if (!isProtobuf(data))
    throw new ProtobufError('provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]');
  if (data.length === MAGIC.length) throw new ProtobufError('empty body');
  const cursor = createCursor(data.subarray(MAGIC.length));
  let raw: Uint8Array = new Uint8Array();
  let typeMeta = { apiVersion: '', kind: '' };
  readMessage(cursor, 'Unknown', {
    1: (c) => (typeMeta = readTypeMeta(readBytes(c))),
    2: (c) => (raw = readBytes(c)),
  });
  return { ...typeMeta, raw };
}

export interface DecodedProtobuf {
  readonly gvk: GroupVersionKind;
  readonly type: StructType;
  /**
   * The object with apiVersion and kind: what is on the wire, as JSON has it. `decodeObject` makes it canonical, as it
   * does with a parsed JSON body.
   */
  readonly object: Record<string, unknown>;
}

/**
 * Decodes a request body. What the envelope does not say of the kind is taken from `expected`.
 * @throws ProtobufError
 */
export function decodeProtobuf(data: Uint8Array, expected?: GroupVersionKind): DecodedProtobuf {
  const envelope = decodeEnvelope(data);
  const gvk = kindOf(envelope, expected);
  const shown = `runtime.TypeMeta{APIVersion:${JSON.stringify(envelope.apiVersion)}, Kind:${JSON.stringify(envelope.kind)}}`;
  if (gvk.kind === '') throw new ProtobufError(`Object 'Kind' is missing in '${shown}'`);
  if (gvk.version === '') throw new ProtobufError(`Object 'apiVersion' is missing in '${shown}'`);
  const type = typeForKind(gvk.group, gvk.version, gvk.kind);
  if (type === undefined) throw new ProtobufError(noKind(gvk));
  const apiVersion = gvk.group === '' ? gvk.version : `${gvk.group}/${gvk.version}`;
  const message = decodeMessage(type, createCursor(envelope.raw));
  return { gvk, type, object: { kind: gvk.kind, apiVersion, ...message } };
}

/**
 * Encodes a canonical object of a built-in kind by its own kind and apiVersion.
 * @throws Error where that is no built-in kind
 */
export function encodeProtobuf(object: { apiVersion?: string; kind?: string }): Uint8Array<ArrayBuffer> {
  const { apiVersion = '', kind = '' } = object;
  const gv = parseApiVersion(apiVersion);
  const type = gv && typeForKind(gv.group, gv.version, kind);
  if (type === undefined) throw new Error(`${apiVersion} ${kind} has no protobuf form`);
  const writer = createProtoWriter();
  writer.string(4, '');
  writer.string(3, '');
  writer.message(2, () => encodeMessage(type, writer, object as Record<string, unknown>));
  writer.message(1, () => {
    writer.string(2, kind);
    writer.string(1, apiVersion);
  });
  writer.raw(MAGIC);
  return writer.finish();
}

function kindOf(envelope: Envelope, expected: GroupVersionKind | undefined): GroupVersionKind {
  const gv = parseApiVersion(envelope.apiVersion) ?? { group: '', version: '' };
  const kind = envelope.kind === '' ? (expected?.kind ?? '') : envelope.kind;
  return gv.version === '' && expected !== undefined
    ? { group: expected.group, version: expected.version, kind }
    : { ...gv, kind };
}

function noKind({ group, version, kind }: GroupVersionKind): string {
  return `no kind "${kind}" is registered for version "${group === '' ? version : `${group}/${version}`}" in scheme "pkg/api/legacyscheme/scheme.go:30"`;
}

function readTypeMeta(data: Uint8Array): { apiVersion: string; kind: string } {
  const typeMeta = { apiVersion: '', kind: '' };
  readMessage(createCursor(data), 'TypeMeta', {
    1: (c) => (typeMeta.apiVersion = readString(c)),
    2: (c) => (typeMeta.kind = readString(c)),
  });
  return typeMeta;
}

function readMessage(cursor: Cursor, name: string, fields: Record<number, (cursor: Cursor) => void>): void {
  while (cursor.at < cursor.end) {
    const tag = readTag(cursor, name);
    const number = tag >>> 3;
    const wire = tag & 7;
    const read = Object.hasOwn(fields, number) ? fields[number] : undefined;
    if (read === undefined || wire !== 2) skipField(cursor, wire);
    else read(cursor);
  }
}
