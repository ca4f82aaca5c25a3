/** Schemas and versions as messages show them: see internal-value.ts. Here fields have more shapes than it knows. */
import type {
  CustomResourceDefinitionVersion,
  JSONSchemaProps,
  ValidationRule,
} from '@nodeless/apimachinery/generated/types/apiextensions/v1';
import { isObject } from '@nodeless/apimachinery/decode/copy-json';
import { internalValue, shownMap } from '../internal-value.ts';

type Schema = Readonly<JSONSchemaProps>;
type Shown = Record<string, unknown>;

export function shownVersion(version: Readonly<CustomResourceDefinitionVersion>): Shown {
  const { schema } = version;
  return {
    ...(internalValue('CustomResourceDefinitionVersion', version) as Shown),
    Schema: schema ? { OpenAPIV3Schema: schema.openAPIV3Schema ? shownSchema(schema.openAPIV3Schema) : null } : null,
  };
}

export function shownRule(rule: Readonly<ValidationRule>): unknown {
  return internalValue('ValidationRule', rule);
}

const orNull = (value: unknown): unknown => value ?? null;
const list = (schemas: readonly Schema[] | undefined): unknown => schemas?.map(shownSchema) ?? null;
const one = (schema: unknown): unknown => (isObject(schema) ? shownSchema(schema as Schema) : null);
function map(
  schemas: Readonly<Record<string, unknown>> | undefined,
  show: (schema: unknown) => unknown = one,
): unknown {
  return schemas
    ? shownMap(Object.fromEntries(Object.entries(schemas).map(([key, schema]) => [key, show(schema)])))
    : null;
}
const orBool = (value: unknown): unknown =>
  value === undefined ? null : { Allows: value !== false, Schema: one(value) };
const orStrings = (value: unknown): unknown => ({
  Schema: one(value),
  Property: Array.isArray(value) ? (value as unknown[]) : null,
});

export function shownItems(items: unknown): unknown {
  if (items === undefined) return null;
  return { Schema: one(items), JSONSchemas: Array.isArray(items) ? items.map(one) : null };
}

export function shownSchema(schema: Schema): Shown {
  return {
    ID: schema.id ?? '',
    Schema: schema.$schema ?? '',
    Ref: orNull(schema.$ref),
    Description: schema.description ?? '',
    Type: schema.type ?? '',
    Nullable: schema.nullable ?? false,
    Format: schema.format ?? '',
    Title: schema.title ?? '',
    Default: orNull(schema.default),
    Maximum: orNull(schema.maximum),
    ExclusiveMaximum: schema.exclusiveMaximum ?? false,
    Minimum: orNull(schema.minimum),
    ExclusiveMinimum: schema.exclusiveMinimum ?? false,
    MaxLength: orNull(schema.maxLength),
    MinLength: orNull(schema.minLength),
    Pattern: schema.pattern ?? '',
    MaxItems: orNull(schema.maxItems),
    MinItems: orNull(schema.minItems),
    UniqueItems: schema.uniqueItems ?? false,
    MultipleOf: orNull(schema.multipleOf),
    Enum: orNull(schema.enum),
    MaxProperties: orNull(schema.maxProperties),
    MinProperties: orNull(schema.minProperties),
    Required: orNull(schema.required),
    Items: shownItems(schema.items),
    AllOf: list(schema.allOf),
    OneOf: list(schema.oneOf),
    AnyOf: list(schema.anyOf),
    Not: one(schema.not),
    Properties: map(schema.properties),
    AdditionalProperties: orBool(schema.additionalProperties),
    PatternProperties: map(schema.patternProperties),
    Dependencies: map(schema.dependencies, orStrings),
    AdditionalItems: orBool(schema.additionalItems),
    Definitions: map(schema.definitions),
    ExternalDocs: schema.externalDocs
      ? { Description: schema.externalDocs.description ?? '', URL: schema.externalDocs.url ?? '' }
      : null,
    Example: orNull(schema.example),
    XPreserveUnknownFields: orNull(schema['x-kubernetes-preserve-unknown-fields']),
    XEmbeddedResource: schema['x-kubernetes-embedded-resource'] ?? false,
    XIntOrString: schema['x-kubernetes-int-or-string'] ?? false,
    XListMapKeys: orNull(schema['x-kubernetes-list-map-keys']),
    XListType: orNull(schema['x-kubernetes-list-type']),
    XMapType: orNull(schema['x-kubernetes-map-type']),
    XValidations: schema['x-kubernetes-validations']?.map(shownRule) ?? null,
  };
}
