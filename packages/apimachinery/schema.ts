import compact from './generated/types.json' with { type: 'json' };

/**
 * What the API server knows about the built-in types: the fields of every struct of Kubernetes' API with
 * their JSON names, protobuf numbers, types, tags and markers. Types are named as in OpenAPI
 * (`io.k8s.api.core.v1.Pod`). The data is parsed once and expanded type by type on first use; what is
 * returned is shared and must not be changed.
 */

/** A value with a JSON form of its own. */
export type ScalarKind =
  | 'string'
  | 'bool'
  | 'int32'
  | 'int64'
  | 'float64'
  /** base64 in JSON */
  | 'bytes'
  /** string or number in JSON, canonical string when written */
  | 'quantity'
  /** RFC 3339 in seconds, or null */
  | 'time'
  /** RFC 3339 with six decimals, or null */
  | 'microTime'
  /** Go's duration, `1h0m0s` */
  | 'duration'
  | 'intOrString'
  /** any object; null when empty */
  | 'rawExtension'
  /** the field set of managedFields */
  | 'fieldsV1'
  /** any JSON value (apiextensions.k8s.io JSON) */
  | 'json'
  /** JSONSchemaProps, or a list of them */
  | 'schemaOrArray'
  /** JSONSchemaProps, or a boolean */
  | 'schemaOrBool'
  /** JSONSchemaProps, or a list of strings */
  | 'schemaOrStringArray'
  /** any JSON value (a Go interface); not in protobuf */
  | 'any';

export interface ScalarType {
  readonly kind: ScalarKind;
  /** Go's name where the type is a named one (`v1.Protocol`): decoding errors show it. */
  readonly goName?: string;
}
export interface ListType {
  readonly kind: 'list';
  readonly items: FieldType;
  readonly goName?: string;
  /** protobuf has a message around the list: `repeated <items> items = 1`. */
  readonly message?: boolean;
}
/** Keys are strings. */
export interface MapType {
  readonly kind: 'map';
  readonly values: FieldType;
  readonly goName?: string;
}
export interface RefType {
  readonly kind: 'ref';
  /** OpenAPI model name, for `typeOf`. */
  readonly name: string;
}
export type FieldType = ScalarType | ListType | MapType | RefType;

/** How protobuf frames one value: by the type alone, so this is derived and not stored. */
export type WireKind = 'varint' | 'fixed64' | 'bytes';

export interface Proto {
  readonly number: number;
  readonly kind: WireKind;
}

export interface Field {
  /** JSON name */
  readonly name: string;
  readonly type: FieldType;
  /** Absent where the field is not in protobuf. */
  readonly proto?: Proto;
  /** Go leaves the zero value (and an empty list or map) out of JSON. */
  readonly omitEmpty: boolean;
  /** Go leaves the zero value out of JSON, also of a struct. */
  readonly omitZero: boolean;
  readonly pointer: boolean;
  /** required in OpenAPI */
  readonly required: boolean;
  /** What a marker says; Go's zero value is not shown here. Server defaults are mostly code, not markers. */
  readonly default?: unknown;
  /** OpenAPI's enum, sorted */
  readonly enum?: readonly string[];
  /** enum of a list's items */
  readonly itemEnum?: readonly string[];
  readonly format?: string;
  readonly patchStrategy?: string;
  readonly patchMergeKey?: string;
  readonly listType?: 'atomic' | 'set' | 'map';
  readonly listMapKeys?: readonly string[];
  /** Of a map, or of a struct: here it overrides the struct's own `atomic`, in either direction. */
  readonly mapType?: 'atomic' | 'granular';
  /** other OpenAPI extensions */
  readonly extensions?: Readonly<Record<string, unknown>>;
}

/** A struct whose fields stand among its owner's in JSON; with `proto` it is a message of its own there. */
export interface Inline {
  readonly inline: string;
  readonly pointer: boolean;
  readonly proto?: Proto;
}

