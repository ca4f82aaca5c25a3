import type {
  CustomResourceDefinition,
  CustomResourceDefinitionSpec,
  CustomResourceValidation,
  SelectableField,
} from '@nodeless/apimachinery/generated/types/apiextensions/v1';
import { isDns1035Label, isDns1123Subdomain } from '@nodeless/apimachinery/names';
import {
  checkImmutable,
  checkRequiredOneOf,
  duplicate,
  type Faults,
  invalid,
  isSet,
  required,
  tooMany,
} from '../checks.ts';
import { checkApproval } from './api-approval.ts';
import { checkColumn, checkSubresources } from './column-validation.ts';
import { checkConversion } from './conversion-validation.ts';
import { type DefinitionForm, formOf } from './definition-form.ts';
import { deprecationFaults } from './deprecation.ts';
import { validFieldPath } from './field-path.ts';
import { shownVersion } from './internal-schema.ts';
import { checkNames } from './names-validation.ts';
import { checkRootSchema, type DefinitionRules, rulesOf, somePart, strictRules } from './root-schema.ts';

type Definition = Readonly<CustomResourceDefinition>;

const mostSelectable = 8;

export function validateDefinition(definition: Definition): Faults {
  const faults: Faults = [];
  const { spec = {} as CustomResourceDefinitionSpec, metadata } = definition;
  const name = metadata?.name ?? '';
  if (name !== '' && name !== `${spec.names?.plural ?? ''}.${spec.group ?? ''}`) {
    faults.push(invalid('metadata.name', name, 'must be spec.names.plural+"."+spec.group'));
  }
  checkSpec(faults, spec, strictRules);
  checkStatus(faults, definition);
  checkApproval(faults, definition);
  checkPreserve(faults, spec);
  return faults;
}

export function validateDefinitionUpdate(definition: Definition, old: Definition): Faults {
  const faults: Faults = [];
  const { spec } = definition;
  checkSpec(faults, spec, rulesOf(old), old.spec);
  if (old.status?.conditions?.some(({ type, status }) => type === 'Established' && status === 'True')) {
    checkImmutable(faults, 'spec.scope', spec.scope, old.spec.scope);
    checkImmutable(faults, 'spec.names.kind', spec.names.kind, old.spec.names.kind);
  }
  checkImmutable(faults, 'spec.group', spec.group, old.spec.group);
  checkImmutable(faults, 'spec.names.plural', spec.names.plural, old.spec.names.plural);
  checkStatus(faults, definition);
  checkApproval(faults, definition, old);
  if (!old.spec.preserveUnknownFields) checkPreserve(faults, spec);
  return faults;
}

export function validateDefinitionStatus({ status }: Definition): Faults {
  const faults: Faults = [];
  checkNames(faults, 'status.acceptedNames', status?.acceptedNames ?? {});
  return faults;
}

function checkPreserve(faults: Faults, spec: Readonly<CustomResourceDefinitionSpec>): void {
  if (!spec.preserveUnknownFields) return;
  const rule =
    'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead';
  faults.push(invalid('spec.preserveUnknownFields', true, rule));
}

function checkStatus(faults: Faults, { spec, status }: Definition): void {
  checkNames(faults, 'status.acceptedNames', status?.acceptedNames ?? {});
  const path = 'status.storedVersions';
  const stored = status?.storedVersions ?? [];
  if (stored.length === 0) {
    faults.push(invalid(path, status?.storedVersions ?? null, 'must have at least one stored version'));
    return;
  }
  const versions = spec?.versions ?? [];
  const unseen = new Set(stored);
  for (const { name, storage } of versions) {
    // A second version of the name does not find it any more.
    if (!unseen.delete(name) && storage) faults.push(invalid(path, stored, `must have the storage version ${name}`));
  }
  stored.forEach((version, i) => {
    if (!unseen.has(version) || stored.lastIndexOf(version) > i) return;
    const rule =
      `missing from spec.versions; ${version} was previously a storage version, and must remain in spec.versions until a storage ` +
      `migration ensures no data remains persisted in ${version} and removes ${version} from status.storedVersions`;
    faults.push(invalid(`${path}[${i}]`, version, rule));
  });
}

