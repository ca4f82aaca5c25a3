import { type Field, type FieldType, type StructType, typeOf } from '../schema.ts';
import { setOwn } from './copy-json.ts';
import { scalarDecoder, zeroScalar } from './scalars.ts';

/**
 * Decoders compiled from the schema: the fast road. They build the canonical form (fields in Go's order, zero values
 * where Go shows them, omitempty applied, nulls resolved) and give up at the first thing that is wrong: `diagnose`
 * then finds Go's words for it. They do not follow Go there so that the ordinary request pays for no path.
 */
export interface Run {
  /** A converter from untyped objects (patches, apply) takes `1.0` for an integer and wraps what overflows. */
  readonly untyped: boolean;
  /** Frozen structs are taken as they are: they came out of this decoder by way of the store. */
  readonly trustFrozen: boolean;
  /** Set when a struct has a key that is none of its fields. */
  unknown: boolean;
}

export const emptyRun = (): Run => ({ untyped: false, trustFrozen: false, unknown: false });

/** Gets anything but null and undefined. Throws `mismatch`, or what a value's own parser throws. */
export type Decoder = (value: unknown, run: Run) => unknown;

/** A value of the wrong type, without the words; one for all, since its stack tells nothing. */
export const mismatch = new Error('a value is of the wrong type');

export interface StructDecoder {
  readonly decode: Decoder;
  /** What Go's zero value of the struct is in JSON; fresh on every call. */
  zero(): Record<string, unknown>;
}

interface FieldDecoder {
  readonly name: string;
  readonly decode: Decoder;
  /** The form of an absent or null field; undefined = left out. */
  readonly absent: () => unknown;
  /** Whether a decoded value is left out. */
  readonly omit: (value: unknown) => boolean;
}

const structDecoders = new WeakMap<StructType, StructDecoder>();

export function structDecoder(type: StructType): StructDecoder {
  let decoder = structDecoders.get(type);
  if (decoder === undefined) {
    decoder = createStructDecoder(type);
    structDecoders.set(type, decoder);
  }
  return decoder;
}

function createStructDecoder(type: StructType): StructDecoder {
  // on first use and not at once: types refer to themselves
  let compiled: readonly FieldDecoder[] | undefined;
  const fields = (): readonly FieldDecoder[] => (compiled ??= type.fields.map(fieldDecoder));
  return {
    zero() {
      const object: Record<string, unknown> = {};
      for (const field of fields()) {
        const value = field.absent();
        if (value !== undefined) object[field.name] = value;
      }
      return object;
    },
    decode(value, run) {
      if (typeof value !== 'object' || Array.isArray(value)) throw mismatch;
      if (run.trustFrozen && Object.isFrozen(value)) return value;
      const from = value as Record<string, unknown>;
      const object: Record<string, unknown> = {};
      const list = compiled ?? fields();
      let known = 0;
      for (let i = 0; i < list.length; i++) {
        const field = list[i] as FieldDecoder;
        const member = from[field.name];
        let decoded: unknown;
        if (member === undefined) decoded = field.absent();
        else {
          known++;
          if (member === null) decoded = field.absent();
          else {
            decoded = field.decode(member, run);
            if (field.omit(decoded)) continue;
          }
        }
        if (decoded !== undefined) object[field.name] = decoded;
      }
      for (const key in from) if (from[key] !== undefined) known--;
      if (known !== 0) run.unknown = true;
      return object;
    },
  };
}

const never = (): boolean => false;
const isNull = (value: unknown): boolean => value === null;
const nothing = (): undefined => undefined;
const nil = (): null => null;

function fieldDecoder(field: Field): FieldDecoder {
  const decode = decoderOf(field.type);
  const { name, type, pointer, omitEmpty, omitZero } = field;
  // a pointer to what is written as null (a zero time) is left out: read again, it is no pointer at all
  if (pointer)
    return omitEmpty || omitZero
      ? { name, decode, absent: nothing, omit: isNull }
      : { name, decode, absent: nil, omit: never };
  const zero = zeroOf(type);
  if (omitZero) return { name, decode, absent: nothing, omit: (value) => isZero(value, zero()) };
  // an empty list of managers says "forget them all": its reader must see it, and writers leave it out
  const isEmpty = name === 'managedFields' ? isNull : omitEmpty ? emptiness(type) : undefined;
  return isEmpty === undefined
    ? { name, decode, absent: zero, omit: never }
    : { name, decode, absent: nothing, omit: isEmpty };
}

/** What omitempty leaves out; undefined where it has no effect, as on structs. */
export function emptiness(type: FieldType): ((value: unknown) => boolean) | undefined {
  switch (type.kind) {
    case 'list':
      return (value) => value === null || (value as unknown[]).length === 0;
    case 'map':
      return (value) => {
        for (const _ in value as object) return false;
        return true;
      };
    case 'string':
      return (value) => value === '';
    case 'bytes':
      return (value) => value === '' || value === null;
    case 'bool':
      return (value) => value === false;
    case 'int32':
    case 'int64':
    case 'float64':
      return (value) => value === 0 || value === 0n;
    case 'any':
      return (value) => value === null;
    default:
      return undefined;
  }
}

/** The JSON of Go's zero value. */
export function zeroOf(type: FieldType): () => unknown {
  if (type.kind === 'ref') return () => structDecoder(typeOf(type.name)).zero();
  if (type.kind === 'list' || type.kind === 'map') return nil;
  const value = zeroScalar(type.kind);
  return () => value;
}

function isZero(value: unknown, zero: unknown): boolean {
  return (
    value === zero ||
    (typeof value === 'object' && typeof zero === 'object' && JSON.stringify(value) === JSON.stringify(zero))
  );
}

const decoders = new WeakMap<FieldType, Decoder>();

function decoderOf(type: FieldType): Decoder {
  let decoder = decoders.get(type);
  if (decoder === undefined) {
    decoder = createDecoder(type);
    decoders.set(type, decoder);
  }
  return decoder;
}

function createDecoder(type: FieldType): Decoder {
  if (type.kind === 'ref') {
    let struct: StructDecoder | undefined;
    return (value, run) => (struct ??= structDecoder(typeOf(type.name))).decode(value, run);
  }
  if (type.kind === 'list') return listDecoder(type.items);
  if (type.kind === 'map') return mapDecoder(type.values);
  return scalarDecoder(type.kind);
}

function listDecoder(items: FieldType): Decoder {
  const decode = decoderOf(items);
  const zero = zeroOf(items);
  return (value, run) => {
    if (!Array.isArray(value)) throw mismatch;
    return value.map((item: unknown) => (item === null || item === undefined ? zero() : decode(item, run)));
  };
}

function mapDecoder(values: FieldType): Decoder {
  const decode = decoderOf(values);
  const zero = zeroOf(values);
  const plain = values.kind === 'string';
  return (value, run) => {
    if (typeof value !== 'object' || Array.isArray(value)) throw mismatch;
    const from = value as Record<string, unknown>;
    const map: Record<string, unknown> = {};
    for (const key in from) {
      const member = from[key];
      if (member === undefined) continue;
      const decoded = plain && typeof member === 'string' ? member : member === null ? zero() : decode(member, run);
      setOwn(map, key, decoded);
    }
    return map;
  };
}
