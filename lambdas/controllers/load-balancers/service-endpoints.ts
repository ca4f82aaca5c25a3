/** Which endpoints of a Service take its traffic: the rules of kube-proxy, for every data path and load balancer. */
import type { ServicePort } from '@nodeless/apimachinery/generated/types/core/v1';
import type { EndpointSlice } from '@nodeless/apimachinery/generated/types/discovery/v1';

export interface Target {
  readonly address: string;
  readonly port: number;
  /** undefined = outside of the cluster's nodes. */
  readonly nodeName: string | undefined;
}

export interface PortTargets {
  readonly ready: readonly Target[];
  /** Terminating, but still passing their readiness probe: they serve while there is nothing better. */
  readonly draining: readonly Target[];
}

/** The endpoints of one Service port, sorted, each once. Slices without that port (by name and protocol) have none. */
export function targetsOf(port: ServicePort, slices: readonly EndpointSlice[], family = 'IPv4'): PortTargets {
  const ready = new Map<string, Target>();
  const draining = new Map<string, Target>();
  for (const slice of slices) {
    if (slice.addressType !== family) continue;
    const found = slice.ports?.find(
      (p) => (p.name ?? '') === (port.name ?? '') && (p.protocol ?? 'TCP') === (port.protocol ?? 'TCP'),
    );
    if (!found?.port) continue;
    for (const { addresses, conditions, nodeName } of slice.endpoints ?? []) {
      const address = addresses[0];
      if (address === undefined) continue;
      // Absent conditions mean ready (API documentation of EndpointConditions); `serving` follows `ready` where absent.
      const isReady = conditions?.ready ?? true;
      const isDraining = !isReady && conditions?.terminating === true && (conditions.serving ?? false);
      if (!isReady && !isDraining) continue;
      (isReady ? ready : draining).set(`${address}:${found.port}`, {
        address,
        port: found.port,
        nodeName: nodeName || undefined,
      });
    }
  }
  for (const key of ready.keys()) draining.delete(key);
  return { ready: sorted(ready), draining: sorted(draining) };
}

/** Ready endpoints and those whose pod `onlyWaits` for a load balancer's health check; none that is terminating. */
export function candidateTargets(
  port: ServicePort,
  slices: readonly EndpointSlice[],
  onlyWaits: (podName: string) => boolean,
  family = 'IPv4',
): readonly Target[] {
  const waiting = slices.map((slice) => ({
    ...slice,
    endpoints: (slice.endpoints ?? [])
      .filter(({ conditions }) => conditions?.terminating !== true)
      .map((endpoint) =>
        endpoint.conditions?.ready === false &&
        endpoint.targetRef?.kind === 'Pod' &&
        onlyWaits(endpoint.targetRef.name ?? '')
          ? { ...endpoint, conditions: { ...endpoint.conditions, ready: true } }
          : endpoint,
      ),
  }));
  return targetsOf(port, waiting, family).ready;
}

const sorted = (targets: ReadonlyMap<string, Target>): Target[] =>
  [...targets].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, target]) => target);

/** Those that take traffic: the ready ones, else the draining ones; of one node only where traffic has to stay on it. */
export function usableTargets({ ready, draining }: PortTargets, onlyNode?: string): readonly Target[] {
  const here = (targets: readonly Target[]): readonly Target[] =>
    onlyNode === undefined ? targets : targets.filter((t) => t.nodeName === onlyNode);
  const first = here(ready);
  return first.length > 0 ? first : here(draining);
}
