import type { ContainerPort, PodSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import { quoteGo } from '@nodeless/apimachinery/quote-go';
import { visitContainers } from './windows-validation.ts';

/** Ports that several containers, or one twice, open. */
export function warnOfPorts(warnings: string[], path: string, spec: Readonly<PodSpec>): void {
  const byPort = new Map<string, { at: string; port: Readonly<ContainerPort> }[]>();
  const eachPort = (visit: (port: Readonly<ContainerPort>, at: string) => void): void =>
    visitContainers(spec, path, (container, where) =>
      container.ports?.forEach((port, i) => visit(port, `${where}.ports[${i}]`)),
    );
  eachPort((port, at) => {
    const { hostIP = '', hostPort = 0, containerPort = 0, protocol = '' } = port;
    if (hostIP !== '' && hostPort === 0) {
      warnings.push(
        `${at}: hostIP set without hostPort: {Name:${port.name ?? ''} HostPort:0 ContainerPort:${containerPort} Protocol:${protocol} HostIP:${hostIP}}`,
      );
    }
    const key = `${containerPort}/${protocol}`;
    const others = byPort.get(key) ?? [];
    for (const other of others) {
      const otherIp = other.port.hostIP ?? '';
      const otherPort = other.port.hostPort ?? 0;
      if (hostIP === otherIp && hostPort === otherPort)
        warnings.push(`${at}: duplicate port definition with ${other.at}`);
      else if (hostPort === 0 || otherPort === 0) warnings.push(`${at}: overlapping port definition with ${other.at}`);
      else if (hostPort === otherPort && (hostIP === '') !== (otherIp === ''))
        warnings.push(`${at}: dangerously ambiguous port definition with ${other.at}`);
    }
    others.push({ at, port });
    byPort.set(key, others);
  });
  const names = new Map<string, string>();
  eachPort((port, at) => {
    if (!port.name) return;
    const other = names.get(port.name);
    if (other === undefined) names.set(port.name, at);
    else
      warnings.push(
        `${at}: duplicate port name ${quoteGo(port.name)} with ${other}, services and probes that select ports by name will use ${other}`,
      );
  });
}
