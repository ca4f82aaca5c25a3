import type { Pod, ServicePort } from '@nodeless/apimachinery/generated/types/core/v1';

/** The container port that a Service port leads to on this pod; undefined where a named port is not declared. */
export function targetPortOf(pod: Pod, port: ServicePort): number | undefined {
  const target = port.targetPort ?? port.port;
  if (typeof target === 'number') return target === 0 ? port.port : target;
  const containers = [
    ...(pod.spec?.containers ?? []),
    ...(pod.spec?.initContainers ?? []).filter((c) => c.restartPolicy === 'Always'),
  ];
  for (const container of containers) {
    const found = container.ports?.find((p) => p.name === target && (p.protocol ?? 'TCP') === (port.protocol ?? 'TCP'));
    if (found) return found.containerPort;
  }
  return undefined;
}

export interface ResolvedPort {
  readonly name: string;
  readonly protocol: string;
  readonly port: number;
  readonly appProtocol: string | undefined;
}

export interface PodPorts {
  readonly ports: readonly ResolvedPort[];
  /** Equal for equal ports. */
  readonly key: string;
}

/** The ports of each pod. Without named target ports they are the same for all, and worked out once. */
export function portsOfPods(ports: readonly ServicePort[]): (pod: Pod) => PodPorts {
  const of = (pod: Pod): PodPorts => {
    const resolved = resolvedPorts(pod, ports);
    return { ports: resolved, key: JSON.stringify(resolved) };
  };
  if (ports.some((port) => typeof port.targetPort === 'string')) return of;
  const same = of({});
  return () => same;
}

/** Every port of the Service that the pod has, in the Service's order. */
export function resolvedPorts(pod: Pod, ports: readonly ServicePort[]): ResolvedPort[] {
  return ports.flatMap((port) => {
    const number = targetPortOf(pod, port);
    return number === undefined
      ? []
      : [{ name: port.name ?? '', protocol: port.protocol ?? 'TCP', port: number, appProtocol: port.appProtocol }];
  });
}
