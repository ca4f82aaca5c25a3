import { canonicalQuantity } from '../quantity.ts';
import { type ScalarKind, type StructType, typeOf } from '../schema.ts';
import { canonicalMicroTime, canonicalTime } from '../time.ts';
import { canonicalBase64, encodeByteList } from './base64.ts';
import { copyJson } from './copy-json.ts';
import { canonicalDuration } from './duration.ts';
import { type Decoder, type Run, mismatch, structDecoder } from './field-decoder.ts';

/** The JSON of Go's zero value of a kind. */
export function zeroScalar(kind: ScalarKind): unknown {
  switch (kind) {
    case 'string':
      return '';
    case 'bool':
    case 'schemaOrBool':
      return false;
    case 'int32':
    case 'int64':
    case 'float64':
    case 'intOrString':
      return 0;
    case 'quantity':
      return '0';
    case 'duration':
      return '0s';
    default:
      return null;
  }
}

export function scalarDecoder(kind: ScalarKind): Decoder {
  return decoders[kind];
}

const TWO_63 = 2 ** 63;

const decoders: Record<ScalarKind, Decoder> = {
  string: ofType('string'),
  bool: ofType('boolean'),
  int32(value, run) {
    if (typeof value === 'number' && (value | 0) === value) return value;
    if (!run.untyped) throw mismatch;
    // reflect's Convert drops the upper half
    return Number(BigInt.asIntN(32, wholeNumber(value)));
  },
  int64(value, run) {
    if (typeof value === 'number' && Number.isInteger(value) && value < TWO_63 && value >= -TWO_63) return value;
    if (typeof value === 'bigint' && BigInt.asIntN(64, value) === value) return value;
    if (!run.untyped) throw mismatch;
    return shrink(BigInt.asIntN(64, wholeNumber(value)));
  },
  float64(value) {
    if (typeof value === 'number') return value;
    if (typeof value === 'bigint') return Number(value);
    throw mismatch;
  },
  bytes(value) {
    if (typeof value === 'string') return canonicalBase64(value);
    if (Array.isArray(value)) return encodeByteList(value) ?? raise();
    throw mismatch;
  },
  quantity(value) {
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint')
      return canonicalQuantity(value);
    // upstream parses the JSON text, whatever it is
    return canonicalQuantity(JSON.stringify(value));
  },
  time: (value) => zeroTimeIsNull(canonicalTime(text(value))),
  microTime: (value) => zeroTimeIsNull(canonicalMicroTime(text(value))),
  duration: (value) => canonicalDuration(text(value)),
  intOrString(value) {
    if (typeof value === 'string') return value;
    if (typeof value === 'number' && (value | 0) === value) return value;
    throw mismatch;
  },
  rawExtension: copyJson,
  json: copyJson,
  any: copyJson,
  // never changed by anyone, and known by identity to those who read it
  fieldsV1: (value) => value,
  schemaOrBool(value, run) {
    if (typeof value === 'boolean') return value;
    if (typeof value === 'object' && !Array.isArray(value)) return nestedSchema(value, run);
    throw new Error('boolean or JSON schema expected');
  },
  schemaOrArray(value, run) {
    if (Array.isArray(value)) return value.length === 0 ? null : value.map((item) => nestedSchema(item ?? {}, run));
    return typeof value === 'object' ? nestedSchema(value, run) : null;
  },
  schemaOrStringArray(value, run) {
    if (Array.isArray(value)) return value.length === 0 ? null : value.map((item) => (item === null ? '' : text(item)));
    return typeof value === 'object' ? nestedSchema(value, run) : null;
  },
};

/** Go's zero time is written as null. */
function zeroTimeIsNull(time: string): string | null {
  return time.startsWith('0001-01-01T00:00:00') && /^[^.]*(?:\.0+)?Z$/.test(time) ? null : time;
}

function ofType(type: 'string' | 'boolean'): Decoder {
  return (value) => {
    if (typeof value === type) return value;
    throw mismatch;
  };
}

function raise(): never {
  throw mismatch;
}

function text(value: unknown): string {
  if (typeof value === 'string') return value;
  throw mismatch;
}

function wholeNumber(value: unknown): bigint {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number' && Number.isInteger(value)) return BigInt(value);
  throw mismatch;
}

function shrink(value: bigint): number | bigint {
  const number = Number(value);
  return BigInt(number) === value && Math.abs(number) < TWO_63 ? number : value;
}

let schemaProps: StructType | undefined;

/** A schema within a union is parsed on its own: nobody is told of its unknown fields. */
function nestedSchema(value: unknown, run: Run): unknown {
  schemaProps ??= typeOf(SCHEMA_PROPS);
  return structDecoder(schemaProps).decode(value, { untyped: false, trustFrozen: run.trustFrozen, unknown: false });
}
export const SCHEMA_PROPS = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps';
