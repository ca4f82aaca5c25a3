import type { CSIStorageCapacity } from '@nodeless/apimachinery/generated/types/storage/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { formatQuantity, parseQuantity, quantitySign } from '@nodeless/apimachinery/quantity';
import {
  checkLabelSelector,
  checkObjectName,
  type Faults,
  immutable,
  invalid,
  mustNotBeNegative,
  sameValue,
} from '../checks.ts';
import { warnOfNodeSelector } from '../core/pod-template/node-label-warnings.ts';
import { shownSelector } from '../internal-value.ts';

export function validateCapacity(object: Readonly<UnknownObject>, old?: Readonly<UnknownObject>): Faults {
  const { nodeTopology, storageClassName = '', capacity } = object as unknown as CSIStorageCapacity;
  const before = old as unknown as CSIStorageCapacity | undefined;
  const stored: Faults = [];
  checkLabelSelector(stored, '', before?.nodeTopology);
  const faults: Faults = [];
  checkLabelSelector(faults, 'nodeTopology', nodeTopology, { allowInvalidValues: stored.length > 0 });
  checkObjectName(faults, 'storageClassName', storageClassName);
  const quantity = capacity === undefined ? undefined : parseQuantity(capacity);
  if (quantity && quantitySign(quantity) < 0)
    faults.push(invalid('capacity', formatQuantity(quantity), mustNotBeNegative));
  if (!before) return faults;
  if (!sameValue(nodeTopology, before.nodeTopology))
    faults.push(invalid('nodeTopology', shownSelector(nodeTopology), immutable));
  if (storageClassName !== (before.storageClassName ?? ''))
    faults.push(invalid('storageClassName', storageClassName, immutable));
  return faults;
}

export function capacityWarnings(object: Readonly<UnknownObject>): string[] {
  const warnings: string[] = [];
  warnOfNodeSelector(warnings, 'nodeTopology', (object as unknown as CSIStorageCapacity).nodeTopology);
  return warnings;
}
