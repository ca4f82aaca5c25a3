/** Values against structural schemas, with the texts of k8s.io/kube-openapi's validator as apiextensions maps them to field errors. */
import { isObject } from '@nodeless/apimachinery/decode/copy-json';
import { deepEqual } from '@nodeless/apimachinery/equality';
import {
  duplicate,
  invalidValue,
  notSupported,
  required,
  tooLong,
  tooMany,
  typeInvalid,
} from '@nodeless/apimachinery/field-errors';
import { stringifyJson } from '@nodeless/apimachinery/json';
import type { FieldError } from '@nodeless/apimachinery/status';
import { isOfFormat } from './formats.ts';
import { type Schema, additionalOf, isEmbedded, itemsOf, propertyOf, typeFields } from './structural-schema.ts';

/**
 * Everything wrong with an object. `old`: the object before an update; what is as it was before is not complained
 * about (ratcheting). Does not look at metadata.
 */
export function validateObject(
  object: Readonly<Record<string, unknown>>,
  old: Readonly<Record<string, unknown>> | undefined,
  schema: Schema,
): FieldError[] {
  const errors: FieldError[] = [];
  check({ value: object, old, hasOld: old !== undefined, schema, path: '', isResource: true }, errors);
  return errors;
}

/** The same for a part of an object, such as a default. Paths begin at the value. */
export function validateValue(value: unknown, schema: Schema): FieldError[] {
  const errors: FieldError[] = [];
  check({ value, old: undefined, hasOld: false, schema, path: '', isResource: false }, errors);
  return errors;
}

interface Place {
  readonly value: unknown;
  readonly old: unknown;
  readonly hasOld: boolean;
  readonly schema: Schema;
  readonly path: string;
  readonly isResource: boolean;
}

function check(place: Place, errors: FieldError[]): void {
  const { value, old, hasOld, schema, path } = place;
  if (hasOld && path !== '' && deepEqual(value, old)) return;
  if (!hasRightType(value, schema)) {
    const types = typesOf(schema);
    errors.push(
      typeInvalid(
        path,
        typeName(value),
        `${path} in body must be of type ${types.join(',')}: ${JSON.stringify(typeName(value))}`,
      ),
    );
    return;
  }
  if (value === null) return;
  checkEnum(value, schema, path, errors);
  if (typeof value === 'string') checkString(value, schema, path, errors);
  else if (typeof value === 'number' || typeof value === 'bigint') checkNumber(Number(value), schema, path, errors);
  else if (Array.isArray(value)) checkList(place, value, errors);
  else if (isObject(value)) checkMembers(place, value, errors);
  checkJunctors(place, errors);
}

function typesOf(schema: Schema): string[] {
  if (schema['x-kubernetes-int-or-string'] === true) return ['integer', 'string'];
  return typeof schema['type'] === 'string' && schema['type'] !== '' ? [schema['type']] : [];
}

function typeName(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'bigint') return 'integer';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

function hasRightType(value: unknown, schema: Schema): boolean {
  const types = typesOf(schema);
  if (types.length === 0) return true;
  const name = typeName(value);
  if (name === 'null') return schema['nullable'] === true;
  return types.includes(name) || (name === 'integer' && types.includes('number'));
}

function checkEnum(value: unknown, schema: Schema, path: string, errors: FieldError[]): void {
  const allowed = schema['enum'];
  if (!Array.isArray(allowed) || allowed.length === 0 || allowed.some((one) => deepEqual(one, value))) return;
  errors.push(
    notSupported(
      path,
      value,
      allowed.map((one) => (typeof one === 'string' ? one : stringifyJson(one))),
    ),
  );
}

function numberOf(schema: Schema, name: string): number | undefined {
  const found = schema[name];
  return typeof found === 'number' || typeof found === 'bigint' ? Number(found) : undefined;
}

function checkString(value: string, schema: Schema, path: string, errors: FieldError[]): void {
  const [max, min] = [numberOf(schema, 'maxLength'), numberOf(schema, 'minLength')];
  const length = max === undefined && min === undefined ? 0 : Array.from(value).length;
  if (max !== undefined && length > max) errors.push(tooLong(path, max));
  if (min !== undefined && length < min)
    errors.push(invalidValue(path, value, `${path} in body should be at least ${min} chars long`));
  const { pattern, format } = schema;
  if (typeof pattern === 'string' && pattern !== '' && !patternOf(pattern)?.test(value)) {
    errors.push(invalidValue(path, value, `${path} in body should match '${pattern}'`));
  }
  if (typeof format === 'string' && !isOfFormat(value, format)) {
    errors.push(typeInvalid(path, value, `${path} in body must be of type ${format}: ${JSON.stringify(value)}`));
  }
}

