/** Whether a schema is structural: every field that objects may have is told at one place, with its type. */
import type { JSONSchemaProps } from '@nodeless/apimachinery/generated/types/apiextensions/v1';
import { isObject } from '@nodeless/apimachinery/decode/copy-json';
import { deepEqual } from '@nodeless/apimachinery/equality';
import { type Faults, forbidden, invalid, isEmptyMap, required } from '../checks.ts';
import { regexpFault } from './go-regexp.ts';

export type Schema = Readonly<JSONSchemaProps>;
type Level = 'root' | 'item' | 'field';

const preserves = (schema: Schema): boolean => schema['x-kubernetes-preserve-unknown-fields'] === true;
const isEmbedded = (schema: Schema): boolean => schema['x-kubernetes-embedded-resource'] === true;
const isIntOrString = (schema: Schema): boolean => schema['x-kubernetes-int-or-string'] === true;

export const subschema = (value: unknown): Schema | undefined => (isObject(value) ? (value as Schema) : undefined);
export const propertiesOf = (schema: Schema): [string, Schema][] => Object.entries(schema.properties ?? {});

/** Why the schema has no structural form at all; undefined where it has. */
export function unstructurable(schema: Schema): string | undefined {
  const unsupported = [
    ['id', !!schema.id],
    ['schema', !!schema.$schema],
    ['$ref', !!schema.$ref],
    ['patternProperties', !isEmptyMap(schema.patternProperties)],
    ['dependencies', !isEmptyMap(schema.dependencies)],
    ['additionalItems', schema.additionalItems !== undefined],
    ['definitions', !isEmptyMap(schema.definitions)],
  ] as const;
  const found = unsupported.find(([, given]) => given);
  if (found) return `OpenAPIV3Schema '${found[0]}' is not supported`;
  if (schema['x-kubernetes-preserve-unknown-fields'] === false) {
    return "internal error: 'x-kubernetes-preserve-unknown-fields' must be true or undefined";
  }
  if (Array.isArray(schema.items) && schema.items.length > 0)
    return "OpenAPIV3Schema 'items' must be a schema, but is an array";
  for (const part of partsOfSchema(schema)) {
    const fault = unstructurable(part);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

export function partsOfSchema(schema: Schema): Schema[] {
  const { not, allOf = [], anyOf = [], oneOf = [], items, additionalProperties } = schema;
  const all = [
    not,
    ...allOf,
    ...anyOf,
    ...oneOf,
    items,
    ...Object.values(schema.properties ?? {}),
    additionalProperties,
  ];
  return all.flatMap((part) => subschema(part) ?? []);
}

/** In the order of their texts, as upstream sorts them. */
export function structuralFaults(path: string, schema: Schema): Faults {
  const faults: Faults = [];
  checkInvariants(faults, path, schema, 'root');
  checkComplete(faults, schema, schema, path, path);
  const text = ({ field, message }: Faults[number]): string => `${field}: ${message}`;
  return faults.sort((a, b) => Buffer.compare(Buffer.from(text(a)), Buffer.from(text(b))));
}

const emptyType: Readonly<Record<Level, string>> = {
  root: 'must not be empty at the root',
  item: 'must not be empty for specified array items',
  field: 'must not be empty for specified object fields',
};

function checkInvariants(faults: Faults, at: string, schema: Schema, level: Level): void {
  const { type = '', items, additionalProperties: additional } = schema;
  if (type === 'array' && items === undefined) faults.push(required(`${at}.items`, 'must be specified'));
  const item = subschema(items);
  if (item) checkInvariants(faults, `${at}.items`, item, 'item');
  for (const [name, property] of propertiesOf(schema))
    checkInvariants(faults, `${at}.properties[${name}]`, property, 'field');
  if (additional !== undefined && level === 'root')
    faults.push(forbidden(`${at}.additionalProperties`, 'must not be used at the root'));
  const values = subschema(additional);
  if (values) checkInvariants(faults, `${at}.additionalProperties`, values, 'field');
  checkExtensions(faults, at, schema);
  checkValues(faults, at, schema, isIntOrStringAnyOf(schema), isIntOrStringAnyOf(schema.allOf?.[0]));
  if (isEmbedded(schema) && type !== 'object') {
    const rule = 'must be object if x-kubernetes-embedded-resource is true';
    faults.push(type === '' ? required(`${at}.type`, rule) : invalid(`${at}.type`, type, rule));
  } else if (type === '' && !isIntOrString(schema) && !preserves(schema)) {
    faults.push(required(`${at}.type`, emptyType[level]));
  }
  if (isEmbedded(schema) && additional !== undefined) {
    faults.push(forbidden(`${at}.additionalProperties`, 'must not be used if x-kubernetes-embedded-resource is set'));
  }
  if (level === 'root' && type !== '' && type !== 'object')
    faults.push(invalid(`${at}.type`, type, 'must be object at the root'));
  checkTypeFields(faults, at, schema, level);
  if (isEmbedded(schema) && !preserves(schema) && isEmptyMap(schema.properties)) {
    const rule =
      'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields';
    faults.push(required(`${at}.properties`, rule));
  }
}

function checkExtensions(faults: Faults, at: string, schema: Schema): void {
  const rule = 'must be false if x-kubernetes-int-or-string is true';
  if (!isIntOrString(schema)) return;
  if (preserves(schema)) faults.push(invalid(`${at}.x-kubernetes-preserve-unknown-fields`, true, rule));
  if (isEmbedded(schema)) faults.push(invalid(`${at}.x-kubernetes-embedded-resource`, true, rule));
}

/** What every object has: kind, apiVersion and metadata. */
function checkTypeFields(faults: Faults, at: string, schema: Schema, level: Level): void {
  const { kind, apiVersion, metadata } = schema.properties ?? {};
  const isResource = level === 'root' || isEmbedded(schema);
  for (const [name, property] of Object.entries({ kind, apiVersion })) {
    if (property && isResource && property.type !== 'string')
      faults.push(invalid(`${at}.properties[${name}].type`, property.type ?? '', 'must be string'));
  }
  if (!metadata) return;
  const path = `${at}.properties[metadata]`;
  if (isResource && metadata.type !== 'object')
    faults.push(invalid(`${path}.type`, metadata.type ?? '', 'must be object'));
  if (level === 'root' && saysMoreThanNames(metadata)) {
    faults.push(
      forbidden(
        path,
        'must not specify anything other than name and generateName, but metadata is implicitly specified',
      ),
    );
  }
}

function saysMoreThanNames({ type: _type, default: _default, properties, ...rest }: Schema): boolean {
  const names = Object.keys(properties ?? {});
  return (
    names.some((name) => name !== 'name' && name !== 'generateName') ||
    Object.values(rest).some((value) => !isNothing(value))
  );
}

const isNothing = (value: unknown): boolean =>
  value === undefined || value === '' || value === false || (Array.isArray(value) && value.length === 0);

function isIntOrStringAnyOf(schema: Schema | undefined): boolean {
  return deepEqual(schema?.anyOf, [{ type: 'integer' }, { type: 'string' }]);
}

function checkValues(faults: Faults, at: string, schema: Schema, skipAnyOf: boolean, skipFirstAllOf: boolean): void {
  if (!skipAnyOf) schema.anyOf?.forEach((part, i) => checkNested(faults, `${at}.anyOf[${i}]`, part));
  schema.allOf?.forEach((part, i) => checkNested(faults, `${at}.allOf[${i}]`, part, skipFirstAllOf && i === 0));
  schema.oneOf?.forEach((part, i) => checkNested(faults, `${at}.oneOf[${i}]`, part));
  if (schema.not) checkNested(faults, `${at}.not`, schema.not);
  const fault = schema.pattern ? regexpFault(schema.pattern) : undefined;
  if (fault !== undefined)
    faults.push(invalid(`${at}.pattern`, schema.pattern, `must be a valid regular expression, but isn't: ${fault}`));
}

/** Fields of nested parts that may only stand in the structure itself. */
const structural: readonly (readonly [field: keyof JSONSchemaProps, rule: string])[] = [
  ['type', 'must be empty to be structural'],
  ['additionalProperties', 'must be undefined to be structural'],
  ['default', 'must be undefined to be structural'],
  ['title', 'must be empty to be structural'],
  ['description', 'must be empty to be structural'],
  ['nullable', 'must be false to be structural'],
  ['x-kubernetes-preserve-unknown-fields', 'must be false to be structural'],
  ['x-kubernetes-embedded-resource', 'must be false to be structural'],
  ['x-kubernetes-int-or-string', 'must be false to be structural'],
  ['x-kubernetes-list-map-keys', 'must be empty to be structural'],
  ['x-kubernetes-list-type', 'must be undefined to be structural'],
  ['x-kubernetes-map-type', 'must be undefined to be structural'],
  ['x-kubernetes-validations', 'must be empty to be structural'],
];

function checkNested(faults: Faults, at: string, part: Schema, skipAnyOf = false): void {
  checkValues(faults, at, part, skipAnyOf, false);
  const item = subschema(part.items);
  if (item) checkNested(faults, `${at}.items`, item);
  for (const [name, property] of propertiesOf(part)) checkNested(faults, `${at}.properties[${name}]`, property);
  for (const [field, rule] of structural) if (!isNothing(part[field])) faults.push(forbidden(`${at}.${field}`, rule));
  if (part.properties?.metadata)
    faults.push(forbidden(`${at}.properties[metadata]`, 'must not be specified in a nested context'));
}

/** Nested parts may only speak of fields that the structure has. */
function checkComplete(faults: Faults, part: Schema, schema: Schema, at: string, from: string): void {
  const nested: [Schema, string][] = [
    ...(part.not ? [[part.not, `${from}.not`] as [Schema, string]] : []),
    ...['allOf' as const, 'anyOf' as const, 'oneOf' as const].flatMap((field) =>
      (part[field] ?? []).map((each, i): [Schema, string] => [each, `${from}.${field}[${i}]`]),
    ),
  ];
  for (const [each, path] of nested) checkNestedComplete(faults, each, schema, at, path);
}

function checkNestedComplete(faults: Faults, part: Schema, schema: Schema | undefined, at: string, from: string): void {
  if (!schema) {
    faults.push(required(at, `because it is defined in ${from}`));
    return;
  }
  checkComplete(faults, part, schema, at, from);
  const item = subschema(part.items);
  if (item) checkNestedComplete(faults, item, subschema(schema.items), `${at}.items`, `${from}.items`);
  for (const [name, property] of propertiesOf(part)) {
    checkNestedComplete(
      faults,
      property,
      schema.properties?.[name],
      `${at}.properties[${name}]`,
      `${from}.properties[${name}]`,
    );
  }
}
