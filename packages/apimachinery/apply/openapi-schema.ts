import { isObject } from '../decode/copy-json.ts';
import {
  type ListNode,
  type ObjectSchema,
  type ScalarSort,
  type TypedNode,
  deducedNode,
  mapNode,
  objectMetaNode,
  untypedNode,
} from './typed-schema.ts';

/**
 * The typed schema of a custom resource, from the structural OpenAPI schema of its version
 * (k8s.io/kube-openapi/pkg/schemaconv and apiextensions' OpenAPI builder).
 */
export interface OpenApiOptions {
  /** spec.preserveUnknownFields of the definition. */
  readonly preserveUnknownFields?: boolean;
  readonly apiVersion: string;
  readonly kind: string;
}

type Schema = Readonly<Record<string, unknown>>;

export function schemaOfOpenApi(
  schema: Schema,
  { preserveUnknownFields = false, apiVersion, kind }: OpenApiOptions,
): ObjectSchema {
  const root = nodeOf(schema, preserveUnknownFields, true);
  return { root, zero: () => ({ apiVersion, kind }), changeable: true };
}

const stringNode: TypedNode = { scalar: 'string' };

/** `preserve` is inherited from above. `isResource`: the object has apiVersion, kind and metadata, declared or not. */
function nodeOf(schema: Schema, inherited: boolean, isResource: boolean): TypedNode {
  const preserve = inherited || schema['x-kubernetes-preserve-unknown-fields'] === true;
  switch (schema['type']) {
    case 'object':
      return { map: objectNode(schema, preserve, isResource) };
    case 'array':
      return { list: arrayNode(schema, preserve) };
    case 'integer':
    case 'number':
      return { scalar: 'numeric' };
    case 'boolean':
      return { scalar: 'boolean' };
    case 'string':
      return { scalar: stringSort(schema['format']) };
    default:
      return { scalar: 'untyped', list: arrayNode(schema, preserve), map: objectNode(schema, preserve, isResource) };
  }
}

function stringSort(format: unknown): ScalarSort {
  return format === undefined || format === '' || format === 'byte' ? 'string' : 'untyped';
}

function objectNode(schema: Schema, preserve: boolean, isResource: boolean): NonNullable<TypedNode['map']> {
  const properties = isObject(schema['properties']) ? schema['properties'] : {};
  const declared = new Map<string, TypedNode>();
  for (const name of Object.keys(properties)) {
    const property = properties[name];
    if (isObject(property))
      declared.set(name, nodeOf(property, preserve, property['x-kubernetes-embedded-resource'] === true));
  }
  if (isResource) {
    declared.set('apiVersion', stringNode);
    declared.set('kind', stringNode);
    declared.set('metadata', objectMetaNode());
  }
  return mapNode(
    () => declared,
    elementNode(schema['additionalProperties'], preserve, declared.size === 0),
    schema['x-kubernetes-map-type'] === 'atomic',
  );
}

/** What keys hold that are not declared; undefined = there are none. */
function elementNode(additional: unknown, preserve: boolean, isFreeForm: boolean): TypedNode | undefined {
  if (isObject(additional)) return nodeOf(additional, preserve, additional['x-kubernetes-embedded-resource'] === true);
  if (additional === undefined || additional === null) return preserve || isFreeForm ? deducedNode : undefined;
  return additional === true ? deducedNode : undefined;
}

function arrayNode(schema: Schema, preserve: boolean): ListNode {
  const { items } = schema;
  const node = isObject(items)
    ? nodeOf(items, preserve, items['x-kubernetes-embedded-resource'] === true)
    : untypedNode;
  const sort = schema['x-kubernetes-list-type'];
  const declaredKeys = schema['x-kubernetes-list-map-keys'];
  const keys =
    sort === 'map' && Array.isArray(declaredKeys) ? declaredKeys.filter((key) => typeof key === 'string').sort() : [];
  const properties = isObject(items) && isObject(items['properties']) ? items['properties'] : {};
  return {
    atomic: sort !== 'map' && sort !== 'set',
    keys,
    keyDefaults: keys.map((key) => {
      const property = Object.hasOwn(properties, key) ? properties[key] : undefined;
      return isObject(property) ? (property['default'] ?? undefined) : undefined;
    }),
    items: node,
  };
}
