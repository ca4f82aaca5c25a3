import type { LimitRange, LimitRangeItem } from '@nodeless/apimachinery/generated/types/core/v1';
import type { Quantity } from '@nodeless/apimachinery/generated/types/meta/v1';
import { isQualifiedName } from '@nodeless/apimachinery/names';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import {
  compareQuantities,
  formatQuantity,
  parseQuantity,
  quantityMilliValue,
  quantityValue,
} from '@nodeless/apimachinery/quantity';
import { check, duplicate, type Faults, forbidden, invalid, required, sortedKeys } from '../checks.ts';
import {
  atLeastOne,
  checkContainerResourceName,
  checkResourceName,
  isOvercommitAllowed,
} from './pod-template/resource-names.ts';

const types = ['Pod', 'Container', 'PersistentVolumeClaim'];
type List = 'max' | 'min' | 'default' | 'defaultRequest' | 'maxLimitRequestRatio';

export function validateLimitRange(object: Readonly<UnknownObject>): Faults {
  const faults: Faults = [];
  const seen = new Set<string>();
  (object as LimitRange).spec?.limits?.forEach((item, i) => {
    const at = `spec.limits[${i}]`;
    const type = item.type ?? '';
    checkType(faults, `${at}.type`, type);
    if (seen.has(type)) faults.push(duplicate(`${at}.type`, type));
    seen.add(type);
    checkItem(faults, at, item);
  });
  return faults;
}

function checkType(faults: Faults, path: string, type: string): void {
  const complaints = isQualifiedName(type);
  check(faults, path, type, complaints);
  if (complaints.length === 0 && !type.includes('/') && !types.includes(type)) {
    faults.push(invalid(path, type, 'must be a standard limit type or fully qualified'));
  }
}

function checkItem(faults: Faults, path: string, item: Readonly<LimitRangeItem>): void {
  const { type } = item;
  const names = new Set<string>();
  const checkNames = (list: List): void => {
    for (const name of sortedKeys(item[list])) {
      const at = `${path}.${list}[${name}]`;
      if (type === 'Pod' || type === 'Container') checkContainerResourceName(faults, at, name);
      else checkResourceName(faults, at, name);
      names.add(name);
    }
  };
  checkNames('max');
  checkNames('min');
  for (const list of ['default', 'defaultRequest'] as const) {
    if (type !== 'Pod') checkNames(list);
    else if (sortedKeys(item[list]).length > 0)
      faults.push(forbidden(`${path}.${list}`, "may not be specified when `type` is 'Pod'"));
  }
  if (type === 'PersistentVolumeClaim' && item.min?.storage === undefined && item.max?.storage === undefined) {
    faults.push(
      required(`${path}.limits`, 'either minimum or maximum storage value is required, but neither was provided'),
    );
  }
  checkNames('maxLimitRequestRatio');
  const defaults = type === 'Pod' ? {} : { default: item.default, defaultRequest: item.defaultRequest };
  for (const name of [...names].sort())
    checkValues(faults, path, name, { ...item, default: undefined, defaultRequest: undefined, ...defaults });
}

type Lists = { readonly [L in List]?: Readonly<Record<string, Quantity>> | undefined };

function checkValues(faults: Faults, path: string, name: string, lists: Lists): void {
  const of = (list: List): string | undefined => {
    const value = lists[list]?.[name];
    return value === undefined ? undefined : formatQuantity(parseQuantity(value));
  };
  const [min, max, limit, request, ratio] = [
    of('min'),
    of('max'),
    of('default'),
    of('defaultRequest'),
    of('maxLimitRequestRatio'),
  ];
  const complain = (list: List, shown: string, message: string): void =>
    void faults.push(invalid(`${path}.${list}[${name}]`, shown, message));
  if (isMore(min, max)) complain('min', min!, `min value ${min} is greater than max value ${max}`);
  if (isMore(min, request))
    complain('defaultRequest', request!, `min value ${min} is greater than default request value ${request}`);
  if (isMore(request, max))
    complain('defaultRequest', request!, `default request value ${request} is greater than max value ${max}`);
  if (isMore(request, limit))
    complain(
      'defaultRequest',
      request!,
      `default request value ${request} is greater than default limit value ${limit}`,
    );
  if (isMore(min, limit)) complain('default', min!, `min value ${min} is greater than default value ${limit}`);
  if (isMore(limit, max)) complain('default', max!, `default value ${limit} is greater than max value ${max}`);
  if (ratio !== undefined) {
    if (!atLeastOne(ratio)) complain('maxLimitRequestRatio', ratio, `ratio ${ratio} is less than 1`);
    const most = min === undefined || max === undefined ? undefined : ratioOf(ratio, min, max);
    if (most !== undefined)
      complain('maxLimitRequestRatio', ratio, `ratio ${ratio} is greater than max/min = ${goFixed(most)}`);
  }
  if (!isOvercommitAllowed(name) && limit !== undefined && request !== undefined && compare(limit, request) !== 0) {
    complain(
      'defaultRequest',
      request,
      `default value ${limit} must equal to defaultRequest value ${request} in ${name}`,
    );
  }
}

const compare = (a: string, b: string): number => compareQuantities(parseQuantity(a), parseQuantity(b));
const isMore = (a: string | undefined, b: string | undefined): boolean =>
  a !== undefined && b !== undefined && compare(a, b) > 0;

/** max/min where the ratio is more than that. */
function ratioOf(ratio: string, min: string, max: string): number | undefined {
  const values = [ratio, min, max].map((text) => quantityValue(parseQuantity(text)));
  // Thousandths count only where they fit into 64 bits.
  const isSmall = values.every((value) => value < (2 ** 63 - 1) / 1000);
  const [r, low, high] = isSmall ? [ratio, min, max].map((text) => quantityMilliValue(parseQuantity(text))) : values;
  const most = high! / low!;
  return (isSmall ? r! / 1000 : r!) > most ? most : undefined;
}

const goFixed = (value: number): string =>
  Number.isFinite(value) ? value.toFixed(6) : Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
