import type { PersistentVolumeClaim, PersistentVolumeClaimSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import { isQualifiedName } from '@nodeless/apimachinery/names';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { compareQuantities, parseQuantity } from '@nodeless/apimachinery/quantity';
import {
  check,
  checkImmutable,
  checkLabelSelector,
  type Faults,
  forbidden,
  invalid,
  notSupported,
  required,
  sameValue,
  sortedKeys,
} from '../checks.ts';
import { internalDiff } from '../unified-diff.ts';
import { alignDataSources } from './claim-data-sources.ts';
import { checkBasicQuantity } from './persistent-volume-spec.ts';
import { betaClass, betaClassMessage } from './persistent-volume-validation.ts';
import { checkClaimSpec } from './pod-template/claim-validation.ts';
import { checkResourceQuantity, isNative } from './pod-template/resource-names.ts';
import { warnOfClaimSizes } from './pod-template/warnings.ts';

type Spec = Readonly<PersistentVolumeClaimSpec>;
type Claim = Readonly<PersistentVolumeClaim>;

export function validateClaim(object: Readonly<UnknownObject>): Faults {
  const faults: Faults = [];
  checkClaimSpec(faults, 'spec', (object as PersistentVolumeClaim).spec ?? {});
  return faults;
}

export function validateClaimUpdate(object: Readonly<UnknownObject>, oldObject: Readonly<UnknownObject>): Faults {
  const faults: Faults = [];
  const claim = object as Claim;
  const old = oldObject as Claim;
  const spec: Spec = claim.spec ?? {};
  const before: PersistentVolumeClaimSpec = { ...old.spec };
  alignDataSources(before);
  const stored: Faults = [];
  checkLabelSelector(stored, '', before.selector);
  checkClaimSpec(faults, 'spec', spec, {
    allowInvalidSelectorValues: stored.length > 0,
    allowInvalidApiGroup: hasGroup(before.dataSource) || hasGroup(before.dataSourceRef),
  });
  const expected = allowChanges(faults, claim, old, before);
  const reference: Spec = before.volumeName || !spec.volumeName ? before : { ...before, volumeName: spec.volumeName };
  if (!sameValue(expected, reference)) {
    const message =
      'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims';
    faults.push(forbidden('spec', `${message}\n${internalDiff('PersistentVolumeClaimSpec', reference, expected)}`));
  }
  const [size, was, has] = [
    spec.resources?.requests?.storage,
    before.resources?.requests?.storage,
    old.status?.capacity?.storage,
  ].map((q) => parseQuantity(q ?? 0));
  if (compareQuantities(size!, was!) < 0 && compareQuantities(size!, has!) <= 0) {
    faults.push(forbidden('spec.resources.requests.storage', 'field can not be less than status.capacity'));
  }
  checkImmutable(faults, 'volumeMode', spec.volumeMode, before.volumeMode);
  const attributes = spec.volumeAttributesClassName;
  if (
    attributes !== before.volumeAttributesClassName &&
    old.status?.currentVolumeAttributesClassName !== undefined &&
    !attributes
  ) {
    const to = attributes === undefined ? 'nil' : 'empty string';
    faults.push(
      forbidden(
        'spec.volumeAttributesClassName',
        `update to ${to} is forbidden when status.currentVolumeAttributesClassName is not nil`,
      ),
    );
  }
  return faults;
}

const hasGroup = (source: { apiGroup?: string | null } | undefined): boolean =>
  source?.apiGroup !== undefined && source.apiGroup !== null;

/** The new spec with everything that may change as it was. */
function allowChanges(faults: Faults, claim: Claim, old: Claim, before: Spec): PersistentVolumeClaimSpec {
  const expected: PersistentVolumeClaimSpec = { ...claim.spec };
  const oldClass = old.metadata?.annotations?.[betaClass];
  const newClass = claim.metadata?.annotations?.[betaClass];
  const className = claim.spec?.storageClassName;
  const wasUnset = before.storageClassName === undefined;
  if (oldClass !== undefined && wasUnset && className === oldClass && (newClass === undefined || newClass === oldClass))
    delete expected.storageClassName;
  else {
    if ((oldClass ?? '') !== (newClass ?? ''))
      faults.push(invalid(`metadata.annotations.${betaClass}`, newClass ?? '', 'field is immutable'));
    if (className !== undefined && wasUnset && (oldClass === undefined || className === oldClass))
      delete expected.storageClassName;
  }
  if (claim.status?.phase !== 'Bound') return expected;
  if (expected.resources?.requests) {
    expected.resources = {
      ...expected.resources,
      requests: { ...expected.resources.requests, storage: before.resources?.requests?.storage ?? '0' },
    };
  }
  if (before.volumeAttributesClassName === undefined) delete expected.volumeAttributesClassName;
  else expected.volumeAttributesClassName = before.volumeAttributesClassName;
  return expected;
}

const resizeStates = [
  'ControllerResizeInProgress',
  'ControllerResizeInfeasible',
  'NodeResizeInProgress',
  'NodeResizeInfeasible',
  'NodeResizePending',
];

export function validateClaimStatus(object: Readonly<UnknownObject>): Faults {
  const faults: Faults = [];
  const { spec, status = {} } = object as Claim;
  if (!spec?.accessModes?.length) faults.push(required('Spec.accessModes'));
  for (const name of sortedKeys(status.capacity))
    checkBasicQuantity(faults, `status.capacity[${name}]`, status.capacity![name]!);
  for (const name of sortedKeys(status.allocatedResourceStatuses)) {
    const path = 'status.allocatedResourceStatuses';
    checkName(faults, path, name);
    if (!resizeStates.includes(status.allocatedResourceStatuses![name]!))
      faults.push(notSupported(path, name, resizeStates));
  }
  for (const name of sortedKeys(status.allocatedResources)) {
    const path = 'status.allocatedResources';
    if (!checkName(faults, path, name)) continue;
    const before = faults.length;
    checkBasicQuantity(faults, `${path}[${name}]`, status.allocatedResources![name]!);
    if (faults.length === before)
      checkResourceQuantity(faults, `${path}[${name}]`, 'storage', status.allocatedResources![name]!);
  }
  return faults;
}

function checkName(faults: Faults, path: string, name: string): boolean {
  const before = faults.length;
  check(faults, path, name, isQualifiedName(name));
  if (faults.length === before && isNative(name) && name !== 'storage')
    faults.push(notSupported(path, name, ['storage']));
  return faults.length === before;
}

export function claimWarnings(object: Readonly<UnknownObject>): string[] {
  const { metadata, spec } = object as Claim;
  const warnings =
    metadata?.annotations?.[betaClass] === undefined ? [] : [`metadata.annotations[${betaClass}]: ${betaClassMessage}`];
  warnOfClaimSizes(warnings, 'spec', spec?.resources);
  return warnings;
}
