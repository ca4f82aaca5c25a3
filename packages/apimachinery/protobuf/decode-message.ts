import { setOwn } from '../decode/copy-json.ts';
import { parseJson } from '../json.ts';
import { type Field, type FieldType, isInline, type StructType, typeOf, type WireKind } from '../schema.ts';
import { MAX_MESSAGE_DEPTH } from './limits.ts';
import {
  BYTES,
  type Cursor,
  FIXED64,
  ProtobufError,
  readBool,
  readDouble,
  readInt32,
  readInt64,
  readString,
  readTag,
  skipField,
  skipLengthDelimited,
  VARINT,
} from './reader.ts';
import { scalarMessages } from './scalar-messages.ts';

/**
 * Decoders of messages, compiled from the schema on first use. They give the fields that are on the wire in the
 * form that JSON has them; what Go's encoder adds or leaves out is the business of `decodeObject`.
 */
type Json = Record<string, unknown>;
type ReadValue = (cursor: Cursor, before: unknown, depth: number) => unknown;

interface FieldReader {
  readonly name: string;
  /** The name in Go, for errors. */
  readonly goName: string;
  readonly wire: number;
  /** Repeated numbers may come packed. */
  readonly packed?: ReadValue;
  readonly read: ReadValue;
  /** A struct inlined in JSON: its message's fields belong to the owner. */
  readonly inline?: StructReader;
}

interface StructReader {
  readonly name: string;
  readonly fields: Map<number, FieldReader>;
}

/** Reads a whole message. @throws ProtobufError */
export function decodeMessage(type: StructType, data: Cursor): Json {
  const object: Json = {};
  readStruct(structReader(type), data, object, 0);
  return object;
}

const readers = new WeakMap<StructType, StructReader>();

function structReader(type: StructType): StructReader {
  let reader = readers.get(type);
  if (reader === undefined) {
    reader = { name: type.goName.slice(type.goName.indexOf('.') + 1), fields: new Map() };
    readers.set(type, reader);
    for (const member of type.members) {
      if (member.proto === undefined) continue;
      if (isInline(member)) {
        const inlined = typeOf(member.inline);
        const name = inlined.goName.slice(inlined.goName.indexOf('.') + 1);
        reader.fields.set(member.proto.number, {
          name: '',
          goName: name,
          wire: BYTES,
          read: () => undefined,
          inline: structReader(inlined),
        });
      } else {
        reader.fields.set(member.proto.number, fieldReader(member));
      }
    }
  }
  return reader;
}

function readStruct(reader: StructReader, cursor: Cursor, object: Json, depth: number): void {
  if (depth > MAX_MESSAGE_DEPTH) throw new ProtobufError('proto: exceeded max depth');
  const { end } = cursor;
  while (cursor.at < end) {
    const tag = readTag(cursor, reader.name);
    const wire = tag & 7;
    const field = reader.fields.get(tag >>> 3);
    if (field === undefined) {
      skipField(cursor, wire);
      continue;
    }
    const read = wire === field.wire ? field.read : wire === BYTES ? field.packed : undefined;
    if (read === undefined) throw new ProtobufError(`proto: wrong wireType = ${wire} for field ${field.goName}`);
    if (field.inline) within(cursor, (inner) => readStruct(field.inline!, inner, object, depth + 1));
    else object[field.name] = read(cursor, object[field.name], depth);
  }
}

/** Runs `read` with the cursor confined to the length-delimited value that begins here. */
function within<T>(cursor: Cursor, read: (inner: Cursor) => T): T {
  const outerEnd = cursor.end;
  const start = skipLengthDelimited(cursor);
  const end = cursor.at;
  cursor.at = start;
  cursor.end = end;
  const value = read(cursor);
  cursor.at = end;
  cursor.end = outerEnd;
  return value;
}

const wireNumbers: Record<WireKind, number> = { varint: VARINT, fixed64: FIXED64, bytes: BYTES };

