import { type Field, type FieldType, type Inline, isInline, type StructType, typeOf } from '../schema.ts';
import { compareGoStrings } from '../json-writer.ts';
import { scalarMessages } from './scalar-messages.ts';
import type { ProtoWriter } from './writer.ts';

/**
 * Encoders of messages, compiled from the schema on first use. As Go's generated ones they write every field that
 * is no pointer, list, map or byte string, also when it is zero, in ascending order of the numbers (the writer goes
 * backwards, so this code goes down).
 */
type Json = Record<string, unknown>;
/** Writes one value as field `number`; null where Go has the zero value. */
type WriteValue = (writer: ProtoWriter, number: number, value: unknown) => void;
type WriteMember = (writer: ProtoWriter, object: Json) => void;

/** Writes the fields of an object of the type, in the JSON form that the decoder gives. */
export function encodeMessage(type: StructType, writer: ProtoWriter, object: Json): void {
  for (const write of structWriter(type)) write(writer, object);
}

const structWriters = new WeakMap<StructType, readonly WriteMember[]>();

function structWriter(type: StructType): readonly WriteMember[] {
  let members = structWriters.get(type);
  if (members === undefined) {
    members = type.members
      .filter((m) => m.proto !== undefined)
      .sort((a, b) => b.proto!.number - a.proto!.number)
      .map(memberWriter);
    structWriters.set(type, members);
  }
  return members;
}

function memberWriter(member: Field | Inline): WriteMember {
  const number = member.proto!.number;
  if (isInline(member)) {
    const type = typeOf(member.inline);
    return (writer, object) => writer.message(number, () => encodeMessage(type, writer, object));
  }
  const { name, type, pointer } = member;
  const write = valueWriter(type);
  const isNilable = pointer || type.kind === 'list' || type.kind === 'map' || type.kind === 'bytes';
  return (writer, object) => {
    const value = object[name] ?? null;
    if (value !== null || !isNilable) write(writer, number, value);
  };
}

function valueWriter(type: FieldType): WriteValue {
  switch (type.kind) {
    case 'ref': {
      let target: StructType | undefined;
      return (writer, number, value) => {
        target ??= typeOf(type.name);
        const found = target;
        writer.message(number, () => encodeMessage(found, writer, (value ?? empty) as Json));
      };
    }
    case 'list':
      return type.message ? wrappedListWriter(type.items) : listWriter(type.items);
    case 'map':
      return mapWriter(type.values);
    case 'string':
      return (writer, number, value) => writer.string(number, (value ?? '') as string);
    case 'bytes':
      return (writer, number, value) => writer.bytes(number, Buffer.from((value ?? '') as string, 'base64'));
    case 'bool':
      return (writer, number, value) => writer.varint(number, value === true ? 1 : 0);
    case 'int32':
    case 'int64':
      return (writer, number, value) => writer.varint(number, (value ?? 0) as number | bigint);
    case 'float64':
      return (writer, number, value) => writer.double(number, Number(value ?? 0));
    case 'any':
      throw new Error('a Go interface has no protobuf form');
    default: {
      const message = scalarMessages[type.kind];
      return (writer, number, value) => writer.message(number, () => message.encode(writer, value, writeSchema));
    }
  }
}
const empty: Json = Object.freeze({});

function listWriter(items: FieldType): WriteValue {
  const write = valueWriter(items);
  return (writer, number, value) => {
    const list = value as readonly unknown[];
    for (let i = list.length - 1; i >= 0; i--) write(writer, number, list[i] ?? null);
  };
}

function wrappedListWriter(items: FieldType): WriteValue {
  const write = listWriter(items);
  return (writer, number, value) => writer.message(number, () => write(writer, 1, value ?? []));
}

function mapWriter(values: FieldType): WriteValue {
  const write = valueWriter(values);
  return (writer, number, value) => {
    const map = value as Json;
    for (const key of Object.keys(map).sort(compareGoStrings).reverse()) {
      writer.message(number, () => {
        write(writer, 2, map[key] ?? null);
        writer.string(1, key);
      });
    }
  };
}

function writeSchema(writer: ProtoWriter, number: number, value: unknown): void {
  const schema = typeOf('io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps');
  writer.message(number, () => encodeMessage(schema, writer, value as Json));
}