function checkSpec(
  faults: Faults,
  spec: Readonly<CustomResourceDefinitionSpec>,
  rules: DefinitionRules,
  old?: Readonly<CustomResourceDefinitionSpec>,
): void {
  const form = formOf(spec);
  const group = spec.group ?? '';
  const complaints = isDns1123Subdomain(group);
  if (group === '') faults.push(required('spec.group'));
  else if (complaints.length > 0) faults.push(invalid('spec.group', group, complaints.join(',')));
  else if (!group.includes('.')) faults.push(invalid('spec.group', group, 'should be a domain with at least one dot'));
  checkRequiredOneOf(faults, 'spec.scope', spec.scope, ['Cluster', 'Namespaced']);
  checkHasSchemas(faults, form, rules);
  checkDefaultsAllowed(faults, spec);
  checkVersions(faults, form, rules, spec.versions);
  for (const field of ['plural', 'singular', 'kind', 'listKind'] as const) {
    if (!spec.names?.[field]) faults.push(required(`spec.names.${field}`));
  }
  checkNames(faults, 'spec.names', spec.names ?? {});
  const hasStatus = [form.subresources, ...form.versions.map((version) => version.subresources)].some(
    (given) => given?.status,
  );
  if (form.validation) checkRootSchema(faults, 'spec.validation', form.validation, hasStatus, rules);
  if (form.subresources) checkSubresources(faults, 'spec.subresources', form.subresources);
  form.additionalPrinterColumns?.forEach((column, i) =>
    checkColumn(faults, `spec.additionalPrinterColumns[${i}]`, column),
  );
  checkSelectable(
    faults,
    'spec.selectableFields',
    form.selectableFields,
    form.validation,
    'may only be set when validations.schema is included',
  );
  if (spec.preserveUnknownFields && spec.conversion && spec.conversion.strategy !== 'None') {
    faults.push(
      invalid(
        'spec.conversion.strategy',
        spec.conversion.strategy ?? '',
        'must be None if spec.preserveUnknownFields is true',
      ),
    );
  }
  if (spec.conversion) checkConversion(faults, spec.conversion, old?.conversion);
}

function checkDefaultsAllowed(
  faults: Faults,
  { preserveUnknownFields, versions }: Readonly<CustomResourceDefinitionSpec>,
): void {
  if (
    !preserveUnknownFields ||
    !versions?.some(({ schema }) => somePart(schema?.openAPIV3Schema, (part) => isSet(part.default)))
  )
    return;
  faults.push(invalid('spec.preserveUnknownFields', true, 'must be false in order to use defaults in the schema'));
}

function checkHasSchemas(faults: Faults, form: DefinitionForm, rules: DefinitionRules): void {
  if (form.validation?.openAPIV3Schema) return;
  form.versions.forEach((version, i) => {
    if (version.schema?.openAPIV3Schema || (!rules.needsSchema && !version.served)) return;
    const path = `spec.versions[${i}].schema.openAPIV3Schema`;
    faults.push(rules.needsSchema ? required(path) : required(path, 'because otherwise all fields are pruned'));
  });
}

function checkVersions(faults: Faults, form: DefinitionForm, rules: DefinitionRules, given: unknown): void {
  const { versions } = form;
  const path = 'spec.versions';
  const perVersionSubresources = versions.some((version) => version.subresources);
  versions.forEach((version, i) => {
    const at = `${path}[${i}]`;
    const name = version.name ?? '';
    const complaints = isDns1035Label(name);
    if (complaints.length > 0) faults.push(invalid(`${at}.name`, name, complaints.join(',')));
    for (const fault of deprecationFaults(version))
      faults.push(invalid(`${at}.deprecationWarning`, version.deprecationWarning, fault));
    const subresources = perVersionSubresources ? version.subresources : form.subresources;
    if (version.schema)
      checkRootSchema(faults, `${at}.schema`, version.schema, subresources?.status !== undefined, rules);
    if (version.subresources) checkSubresources(faults, `${at}.subresources`, version.subresources);
    version.additionalPrinterColumns?.forEach((column, j) =>
      checkColumn(faults, `${at}.additionalPrinterColumns[${j}]`, column),
    );
    const rule = 'may only be set when `version.schema.openAPIV3Schema` is not included';
    checkSelectable(faults, `${at}.selectableFields`, version.selectableFields, version.schema, rule);
  });
  const all = (): unknown => (isSet(given) ? versions.map(shownVersion) : null);
  if (new Set(versions.map(({ name }) => name)).size < versions.length)
    faults.push(invalid(path, all(), 'must contain unique version names'));
  if (versions.filter(({ storage }) => storage).length !== 1) {
    faults.push(invalid(path, all(), 'must have exactly one version marked as storage version'));
  }
  const first = versions[0]?.name ?? '';
  const complaints = first === '' ? [] : isDns1035Label(first);
  if (complaints.length > 0) faults.push(invalid('spec.version', first, complaints.join(',')));
}

function checkSelectable(
  faults: Faults,
  path: string,
  fields: readonly SelectableField[] | undefined,
  validation: CustomResourceValidation | undefined,
  withoutSchema: string,
): void {
  if (!fields?.length) return;
  if (!validation?.openAPIV3Schema) {
    faults.push(invalid(path, '', withoutSchema));
    return;
  }
  const seen = new Set<string>();
  fields.forEach(({ jsonPath = '' }, i) => {
    const at = `${path}[${i}].jsonPath`;
    if (jsonPath === '') {
      faults.push(required(at));
      return;
    }
    const found = validFieldPath(jsonPath, validation.openAPIV3Schema, false);
    if ('fault' in found) {
      faults.push(invalid(at, jsonPath, `is an invalid path: ${found.fault}`));
      return;
    }
    if (found.root === 'metadata') faults.push(invalid(at, jsonPath, 'must not point to fields in metadata'));
    if (!['string', 'boolean', 'integer'].includes(found.schema?.type ?? '')) {
      const rule =
        'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.';
      faults.push(invalid(at, jsonPath, rule));
    }
    if (seen.has(found.path)) faults.push(duplicate(at, jsonPath));
    seen.add(found.path);
  });
  if (seen.size > mostSelectable) faults.push(tooMany(path, seen.size, mostSelectable));
}
