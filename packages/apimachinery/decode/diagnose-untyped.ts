import { compareGoStrings } from '../json-writer.ts';
import { type FieldType, type StructType, typeOf } from '../schema.ts';
import type { Diagnosis } from './diagnose.ts';
import { emptyRun, mismatch } from './field-decoder.ts';
import { goKind, goType } from './go-format.ts';
import { goTypeName, parsedTypeName } from './go-types.ts';
import { scalarDecoder } from './scalars.ts';
import { quoteGo } from '../quote-go.ts';

/**
 * What the converter from untyped objects to structs says (k8s.io/apimachinery/pkg/runtime/converter.go): it stops at
 * the first error, in the order of the structs, tells no path, and lists unknown fields sorted.
 */
export function diagnoseUntyped(value: unknown, type: StructType): Diagnosis {
  const unknown: string[] = [];
  try {
    visit(value, { kind: 'ref', name: type.name }, '', unknown, type);
  } catch (error) {
    if (!(error instanceof ConversionError)) throw error;
    return { error: error.message, strict: [] };
  }
  return { strict: unknown.sort(compareGoStrings) };
}

class ConversionError extends Error {}

function visit(value: unknown, type: FieldType, path: string, unknown: string[], struct?: StructType): void {
  if (value === null || value === undefined) return;
  if (type.kind === 'ref') return visitStruct(value, struct ?? typeOf(type.name), path, unknown);
  if (type.kind === 'list') {
    if (!Array.isArray(value)) throw new ConversionError(`cannot restore slice from ${goKind(value)}`);
    for (let i = 0; i < value.length; i++) visit(value[i], type.items, `${path}[${i}]`, unknown);
    return;
  }
  if (type.kind === 'map') {
    if (goKind(value) !== 'map') throw new ConversionError(`cannot restore map from ${goKind(value)}`);
    // keys of a map are not put into the path
    for (const member of Object.values(value as object)) visit(member, type.values, path, unknown);
    return;
  }
  try {
    scalarDecoder(type.kind)(value, { ...emptyRun(), untyped: true });
  } catch (error) {
    throw new ConversionError(error === mismatch ? conversionError(value, type) : (error as Error).message);
  }
}

function visitStruct(value: unknown, type: StructType, path: string, unknown: string[]): void {
  if (goKind(value) !== 'map') throw new ConversionError(`cannot restore struct from: ${goKind(value)}`);
  const object = value as Record<string, unknown>;
  for (const field of type.fields) {
    if (Object.hasOwn(object, field.name)) visit(object[field.name], field.type, join(path, field.name), unknown);
  }
  for (const key of Object.keys(object)) {
    if (type.field(key) === undefined && object[key] !== undefined)
      unknown.push(`unknown field ${quoteGo(join(path, key))}`);
  }
}

const join = (path: string, key: string): string => (path === '' ? key : `${path}.${key}`);

const goKinds: Partial<Record<FieldType['kind'], string>> = {
  string: 'string',
  bool: 'bool',
  int32: 'int32',
  int64: 'int64',
  float64: 'float64',
};

function conversionError(value: unknown, type: FieldType): string {
  const wanted = goKinds[type.kind];
  if (wanted === undefined) {
    if (type.kind === 'bytes') return `cannot restore slice from ${goKind(value)}`;
    // parsed from its JSON, which says this much
    return `json: cannot unmarshal ${jsonKind(value, type)} into Go value of type ${parsedTypeName(type)}`;
  }
  const from = goType(value);
  // Go can convert numbers to strings and among each other; bools and containers to nothing
  const convertible =
    from === 'int64'
      ? wanted !== 'bool'
      : from === 'float64'
        ? wanted !== 'bool' && wanted !== 'string'
        : from === wanted;
  return convertible ? `cannot convert ${from} to ${goTypeName(type)}` : `unrecognized type: ${wanted}`;
}

function jsonKind(value: unknown, type: FieldType): string {
  const kind = goKind(value);
  if (kind === 'map') return 'object';
  if (kind === 'slice') return 'array';
  if (kind === 'bool') return kind;
  return type.kind === 'intOrString' ? `number ${String(value)}` : 'number';
}
