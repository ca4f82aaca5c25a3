/** What every part of a schema must keep to, structural or not. */
import type { ValidationRule } from '@nodeless/apimachinery/generated/types/apiextensions/v1';
import { isObject } from '@nodeless/apimachinery/decode/copy-json';
import { type Faults, forbidden, invalid, isEmptyMap, isSet, notSupported, required } from '../checks.ts';
import { validFieldPath } from './field-path.ts';
import { shownItems } from './internal-schema.ts';
import { propertiesOf, type Schema, subschema } from './structural-validation.ts';

/** What stored definitions may be excused from, where they broke it before it was a rule. */
export interface SchemaRules {
  readonly knownTypes: boolean;
  readonly atomicSets: boolean;
  readonly mapKeys: boolean;
}

interface Place {
  readonly isRoot: boolean;
  readonly insideMeta: boolean;
  /** Why there may be no defaults here. */
  readonly noDefaults?: string;
}

const types = ['array', 'boolean', 'integer', 'number', 'object', 'string'];
const typeFields = new Set(['metadata', 'kind', 'apiVersion']);

export function checkSchema(
  faults: Faults,
  at: string,
  schema: Schema,
  rules: SchemaRules,
  place: Place = { isRoot: true, insideMeta: false },
): void {
  const inner: Place = { ...place, isRoot: false };
  checkSupported(faults, at, schema, rules, place);
  if (schema.uniqueItems) {
    faults.push(
      forbidden(
        `${at}.uniqueItems`,
        'uniqueItems cannot be set to true since the runtime complexity becomes quadratic',
      ),
    );
  }
  const additional = schema.additionalProperties;
  if (additional !== undefined) {
    if (!isEmptyMap(schema.properties) && additional !== true) {
      faults.push(forbidden(`${at}.additionalProperties`, 'additionalProperties and properties are mutual exclusive'));
    }
    const noDefaults = place.insideMeta ? 'inside additionalProperties applying to object metadata' : place.noDefaults;
    visit(faults, `${at}.additionalProperties`, additional, rules, { ...inner, noDefaults });
  }
  for (const [name, property] of propertiesOf(schema)) {
    const isMeta = (place.isRoot || schema['x-kubernetes-embedded-resource'] === true) && typeFields.has(name);
    visit(faults, `${at}.properties[${name}]`, property, rules, {
      ...inner,
      insideMeta: place.insideMeta || isMeta,
      noDefaults: isMeta && place.isRoot ? `in top-level ${name}` : place.noDefaults,
    });
  }
  visit(faults, `${at}.not`, schema.not, rules, inner);
  for (const field of ['allOf', 'oneOf', 'anyOf'] as const) {
    schema[field]?.forEach((part, i) => visit(faults, `${at}.${field}[${i}]`, part, rules, inner));
  }
  for (const field of ['definitions', 'dependencies'] as const) {
    for (const [name, part] of Object.entries(schema[field] ?? {}))
      visit(faults, `${at}.${field}[${name}]`, part, rules, inner);
  }
  if (Array.isArray(schema.items))
    schema.items.forEach((part, i) => visit(faults, `${at}.items[${i}]`, part, rules, inner));
  else visit(faults, `${at}.items`, schema.items, rules, inner);
  if (schema['x-kubernetes-preserve-unknown-fields'] === false) {
    faults.push(invalid(`${at}.x-kubernetes-preserve-unknown-fields`, false, 'must be true or undefined'));
  }
  checkMapType(faults, at, schema);
  checkListType(faults, at, schema, rules);
  checkListKeys(faults, at, schema);
  if (rules.mapKeys) faults.push(...mapKeyFaults(at, schema));
  schema['x-kubernetes-validations']?.forEach((rule, i) =>
    checkRule(faults, `${at}.x-kubernetes-validations[${i}]`, rule, schema),
  );
}

function visit(faults: Faults, at: string, part: unknown, rules: SchemaRules, place: Place): void {
  if (isObject(part)) checkSchema(faults, at, part as Schema, rules, place);
}

