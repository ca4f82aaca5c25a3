/** Resource lists: rounding, and requests that follow from limits. */
import type { PodSpec, ResourceRequirements } from '@nodeless/apimachinery/generated/types/core/v1';
import type { Quantity } from '@nodeless/apimachinery/generated/types/meta/v1';
import { formatQuantity, parseQuantity, roundUpQuantity } from '@nodeless/apimachinery/quantity';
import { addResources, maxResources } from '@nodeless/apimachinery/resource-list';

export type ResourceList = Record<string, Quantity>;

/** Upstream keeps at most three decimals, rounding up. */
export function roundResourceList(list: ResourceList | undefined): void {
  if (list === undefined) return;
  for (const name of Object.keys(list)) {
    const value = list[name]!;
    if (mayBeFiner.test(String(value))) list[name] = formatQuantity(roundUpQuantity(parseQuantity(value), -3));
  }
}
/** A fraction, an exponent or a suffix below m. */
const mayBeFiner = /[.eEnu]/;

export function roundRequirements(requirements: ResourceRequirements | undefined): void {
  if (requirements === undefined) return;
  roundResourceList(requirements.limits);
  roundResourceList(requirements.requests);
}

/** Only in pods, not in templates: a limit without a request is its request. */
export function requestsFromLimits(requirements: ResourceRequirements | undefined): void {
  const limits = requirements?.limits;
  if (requirements === undefined || limits === undefined) return;
  const requests = (requirements.requests ??= {});
  for (const name of Object.keys(limits)) requests[name] ??= limits[name]!;
}

import { isHugePages } from './resource-names.ts';

const isPodLevelResource = (name: string): boolean => name === 'cpu' || name === 'memory' || isHugePages(name);

/** Pod-level resources that are only partly given are completed from the containers. */
export function defaultPodLevelResources(spec: PodSpec): void {
  const resources = spec.resources;
  if (resources === undefined) return;
  defaultHugePageLimits(spec, resources);
  defaultRequests(spec, resources);
}

function defaultHugePageLimits(spec: PodSpec, resources: ResourceRequirements): void {
  if (isEmpty(resources.limits) && isEmpty(resources.requests)) return;
  const total = sumOfContainers(spec, 'limits');
  for (const name of Object.keys(total)) {
    if (!isHugePages(name) || resources.requests?.[name] !== undefined) continue;
    (resources.limits ??= {})[name] ??= total[name]!;
  }
}

function defaultRequests(spec: PodSpec, resources: ResourceRequirements): void {
  const limits = resources.limits;
  if (limits === undefined || isEmpty(limits)) return;
  const requests: ResourceList = resources.requests ?? {};
  const total = sumOfContainers(spec, 'requests');
  for (const name of Object.keys(total)) {
    if (name === 'cpu' || name === 'memory') requests[name] ??= total[name]!;
  }
  for (const name of Object.keys(limits)) {
    if (isPodLevelResource(name)) requests[name] ??= limits[name]!;
  }
  if (!isEmpty(requests)) resources.requests = requests;
}

/**
 * What all containers need together: the sum of the containers and of the sidecars, or the largest init container
 * with the sidecars started before it, whichever is larger.
 */
export function sumOfContainers(spec: PodSpec, which: 'limits' | 'requests'): ResourceList {
  let running: Record<string, string> = {};
  for (const container of spec.containers ?? []) running = addResources(running, container.resources?.[which]);
  let sidecars: Record<string, string> = {};
  let starting: Record<string, string> = {};
  for (const container of spec.initContainers ?? []) {
    const together = addResources(sidecars, container.resources?.[which]);
    if (container.restartPolicy === 'Always') sidecars = together;
    starting = maxResources(starting, together);
  }
  return maxResources(addResources(running, sidecars), starting);
}

function isEmpty(list: ResourceList | undefined): boolean {
  return list === undefined || Object.keys(list).length === 0;
}