export interface StructType {
  /** OpenAPI model name */
  readonly name: string;
  /** Go's short name, `v1.Pod` */
  readonly goName: string;
  /** Group, version and kind, where this is a kind of an API group. */
  readonly gvk?: { readonly group: string; readonly version: string; readonly kind: string };
  /** Fields as JSON has them, inlined structs expanded, in Go's order. */
  readonly fields: readonly Field[];
  /** Fields and inlined structs as declared: what protobuf needs. */
  readonly members: readonly (Field | Inline)[];
  /** Server-side apply treats the whole struct as one value (+structType=atomic). */
  readonly atomic: boolean;
  readonly extensions?: Readonly<Record<string, unknown>>;
  /** By JSON name, through inlined structs, O(1). Exact case; safe for any string. */
  field(name: string): Field | undefined;
}

interface TypeFacts {
  kind?: boolean;
  atomic?: boolean;
  extensions?: Record<string, unknown>;
}
type Row = [name: string, type: string, flags?: string, number?: number, facts?: Partial<Field>];
type CompactType = [facts: TypeFacts, ...rows: Row[]];
interface CompactPackage {
  groupVersion: string;
  types: Record<string, CompactType>;
}

const packages = new Map(Object.entries(compact as unknown as Record<string, CompactPackage>));
const structs = new Map<string, StructType | undefined>();
const parsedTypes = new Map<string, FieldType>();

const packageOfGroupVersion = new Map<string, string>();
for (const [name, { groupVersion }] of packages) {
  if (groupVersion !== '') packageOfGroupVersion.set(groupVersion, name);
}

export const META_V1 = 'io.k8s.apimachinery.pkg.apis.meta.v1';

/** meta/v1 types that every group registers as kinds of its own. */
const kindsOfEveryGroup = new Set([
  'CreateOptions',
  'DeleteOptions',
  'GetOptions',
  'ListOptions',
  'PatchOptions',
  'UpdateOptions',
  'WatchEvent',
]);
/** meta/v1 types that are kinds of v1. */
const kindsOfV1 = new Set(['APIGroup', 'APIGroupList', 'APIResourceList', 'APIVersions', 'List', 'Status']);
/** kinds of meta.k8s.io/v1 */
const kindsOfMeta = new Set(['PartialObjectMetadata', 'PartialObjectMetadataList', 'Table', 'TableOptions']);

/** @throws Error when there is no such type: a name from outside goes through `findType`. */
export function typeOf(modelName: string): StructType {
  const type = findType(modelName);
  if (type === undefined) throw new Error(`no API type ${modelName}`);
  return type;
}

export function findType(modelName: string): StructType | undefined {
  let type = structs.get(modelName);
  if (type === undefined) {
    type = expand(modelName);
    if (type !== undefined) structs.set(modelName, type);
  }
  return type;
}

/** The built-in kind, also DeleteOptions and the other kinds that belong to every group. */
export function typeForKind(group: string, version: string, kind: string): StructType | undefined {
  const groupVersion = group === '' ? version : `${group}/${version}`;
  const own = packageOfGroupVersion.get(groupVersion);
  if (own !== undefined) {
    const row = typesOf(own)?.get(kind);
    if (row?.[0].kind) return findType(`${own}.${kind}`);
  }
  const isMeta =
    kindsOfEveryGroup.has(kind) ||
    (groupVersion === 'v1' ? kindsOfV1 : groupVersion === 'meta.k8s.io/v1' ? kindsOfMeta : none).has(kind);
  return isMeta ? findType(`${META_V1}.${kind}`) : undefined;
}
const none = new Set<string>();

/** Names of all types, sorted by package. */
export function typeNames(): string[] {
  return [...packages].flatMap(([name, { types }]) => Object.keys(types).map((type) => `${name}.${type}`));
}

/** Group versions that have types, whether they are served or not. */
export function typedGroupVersions(): string[] {
  return [...packageOfGroupVersion.keys()];
}

export function isInline(member: Field | Inline): member is Inline {
  return 'inline' in member;
}

