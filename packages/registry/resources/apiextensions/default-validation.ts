/** Defaults must themselves be what the schema allows. */
import { isObject } from '@nodeless/apimachinery/decode/copy-json';
import { deepEqual } from '@nodeless/apimachinery/equality';
import { pruneObject } from '../../custom-resources/prune.ts';
import { validateValue } from '../../custom-resources/validate-value.ts';
import { type Faults, invalid, isSet } from '../checks.ts';
import { propertiesOf, type Schema, subschema } from './structural-validation.ts';

export function checkDefaults(faults: Faults, at: string, schema: Schema, mustBePruned: boolean): void {
  if (isSet(schema.default)) checkDefault(faults, `${at}.default`, schema, mustBePruned);
  const item = subschema(schema.items);
  if (item) checkDefaults(faults, `${at}.items`, item, mustBePruned);
  for (const [name, property] of propertiesOf(schema))
    checkDefaults(faults, `${at}.properties[${name}]`, property, mustBePruned);
}

function checkDefault(faults: Faults, path: string, schema: Schema, mustBePruned: boolean): void {
  const value = schema.default;
  if (mustBePruned && hasUnknownFields(schema)) faults.push(invalid(path, value, 'must not have unknown fields'));
  for (const fault of validateValue(value, schema as Readonly<Record<string, unknown>>)) {
    faults.push({ ...fault, field: fault.field === '' || fault.field === '<nil>' ? path : `${path}.${fault.field}` });
  }
}

export function hasUnknownFields(schema: Schema): boolean {
  if (!isSet(schema.default)) return false;
  const pruned = structuredClone({ value: schema.default });
  pruneObject(pruned, { properties: { value: schema } });
  return isObject(pruned) && !deepEqual(pruned['value'], schema.default);
}
