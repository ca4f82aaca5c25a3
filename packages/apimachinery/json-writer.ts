import { quoteJson, stringifyJson } from './json.ts';
import { canonicalQuantity } from './quantity.ts';
import { type Field, type FieldType, type StructType, findType } from './schema.ts';
import { canonicalMicroTime, canonicalTime } from './time.ts';

/**
 * Writes values of the built-in types as Go's encoder writes its structs: fields in declared order, omitempty as
 * declared, zero values where Go shows them (`"status":{}`, `"containers":null`), map keys sorted, quantities and
 * times in their canonical form. Fields that the type does not have are left out.
 */
export type Writer = (value: unknown) => string;

interface FieldWriter {
  readonly name: string;
  /** `"name":` */
  readonly label: string;
  readonly write: Writer;
  /** Left out where Go has the zero value. */
  readonly omit: (value: unknown) => boolean;
}

export interface StructWriter {
  /** The whole struct. */
  readonly write: Writer;
  /** Members only, without braces: fields from index `from` up to `to`. */
  members(value: Record<string, unknown>, from: number, to: number): string;
  /** Position of a field in the struct; the number of fields when there is none of that name. */
  indexOf(name: string): number;
  readonly size: number;
}

const structWriters = new WeakMap<StructType, StructWriter>();

export function structWriter(type: StructType): StructWriter {
  let writer = structWriters.get(type);
  if (writer === undefined) {
    writer = createStructWriter(type);
    structWriters.set(type, writer);
  }
  return writer;
}

function createStructWriter(type: StructType): StructWriter {
  // on first use and not at once: types refer to themselves
  let compiled: FieldWriter[] | undefined;
  const fields = (): FieldWriter[] => (compiled ??= type.fields.map(fieldWriter));
  const members = (object: Record<string, unknown>, from: number, to: number): string => {
    const list = compiled ?? fields();
    let text = '';
    for (let i = from; i < to; i++) {
      const field = list[i] as FieldWriter;
      const value = object[field.name];
      if (field.omit(value)) continue;
      text += text === '' ? field.label + field.write(value) : `,${field.label}${field.write(value)}`;
    }
    return text;
  };
  return {
    members,
    size: type.fields.length,
    indexOf: (name) => {
      const at = fields().findIndex((f) => f.name === name);
      return at < 0 ? type.fields.length : at;
    },
    write: (value) =>
      `{${members(typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : empty, 0, type.fields.length)}}`,
  };
}
const empty: Record<string, unknown> = Object.freeze({});

function fieldWriter(field: Field): FieldWriter {
  const write = typeWriter(field.type);
  return {
    name: field.name,
    label: `${JSON.stringify(field.name)}:`,
    write: field.pointer ? (value) => (value == null ? 'null' : write(value)) : write,
    omit: omission(field),
  };
}

const isNil = (value: unknown): boolean => value === undefined || value === null;
const never = (): boolean => false;

function omission(field: Field): (value: unknown) => boolean {
  if (field.omitZero) return isNil;
  if (!field.omitEmpty) return never;
  if (field.pointer) return isNil;
  switch (field.type.kind) {
    case 'string':
    case 'duration':
      return (value) => isNil(value) || value === '';
    case 'bool':
      return (value) => value !== true;
    case 'int32':
    case 'int64':
    case 'float64':
      return (value) => isNil(value) || value === 0 || value === 0n;
    case 'bytes':
      return (value) => isNil(value) || value === '';
    case 'list':
      return (value) => isNil(value) || (value as unknown[]).length === 0;
    case 'map':
      return (value) => isNil(value) || isEmptyObject(value as object);
    case 'any':
      return isNil;
    default:
      // Go never leaves out a struct, and these are structs there
      return never;
  }
}

function isEmptyObject(object: object): boolean {
  for (const key in object) {
    if (Object.hasOwn(object, key)) return false;
  }
  return true;
}

