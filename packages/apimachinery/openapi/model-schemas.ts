import {
  type Field,
  type FieldType,
  findType,
  META_V1,
  type ScalarKind,
  type StructType,
  typedGroupVersions,
} from '../schema.ts';

/**
 * OpenAPI schemas of the built-in types, made from the metadata. There are no descriptions: none are in the
 * data. Otherwise they are kube-apiserver's.
 */
export type Schema = Record<string, unknown>;

/** What differs between OpenAPI v2 and v3. */
export interface Dialect {
  readonly refPrefix: '#/definitions/' | '#/components/schemas/';
  /** v3: a $ref with siblings stands in allOf, because a $ref hides them. */
  readonly wrapRefs: boolean;
  /** v2 shows no defaults, for old clients' sake. */
  readonly defaults: boolean;
  /** v3 has oneOf for IntOrString and Quantity. */
  readonly unions: boolean;
}

export const V2: Dialect = { refPrefix: '#/definitions/', wrapRefs: false, defaults: false, unions: false };
export const V3: Dialect = { refPrefix: '#/components/schemas/', wrapRefs: true, defaults: true, unions: true };

const APIEXTENSIONS = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1';

/** Scalars that are models of their own in OpenAPI. */
const modelOfScalar: Partial<Record<ScalarKind, string>> = {
  quantity: 'io.k8s.apimachinery.pkg.api.resource.Quantity',
  intOrString: 'io.k8s.apimachinery.pkg.util.intstr.IntOrString',
  rawExtension: 'io.k8s.apimachinery.pkg.runtime.RawExtension',
  time: `${META_V1}.Time`,
  microTime: `${META_V1}.MicroTime`,
  duration: `${META_V1}.Duration`,
  fieldsV1: `${META_V1}.FieldsV1`,
  json: `${APIEXTENSIONS}.JSON`,
  schemaOrArray: `${APIEXTENSIONS}.JSONSchemaPropsOrArray`,
  schemaOrBool: `${APIEXTENSIONS}.JSONSchemaPropsOrBool`,
  schemaOrStringArray: `${APIEXTENSIONS}.JSONSchemaPropsOrStringArray`,
};

const scalarModels = new Map<string, (dialect: Dialect) => Schema>([
  [
    modelOfScalar.quantity!,
    (d) => (d.unions ? { oneOf: [{ type: 'string' }, { type: 'number' }] } : { type: 'string' }),
  ],
  [
    modelOfScalar.intOrString!,
    (d) =>
      d.unions
        ? { format: 'int-or-string', oneOf: [{ type: 'integer' }, { type: 'string' }] }
        : { type: 'string', format: 'int-or-string' },
  ],
  [modelOfScalar.rawExtension!, () => ({ type: 'object' })],
  [modelOfScalar.time!, () => ({ type: 'string', format: 'date-time' })],
  [modelOfScalar.microTime!, () => ({ type: 'string', format: 'date-time' })],
  [modelOfScalar.duration!, () => ({ type: 'string' })],
  [modelOfScalar.fieldsV1!, () => ({ type: 'object' })],
  [modelOfScalar.json!, () => ({})],
  [modelOfScalar.schemaOrArray!, () => ({})],
  [modelOfScalar.schemaOrBool!, () => ({})],
  [modelOfScalar.schemaOrStringArray!, () => ({})],
]);

const inlineScalars: Partial<Record<ScalarKind, Schema>> = {
  string: { type: 'string' },
  bool: { type: 'boolean' },
  int32: { type: 'integer', format: 'int32' },
  int64: { type: 'integer', format: 'int64' },
  float64: { type: 'number', format: 'double' },
  bytes: { type: 'string', format: 'byte' },
  any: { type: 'object' },
};

const zeroValues: Partial<Record<ScalarKind, unknown>> = { string: '', bool: false, int32: 0, int64: 0, float64: 0 };

/** Schema of a model by its OpenAPI name, undefined where there is none. */
export function modelSchema(name: string, dialect: Dialect): Schema | undefined {
  const scalar = scalarModels.get(name);
  if (scalar !== undefined) return scalar(dialect);
  const type = findType(name);
  return type === undefined ? undefined : structSchema(type, dialect);
}

/** Adds to `into` the schemas of these models and of all that they refer to. */
export function addModels(names: Iterable<string>, dialect: Dialect, into: Map<string, Schema>): void {
  const pending = [...names];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (into.has(name)) continue;
    const schema = modelSchema(name, dialect);
    if (schema === undefined) throw new Error(`no OpenAPI model ${name}`);
    into.set(name, schema);
    for (const field of findType(name)?.fields ?? []) {
      const model = modelOf(field.type);
      if (model !== undefined) pending.push(model);
    }
  }
}

export function refTo(name: string, dialect: Dialect): Schema {
  return { $ref: dialect.refPrefix + name };
}

