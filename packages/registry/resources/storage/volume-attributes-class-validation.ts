import type { VolumeAttributesClass } from '@nodeless/apimachinery/generated/types/storage/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { type Faults, forbidden, isEmptyMap, required, sameValue } from '../checks.ts';
import { checkDriver, checkParameters } from './driver-parameters.ts';

export function validateAttributesClass(object: Readonly<UnknownObject>): Faults {
  const { driverName, parameters } = object as unknown as VolumeAttributesClass;
  const faults: Faults = [];
  checkDriver(faults, 'driverName', driverName);
  checkParameters(faults, 'parameters', parameters);
  if (isEmptyMap(parameters)) faults.push(required('parameters', 'must contain at least one key/value pair'));
  return faults;
}

export function validateAttributesClassUpdate(
  object: Readonly<UnknownObject>,
  oldObject: Readonly<UnknownObject>,
): Faults {
  const now = object as unknown as VolumeAttributesClass;
  const old = oldObject as unknown as VolumeAttributesClass;
  const faults: Faults = [];
  if ((now.driverName ?? '') !== (old.driverName ?? ''))
    faults.push(forbidden('driverName', 'updates to driverName are forbidden.'));
  if (!sameValue(now.parameters, old.parameters))
    faults.push(forbidden('parameters', 'updates to parameters are forbidden.'));
  return [...faults, ...validateAttributesClass(object)];
}
