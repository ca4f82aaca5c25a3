import { type Field, META_V1, typeOf } from '../schema.ts';

/** A path or query parameter of an operation. */
export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query';
  readonly type: 'string' | 'integer' | 'boolean';
}

export const pretty: Parameter = { name: 'pretty', in: 'query', type: 'string' };

export function pathParameter(name: string): Parameter {
  return { name, in: 'path', type: 'string' };
}

/** The fields of an options type that can stand in a query. */
export function queryParameters(model: string, without: readonly string[] = []): Parameter[] {
  return typeOf(model).fields.flatMap((field) => {
    const type = queryType(field);
    return type === undefined || without.includes(field.name) ? [] : [{ name: field.name, in: 'query', type }];
  });
}

function queryType(field: Field): Parameter['type'] | undefined {
  if (field.name === 'kind' || field.name === 'apiVersion') return undefined;
  switch (field.type.kind) {
    case 'string':
      return 'string';
    case 'bool':
      return 'boolean';
    case 'int32':
    case 'int64':
      return 'integer';
    case 'list':
      return field.type.items.kind === 'string' ? 'string' : undefined;
    default:
      return undefined;
  }
}

/** Sharding of lists is alpha in v1.36 and off: kube-apiserver does not show its parameter then. */
const off = ['shardSelector'];

export const listParameters = queryParameters(`${META_V1}.ListOptions`, off);
export const deleteParameters = queryParameters(`${META_V1}.DeleteOptions`);
export const deleteCollectionParameters = [
  ...deleteParameters,
  ...queryParameters(`${META_V1}.ListOptions`, [...off, 'watch', 'allowWatchBookmarks']),
];
export const createParameters = queryParameters(`${META_V1}.CreateOptions`);
export const updateParameters = queryParameters(`${META_V1}.UpdateOptions`);
export const patchParameters = queryParameters(`${META_V1}.PatchOptions`);

/** Parameters that all operations of a path share belong to the path: both OpenAPI documents fold them so. */
export function sharedParameters(lists: readonly (readonly Parameter[])[]): Parameter[] {
  const [first, ...others] = lists;
  return (first ?? []).filter((p) => others.every((list) => list.some((q) => isSame(p, q))));
}

export function isSame(a: Parameter, b: Parameter): boolean {
  return a.name === b.name && a.in === b.in;
}

export function byName(a: Parameter, b: Parameter): number {
  return a.name === b.name ? (a.in < b.in ? -1 : 1) : a.name < b.name ? -1 : 1;
}
