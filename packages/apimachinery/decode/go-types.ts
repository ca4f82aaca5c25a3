import {
  type Field,
  type FieldType,
  type Inline,
  type ScalarKind,
  type StructType,
  isInline,
  typeOf,
} from '../schema.ts';

/** Names of Go's types and embedded structs: decoding errors show them. */

const scalarNames: Partial<Record<ScalarKind, string>> = {
  any: 'interface {}',
  bytes: '[]uint8',
  quantity: 'resource.Quantity',
  time: 'v1.Time',
  microTime: 'v1.MicroTime',
  duration: 'v1.Duration',
  intOrString: 'intstr.IntOrString',
  rawExtension: 'runtime.RawExtension',
  fieldsV1: 'v1.FieldsV1',
  json: 'v1.JSON',
  schemaOrArray: 'v1.JSONSchemaPropsOrArray',
  schemaOrBool: 'v1.JSONSchemaPropsOrBool',
  schemaOrStringArray: 'v1.JSONSchemaPropsOrStringArray',
};

/** reflect.Type's String: `int32`, `v1.PodSpec`, `[]v1.Container`, `map[string]string`, `v1.Protocol` */
export function goTypeName(type: FieldType): string {
  if (type.kind === 'ref') return typeOf(type.name).goName;
  if (type.goName !== undefined) return type.goName;
  if (type.kind === 'list') return `[]${goTypeName(type.items)}`;
  if (type.kind === 'map') {
    const values = goTypeName(type.values);
    return `map[${keyTypes[values] ?? 'string'}]${values}`;
  }
  return scalarNames[type.kind] ?? type.kind;
}

/** The unnamed maps of the API whose keys are not plain strings, by their values. */
const keyTypes: Readonly<Record<string, string>> = {
  'v1.ClaimResourceStatus': 'v1.ResourceName',
  'resource.Quantity': 'v1.QualifiedName',
  'v1.DeviceAttribute': 'v1.QualifiedName',
  'v1.DeviceCapacity': 'v1.QualifiedName',
};

/** What a type with a parser of its own reads its text into. */
export function parsedTypeName(type: FieldType): string {
  if (type.kind === 'time' || type.kind === 'microTime' || type.kind === 'duration') return 'string';
  return type.kind === 'intOrString' ? 'int32' : goTypeName(type);
}

/** The struct's own name, without its package: `PodSpec` */
export function shortName(type: StructType): string {
  return type.goName.slice(type.goName.indexOf('.') + 1);
}

const embedded = new WeakMap<StructType, ReadonlyMap<string, readonly string[]>>();

/** The embedded structs through which Go reaches a field: `['ProbeHandler']` for Probe's exec. */
export function embeddingPath(type: StructType, field: string): readonly string[] {
  let paths = embedded.get(type);
  if (paths === undefined) {
    paths = new Map(collect(type.members, []));
    embedded.set(type, paths);
  }
  return paths.get(field) ?? none;
}
const none: readonly string[] = [];

function* collect(
  members: readonly (Field | Inline)[],
  path: readonly string[],
): Generator<[string, readonly string[]]> {
  for (const member of members) {
    if (!isInline(member)) {
      if (path.length > 0) yield [member.name, path];
      continue;
    }
    const inner = typeOf(member.inline);
    yield* collect(inner.members, [...path, shortName(inner)]);
  }
}