function fieldReader(field: Field): FieldReader {
  const { name, type } = field;
  const wire = wireNumbers[field.proto!.kind];
  const goName = goNameOf(name);
  if (type.kind === 'list' && !type.message) {
    const item = valueReader(type.items);
    const read: ReadValue = (cursor, before, depth) => {
      const list = (before as unknown[] | undefined) ?? [];
      list.push(item(cursor, undefined, depth));
      return list;
    };
    if (wire === BYTES) return { name, goName, wire, read };
    const packed: ReadValue = (cursor, before, depth) => {
      const list = (before as unknown[] | undefined) ?? [];
      within(cursor, (inner) => {
        while (inner.at < inner.end) list.push(item(inner, undefined, depth));
      });
      return list;
    };
    return { name, goName, wire, read, packed };
  }
  return { name, goName, wire, read: valueReader(type) };
}

function valueReader(type: FieldType): ReadValue {
  switch (type.kind) {
    case 'ref': {
      let reader: StructReader | undefined;
      // A message that comes in two parts is merged.
      return (cursor, before, depth) => {
        reader ??= structReader(typeOf(type.name));
        const object = (before as Json | undefined) ?? {};
        const found = reader;
        within(cursor, (inner) => readStruct(found, inner, object, depth + 1));
        return object;
      };
    }
    case 'map':
      return mapReader(type.values);
    case 'list':
      return wrappedListReader(type.items, type.goName ?? '');
    case 'string':
      return readString;
    case 'bool':
      return readBool;
    case 'int32':
      return readInt32;
    case 'int64':
      return readInt64;
    case 'float64':
      return readDouble;
    case 'bytes':
      return (cursor) => {
        const start = skipLengthDelimited(cursor);
        return cursor.buffer.toString('base64', start, cursor.at);
      };
    case 'any':
      throw new Error('a Go interface has no protobuf form');
    default: {
      const message = scalarMessages[type.kind];
      return (cursor, _, depth) => within(cursor, (inner) => message.decode(inner, depth, nestedSchema, parseRaw));
    }
  }
}

/** Entries are messages of key 1 and value 2; either may be absent. */
function mapReader(values: FieldType): ReadValue {
  const readValue = valueReader(values);
  const zero = zeroOf(values);
  return (cursor, before, depth) => {
    const map = (before as Json | undefined) ?? {};
    within(cursor, (inner) => {
      let key = '';
      let value: unknown;
      while (inner.at < inner.end) {
        const tag = readTag(inner, 'MapEntry');
        const number = tag >>> 3;
        if (number === 1) key = readString(inner);
        else if (number === 2) value = readValue(inner, undefined, depth);
        else skipField(inner, tag & 7);
      }
      setOwn(map, key, value ?? zero);
    });
    return map;
  };
}

function zeroOf(type: FieldType): unknown {
  switch (type.kind) {
    case 'string':
    case 'bytes':
      return '';
    case 'bool':
      return false;
    case 'int32':
    case 'int64':
    case 'float64':
      return 0;
    default:
      return null;
  }
}

/** A named list type is a message with the items in field 1. */
function wrappedListReader(items: FieldType, goName: string): ReadValue {
  const readItem = valueReader(items);
  const name = goName.slice(goName.indexOf('.') + 1);
  return (cursor, before, depth) => {
    const list = (before as unknown[] | undefined) ?? [];
    within(cursor, (inner) => {
      while (inner.at < inner.end) {
        const tag = readTag(inner, name);
        if (tag >>> 3 === 1) list.push(readItem(inner, undefined, depth));
        else skipField(inner, tag & 7);
      }
    });
    return list;
  };
}

let schemaReader: StructReader | undefined;

function nestedSchema(cursor: Cursor, depth: number): Json {
  schemaReader ??= structReader(typeOf('io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps'));
  const found = schemaReader;
  const object: Json = {};
  within(cursor, (inner) => readStruct(found, inner, object, depth + 1));
  return object;
}

function parseRaw(raw: Buffer): unknown {
  return parseJson(raw, { duplicates: 'replace' }).value;
}

const initialisms: Record<string, string> = {
  api: 'API',
  ip: 'IP',
  ips: 'IPs',
  uid: 'UID',
  tty: 'TTY',
  cidr: 'CIDR',
  uri: 'URI',
  url: 'URL',
  fs: 'FS',
  tls: 'TLS',
  ca: 'CA',
  id: 'ID',
};

/** Go's name of a field, as nearly as JSON's name tells it. */
function goNameOf(name: string): string {
  const first = /^[a-z]+/.exec(name)?.[0] ?? '';
  return (initialisms[first] ?? first.charAt(0).toUpperCase() + first.slice(1)) + name.slice(first.length);
}
