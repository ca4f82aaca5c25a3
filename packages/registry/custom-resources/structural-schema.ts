/** Reading a structural OpenAPI schema, as the versions of a CustomResourceDefinition carry it. */
import { isObject } from '@nodeless/apimachinery/decode/copy-json';

export type Schema = Readonly<Record<string, unknown>>;

/** The schema of a declared field; names are users' and may be `constructor`. */
export function propertyOf(schema: Schema, name: string): Schema | undefined {
  const { properties } = schema;
  if (!isObject(properties) || !Object.hasOwn(properties, name)) return undefined;
  const found = properties[name];
  return isObject(found) ? found : undefined;
}

/** Declared names; a field cannot be called `__proto__`. */
export function propertyNames(schema: Schema): string[] {
  return isObject(schema['properties']) ? Object.keys(schema['properties']).filter((name) => name !== '__proto__') : [];
}

/** What undeclared keys hold: a schema, anything (true), or nothing (undefined). */
export function additionalOf(schema: Schema): Schema | true | undefined {
  const additional = schema['additionalProperties'];
  return additional === true || isObject(additional) ? additional : undefined;
}

export function itemsOf(schema: Schema): Schema | undefined {
  return isObject(schema['items']) ? schema['items'] : undefined;
}

export const isEmbedded = (schema: Schema): boolean => schema['x-kubernetes-embedded-resource'] === true;
export const preservesUnknown = (schema: Schema): boolean => schema['x-kubernetes-preserve-unknown-fields'] === true;

/** Every object of a kind has these, declared or not. */
export const typeFields: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata']);

/** Whether any part of the schema satisfies the test. */
export function someSchema(schema: Schema, test: (schema: Schema) => boolean): boolean {
  if (test(schema)) return true;
  const additional = additionalOf(schema);
  const items = itemsOf(schema);
  return (
    propertyNames(schema).some((name) => someSchema(propertyOf(schema, name) ?? {}, test)) ||
    (additional !== undefined && additional !== true && someSchema(additional, test)) ||
    (items !== undefined && someSchema(items, test))
  );
}
