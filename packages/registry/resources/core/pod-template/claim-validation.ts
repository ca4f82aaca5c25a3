/** Specs of PersistentVolumeClaims, also as templates in pods and stateful sets. */
import type {
  PersistentVolumeClaimSpec,
  PersistentVolumeClaimTemplate,
  TypedObjectReference,
} from '@nodeless/apimachinery/generated/types/core/v1';
import type { ObjectMeta } from '@nodeless/apimachinery/generated/types/meta/v1';
import { isDns1123Label, isDns1123Subdomain } from '@nodeless/apimachinery/names';
import {
  check,
  checkAnnotations,
  checkLabelSelector,
  checkLabels,
  checkObjectName,
  checkOneOf,
  type Faults,
  forbidden,
  invalid,
  notSupported,
  required,
} from '../../checks.ts';
import { checkPositiveQuantity, checkResourceQuantity } from './resource-names.ts';

export const accessModes = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];
export const volumeModes = ['Block', 'Filesystem'];

export interface ClaimRules {
  readonly allowInvalidSelectorValues?: boolean;
  readonly allowInvalidApiGroup?: boolean;
}

export function checkClaimTemplate(
  faults: Faults,
  path: string,
  template: Readonly<PersistentVolumeClaimTemplate>,
): void {
  checkTemplateMetadata(faults, `${path}.metadata`, template.metadata ?? {});
  checkClaimSpec(faults, `${path}.spec`, template.spec ?? {});
}

/** What is made of a template may get annotations and labels of it. */
export function checkTemplateMetadata(faults: Faults, path: string, metadata: Readonly<ObjectMeta>): void {
  checkAnnotations(faults, `${path}.annotations`, metadata.annotations);
  checkLabels(faults, `${path}.labels`, metadata.labels);
  for (const [field, shown] of metadataFields) {
    if (metadata[field] !== undefined) faults.push(forbidden(`${path}.${shown}`, 'cannot be set'));
  }
}

/** In Go's order, as the message names them. */
const metadataFields = [
  ['name', 'name'],
  ['generateName', 'generateName'],
  ['namespace', 'namespace'],
  ['selfLink', 'selfLink'],
  ['uid', 'uID'],
  ['resourceVersion', 'resourceVersion'],
  ['generation', 'generation'],
  ['creationTimestamp', 'creationTimestamp'],
  ['deletionTimestamp', 'deletionTimestamp'],
  ['deletionGracePeriodSeconds', 'deletionGracePeriodSeconds'],
  ['ownerReferences', 'ownerReferences'],
  ['finalizers', 'finalizers'],
  ['managedFields', 'managedFields'],
] as const;

export function checkAccessModes(faults: Faults, path: string, modes: readonly string[]): void {
  for (const mode of modes) checkOneOf(faults, path, mode, accessModes);
  if (
    modes.includes('ReadWriteOncePod') &&
    modes.some((mode) => mode !== 'ReadWriteOncePod' && accessModes.includes(mode))
  ) {
    faults.push(forbidden(path, 'may not use ReadWriteOncePod with other access modes'));
  }
}

export function checkClaimSpec(
  faults: Faults,
  path: string,
  spec: Readonly<PersistentVolumeClaimSpec>,
  rules: ClaimRules = {},
): void {
  const modes = spec.accessModes ?? [];
  if (modes.length === 0) faults.push(required(`${path}.accessModes`, 'at least 1 access mode is required'));
  checkLabelSelector(faults, `${path}.selector`, spec.selector, {
    allowInvalidValues: rules.allowInvalidSelectorValues,
  });
  checkAccessModes(faults, `${path}.accessModes`, modes);
  const storage = spec.resources?.requests?.storage;
  const at = `${path}.resources[storage]`;
  if (storage === undefined) faults.push(required(at));
  else {
    const before = faults.length;
    checkPositiveQuantity(faults, at, storage);
    if (faults.length === before) checkResourceQuantity(faults, at, 'storage', storage);
  }
  if (spec.storageClassName) checkObjectName(faults, `${path}.storageClassName`, spec.storageClassName);
  if (spec.volumeMode !== undefined && !volumeModes.includes(spec.volumeMode))
    faults.push(notSupported(`${path}.volumeMode`, spec.volumeMode, volumeModes));
  const { dataSource, dataSourceRef } = spec;
  if (dataSource) checkDataSource(faults, `${path}.dataSource`, dataSource, rules);
  if (dataSourceRef) {
    checkDataSource(faults, `${path}.dataSourceRef`, dataSourceRef, rules);
    const { namespace } = dataSourceRef;
    if (namespace) check(faults, `${path}.dataSourceRef.namespace`, namespace, isDns1123Label(namespace));
  }
  if (dataSource && dataSourceRef) {
    // The value that upstream shows is a path that has no fields to show.
    if (dataSourceRef.namespace)
      faults.push(invalid(path, {}, 'may not be specified when dataSourceRef.namespace is specified'));
    else if (
      dataSource.apiGroup !== dataSourceRef.apiGroup ||
      dataSource.kind !== dataSourceRef.kind ||
      dataSource.name !== dataSourceRef.name
    ) {
      faults.push(invalid(path, {}, 'must match dataSourceRef'));
    }
  }
  if (spec.volumeAttributesClassName)
    checkObjectName(faults, `${path}.volumeAttributesClassName`, spec.volumeAttributesClassName);
}

function checkDataSource(
  faults: Faults,
  path: string,
  source: Readonly<TypedObjectReference>,
  rules: ClaimRules,
): void {
  if (!source.name) faults.push(required(`${path}.name`));
  if (!source.kind) faults.push(required(`${path}.kind`));
  const group = source.apiGroup ?? '';
  if (group === '' && source.kind !== 'PersistentVolumeClaim') {
    faults.push(
      invalid(path, source.kind ?? '', "must be 'PersistentVolumeClaim' when referencing the default apiGroup"),
    );
  }
  if (group !== '' && !rules.allowInvalidApiGroup) check(faults, `${path}.apiGroup`, group, isDns1123Subdomain(group));
}
