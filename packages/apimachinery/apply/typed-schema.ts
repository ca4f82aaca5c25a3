import { type Field, type FieldType, META_V1, type ScalarKind, type StructType, typeOf } from '../schema.ts';
import { zeroObject } from '../decode/decode.ts';
import { fieldElement } from './path-element.ts';

/**
 * Types as server-side apply sees them (structured-merge-diff's schema): which maps and lists are one value, and what
 * tells the items of the others apart. A node can be of several sorts at once (any JSON); the value then decides.
 */
export interface TypedNode {
  readonly scalar?: ScalarSort;
  readonly list?: ListNode;
  readonly map?: MapNode;
}

export type ScalarSort = 'string' | 'numeric' | 'boolean' | 'untyped';

export interface ListNode {
  /** One value; otherwise a set, or a map of items by `keys`. */
  readonly atomic: boolean;
  /** Sorted; empty for a set. */
  readonly keys: readonly string[];
  /** What a key is when an item lacks it; undefined = nothing. */
  readonly keyDefaults: readonly unknown[];
  readonly items: TypedNode;
}

export interface MapNode {
  readonly atomic: boolean;
  /** Declared fields, by name. */
  readonly fields: ReadonlyMap<string, FieldNode>;
  /** The declared fields sorted, as a field set has them. */
  readonly sorted: readonly FieldNode[];
  /** What other keys hold; undefined = there are none. */
  readonly element: TypedNode | undefined;
}

export interface FieldNode {
  readonly name: string;
  /** `f:name` */
  readonly element: string;
  readonly node: TypedNode;
  /** Every object has something of that name (`constructor`): look only at what it has of its own. */
  readonly inherited: boolean;
}

/** The value of a declared field; undefined = absent. */
export function memberOf(object: Readonly<Record<string, unknown>>, field: FieldNode): unknown {
  return field.inherited && !Object.hasOwn(object, field.name) ? undefined : object[field.name];
}

/** A kind for apply and managed fields. */
export interface ObjectSchema {
  readonly root: TypedNode;
  /** What a create is compared with: for built-in kinds the empty struct. */
  zero(): Record<string, unknown>;
  /** Built-in kinds: what an apply makes is converted into it. */
  readonly type?: StructType;
  /** The schema can be another than that under which the managed fields were written (custom resources). */
  readonly changeable: boolean;
}

const noFields: ReadonlyMap<string, FieldNode> = new Map();

/** Any JSON, containers as one value. */
export const untypedNode: TypedNode = {
  scalar: 'untyped',
  list: {
    atomic: true,
    keys: [],
    keyDefaults: [],
    get items() {
      return untypedNode;
    },
  },
  map: {
    atomic: true,
    fields: noFields,
    sorted: [],
    get element() {
      return untypedNode;
    },
  },
};

/** Any JSON, maps field by field, lists as one value. */
export const deducedNode: TypedNode = {
  scalar: 'untyped',
  list: { atomic: true, keys: [], keyDefaults: [], items: untypedNode },
  map: {
    atomic: false,
    fields: noFields,
    sorted: [],
    get element() {
      return deducedNode;
    },
  },
};

/** Custom resources without a schema. */
export const deducedSchema: ObjectSchema = { root: deducedNode, zero: () => ({}), changeable: true };

const freeFormMap: TypedNode = { map: { atomic: false, fields: noFields, sorted: [], element: deducedNode } };

export function mapNode(
  declare: () => Iterable<[name: string, node: TypedNode]>,
  element: TypedNode | undefined,
  atomic: boolean,
): MapNode {
  // on first use and not at once: types refer to themselves
  let byName: Map<string, FieldNode> | undefined;
  let inOrder: FieldNode[] | undefined;
  const fields = (): Map<string, FieldNode> =>
    (byName ??= new Map(
      [...declare()].map(([name, node]) => [
        name,
        { name, element: fieldElement(name), node, inherited: name in Object.prototype },
      ]),
    ));
  return {
    atomic,
    element,
    get fields() {
      return byName ?? fields();
    },
    get sorted() {
      // code units order as UTF-8 does here: names of fields are ASCII
      return (inOrder ??= [...fields().values()].sort((a, b) => (a.name < b.name ? -1 : 1)));
    },
  };
}