/** A list's or map's element type. */
export function elementOf(type: FieldType): FieldType | undefined {
  return type.kind === 'list' ? type.items : type.kind === 'map' ? type.values : undefined;
}

const typesByPackage = new Map<string, Map<string, CompactType>>();
function typesOf(packageName: string): Map<string, CompactType> | undefined {
  let types = typesByPackage.get(packageName);
  if (types === undefined) {
    const found = packages.get(packageName);
    if (found === undefined) return undefined;
    types = new Map(Object.entries(found.types));
    typesByPackage.set(packageName, types);
  }
  return types;
}

function expand(modelName: string): StructType | undefined {
  const dot = modelName.lastIndexOf('.');
  const packageName = modelName.slice(0, dot);
  const kind = modelName.slice(dot + 1);
  const row = typesOf(packageName)?.get(kind);
  if (row === undefined) return undefined;
  const [facts, ...rows] = row;
  const members = rows.map((r) => expandMember(r, packageName));
  const fields = members.flatMap((m) => (isInline(m) ? typeOf(m.inline).fields : [m]));
  const byName = new Map(fields.map((f) => [f.name, f]));
  const groupVersion = packages.get(packageName)!.groupVersion;
  const slash = groupVersion.indexOf('/');
  return {
    name: modelName,
    goName: modelName.slice(modelName.lastIndexOf('.', dot - 1) + 1),
    ...(facts.kind && {
      gvk: { group: groupVersion.slice(0, Math.max(slash, 0)), version: groupVersion.slice(slash + 1), kind },
    }),
    fields,
    members,
    atomic: facts.atomic === true,
    ...(facts.extensions && { extensions: facts.extensions }),
    field: (name) => byName.get(name),
  };
}

function expandMember([name, typeText, flags = '', number = 0, facts]: Row, home: string): Field | Inline {
  const type = parseType(typeText, home);
  const proto = number > 0 ? { number, kind: wireKind(type) } : undefined;
  const pointer = flags.includes('p');
  if (name === '' && type.kind === 'ref') return { inline: type.name, pointer, ...(proto && { proto }) };
  return {
    name,
    type,
    ...(proto && { proto }),
    omitEmpty: flags.includes('o'),
    omitZero: flags.includes('z'),
    pointer,
    required: flags.includes('r'),
    ...facts,
  };
}

/**
 * Grammar of a type in types.json: `type = ["<" goName ">"] (["!"] "[]" type | "{}" type | "#" ref | scalar)`.
 * A ref without dots is of the same package.
 */
function parseType(text: string, home: string): FieldType {
  const key = text.includes('#') ? `${home} ${text}` : text;
  let type = parsedTypes.get(key);
  if (type === undefined) {
    type = parse(text, home);
    parsedTypes.set(key, type);
  }
  return type;
}

function parse(text: string, home: string): FieldType {
  const end = text.startsWith('<') ? text.indexOf('>') : -1;
  const named = end > 0 ? { goName: text.slice(1, end) } : undefined;
  const rest = text.slice(end + 1);
  if (rest.startsWith('![]')) return { kind: 'list', items: parseType(rest.slice(3), home), message: true, ...named };
  if (rest.startsWith('[]')) return { kind: 'list', items: parseType(rest.slice(2), home), ...named };
  if (rest.startsWith('{}')) return { kind: 'map', values: parseType(rest.slice(2), home), ...named };
  if (rest.startsWith('#'))
    return { kind: 'ref', name: rest.includes('.') ? rest.slice(1) : `${home}.${rest.slice(1)}` };
  return { kind: rest as ScalarKind, ...named };
}

function wireKind(type: FieldType): WireKind {
  switch (type.kind) {
    case 'bool':
    case 'int32':
    case 'int64':
      return 'varint';
    case 'float64':
      return 'fixed64';
    case 'list':
      return type.message ? 'bytes' : wireKind(type.items);
    default:
      return 'bytes';
  }
}
