import type { JsonDocument } from '../json-value.ts';
import { type FieldType, type ScalarKind, type StructType, typeOf } from '../schema.ts';
import { emptyRun, mismatch } from './field-decoder.ts';
import { embeddingPath, goTypeName, parsedTypeName, shortName } from './go-types.ts';
import { SCHEMA_PROPS, scalarDecoder } from './scalars.ts';
import { quoteGo } from '../quote-go.ts';

/**
 * The slow road: walks a document as sigs.k8s.io/json decodes it into Go's structs, key by key in the document's
 * order, and says what Go would say. Only taken for documents with something to say.
 */
export interface Diagnosis {
  /** Why the document cannot be decoded at all; when set, nothing else counts. */
  readonly error?: string;
  /** `unknown field "spec.zag"`, `duplicate field "data.a"`; at most 100. */
  readonly strict: readonly string[];
}

const MAX_STRICT = 100;

interface Walk {
  readonly document: Pick<JsonDocument, 'duplicates' | 'literals'>;
  /** Go names the struct that has the field, and the whole path without indexes and map keys. */
  struct: string;
  fields: string[];
  /** The path with indexes and keys. */
  path: string;
  /** First error of a kind after which Go goes on. */
  saved?: Problem;
  readonly strict: Set<string>;
}

/** Go's UnmarshalTypeError, or any other message. */
type Problem =
  | { readonly found: string; readonly goType: string; readonly struct: string; readonly fields: readonly string[] }
  | string;

/** An error after which Go does not go on. */
class Fatal extends Error {
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(textOf(problem));
    this.problem = problem;
  }
}

type Document = Pick<JsonDocument, 'duplicates' | 'literals'>;

export function diagnose(value: unknown, type: StructType, document: Document): Diagnosis {
  const { problem, strict } = walkOver(document, (walk) => visitStruct(value, type, walk));
  return problem === undefined ? { strict } : { error: textOf(problem), strict: [] };
}

function walkOver(document: Document, visitAll: (walk: Walk) => void): { problem?: Problem; strict: string[] } {
  const walk: Walk = { document, struct: '', fields: [], path: '', strict: new Set() };
  try {
    visitAll(walk);
  } catch (error) {
    if (!(error instanceof Fatal)) throw error;
    return { problem: error.problem, strict: [] };
  }
  return { ...(walk.saved !== undefined && { problem: walk.saved }), strict: [...walk.strict] };
}

function textOf(problem: Problem): string {
  if (typeof problem === 'string') return problem;
  const { found, goType, struct, fields } = problem;
  const into = struct === '' && fields.length === 0 ? 'Go value' : `Go struct field ${struct}.${fields.join('.')}`;
  return `json: cannot unmarshal ${found} into ${into} of type ${goType}`;
}

function typeProblem(found: string, goType: string, walk: Walk): Problem {
  return { found, goType, struct: walk.struct, fields: [...walk.fields] };
}

function save(found: string, goType: string, walk: Walk): void {
  walk.saved ??= typeProblem(found, goType, walk);
}

function noteStrict(walk: Walk, what: string, path: string): void {
  if (walk.strict.size < MAX_STRICT) walk.strict.add(`${what} ${quoteGo(path)}`);
}

const join = (path: string, key: string): string => (path === '' ? key : `${path}.${key}`);

function noteDuplicate(walk: Walk, container: object, key: string): void {
  for (const duplicate of walk.document.duplicates) {
    if (duplicate.container === container && duplicate.key === key)
      noteStrict(walk, 'duplicate field', join(walk.path, key));
  }
}

function visitStruct(value: unknown, type: StructType, walk: Walk): void {
  if (value === null) return;
  if (typeof value !== 'object' || Array.isArray(value)) return save(describe(value), type.goName, walk);
  const { struct, path } = walk;
  const depth = walk.fields.length;
  for (const key of Object.keys(value)) {
    const member = (value as Record<string, unknown>)[key];
    if (member === undefined) continue;
    const field = type.field(key);
    if (field === undefined) {
      noteStrict(walk, 'unknown field', join(path, key));
      continue;
    }
    walk.struct = shortName(type);
    walk.fields.push(...embeddingPath(type, key), key);
    walk.path = join(path, key);
    visit(member, field.type, walk, value, key);
    walk.struct = struct;
    walk.fields.length = depth;
    walk.path = path;
    noteDuplicate(walk, value, key);
  }
}