const schemas = new WeakMap<StructType, ObjectSchema>();

/** A built-in kind. */
export function schemaOfType(type: StructType): ObjectSchema {
  let schema = schemas.get(type);
  if (schema === undefined) {
    schema = { root: structNode(type, type.atomic), zero: () => zeroObject(type), type, changeable: false };
    schemas.set(type, schema);
  }
  return schema;
}

const structNodes = new Map<string, TypedNode>();

/** metadata of any kind */
export function objectMetaNode(): TypedNode {
  return structNode(typeOf(`${META_V1}.ObjectMeta`), false);
}

function structNode(type: StructType, atomic: boolean): TypedNode {
  const key = atomic ? `${type.name} atomic` : type.name;
  let node = structNodes.get(key);
  if (node === undefined) {
    const declare = (): [string, TypedNode][] => type.fields.map((field) => [field.name, fieldNode(field)]);
    // in OpenAPI an object without properties is one of any properties
    node = { map: mapNode(declare, type.fields.length === 0 ? deducedNode : undefined, atomic) };
    structNodes.set(key, node);
  }
  return node;
}

function fieldNode(field: Field): TypedNode {
  const { type } = field;
  if (type.kind === 'ref') {
    const struct = typeOf(type.name);
    return structNode(struct, field.mapType === undefined ? struct.atomic : field.mapType === 'atomic');
  }
  if (type.kind === 'map') return { map: mapNode(() => [], nodeOf(type.values), field.mapType === 'atomic') };
  if (type.kind === 'list') return { list: listNode(type.items, listSort(field)) };
  return scalarNodes[type.kind];
}

function nodeOf(type: FieldType): TypedNode {
  if (type.kind === 'ref') {
    const struct = typeOf(type.name);
    return structNode(struct, struct.atomic);
  }
  if (type.kind === 'map') return { map: mapNode(() => [], nodeOf(type.values), false) };
  if (type.kind === 'list') return { list: listNode(type.items, undefined) };
  return scalarNodes[type.kind];
}

/** Keys of an associative list ([] for a set); undefined = atomic. */
function listSort(field: Field): readonly string[] | undefined {
  switch (field.listType) {
    case 'map':
      return field.listMapKeys ?? [];
    case 'set':
      return [];
    case 'atomic':
      return undefined;
    default:
      if (field.patchStrategy !== 'merge' && field.patchStrategy !== 'merge,retainKeys') return undefined;
      return field.patchMergeKey === undefined ? [] : [field.patchMergeKey];
  }
}

function listNode(items: FieldType, associativeBy: readonly string[] | undefined): ListNode {
  const keys = [...(associativeBy ?? [])].sort();
  let node: TypedNode | undefined;
  return {
    atomic: associativeBy === undefined,
    keys,
    keyDefaults: keys.map((key) => (items.kind === 'ref' ? openApiDefault(typeOf(items.name).field(key)) : undefined)),
    get items() {
      return (node ??= nodeOf(items));
    },
  };
}

/** What OpenAPI says is the default: the marker's, or the zero value where Go always writes the field. */
function openApiDefault(field: Field | undefined): unknown {
  if (field === undefined || field.default !== undefined) return field?.default;
  if (field.pointer || field.omitEmpty) return undefined;
  switch (field.type.kind) {
    case 'string':
      return '';
    case 'bool':
      return false;
    case 'int32':
    case 'int64':
    case 'float64':
      return 0;
    default:
      return undefined;
  }
}

/** As the OpenAPI document has them; one that names no type takes any JSON. */
const scalarNodes: Record<ScalarKind, TypedNode> = {
  string: { scalar: 'string' },
  bytes: { scalar: 'string' },
  duration: { scalar: 'string' },
  bool: { scalar: 'boolean' },
  int32: { scalar: 'numeric' },
  int64: { scalar: 'numeric' },
  float64: { scalar: 'numeric' },
  quantity: { scalar: 'untyped' },
  time: { scalar: 'untyped' },
  microTime: { scalar: 'untyped' },
  intOrString: deducedNode,
  rawExtension: untypedNode,
  fieldsV1: freeFormMap,
  json: deducedNode,
  any: deducedNode,
  schemaOrArray: deducedNode,
  schemaOrBool: deducedNode,
  schemaOrStringArray: deducedNode,
};