function checkSupported(faults: Faults, at: string, schema: Schema, rules: SchemaRules, place: Place): void {
  const { type = '' } = schema;
  if (rules.knownTypes && type !== '' && !types.includes(type)) faults.push(notSupported(`${at}.type`, type, types));
  if (isSet(schema.default) && place.noDefaults !== undefined)
    faults.push(forbidden(`${at}.default`, `must not be set ${place.noDefaults}`));
  const refuse = (field: string, given: boolean): void => {
    if (given) faults.push(forbidden(`${at}.${field}`, `${field} is not supported`));
  };
  refuse('id', !!schema.id);
  refuse('additionalItems', schema.additionalItems !== undefined);
  refuse('patternProperties', !isEmptyMap(schema.patternProperties));
  refuse('definitions', !isEmptyMap(schema.definitions));
  refuse('dependencies', schema.dependencies !== undefined);
  refuse('$ref', schema.$ref !== undefined);
  if (type === 'null')
    faults.push(forbidden(`${at}.type`, 'type cannot be set to null, use nullable as an alternative'));
  if (Array.isArray(schema.items) && schema.items.length > 0)
    faults.push(forbidden(`${at}.items`, 'items must be a schema object and not an array'));
  if (place.insideMeta && schema['x-kubernetes-embedded-resource']) {
    faults.push(forbidden(`${at}.x-kubernetes-embedded-resource`, 'must not be used inside of resource meta'));
  }
}

function checkTypeIs(faults: Faults, at: string, schema: Schema, wanted: string, field: string): void {
  const { type = '' } = schema;
  if (type === wanted) return;
  const rule = `must be ${wanted} if ${field} is specified`;
  faults.push(type === '' ? required(`${at}.type`, rule) : invalid(`${at}.type`, type, rule));
}

function checkMapType(faults: Faults, at: string, schema: Schema): void {
  const field = 'x-kubernetes-map-type';
  const type = schema[field];
  if (type === undefined) return;
  checkTypeIs(faults, at, schema, 'object', field);
  if (type !== 'atomic' && type !== 'granular')
    faults.push(notSupported(`${at}.${field}`, type, ['atomic', 'granular']));
}

function checkListType(faults: Faults, at: string, schema: Schema, rules: SchemaRules): void {
  const field = 'x-kubernetes-list-type';
  const type = schema[field];
  if (type === undefined) return;
  const item = subschema(schema.items);
  checkTypeIs(faults, at, schema, 'array', field);
  if (schema.type === 'array' && rules.atomicSets && item && isMutableSetItem(schema)) {
    const place = item.type === 'array' ? field : 'x-kubernetes-map-type';
    // The list type is shown for both.
    faults.push(
      invalid(
        `${at}.items.${place}`,
        item[field] ?? null,
        'must be atomic as item of a list with x-kubernetes-list-type=set',
      ),
    );
  }
  if (!['atomic', 'set', 'map'].includes(type))
    faults.push(notSupported(`${at}.${field}`, type, ['atomic', 'set', 'map']));
}

/** Items of sets are compared as a whole. */
export function isMutableSetItem(schema: Schema): boolean {
  const item = subschema(schema.items);
  if (schema['x-kubernetes-list-type'] !== 'set' || !item) return false;
  if (item.type === 'array')
    return item['x-kubernetes-list-type'] !== undefined && item['x-kubernetes-list-type'] !== 'atomic';
  return item.type === 'object' && item['x-kubernetes-map-type'] !== 'atomic';
}