const patterns = new Map<string, RegExp | undefined>();

/** RE2's syntax is near enough to JavaScript's; a leading `(?i)` is the common exception. */
function patternOf(pattern: string): RegExp | undefined {
  if (!patterns.has(pattern)) {
    const flags = /^\(\?([ims]+)\)/.exec(pattern);
    const source = (flags ? pattern.slice(flags[0].length) : pattern)
      .replaceAll('\\A', '^')
      .replaceAll('\\z', '$')
      .replaceAll('(?P<', '(?<');
    let compiled: RegExp | undefined;
    try {
      compiled = new RegExp(source, flags?.[1] ?? '');
    } catch {
      compiled = undefined;
    }
    patterns.set(pattern, compiled);
  }
  return patterns.get(pattern);
}

function checkNumber(value: number, schema: Schema, path: string, errors: FieldError[]): void {
  const [max, min, multiple] = [
    numberOf(schema, 'maximum'),
    numberOf(schema, 'minimum'),
    numberOf(schema, 'multipleOf'),
  ];
  const fault = (text: string) => errors.push(invalidValue(path, value, `${path} in body should be ${text}`));
  if (multiple !== undefined && multiple > 0 && !Number.isInteger(value / multiple)) fault(`a multiple of ${multiple}`);
  if (max !== undefined) {
    if (schema['exclusiveMaximum'] === true ? value >= max : value > max)
      fault(`less than ${schema['exclusiveMaximum'] === true ? '' : 'or equal to '}${max}`);
  }
  if (min !== undefined) {
    if (schema['exclusiveMinimum'] === true ? value <= min : value < min)
      fault(`greater than ${schema['exclusiveMinimum'] === true ? '' : 'or equal to '}${min}`);
  }
}

function checkList({ old, hasOld, schema, path }: Place, value: readonly unknown[], errors: FieldError[]): void {
  const [max, min] = [numberOf(schema, 'maxItems'), numberOf(schema, 'minItems')];
  if (max !== undefined && value.length > max) errors.push(tooMany(path, value.length, max));
  if (min !== undefined && value.length < min)
    errors.push(invalidValue(path, value.length, `${path} in body should have at least ${min} items`));
  if (schema['uniqueItems'] === true && repeated(value).length > 0)
    errors.push(invalidValue(path, value, `${path} in body shouldn't contain duplicates`));
  checkListType(value, schema, path, errors);
  const items = itemsOf(schema);
  if (!items) return;
  const keys = schema['x-kubernetes-list-type'] === 'map' ? mapKeys(schema) : [];
  const before =
    hasOld && keys.length > 0 && Array.isArray(old)
      ? new Map(old.map((item) => [keyText(item, keys, items), item as unknown]))
      : undefined;
  value.forEach((item, i) => {
    const key = before && keyText(item, keys, items);
    const known = before !== undefined && key !== undefined && before.has(key);
    check(
      {
        value: item,
        old: known ? before.get(key) : undefined,
        hasOld: known,
        schema: items,
        path: `${path}[${i}]`,
        isResource: isEmbedded(items),
      },
      errors,
    );
  });
}

function mapKeys(schema: Schema): string[] {
  const keys = schema['x-kubernetes-list-map-keys'];
  return Array.isArray(keys) ? keys.filter((key) => typeof key === 'string').sort() : [];
}

function keysOf(item: unknown, keys: readonly string[], items: Schema | undefined): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  if (!isObject(item)) return found;
  for (const key of keys) {
    const value = Object.hasOwn(item, key) ? item[key] : items && propertyOf(items, key)?.['default'];
    if (value !== undefined) found[key] = value;
  }
  return found;
}

const keyText = (item: unknown, keys: readonly string[], items: Schema | undefined): string =>
  stringifyJson(keysOf(item, keys, items));

