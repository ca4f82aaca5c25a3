/** Sums of resource requirements: what a pod asks of a node. */
import type { Container, Pod, PodSpec, ResourceRequirements } from './generated/types/core/v1.ts';
import { addQuantities, compareQuantities, formatQuantity, parseQuantity } from './quantity.ts';

/** Quantities by resource name. */
export type ResourceList = Readonly<Record<string, string | number>>;

type Side = 'requests' | 'limits';

export function addResources(a: ResourceList, b: ResourceList | undefined): Record<string, string> {
  return combine(a, b, (x, y) => formatQuantity(addQuantities(parseQuantity(x), parseQuantity(y))));
}

/** The larger of the two, name by name. */
export function maxResources(a: ResourceList, b: ResourceList | undefined): Record<string, string> {
  return combine(a, b, (x, y) => String(compareQuantities(parseQuantity(x), parseQuantity(y)) >= 0 ? x : y));
}

function combine(a: ResourceList, b: ResourceList | undefined, join: (x: string | number, y: string | number) => string): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(a)) result[name] = String(value);
  for (const [name, value] of Object.entries(b ?? {})) {
    const known = result[name];
    result[name] = known === undefined ? String(value) : join(known, value);
  }
  return result;
}

/** What the scheduler must find free for the pod. Upstream: component-helpers/resource.PodRequests. */
export function podRequests(pod: Readonly<Pod>): Record<string, string> {
  return podResources(pod.spec, 'requests');
}

/** The pod's limits, summed in the same way; a container without a limit contributes nothing. */
export function podLimits(pod: Readonly<Pod>): Record<string, string> {
  return podResources(pod.spec, 'limits');
}

/**
 * Containers run together with every sidecar; ordinary init containers run one by one, each together with the sidecars
 * declared before it. The larger of the two counts. Pod-level resources replace what they name; overhead is added.
 */
function podResources(spec: Readonly<PodSpec> | undefined, side: Side): Record<string, string> {
  const of = (container: Readonly<Container>): ResourceList => container.resources?.[side] ?? {};
  let running: Record<string, string> = {};
  for (const container of spec?.containers ?? []) running = addResources(running, of(container));
  let sidecars: Record<string, string> = {};
  let initial: Record<string, string> = {};
  for (const container of spec?.initContainers ?? []) {
    if (container.restartPolicy === 'Always') {
      sidecars = addResources(sidecars, of(container));
      initial = maxResources(initial, sidecars);
    } else {
      initial = maxResources(initial, addResources(sidecars, of(container)));
    }
  }
  let total = maxResources(addResources(running, sidecars), initial);
  const whole = (spec?.resources as ResourceRequirements | undefined)?.[side];
  for (const [name, value] of Object.entries(whole ?? {})) total = { ...total, [name]: String(value) };
  for (const [name, value] of Object.entries(spec?.overhead ?? {})) {
    // Overhead adds to a limit only where there is one: no limit plus overhead is still no limit.
    if (side === 'requests' || name in total) total = addResources(total, { [name]: value });
  }
  return total;
}
