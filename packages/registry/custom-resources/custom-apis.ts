/** Custom resources in OpenAPI documents. */
import type { GroupVersionApi } from '@nodeless/apimachinery/openapi/openapi';
import { META_V1 } from '@nodeless/apimachinery/schema';
import type { ResourceInfo } from '@nodeless/apimachinery/resources';
import type { ServedResource } from '../resource-table.ts';
import {
  type Schema,
  additionalOf,
  isEmbedded,
  itemsOf,
  preservesUnknown,
  propertyNames,
  propertyOf,
} from './structural-schema.ts';

type Dialect = Parameters<NonNullable<GroupVersionApi['schemas']>>[0];

/**
 * The group versions of all custom resources. Elements of `before` stay where nothing of theirs has changed, so that
 * their documents need not be made again.
 */
export function customApis(all: readonly ServedResource[], before: readonly CustomApi[]): CustomApi[] {
  const byVersion = new Map<string, ServedResource[]>();
  for (const served of all) {
    if (!served.custom) continue;
    const key = served.apiVersion;
    byVersion.set(key, [...(byVersion.get(key) ?? []), served]);
  }
  return [...byVersion].map(([apiVersion, resources]) => {
    const known = before.find((api) => api.apiVersion === apiVersion);
    if (known && known.served.length === resources.length && resources.every((r) => known.served.includes(r)))
      return known;
    return apiOf(apiVersion, resources);
  });
}

export interface CustomApi extends GroupVersionApi {
  readonly apiVersion: string;
  readonly served: readonly ServedResource[];
}

function apiOf(apiVersion: string, served: readonly ServedResource[]): CustomApi {
  const { group, version } = served[0] as ServedResource;
  return {
    apiVersion,
    served,
    group,
    version,
    resources: served.map(infoOf),
    builtin: false,
    schemas: (dialect) => new Map(served.flatMap((s) => modelsOf(s, dialect))),
  };
}

/** `dev.example.v1.Widget` for widgets of example.dev. */
const modelOf = ({ group, version, kind }: ServedResource): string =>
  [...group.split('.').reverse(), version, kind].join('.');
const listModelOf = (served: ServedResource): string => modelOf(served).slice(0, -served.kind.length) + served.listKind;

function infoOf(served: ServedResource): ResourceInfo {
  const model = modelOf(served);
  return {
    name: served.resource,
    singular: served.singular,
    kind: served.kind,
    model,
    listModel: listModelOf(served),
    namespaced: served.namespaced,
    verbs: served.verbs,
    subresources: [...served.subresources.values()].map((sub) => ({
      name: sub.name,
      kind: sub.kind,
      model: sub.model || model,
      verbs: sub.verbs,
      ...(sub.group !== served.group && { group: sub.group, version: sub.version }),
    })),
  };
}

function modelsOf(served: ServedResource, dialect: Dialect): [string, Record<string, unknown>][] {
  const { group, version, kind, listKind } = served;
  const ref = (name: string): Record<string, unknown> => {
    const to = { $ref: dialect.refPrefix + name };
    return dialect.wrapRefs ? { allOf: [to] } : to;
  };
  const named = { apiVersion: { type: 'string' }, kind: { type: 'string' } };
  const gvk = (of: string) => ({ 'x-kubernetes-group-version-kind': [{ group, kind: of, version }] });
  const own = written(served.custom?.schema ?? {}, dialect, ref);
  const properties = { ...(own['properties'] as object | undefined), ...named, metadata: ref(`${META_V1}.ObjectMeta`) };
  return [
    [modelOf(served), { ...own, type: 'object', properties, ...gvk(kind) }],
    [
      listModelOf(served),
      {
        type: 'object',
        description: `${listKind} is a list of ${kind}`,
        required: ['items'],
        properties: {
          ...named,
          items: { type: 'array', items: ref(modelOf(served)) },
          metadata: ref(`${META_V1}.ListMeta`),
        },
        ...gvk(listKind),
      },
    ],
  ];
}

/** What OpenAPI v2 and its readers do not know, or take for more than it is. */
const onlyV3 = new Set([
  'nullable',
  'default',
  'oneOf',
  'anyOf',
  'allOf',
  'not',
  'x-kubernetes-validations',
  'additionalProperties',
  'items',
  'properties',
]);

function written(
  schema: Schema,
  dialect: Dialect,
  ref: (name: string) => Record<string, unknown>,
): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  const isV3 = dialect.unions;
  for (const [key, value] of Object.entries(schema))
    if (isV3 ? !['additionalProperties', 'items', 'properties'].includes(key) : !onlyV3.has(key)) out[key] = value;
  if (
    !isV3 &&
    (preservesUnknown(schema) || schema['x-kubernetes-int-or-string'] === true || schema['nullable'] === true)
  ) {
    // readers of v2 would refuse what the schema does not name
    if (preservesUnknown(schema) || schema['nullable'] === true) delete out['type'];
    return out;
  }
  const names = propertyNames(schema);
  const items = itemsOf(schema);
  const additional = additionalOf(schema);
  if (names.length > 0) {
    out['properties'] = Object.fromEntries(
      names.map((name) => {
        const property = propertyOf(schema, name) ?? {};
        const inner = written(property, dialect, ref);
        if (isEmbedded(property))
          inner['properties'] = {
            ...(inner['properties'] as object | undefined),
            apiVersion: { type: 'string' },
            kind: { type: 'string' },
            metadata: ref(`${META_V1}.ObjectMeta`),
          };
        return [name, inner];
      }),
    );
  }
  if (items) out['items'] = written(items, dialect, ref);
  if (additional !== undefined)
    out['additionalProperties'] = additional === true ? true : written(additional, dialect, ref);
  return out;
}
