import { parseQuantity, quantityMilliValue, quantityValue } from '@nodeless/apimachinery/quantity';

/** Whole units, rounded up: bytes of memory, counts. Absent = 0. */
export function wholeValue(quantity: string | number | undefined): number {
  return quantity === undefined ? 0 : quantityValue(parseQuantity(quantity));
}

/** Thousandths, rounded up: CPU. Absent = 0. */
export function milliValue(quantity: string | number | undefined): number {
  return quantity === undefined ? 0 : quantityMilliValue(parseQuantity(quantity));
}
