import { stringifyJson } from '../json.ts';
import { canonicalQuantity } from '../quantity.ts';
import type { ScalarKind } from '../schema.ts';
import { type Cursor, readBool, readBytes, readInt32, readInt64, readString, readTag, skipField } from './reader.ts';
import type { ProtoWriter } from './writer.ts';

/**
 * Scalars that protobuf has as messages, and JSON in a form of their own. A decoder reads to the cursor's end;
 * an encoder writes the message's fields, the last first. Neither sees undefined, which Go has as the zero value:
 * `encode` gets it as null.
 */
export interface ScalarMessage {
  decode(cursor: Cursor, depth: number, schema: ReadSchema, parse: (raw: Buffer) => unknown): unknown;
  encode(writer: ProtoWriter, value: unknown, schema: WriteSchema): void;
}
/** Reads and writes a nested JSONSchemaProps as a length-delimited field. */
export type ReadSchema = (cursor: Cursor, depth: number) => unknown;
export type WriteSchema = (writer: ProtoWriter, number: number, value: unknown) => void;

export type MessageKind = Exclude<ScalarKind, 'string' | 'bool' | 'int32' | 'int64' | 'float64' | 'bytes' | 'any'>;

type Fields = Record<number, (cursor: Cursor) => void>;

function readFields(cursor: Cursor, name: string, fields: Fields): void {
  while (cursor.at < cursor.end) {
    const tag = readTag(cursor, name);
    const number = tag >>> 3;
    const wire = tag & 7;
    const read = Object.hasOwn(fields, number) ? fields[number] : undefined;
    if (read === undefined) skipField(cursor, wire);
    else read(cursor);
  }
}

const quantity: ScalarMessage = {
  decode(cursor) {
    let text = '0';
    readFields(cursor, 'Quantity', { 1: (c) => (text = readString(c)) });
    return text;
  },
  encode(writer, value) {
    writer.string(1, value === null ? '0' : canonicalQuantity(value as string | number | bigint));
  },
};

/** Seconds and nanoseconds; an empty message is Go's zero time, which JSON has as null. */
function timeMessage(
  name: string,
  write: (seconds: number, nanos: number) => string,
  withFraction: boolean,
): ScalarMessage {
  return {
    decode(cursor) {
      if (cursor.at === cursor.end) return null;
      let seconds = 0;
      let nanos = 0;
      readFields(cursor, name, { 1: (c) => (seconds = Number(readInt64(c))), 2: (c) => (nanos = readInt32(c)) });
      return write(seconds, nanos);
    },
    encode(writer, value) {
      if (value === null) return;
      const text = value as string;
      const fraction = withFraction ? (/\.(\d+)/.exec(text)?.[1] ?? '') : '';
      writer.varint(2, Number(fraction.slice(0, 6).padEnd(6, '0')) * 1000);
      writer.varint(1, Math.floor(Date.parse(text) / 1000));
    },
  };
}

function isoSeconds(seconds: number): string {
  const date = new Date(seconds * 1000);
  // Outside of what JSON can say; the decoder behind refuses the text.
  return Number.isNaN(date.getTime()) ? `${seconds}` : date.toISOString().slice(0, -5);
}

const NANOS_PER_SECOND = 1_000_000_000n;

const duration: ScalarMessage = {
  decode(cursor) {
    let nanos = 0n;
    readFields(cursor, 'Duration', { 1: (c) => (nanos = BigInt(readInt64(c))) });
    const sign = nanos < 0n ? '-' : '';
    const size = nanos < 0n ? -nanos : nanos;
    const fraction = String(size % NANOS_PER_SECOND).padStart(9, '0');
    return `${sign}${size / NANOS_PER_SECOND}.${fraction}s`;
  },
  encode(writer, value) {
    writer.varint(1, value === null ? 0 : nanosOf(value as string));
  },
};

const unitNanos: Record<string, number> = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, m: 6e10, h: 3.6e12 };

