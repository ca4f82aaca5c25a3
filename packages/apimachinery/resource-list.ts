/** Sums of resource requirements: what a pod asks of a node (component-helpers/resource). */
import type { Container, ContainerStatus, Pod, ResourceRequirements } from './generated/types/core/v1.ts';
import {
  type Quantity,
  addQuantities,
  compareQuantities,
  formatQuantity,
  negateQuantity,
  parseQuantity,
} from './quantity.ts';

/** Quantities by resource name, as the API writes them. */
export type ResourceList = Readonly<Record<string, string | number>>;
/** The same to calculate with. */
export type Amounts = ReadonlyMap<string, Quantity>;

type Side = 'requests' | 'limits';

export interface PodResourcesOptions {
  /** Counts what the kubelet has granted (status.containerStatuses) where that is more than the spec: after a resize. */
  readonly useStatus?: boolean;
  readonly excludeOverhead?: boolean;
  /** Only what containers ask for, without spec.resources. */
  readonly skipPodLevel?: boolean;
  /** What a container without a request for the resource is counted with. */
  readonly nonMissing?: ResourceList;
}

export function addResources(a: ResourceList, b: ResourceList | undefined): Record<string, string> {
  const sum = amountsOf(a);
  add(sum, b);
  return listOf(sum);
}

/** a − b; names that only b has come out negative. */
export function subtractResources(a: ResourceList, b: ResourceList | undefined): Record<string, string> {
  const rest = amountsOf(a);
  for (const [name, value] of amountsOf(b)) {
    const negative = negateQuantity(value);
    const known = rest.get(name);
    rest.set(name, known === undefined ? negative : addQuantities(known, negative));
  }
  return listOf(rest);
}

/** The larger of the two, name by name. */
export function maxResources(a: ResourceList, b: ResourceList | undefined): Record<string, string> {
  const most = amountsOf(a);
  raise(most, amountsOf(b));
  return listOf(most);
}

/** The same names with the same amounts, however they are written. */
export function equalResources(a: ResourceList | undefined, b: ResourceList | undefined): boolean {
  const left = amountsOf(a);
  const right = amountsOf(b);
  if (left.size !== right.size) return false;
  for (const [name, value] of left) {
    const other = right.get(name);
    if (other === undefined || compareQuantities(value, other) !== 0) return false;
  }
  return true;
}

export function amountsOf(list: ResourceList | undefined): Map<string, Quantity> {
  const amounts = new Map<string, Quantity>();
  for (const name of Object.keys(list ?? {}))
    amounts.set(name, parseQuantity((list as ResourceList)[name] as string | number));
  return amounts;
}

export function listOf(amounts: Amounts): Record<string, string> {
  const list: Record<string, string> = {};
  for (const [name, value] of amounts) list[name] = formatQuantity(value);
  return list;
}

/** What the scheduler must find free for the pod. Upstream: PodRequests. */
export function podRequests(pod: Readonly<Pod>, options?: PodResourcesOptions): Record<string, string> {
  return listOf(podRequestAmounts(pod, options));
}

export function podRequestAmounts(pod: Readonly<Pod>, options: PodResourcesOptions = {}): Amounts {
  const total = containerAmounts(pod, 'requests', options);
  takePodLevel(total, pod, 'requests', options);
  if (!options.excludeOverhead) add(total, pod.spec?.overhead);
  return total;
}

/** The pod's limits, summed in the same way; a container without a limit contributes nothing. Upstream: PodLimits. */
export function podLimits(pod: Readonly<Pod>, options: PodResourcesOptions = {}): Record<string, string> {
  const total = containerAmounts(pod, 'limits', options);
  takePodLevel(total, pod, 'limits', options);
  // no limit plus overhead is still no limit
  for (const [name, value] of options.excludeOverhead ? [] : amountsOf(pod.spec?.overhead)) {
    const limit = total.get(name);
    if (limit !== undefined && limit.value !== 0n) total.set(name, addQuantities(limit, value));
  }
  return listOf(total);
}

/** Resources that spec.resources may name. */
export function isPodLevelResource(name: string): boolean {
  return name === 'cpu' || name === 'memory' || name.startsWith('hugepages-');
}

/** Pod-level resources replace what the containers add up to, name by name. */
function takePodLevel(
  total: Map<string, Quantity>,
  pod: Readonly<Pod>,
  side: Side,
  options: PodResourcesOptions,
): void {
  if (options.skipPodLevel) return;
  for (const [name, value] of amountsOf((pod.spec?.resources as ResourceRequirements | undefined)?.[side])) {
    if (isPodLevelResource(name)) total.set(name, value);
  }
}

/**
 * Containers run together with every sidecar; ordinary init containers run one by one, each together with the sidecars
 * declared before it. The larger of the two counts.
 */
function containerAmounts(pod: Readonly<Pod>, side: Side, options: PodResourcesOptions): Map<string, Quantity> {
  const { spec, status } = pod;
  const statuses = new Map<string, ContainerStatus>();
  if (options.useStatus) {
    for (const s of [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])])
      statuses.set(s.name, s);
  }
  const infeasible =
    status?.conditions?.some((c) => c.type === 'PodResizePending' && c.reason === 'Infeasible') === true;
  const of = (container: Readonly<Container>, canResize: boolean): Map<string, Quantity> => {
    let amounts = amountsOf(container.resources?.[side]);
    const granted = canResize ? statuses.get(container.name) : undefined;
    if (granted?.resources) amounts = effective(amounts, granted, side, infeasible);
    if (side === 'requests')
      for (const [name, value] of amountsOf(options.nonMissing)) if (!amounts.has(name)) amounts.set(name, value);
    return amounts;
  };

  const running = new Map<string, Quantity>();
  for (const container of spec?.containers ?? []) add(running, of(container, true));
  const sidecars = new Map<string, Quantity>();
  const starting = new Map<string, Quantity>();
  for (const container of spec?.initContainers ?? []) {
    const isSidecar = container.restartPolicy === 'Always';
    const amounts = of(container, isSidecar);
    if (isSidecar) {
      add(running, amounts);
      add(sidecars, amounts);
      raise(starting, sidecars);
    } else {
      add(amounts, sidecars);
      raise(starting, amounts);
    }
  }
  raise(running, starting);
  return running;
}

/** What a container holds while a resize is under way: the most of what is asked, granted and in force. */
function effective(
  spec: Map<string, Quantity>,
  status: ContainerStatus,
  side: Side,
  infeasible: boolean,
): Map<string, Quantity> {
  const most = infeasible ? new Map<string, Quantity>() : new Map(spec);
  raise(most, amountsOf(status.resources?.[side]));
  if (side === 'requests') raise(most, amountsOf(status.allocatedResources));
  return most;
}

function add(total: Map<string, Quantity>, list: ResourceList | Amounts | undefined): void {
  for (const [name, value] of list instanceof Map ? list : amountsOf(list as ResourceList | undefined)) {
    const known = total.get(name);
    total.set(name, known === undefined ? value : addQuantities(known, value));
  }
}

function raise(total: Map<string, Quantity>, amounts: Amounts): void {
  for (const [name, value] of amounts) {
    const known = total.get(name);
    if (known === undefined || compareQuantities(value, known) > 0) total.set(name, value);
  }
}
