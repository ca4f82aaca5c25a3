/** How much of a capacity a request may ask for. */
import type {
  CapacityRequestPolicy,
  CapacityRequestPolicyRange,
} from '@nodeless/apimachinery/generated/types/resource/v1';
import {
  addQuantities,
  compareQuantities,
  formatQuantity,
  parseQuantity,
  type Quantity,
  quantityValue,
} from '@nodeless/apimachinery/quantity';
import { type Faults, forbidden, invalid, isSet, required } from '../checks.ts';
import { checkSet } from './device-names.ts';

const mostValues = 10;

const quantity = (value: string | number): Quantity => parseQuantity(value);
const isMore = (a: Quantity, b: Quantity): boolean => compareQuantities(a, b) > 0;

export function checkRequestPolicy(
  faults: Faults,
  at: string,
  policy: Readonly<CapacityRequestPolicy>,
  capacity: string | number,
): void {
  const { validValues = [], validRange } = policy;
  const whole = quantity(capacity);
  if (validValues.length > 0 && validRange) {
    const rule = 'exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time';
    faults.push(forbidden(at, rule));
  } else if (validValues.length > 0) {
    if (!isSet(policy.default)) faults.push(required(`${at}.default`, 'required when validValues is defined'));
    else checkValues(faults, `${at}.validValues`, quantity(policy.default), whole, validValues.map(quantity));
  } else if (validRange) {
    if (!isSet(policy.default)) faults.push(required(`${at}.default`, 'required when validRange is defined'));
    else checkRange(faults, `${at}.validRange`, quantity(policy.default), whole, validRange);
  }
}

function checkValues(
  faults: Faults,
  path: string,
  usual: Quantity,
  whole: Quantity,
  values: readonly Quantity[],
): void {
  values.forEach((value, i) => {
    const before = values[i - 1];
    if (before && isMore(before, value))
      faults.push(invalid(`${path}[${i}]`, formatQuantity(value), 'values must be sorted in ascending order'));
  });
  checkSet(
    faults,
    path,
    values,
    mostValues,
    (value) => String(quantityValue(value)),
    (value, at) => {
      if (isMore(value, whole))
        faults.push(
          invalid(at, formatQuantity(value), `option is larger than capacity value: ${formatQuantity(whole)}`),
        );
    },
  );
  const isChecked = values.length <= mostValues;
  if (!isChecked || !values.some((value) => compareQuantities(value, usual) === 0)) {
    faults.push(invalid(path, formatQuantity(usual), 'default value is not valid according to the requestPolicy'));
  }
}

function checkRange(
  faults: Faults,
  at: string,
  usual: Quantity,
  whole: Quantity,
  range: Readonly<CapacityRequestPolicyRange>,
): void {
  if (!isSet(range.min)) {
    faults.push(required(`${at}.min`, 'required when validRange is defined'));
    return;
  }
  const min = quantity(range.min);
  const refuse = (field: string, value: Quantity, text: string, other: Quantity): void => {
    faults.push(invalid(`${at}.${field}`, formatQuantity(value), `${text}: ${formatQuantity(other)}`));
  };
  if (isMore(min, whole)) refuse('min', min, 'min is larger than capacity value', whole);
  if (isMore(min, usual)) refuse('min', usual, 'default is less than min', min);
  const max = !isSet(range.max) ? undefined : quantity(range.max);
  if (max) {
    if (isMore(min, max)) refuse('max', min, 'min is larger than max', max);
    if (isMore(max, whole)) refuse('max', max, 'max is larger than capacity value', whole);
    if (isMore(usual, max)) refuse('max', usual, 'default is more than max', max);
  }
  if (!isSet(range.step)) return;
  const step = quantity(range.step);
  const first = addQuantities(min, step);
  if (isMore(first, whole))
    refuse('step', step, `one step ${formatQuantity(first)} is larger than capacity value`, whole);
  for (const value of max ? [usual, max] : [usual]) {
    if ((quantityValue(value) - quantityValue(min)) % quantityValue(step) === 0) continue;
    const rule = `value is not a multiple of a given step (${formatQuantity(step)}) from (${formatQuantity(min)})`;
    faults.push(invalid(`${at}.step`, formatQuantity(value), rule));
  }
}