function typeWriter(type: FieldType): Writer {
  switch (type.kind) {
    case 'string':
    case 'duration':
      return (value) => (typeof value === 'string' ? quoteJson(value) : value == null ? '""' : stringifyJson(value));
    case 'bytes':
      return (value) => (typeof value === 'string' ? quoteJson(value) : 'null');
    case 'bool':
      return (value) => (value === true ? 'true' : 'false');
    case 'int32':
    case 'int64':
      return (value) => (value == null ? '0' : String(value));
    case 'float64':
      return (value) => (value == null ? '0' : stringifyJson(value));
    case 'quantity':
      return (value) => `"${value == null ? '0' : canonicalQuantity(value as string | number | bigint)}"`;
    case 'time':
      return (value) => writeTime(value, canonicalTime);
    case 'microTime':
      return (value) => writeTime(value, canonicalMicroTime);
    case 'intOrString':
      return (value) => (typeof value === 'string' ? quoteJson(value) : value == null ? '0' : String(value));
    case 'list': {
      const write = typeWriter(type.items);
      return (value) => (Array.isArray(value) ? writeList(value, write) : 'null');
    }
    case 'map': {
      const write = typeWriter(type.values);
      return (value) =>
        typeof value === 'object' && value !== null ? writeMap(value as Record<string, unknown>, write) : 'null';
    }
    case 'ref': {
      const target = findType(type.name);
      if (target === undefined) throw new Error(`no API type ${type.name}`);
      return structWriter(target).write;
    }
    case 'schemaOrArray':
    case 'schemaOrBool':
    case 'schemaOrStringArray':
      return writeSchemaOr;
    case 'any':
      return (value) => (value === undefined ? 'null' : writeSorted(value));
    case 'fieldsV1':
    case 'rawExtension':
    case 'json':
      // Go keeps these as text: their order is the author's
      return (value) => (value === undefined ? 'null' : stringifyJson(value));
  }
}

/** Go's zero time is null in JSON. */
function writeTime(value: unknown, canonical: (text: string) => string): string {
  if (isNil(value) || value === '') return 'null';
  const text = canonical(value as string);
  return text.startsWith('0001-01-01T00:00:00') && /^[0.Z]*$/.test(text.slice(19)) ? 'null' : `"${text}"`;
}

function writeSchemaOr(value: unknown): string {
  if (Array.isArray(value)) return writeList(value, writeSchemaOr);
  if (typeof value !== 'object' || value === null) return value === undefined ? 'null' : stringifyJson(value);
  const schema = findType('io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps');
  return schema === undefined ? stringifyJson(value) : structWriter(schema).write(value);
}

function writeList(list: readonly unknown[], write: Writer): string {
  let text = '';
  for (let i = 0; i < list.length; i++) text += i === 0 ? write(list[i]) : `,${write(list[i])}`;
  return `[${text}]`;
}

function writeMap(map: Record<string, unknown>, write: Writer): string {
  const keys = Object.keys(map);
  if (keys.length > 1) keys.sort(compareGoStrings);
  let text = '';
  for (const key of keys) {
    if (map[key] === undefined) continue;
    text += `${text === '' ? '' : ','}${quoteJson(key)}:${write(map[key])}`;
  }
  return `{${text}}`;
}

/** A value of unknown type as Go writes its map[string]interface{}: every object's keys sorted. */
export function writeSorted(value: unknown): string {
  if (Array.isArray(value)) return writeList(value, writeSorted);
  if (typeof value === 'object' && value !== null) return writeMap(value as Record<string, unknown>, writeSorted);
  if (typeof value === 'string') return quoteJson(value);
  return value === undefined ? 'null' : stringifyJson(value);
}

/** Go compares strings by their UTF-8 bytes, JavaScript by UTF-16 units: they differ above U+D7FF. */
export function compareGoStrings(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    if (x >= 0xd800 && y >= 0xd800) {
      const xIsPair = x <= 0xdfff;
      const yIsPair = y <= 0xdfff;
      if (xIsPair !== yIsPair) return xIsPair ? 1 : -1;
    }
    return x < y ? -1 : 1;
  }
  return a.length - b.length;
}
