import type { ControllerRevision } from '@nodeless/apimachinery/generated/types/apps/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { checkImmutable, checkNonNegative, type Faults, required } from '../checks.ts';

export function validateControllerRevision(object: Readonly<UnknownObject>): Faults {
  const { revision, data } = object as Readonly<ControllerRevision>;
  const faults: Faults = [];
  checkNonNegative(faults, 'revision', revision);
  if (data === undefined || data === null) faults.push(required('data', 'data is mandatory'));
  else if (typeof data !== 'object' || Array.isArray(data))
    faults.push(required('data', 'data must be a valid JSON object'));
  return faults;
}

export function validateControllerRevisionUpdate(
  object: Readonly<UnknownObject>,
  oldObject: Readonly<UnknownObject>,
): Faults {
  const { revision, data } = object as Readonly<ControllerRevision>;
  const faults: Faults = [];
  checkNonNegative(faults, 'revision', revision);
  checkImmutable(
    faults,
    'data',
    data,
    (oldObject as Readonly<ControllerRevision>).data,
    data === undefined ? null : data,
  );
  return faults;
}