function checkListKeys(faults: Faults, at: string, schema: Schema): void {
  const type = schema['x-kubernetes-list-type'];
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const path = `${at}.x-kubernetes-list-map-keys`;
  if (keys.length > 0 && type !== 'map') {
    const rule = 'must be map if x-kubernetes-list-map-keys is non-empty';
    const typePath = `${at}.x-kubernetes-list-type`;
    faults.push(type === undefined ? required(typePath, rule) : invalid(typePath, type, rule));
  }
  if (type !== 'map') return;
  const item = subschema(schema.items);
  if (keys.length === 0) faults.push(required(path, 'must not be empty if x-kubernetes-list-type is map'));
  if (schema.items === undefined)
    faults.push(required(`${at}.items`, 'must have a schema if x-kubernetes-list-type is map'));
  else if (!item)
    faults.push(
      invalid(
        `${at}.items`,
        shownItems(schema.items),
        'must only have a single schema if x-kubernetes-list-type is map',
      ),
    );
  else if (item.type !== 'object') {
    faults.push(
      invalid(`${at}.items.type`, item.type ?? '', "must be object if parent array's x-kubernetes-list-type is map"),
    );
  } else {
    keys.forEach((key, i) => {
      const property = item.properties?.[key];
      if (!property) faults.push(invalid(path, keys, 'entries must all be names of item properties'));
      else if (property.type === 'array' || property.type === 'object') {
        const rule = "must be a scalar type if parent array's x-kubernetes-list-type is map";
        faults.push(invalid(`${at}.items.properties[${key}].type`, item.type, rule));
      }
      if (keys.indexOf(key) < i) faults.push(invalid(path, keys, 'must not contain duplicate entries'));
    });
  }
}

/** Keys must always have a value. */
export function mapKeyFaults(at: string, schema: Schema): Faults {
  const faults: Faults = [];
  const item = subschema(schema.items);
  const type = schema['x-kubernetes-list-type'];
  if (!item || (type !== 'set' && type !== 'map')) return faults;
  if (item.nullable)
    faults.push(forbidden(`${at}.items.nullable`, `cannot be nullable when x-kubernetes-list-type is ${type}`));
  for (const key of type === 'map' ? (schema['x-kubernetes-list-map-keys'] ?? []) : []) {
    const property = item.properties?.[key];
    const path = `${at}.items.properties[${key}]`;
    const rule = 'this property is in x-kubernetes-list-map-keys, so it';
    if (!property) continue;
    if (!item.required?.includes(key) && property.default === undefined) {
      faults.push(required(`${path}.default`, `${rule} must have a default or be a required property`));
    }
    if (property.nullable) faults.push(forbidden(`${path}.nullable`, `${rule} cannot be nullable`));
  }
  return faults;
}

const reasons = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired'];
const hasNewlines = (text: string): boolean => /[\n\r]/.test(text);

function checkRule(faults: Faults, at: string, validation: Readonly<ValidationRule>, schema: Schema): void {
  const { rule = '', message = '', messageExpression = '', reason, fieldPath = '' } = validation;
  if (rule.trim() === '') faults.push(required(`${at}.rule`, 'rule is not specified'));
  else if (message !== '' && message.trim() === '')
    faults.push(invalid(`${at}.message`, message, 'must be non-empty if specified'));
  else if (hasNewlines(message.trim())) faults.push(invalid(`${at}.message`, message, 'must not contain line breaks'));
  else if (hasNewlines(rule.trim()) && message === '')
    faults.push(required(`${at}.message`, 'message must be specified if rule contains line breaks'));
  if (messageExpression !== '' && messageExpression.trim() === '') {
    faults.push(required(`${at}.messageExpression`, 'messageExpression must be non-empty if specified'));
  }
  if (reason !== undefined && !reasons.includes(reason)) faults.push(notSupported(`${at}.reason`, reason, reasons));
  if (fieldPath === '') return;
  if (fieldPath.trim() === '') faults.push(invalid(`${at}.fieldPath`, fieldPath, 'must be non-empty if specified'));
  if (hasNewlines(fieldPath)) faults.push(invalid(`${at}.fieldPath`, fieldPath, 'must not contain line breaks'));
  if ('fault' in validFieldPath(fieldPath, schema))
    faults.push(invalid(`${at}.fieldPath`, fieldPath, 'must be a valid path'));
}
