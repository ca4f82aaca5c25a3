import type { IntOrString } from '@nodeless/apimachinery/int-or-string';
import { isPercent } from '@nodeless/apimachinery/names';
import { check, checkNonNegative, type Faults, invalid } from './checks.ts';

/** `5` or `5%`. What is absent counts as 0. */
export function checkIntOrPercent(faults: Faults, path: string, value: IntOrString | undefined): void {
  if (typeof value === 'string') check(faults, path, value, isPercent(value));
  else checkNonNegative(faults, path, value);
}

export function checkAtMostAll(faults: Faults, path: string, value: IntOrString | undefined): void {
  if ((percentOf(value) ?? 0) > 100) faults.push(invalid(path, value, 'must not be greater than 100%'));
}

/** The number, whether of percents or not; 0 for what is no number. */
export function amountOf(value: IntOrString | undefined): number {
  if (typeof value === 'number') return value;
  if (value === undefined) return 0;
  return percentOf(value) ?? (/^[+-]?\d+$/.test(value) ? Number(value) : 0);
}

function percentOf(value: IntOrString | undefined): number | undefined {
  if (typeof value !== 'string' || isPercent(value).length > 0) return undefined;
  return Number(value.slice(0, -1));
}
