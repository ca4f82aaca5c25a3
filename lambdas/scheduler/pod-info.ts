import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { podRequests } from '@nodeless/apimachinery/resource-list';
import { parseQuantity, quantityMilliValue, quantityValue } from '@nodeless/apimachinery/quantity';

/** CPU in millicores, everything else in its own unit (bytes, counts). */
export type Resources = Readonly<Record<string, number>>;

export interface HostPort {
  readonly ip: string;
  readonly port: number;
  readonly protocol: string;
}

/** A pod with what the plugins ask for worked out once. */
export interface PodInfo {
  readonly pod: Readonly<Pod>;
  readonly uid: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly priority: number;
  readonly requests: Resources;
  readonly hostPorts: readonly HostPort[];
}

export function podInfo(pod: Readonly<Pod>): PodInfo {
  return {
    pod,
    uid: pod.metadata?.uid ?? '',
    namespace: pod.metadata?.namespace ?? '',
    labels: pod.metadata?.labels ?? {},
    priority: pod.spec?.priority ?? 0,
    requests: toResources(podRequests(pod)),
    hostPorts: hostPorts(pod),
  };
}

export function toResources(list: Readonly<Record<string, string | number>> | undefined): Record<string, number> {
  const resources: Record<string, number> = {};
  for (const [name, quantity] of Object.entries(list ?? {})) {
    const parsed = parseQuantity(quantity);
    resources[name] = name === 'cpu' ? quantityMilliValue(parsed) : quantityValue(parsed);
  }
  return resources;
}

function hostPorts(pod: Readonly<Pod>): HostPort[] {
  const sidecars = (pod.spec?.initContainers ?? []).filter((c) => c.restartPolicy === 'Always');
  return [...(pod.spec?.containers ?? []), ...sidecars].flatMap((container) =>
    (container.ports ?? [])
      .filter((port) => port.hostPort)
      .map((port) => ({
        ip: port.hostIP || '0.0.0.0',
        port: port.hostPort as number,
        protocol: port.protocol ?? 'TCP',
      })),
  );
}

/** Neither finished nor on its way out of the accounts: it holds its requests on its node. */
export function holdsResources(pod: Readonly<Pod>): boolean {
  return pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed';
}
