import { goTypeName, shortName } from '../decode/go-types.ts';
import { type Field, type FieldType, type StructType, typeOf } from '../schema.ts';
import { ApiError } from '../status.ts';

/** How a field is patched, from the tags of its struct. */
export interface PatchMeta {
  /** `merge`, `replace` or ''; `retainKeys` is for those who make patches. */
  readonly strategy: string;
  /** '' = none */
  readonly mergeKey: string;
}

/** The Go type that a value of the patch stands for. */
export interface PatchTarget {
  readonly struct: StructType | undefined;
  /** reflect's word for it: `struct`, `map`, `slice`, `string`; and the type's name where it is a struct. */
  readonly goKind: string;
  readonly name: string;
}

export function targetOf(type: StructType): PatchTarget {
  return { struct: type, goKind: 'struct', name: shortName(type) };
}

function fieldTarget(type: FieldType): PatchTarget {
  switch (type.kind) {
    case 'ref':
      return targetOf(typeOf(type.name));
    case 'list':
      return { struct: undefined, goKind: 'slice', name: '' };
    case 'map':
      return { struct: undefined, goKind: 'map', name: '' };
    case 'string':
    case 'bool':
    case 'int32':
    case 'int64':
    case 'float64':
      return { struct: undefined, goKind: type.kind, name: '' };
    case 'bytes':
      return { struct: undefined, goKind: 'slice', name: '' };
    default:
      // types with a JSON form of their own are structs whose fields JSON does not show
      return { struct: emptyStruct, goKind: 'struct', name: opaqueNames[type.kind] ?? goTypeName(type) };
  }
}

const emptyStruct: StructType = {
  name: '',
  goName: '',
  fields: [],
  members: [],
  atomic: false,
  field: () => undefined,
};

const opaqueNames: Partial<Record<FieldType['kind'], string>> = {
  rawExtension: 'RawExtension',
  fieldsV1: 'FieldsV1',
  quantity: 'Quantity',
  time: 'Time',
  microTime: 'MicroTime',
  duration: 'Duration',
  intOrString: 'IntOrString',
  json: 'JSON',
  schemaOrArray: 'JSONSchemaPropsOrArray',
  schemaOrBool: 'JSONSchemaPropsOrBool',
  schemaOrStringArray: 'JSONSchemaPropsOrStringArray',
};

/** The type and the tags of a member that is a map. @throws ApiError where the type has none such */
export function structMeta(target: PatchTarget, key: string): { meta: PatchMeta; inner: PatchTarget } {
  const field = lookUp(target, key);
  return { meta: metaOf(field), inner: fieldTarget(field.type) };
}

/** The type of the items and the tags of a member that is a list. @throws ApiError */
export function listMeta(target: PatchTarget, key: string): { meta: PatchMeta; inner: PatchTarget } {
  const field = lookUp(target, key);
  if (field.type.kind === 'list') {
    if (field.type.items.kind === 'list') throw failure('unexpected slice of slice');
    return { meta: metaOf(field), inner: fieldTarget(field.type.items) };
  }
  if (!field.pointer && field.type.kind !== 'bytes')
    throw failure(`expected slice or array type, but got: ${target.goKind}`);
  return { meta: metaOf(field), inner: fieldTarget(field.type) };
}

function lookUp(target: PatchTarget, key: string): Field {
  const { struct } = target;
  if (struct === undefined)
    throw failure(`merging an object in json but data type is not struct, instead is: ${target.goKind}`);
  // Go's JSON library matches names whatever their case, and so does upstream here
  const field = struct.field(key) ?? struct.fields.find(({ name }) => name.toLowerCase() === key.toLowerCase());
  if (field === undefined)
    throw failure(`unable to find api field in struct ${target.name} for the json field ${JSON.stringify(key)}`);
  return field;
}

function metaOf(field: Field): PatchMeta {
  const strategies = (field.patchStrategy ?? '').split(',').filter((strategy) => strategy !== 'retainKeys');
  return { strategy: strategies[0] ?? '', mergeKey: field.patchMergeKey ?? '' };
}

function failure(message: string): ApiError {
  return new ApiError({ code: 500, message });
}