/** Of Go's canonical text, `1h0m0.5s`. */
function nanosOf(text: string): bigint {
  let total = 0n;
  for (const [, whole, fraction = '', unit] of text.matchAll(/(\d+)(?:\.(\d+))?(ns|us|µs|ms|s|m|h)/g)) {
    const scale = BigInt(unitNanos[unit!]!);
    total +=
      BigInt(whole!) * scale + (fraction === '' ? 0n : (BigInt(fraction) * scale) / 10n ** BigInt(fraction.length));
  }
  return text.startsWith('-') ? -total : total;
}

const intOrString: ScalarMessage = {
  decode(cursor) {
    let type: number | bigint = 0;
    let int = 0;
    let text = '';
    readFields(cursor, 'IntOrString', {
      1: (c) => (type = readInt64(c)),
      2: (c) => (int = readInt32(c)),
      3: (c) => (text = readString(c)),
    });
    return type === 0 ? int : text;
  },
  encode(writer, value) {
    const isText = typeof value === 'string';
    writer.string(3, isText ? value : '');
    writer.varint(2, isText || value === null ? 0 : (value as number));
    writer.varint(1, isText ? 1 : 0);
  },
};

/** JSON text in field 1. */
function rawMessage(name: string): ScalarMessage {
  return {
    decode(cursor, _depth, _schema, parse) {
      let raw: Buffer | undefined;
      readFields(cursor, name, { 1: (c) => (raw = readBytes(c)) });
      return raw === undefined || raw.length === 0 ? null : parse(raw);
    },
    encode(writer, value) {
      if (value !== null) writer.string(1, stringifyJson(value));
    },
  };
}

const schemaOrBool: ScalarMessage = {
  decode(cursor, depth, schema) {
    let value: unknown;
    let allows = false;
    readFields(cursor, 'JSONSchemaPropsOrBool', {
      1: (c) => (allows = readBool(c)),
      2: (c) => (value = schema(c, depth)),
    });
    return value ?? allows;
  },
  encode(writer, value, schema) {
    const isSchema = typeof value === 'object' && value !== null;
    if (isSchema) schema(writer, 2, value);
    writer.varint(1, isSchema || value === true ? 1 : 0);
  },
};

/** A schema in field 1, or a list in field 2. */
function schemaOrList(
  name: string,
  readItem: (c: Cursor, depth: number, schema: ReadSchema) => unknown,
  writeItem: WriteItem,
): ScalarMessage {
  return {
    decode(cursor, depth, schema) {
      let value: unknown = null;
      const items: unknown[] = [];
      readFields(cursor, name, {
        1: (c) => (value = schema(c, depth)),
        2: (c) => items.push(readItem(c, depth, schema)),
      });
      return items.length > 0 ? items : value;
    },
    encode(writer, value, schema) {
      if (Array.isArray(value)) for (const item of [...(value as unknown[])].reverse()) writeItem(writer, item, schema);
      else if (value !== null) schema(writer, 1, value);
    },
  };
}
type WriteItem = (writer: ProtoWriter, item: unknown, schema: WriteSchema) => void;

export const scalarMessages: Record<MessageKind, ScalarMessage> = {
  quantity,
  time: timeMessage('Timestamp', (seconds) => `${isoSeconds(seconds)}Z`, false),
  microTime: timeMessage(
    'Timestamp',
    (seconds, nanos) => `${isoSeconds(seconds)}.${String(Math.floor(nanos / 1000)).padStart(6, '0')}Z`,
    true,
  ),
  duration,
  intOrString,
  fieldsV1: rawMessage('FieldsV1'),
  rawExtension: rawMessage('RawExtension'),
  json: rawMessage('JSON'),
  schemaOrBool,
  schemaOrArray: schemaOrList(
    'JSONSchemaPropsOrArray',
    (c, depth, schema) => schema(c, depth),
    (w, item, schema) => schema(w, 2, item),
  ),
  schemaOrStringArray: schemaOrList(
    'JSONSchemaPropsOrStringArray',
    (c) => readString(c),
    (w, item) => w.string(2, item as string),
  ),
};
