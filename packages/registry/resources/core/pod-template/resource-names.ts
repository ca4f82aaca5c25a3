/** Which names of resources mean what. */
import type { Quantity } from '@nodeless/apimachinery/generated/types/meta/v1';
import { isQualifiedName } from '@nodeless/apimachinery/names';
import {
  compareQuantities,
  createQuantity,
  formatQuantity,
  parseQuantity,
  type Quantity as Amount,
  quantitySign,
  quantityValue,
} from '@nodeless/apimachinery/quantity';
import { check, type Faults, invalid, mustNotBeNegative, notSupported } from '../../checks.ts';

const computeNames = ['cpu', 'memory', 'ephemeral-storage'] as const;
const countedObjects = [
  'pods',
  'resourcequotas',
  'services',
  'replicationcontrollers',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'services.nodeports',
  'services.loadbalancers',
];
const requestsAndLimits = computeNames.flatMap((name) => [`requests.${name}`, `limits.${name}`]);

const standardNames = new Set<string>([
  ...computeNames,
  ...requestsAndLimits,
  ...countedObjects,
  'storage',
  'requests.storage',
]);
const quotaNames = new Set<string>([...computeNames, ...requestsAndLimits, ...countedObjects, 'requests.storage']);
const containerNames = new Set<string>(computeNames);
const integerNames = new Set<string>(countedObjects);

export const isHugePages = (name: string): boolean => name.startsWith('hugepages-');
const isQuotaHugePages = (name: string): boolean => isHugePages(name) || name.startsWith('requests.hugepages-');
export const isStandardQuotaName = (name: string): boolean => quotaNames.has(name) || isQuotaHugePages(name);
export const isNative = (name: string): boolean => !name.includes('/') || name.includes('kubernetes.io/');
/** More may be promised than there is. */
export const isOvercommitAllowed = (name: string): boolean => isNative(name) && !isHugePages(name);

/** Of a vendor: `example.com/gpu`. */
export function isExtended(name: string): boolean {
  if (isNative(name) || name.startsWith('requests.')) return false;
  return isQualifiedName(`requests.${name}`).length === 0;
}

const isInteger = (name: string): boolean => integerNames.has(name) || isExtended(name);

/** true = good so far. */
export function checkResourceName(faults: Faults, path: string, name: string): boolean {
  if (standardNames.has(name)) return true;
  const complaints = isQualifiedName(name);
  check(faults, path, name, complaints);
  if (complaints.length > 0) return false;
  if (name.includes('/') || isQuotaHugePages(name)) return true;
  faults.push(invalid(path, name, 'must be a standard resource type or fully qualified'));
  return false;
}

export function checkContainerResourceName(faults: Faults, path: string, name: string): void {
  if (containerNames.has(name)) return;
  checkResourceName(faults, path, name);
  if (!name.includes('/')) {
    if (!isHugePages(name)) faults.push(invalid(path, name, 'must be a standard resource for containers'));
  } else if (!isNative(name) && !isExtended(name)) {
    faults.push(invalid(path, name, "doesn't follow extended resource name standard"));
  }
}

export function checkPodLevelResourceName(faults: Faults, path: string, name: string): void {
  if (!checkResourceName(faults, path, name)) return;
  if (name !== 'cpu' && name !== 'memory' && !isHugePages(name))
    faults.push(notSupported(path, name, ['cpu', 'memory']));
}

export function checkQuotaResourceName(faults: Faults, path: string, name: string): void {
  checkResourceName(faults, path, name);
  if (!name.includes('/') && !isStandardQuotaName(name))
    faults.push(invalid(path, name, 'must be a standard resource for quota'));
}

export function checkResourceQuantity(faults: Faults, path: string, name: string, value: Quantity): void {
  const quantity = parseQuantity(value);
  if (quantitySign(quantity) < 0) faults.push(invalid(path, formatQuantity(quantity), mustNotBeNegative));
  if (isInteger(name) && !isWhole(quantity)) faults.push(invalid(path, formatQuantity(quantity), 'must be an integer'));
}

export function checkPositiveQuantity(faults: Faults, path: string, value: Quantity): void {
  const quantity = parseQuantity(value);
  if (quantitySign(quantity) <= 0) faults.push(invalid(path, formatQuantity(quantity), 'must be greater than zero'));
}

/** What is wrong with an amount of huge pages. */
export function checkHugePageValue(name: string, value: Quantity): string | undefined {
  const complaint = `${formatQuantity(parseQuantity(value))} is not positive integer multiple of ${name}`;
  let size;
  try {
    size = parseQuantity(name.slice('hugepages-'.length));
  } catch {
    return complaint;
  }
  if (quantitySign(size) <= 0 || !isWhole(size)) return complaint;
  return quantityValue(parseQuantity(value)) % quantityValue(size) === 0 ? undefined : complaint;
}

export const atLeastOne = (value: Quantity): boolean => compareQuantities(parseQuantity(value), createQuantity(1)) >= 0;

/** No part of a unit. */
export function isWhole({ value, scale }: Amount): boolean {
  return scale >= 0 || value % 10n ** BigInt(-scale) === 0n;
}