function visit(value: unknown, type: FieldType, walk: Walk, container: object, at: string | number): void {
  if (value === null || value === undefined) return;
  switch (type.kind) {
    case 'ref':
      return visitStruct(value, typeOf(type.name), walk);
    case 'list':
      return visitList(value, type.items, goTypeName(type), walk);
    case 'map':
      return visitMap(value, type.values, goTypeName(type), walk);
    default:
      return visitScalar(value, type.kind, parsedTypeName(type), walk, container, at);
  }
}

function visitList(value: unknown, items: FieldType, goType: string, walk: Walk): void {
  if (!Array.isArray(value)) return save(describe(value), goType, walk);
  const { path } = walk;
  for (let i = 0; i < value.length; i++) {
    walk.path = `${path}[${i}]`;
    visit(value[i], items, walk, value, i);
  }
  walk.path = path;
}

function visitMap(value: unknown, values: FieldType, goType: string, walk: Walk): void {
  if (typeof value !== 'object' || Array.isArray(value)) return save(describe(value), goType, walk);
  const { path } = walk;
  for (const key of Object.keys(value as object)) {
    walk.path = join(path, key);
    visit((value as Record<string, unknown>)[key], values, walk, value as object, key);
    walk.path = path;
    noteDuplicate(walk, value as object, key);
  }
}

function visitScalar(
  value: unknown,
  kind: ScalarKind,
  goType: string,
  walk: Walk,
  container: object,
  at: string | number,
): void {
  const isInteger = kind === 'int32' || kind === 'int64' || kind === 'intOrString';
  const literal = typeof value === 'number' ? walk.document.literals.get(container)?.get(at) : undefined;
  let problem: Problem;
  // Go reads integers from the text: 1.0 is none
  if (literal !== undefined && isInteger) problem = typeProblem(`number ${literal}`, goType, walk);
  else {
    try {
      scalarDecoder(kind)(value, emptyRun());
      return;
    } catch (error) {
      const found = isInteger && describe(value) === 'number' ? `number ${String(value)}` : describe(value);
      if (error !== mismatch) problem = (error as Error).message;
      else if (kind === 'bytes' && Array.isArray(value)) problem = byteProblem(value, walk);
      else problem = typeProblem(found, goType, walk);
    }
  }
  if (plainKinds.has(kind)) walk.saved ??= problem;
  else throw new Fatal(nestedProblem(value, kind, walk) ?? problem);
}

/** The first item of a list that is no byte. */
function byteProblem(list: readonly unknown[], walk: Walk): Problem {
  const item = list.find((n) => n !== null && (typeof n !== 'number' || (n & 255) !== n));
  return typeProblem(describe(item) === 'number' ? `number ${String(item)}` : describe(item), 'uint8', walk);
}

/** Kinds that Go's decoder reads itself; the others have a parser of their own, whose errors end the decoding. */
const plainKinds: ReadonlySet<ScalarKind> = new Set<ScalarKind>([
  'string',
  'bool',
  'int32',
  'int64',
  'float64',
  'bytes',
]);

/** What is wrong within a union with a schema. It is parsed apart; where it stands is put before the path in it. */
function nestedProblem(value: unknown, kind: ScalarKind, walk: Walk): Problem | undefined {
  if (kind !== 'schemaOrArray' && kind !== 'schemaOrBool' && kind !== 'schemaOrStringArray') return undefined;
  if (typeof value !== 'object' || (kind === 'schemaOrBool' && Array.isArray(value))) return undefined;
  const { problem } = walkOver({ duplicates: [], literals: walk.document.literals }, (inner) => {
    for (const item of Array.isArray(value) ? value : [value]) {
      if (kind !== 'schemaOrStringArray' || !Array.isArray(value)) visitStruct(item, typeOf(SCHEMA_PROPS), inner);
      else if (typeof item !== 'string' && item !== null) save(describe(item), 'string', inner);
    }
  });
  if (problem === undefined || typeof problem === 'string') return problem;
  return { ...problem, struct: walk.struct, fields: [...walk.fields, ...problem.fields] };
}

function describe(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return 'string';
    case 'boolean':
      return 'bool';
    case 'number':
    case 'bigint':
      return 'number';
    default:
      return Array.isArray(value) ? 'array' : 'object';
  }
}