function modelOf(type: FieldType): string | undefined {
  switch (type.kind) {
    case 'list':
      return modelOf(type.items);
    case 'map':
      return modelOf(type.values);
    case 'ref':
      return type.name;
    default:
      return modelOfScalar[type.kind];
  }
}

function structSchema(type: StructType, dialect: Dialect): Schema {
  const required = type.fields.filter((f) => f.required).map((f) => f.name);
  const sorted = [...type.fields].sort((a, b) => (a.name < b.name ? -1 : 1));
  const gvks = kindsOf(type);
  return {
    type: 'object',
    ...(required.length > 0 && { required }),
    ...(sorted.length > 0 && {
      properties: Object.fromEntries(sorted.map((f) => [f.name, propertySchema(f, dialect)])),
    }),
    ...(gvks.length > 0 && { 'x-kubernetes-group-version-kind': gvks }),
    ...(type.atomic && { 'x-kubernetes-map-type': 'atomic' }),
    ...type.extensions,
  };
}

function propertySchema(field: Field, dialect: Dialect): Schema {
  const schema = typeSchema(field.type, dialect, field.itemEnum);
  const byDefault = field.default ?? impliedDefault(field.type, field.omitEmpty, field.pointer);
  return wrapped(
    {
      ...schema,
      ...(field.format && { format: field.format }),
      ...(dialect.defaults && byDefault !== undefined && { default: byDefault }),
      ...(field.enum && { enum: field.enum }),
      ...(field.listMapKeys && { 'x-kubernetes-list-map-keys': field.listMapKeys }),
      ...(field.listType && { 'x-kubernetes-list-type': field.listType }),
      ...(field.mapType && { 'x-kubernetes-map-type': field.mapType }),
      ...(field.patchMergeKey && { 'x-kubernetes-patch-merge-key': field.patchMergeKey }),
      ...(field.patchStrategy && { 'x-kubernetes-patch-strategy': field.patchStrategy }),
      ...field.extensions,
    },
    dialect,
  );
}

function typeSchema(type: FieldType, dialect: Dialect, itemEnum?: readonly string[]): Schema {
  switch (type.kind) {
    case 'list':
      return { type: 'array', items: elementSchema(type.items, dialect, itemEnum) };
    case 'map':
      return { type: 'object', additionalProperties: elementSchema(type.values, dialect, itemEnum) };
    case 'ref':
      return refTo(type.name, dialect);
    default: {
      const model = modelOfScalar[type.kind];
      return model === undefined ? inlineScalars[type.kind]! : refTo(model, dialect);
    }
  }
}

function elementSchema(type: FieldType, dialect: Dialect, itemEnum?: readonly string[]): Schema {
  const byDefault = impliedDefault(type, false, false);
  const element = typeSchema(type, dialect);
  return wrapped(
    {
      ...element,
      ...(dialect.defaults && byDefault !== undefined && { default: byDefault }),
      ...(itemEnum && { enum: itemEnum }),
    },
    dialect,
  );
}

/** What has no nil in Go shows its zero value: a struct always, a scalar unless it is left out when zero. */
function impliedDefault(type: FieldType, omitEmpty: boolean, pointer: boolean): unknown {
  if (pointer) return undefined;
  if (type.kind === 'ref') return {};
  if (omitEmpty || type.kind === 'list' || type.kind === 'map') return undefined;
  return zeroValues[type.kind];
}

function wrapped(schema: Schema, dialect: Dialect): Schema {
  if (!dialect.wrapRefs || !('$ref' in schema)) return schema;
  const { $ref, ...siblings } = schema;
  return Object.keys(siblings).length === 0 ? schema : { ...siblings, allOf: [{ $ref }] };
}

interface Kind {
  readonly group: string;
  readonly kind: string;
  readonly version: string;
}

const kindsOfV1 = new Set(['APIGroup', 'APIGroupList', 'APIResourceList', 'APIVersions', 'Status']);

function kindsOf(type: StructType): Kind[] {
  if (type.gvk !== undefined) return [{ group: type.gvk.group, kind: type.gvk.kind, version: type.gvk.version }];
  if (type.name === `${META_V1}.DeleteOptions` || type.name === `${META_V1}.WatchEvent`) {
    return everyGroupVersion().map(([group, version]) => ({
      group,
      kind: type.name.slice(META_V1.length + 1),
      version,
    }));
  }
  const name = type.name.startsWith(`${META_V1}.`) ? type.name.slice(META_V1.length + 1) : '';
  return kindsOfV1.has(name) ? [{ group: '', kind: name, version: 'v1' }] : [];
}

function everyGroupVersion(): [group: string, version: string][] {
  return typedGroupVersions()
    .filter((gv) => !gv.startsWith('apidiscovery.k8s.io/'))
    .map((gv): [string, string] =>
      gv.includes('/') ? [gv.slice(0, gv.indexOf('/')), gv.slice(gv.indexOf('/') + 1)] : ['', gv],
    )
    .sort((a, b) => (a.join('/') < b.join('/') ? -1 : 1));
}
