import { isObject } from '@nodeless/apimachinery/decode/copy-json';
import { deepCopy } from '@nodeless/apimachinery/equality';
import { type Schema, additionalOf, itemsOf, propertyNames, propertyOf, someSchema } from './structural-schema.ts';

/**
 * Fills in place the defaults of everything that is absent. A null where none is allowed is absent, with or without a
 * default. Idempotent.
 */
export function fillDefaults(value: unknown, schema: Schema): void {
  if (Array.isArray(value)) {
    const items = itemsOf(schema);
    if (!items) return;
    value.forEach((item, i) => {
      if (isForbiddenNull(item, items) && items['default'] !== undefined) value[i] = deepCopy(items['default']);
      fillDefaults(value[i], items);
    });
    return;
  }
  if (!isObject(value)) return;
  for (const name of propertyNames(schema)) {
    const property = propertyOf(schema, name) as Schema;
    if (Object.hasOwn(value, name) && isForbiddenNull(value[name], property)) delete value[name];
    if (!Object.hasOwn(value, name)) {
      if (property['default'] === undefined) continue;
      value[name] = deepCopy(property['default']);
    }
    fillDefaults(value[name], property);
  }
  const additional = additionalOf(schema);
  if (additional === undefined || additional === true) return;
  for (const key of Object.keys(value)) {
    if (propertyOf(schema, key)) continue;
    if (isForbiddenNull(value[key], additional)) {
      if (additional['default'] === undefined) delete value[key];
      else value[key] = deepCopy(additional['default']);
    }
    fillDefaults(value[key], additional);
  }
}

export function hasDefaults(schema: Schema): boolean {
  return someSchema(schema, (part) => part['default'] !== undefined);
}

function isForbiddenNull(value: unknown, schema: Schema): boolean {
  return value === null && schema['nullable'] !== true;
}