/** Sets hold a value once, maps a key once. */
function checkListType(value: readonly unknown[], schema: Schema, path: string, errors: FieldError[]): void {
  const sort = schema['x-kubernetes-list-type'];
  if (sort !== 'set' && sort !== 'map') return;
  const identities = sort === 'set' ? value : value.map((item) => keysOf(item, mapKeys(schema), itemsOf(schema)));
  for (const i of repeated(identities)) errors.push(duplicate(`${path}[${i}]`, identities[i]));
}

/** Indices of the items that stand earlier in the list; each value is reported once. */
function repeated(list: readonly unknown[]): number[] {
  const seen = new Map<string, number>();
  const found: number[] = [];
  list.forEach((item, i) => {
    const text = stringifyJson(sorted(item));
    const count = (seen.get(text) ?? 0) + 1;
    seen.set(text, count);
    if (count === 2) found.push(i);
  });
  return found;
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isObject(value)) return value;
  return Object.keys(value)
    .sort()
    .map((key) => [key, sorted(value[key])]);
}

function checkMembers(
  { old, hasOld, schema, path, isResource }: Place,
  value: Readonly<Record<string, unknown>>,
  errors: FieldError[],
): void {
  const keys = Object.keys(value);
  const [max, min] = [numberOf(schema, 'maxProperties'), numberOf(schema, 'minProperties')];
  if (max !== undefined && keys.length > max) errors.push(tooMany(path, keys.length, max));
  if (min !== undefined && keys.length < min)
    errors.push(invalidValue(path, keys.length, `${path} in body should have at least ${min} properties`));
  const at = (key: string): string => (path === '' ? key : `${path}.${key}`);
  const wanted = Array.isArray(schema['required']) ? schema['required'].filter((name) => typeof name === 'string') : [];
  const embedded = isResource && path !== '' ? ['apiVersion', 'kind'].filter((name) => !wanted.includes(name)) : [];
  for (const name of [...wanted, ...embedded]) if (!Object.hasOwn(value, name)) errors.push(required(at(name)));
  const before = hasOld && isObject(old) ? old : undefined;
  const additional = additionalOf(schema);
  for (const key of keys) {
    if (isResource && typeFields.has(key)) continue;
    const property = propertyOf(schema, key) ?? (additional === true ? undefined : additional);
    if (!property) continue;
    const known = before !== undefined && Object.hasOwn(before, key);
    check(
      {
        value: value[key],
        old: known ? before[key] : undefined,
        hasOld: known,
        schema: property,
        path: at(key),
        isResource: isEmbedded(property),
      },
      errors,
    );
  }
}

/** allOf, anyOf, oneOf and not. Their own faults carry no field, so upstream's text of it is that of no path at all. */
function checkJunctors(place: Place, errors: FieldError[]): void {
  const { schema, path } = place;
  const faultsOf = (part: unknown): FieldError[] => {
    const found: FieldError[] = [];
    if (isObject(part)) check({ ...place, schema: part, hasOld: false, old: undefined }, found);
    return found;
  };
  const fault = (text: string) => errors.push(invalidValue('<nil>', '', `${JSON.stringify(path)} ${text}`));
  const partsOf = (name: string): unknown[] => (Array.isArray(schema[name]) ? schema[name] : []);
  for (const part of partsOf('allOf')) errors.push(...faultsOf(part));
  const anyOf = partsOf('anyOf').map(faultsOf);
  if (anyOf.length > 0 && !anyOf.some((faults) => faults.length === 0)) {
    fault('must validate at least one schema (anyOf)');
    errors.push(...fewest(anyOf));
  }
  const oneOf = partsOf('oneOf').map(faultsOf);
  const valid = oneOf.filter((faults) => faults.length === 0).length;
  if (oneOf.length > 0 && valid !== 1) {
    fault(
      `must validate one and only one schema (oneOf). ${valid === 0 ? 'Found none valid' : `Found ${valid} valid alternatives`}`,
    );
    if (valid === 0) errors.push(...fewest(oneOf));
  }
  if (isObject(schema['not']) && faultsOf(schema['not']).length === 0) fault('must not validate the schema (not)');
}

/** The alternative that came nearest says what is missing. */
function fewest(alternatives: readonly FieldError[][]): FieldError[] {
  return alternatives.reduce((best, faults) => (faults.length < best.length ? faults : best));
}
