/** The schema of a version as a whole: where it stands, and what a definition may be excused from. */
import type {
  CustomResourceDefinition,
  CustomResourceValidation,
} from '@nodeless/apimachinery/generated/types/apiextensions/v1';
import { isObject } from '@nodeless/apimachinery/decode/copy-json';
import { type Faults, forbidden, invalid } from '../checks.ts';
import { checkDefaults, hasUnknownFields } from './default-validation.ts';
import { shownSchema } from './internal-schema.ts';
import { checkSchema, isMutableSetItem, mapKeyFaults, type SchemaRules } from './schema-validation.ts';
import { type Schema, structuralFaults, unstructurable } from './structural-validation.ts';

export interface DefinitionRules extends SchemaRules {
  readonly needsSchema: boolean;
  readonly prunedDefaults: boolean;
}

export const strictRules: DefinitionRules = {
  knownTypes: true,
  atomicSets: true,
  mapKeys: true,
  needsSchema: true,
  prunedDefaults: true,
};
const knownTypes = new Set(['array', 'boolean', 'integer', 'number', 'object', 'string']);

/** What was stored before it was forbidden may stay. */
export function rulesOf(old: Readonly<CustomResourceDefinition>): DefinitionRules {
  const versions = old.spec.versions ?? [];
  const hasPart = (test: (schema: Schema) => boolean): boolean =>
    versions.some(({ schema }) => somePart(schema?.openAPIV3Schema, test));
  return {
    knownTypes: !hasPart(({ type }) => !!type && !knownTypes.has(type)),
    atomicSets: !hasPart(isMutableSetItem),
    mapKeys: !hasPart((part) => mapKeyFaults('', part).length > 0),
    needsSchema: versions.every(({ schema }) => schema?.openAPIV3Schema !== undefined),
    prunedDefaults: !hasPart(hasUnknownFields),
  };
}

export function somePart(schema: unknown, test: (schema: Schema) => boolean): boolean {
  if (!isObject(schema)) return false;
  const part = schema as Schema;
  if (test(part)) return true;
  const { items, not, additionalProperties, additionalItems, allOf = [], anyOf = [], oneOf = [] } = part;
  const maps = [part.properties, part.patternProperties, part.definitions, part.dependencies].flatMap((map) =>
    Object.values<unknown>(map ?? {}),
  );
  const lists = [...(Array.isArray(items) ? (items as unknown[]) : [items]), ...allOf, ...anyOf, ...oneOf];
  return [...lists, not, additionalProperties, additionalItems, ...maps].some((each) => somePart(each, test));
}

/** Go's names of what the root may have where status is written by a door of its own. */
const atRoot =
  'Description Type Format Title Maximum ExclusiveMaximum Minimum ExclusiveMinimum MaxLength MinLength Pattern MaxItems MinItems UniqueItems ' +
  'MultipleOf Required Items Properties ExternalDocs Example XPreserveUnknownFields XValidations';
const allowedAtRoot = new Set(atRoot.split(' '));

export function checkRootSchema(
  faults: Faults,
  at: string,
  validation: Readonly<CustomResourceValidation>,
  hasStatus: boolean,
  rules: DefinitionRules,
): void {
  const schema = validation.openAPIV3Schema;
  const path = `${at}.openAPIV3Schema`;
  if (!schema) return;
  const before = faults.length;
  if (hasStatus) checkRootFields(faults, path, schema);
  if (schema.nullable) faults.push(forbidden(`${path}.nullable`, 'nullable cannot be true at the root'));
  const formless = unstructurable(schema);
  if (formless === undefined) {
    const structural = structuralFaults(path, schema);
    faults.push(...structural);
    if (structural.length === 0) checkDefaults(faults, path, schema, rules.prunedDefaults);
  }
  checkSchema(faults, path, schema, rules);
  if (faults.length === before && formless !== undefined) faults.push(invalid(path, '', formless));
}

function checkRootFields(faults: Faults, path: string, schema: Schema): void {
  for (const [name, value] of Object.entries(shownSchema(schema))) {
    if (value === null || value === '' || value === false) continue;
    if (name === 'Type' && schema.type !== 'object') {
      const rule =
        'only "object" is allowed as the type at the root of the schema if the status subresource is enabled';
      faults.push(invalid(`${path}.type`, schema.type, rule));
      return;
    }
    if (!allowedAtRoot.has(name)) {
      const rule = `only [${atRoot}] fields are allowed at the root of the schema if the status subresource is enabled`;
      faults.push(invalid(path, shownSchema(schema), rule));
      return;
    }
  }
}
