import type { PodSpec, ResourceRequirements } from '@nodeless/apimachinery/generated/types/core/v1';
import { compareQuantities, parseQuantity, type Quantity, quantitySign } from '@nodeless/apimachinery/quantity';

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

/** Guaranteed: every container limits cpu and memory to exactly what it asks for. BestEffort: nobody asks for anything. */
export function qosClass(spec: PodSpec): QosClass {
  // Resources of the whole pod, even empty ones, are all that counts.
  if (spec.resources !== undefined) return classOf([spec.resources]);
  const all: (ResourceRequirements | undefined)[] = [];
  for (const container of spec.containers ?? []) all.push(container.resources);
  for (const container of spec.initContainers ?? []) all.push(container.resources);
  return classOf(all);
}

function classOf(all: readonly (ResourceRequirements | undefined)[]): QosClass {
  let anything = false;
  let guaranteed = all.length > 0;
  for (const requirements of all) {
    for (const name of ['cpu', 'memory'] as const) {
      const limit = amount(requirements?.limits?.[name]);
      const request = amount(requirements?.requests?.[name]);
      anything ||= limit !== undefined || request !== undefined;
      guaranteed &&= limit !== undefined && request !== undefined && compareQuantities(limit, request) === 0;
    }
  }
  return !anything ? 'BestEffort' : guaranteed ? 'Guaranteed' : 'Burstable';
}

/** Zero is as good as nothing. */
function amount(text: string | number | undefined): Quantity | undefined {
  if (text === undefined) return undefined;
  const quantity = parseQuantity(text);
  return quantitySign(quantity) > 0 ? quantity : undefined;
}
