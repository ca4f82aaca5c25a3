import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { parseQuantity, quantityMilliValue, quantityValue } from '@nodeless/apimachinery/quantity';
import { podRequests } from '@nodeless/apimachinery/resource-list';

/** What the pod requests of a resource, in whole units, rounded up. */
export function wholeAmount(pod: Pod, resource: string): number {
  const quantity = podRequests(pod)[resource];
  return quantity === undefined ? 0 : quantityValue(parseQuantity(quantity));
}

/** In thousandths: CPU. */
export function milliAmount(pod: Pod, resource: string): number {
  const quantity = podRequests(pod)[resource];
  return quantity === undefined ? 0 : quantityMilliValue(parseQuantity(quantity));
}
