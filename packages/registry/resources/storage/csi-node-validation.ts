import type { CSINode, CSINodeDriver } from '@nodeless/apimachinery/generated/types/storage/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import {
  checkImmutable,
  checkNonNegative,
  checkQualifiedName,
  duplicate,
  type Faults,
  invalid,
  required,
} from '../checks.ts';
import { checkCsiDriverName } from '../core/pod-template/csi-validation.ts';
import { internalValue } from '../internal-value.ts';

const longestId = 256;
const path = 'spec.drivers';

export function validateCsiNode(object: Readonly<UnknownObject>): Faults {
  const faults: Faults = [];
  const seen = new Set<string>();
  driversOf(object).forEach((driver, i) => checkDriver(faults, `${path}[${i}]`, driver, seen));
  return faults;
}

const driversOf = (object: Readonly<UnknownObject>): readonly CSINodeDriver[] =>
  (object as unknown as CSINode).spec?.drivers ?? [];

function checkDriver(faults: Faults, at: string, driver: Readonly<CSINodeDriver>, seen: Set<string>): void {
  const { name = '', nodeID = '' } = driver;
  checkCsiDriverName(faults, `${at}.name`, name);
  if (nodeID === '') faults.push(required(`${at}.nodeID`));
  if (Buffer.byteLength(nodeID) > longestId)
    faults.push(invalid(`${at}.nodeID`, nodeID, `must be ${longestId} characters or less`));
  checkNonNegative(faults, `${at}.allocatable.count`, driver.allocatable?.count);
  if (seen.has(name)) faults.push(duplicate(`${at}.name`, name));
  seen.add(name);
  const keys = new Set<string>();
  for (const key of driver.topologyKeys ?? []) {
    if (key === '') faults.push(required(at));
    if (keys.has(key)) faults.push(duplicate(at, key));
    keys.add(key);
    checkQualifiedName(faults, at, key);
  }
}

/** What a driver said of its node stays, but for how many volumes it takes. */
export function validateCsiNodeUpdate(object: Readonly<UnknownObject>, old: Readonly<UnknownObject>): Faults {
  const faults = validateCsiNode(object);
  for (const before of driversOf(old)) {
    for (const driver of driversOf(object)) {
      if (driver.name !== before.name) continue;
      const { allocatable: _, ...now } = driver;
      const { allocatable: __, ...then } = before;
      checkImmutable(faults, path, now, then, internalValue('CSINodeDriver', now));
    }
  }
  return faults;
}
