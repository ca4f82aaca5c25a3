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
  // what the types with a parser of their own read their text into
  time: 'string',
  microTime: 'string',
  duration: 'string',
  intOrString: 'int32',
  any: 'interface {}',
  bytes: '[]uint8',
};

/** reflect.Type's String: `int32`, `v1.PodSpec`, `[]v1.Container`, `map[string]string`, `v1.Protocol` */
export function goTypeName(type: FieldType): string {
  if (type.kind === 'ref') return typeOf(type.name).goName;
  if (type.goName !== undefined) return type.goName;
  if (type.kind === 'list') return `[]${goTypeName(type.items)}`;
  if (type.kind === 'map') {
    const values = goTypeName(type.values);
    // the one unnamed map of the API whose keys are not plain strings (a claim's allocatedResourceStatuses)
    return `map[${values === 'v1.ClaimResourceStatus' ? 'v1.ResourceName' : 'string'}]${values}`;
  }
  return scalarNames[type.kind] ?? type.kind;
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
