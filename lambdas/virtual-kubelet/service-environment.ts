import type { Service } from '@nodeless/apimachinery/generated/types/core/v1';

/**
 * The variables that tell a pod where Services are (`REDIS_SERVICE_HOST`, Docker's link variables …): those of its own
 * namespace when it wants them, and always those of `kubernetes` in `default`, which in-cluster clients read.
 */
export function serviceEnvironment(
  services: readonly Service[],
  namespace: string,
  enableServiceLinks: boolean,
): Map<string, string> {
  const chosen = new Map<string, Service>();
  for (const service of services) {
    const clusterIp = service.spec?.clusterIP;
    const name = service.metadata?.name ?? '';
    if (!clusterIp || clusterIp === 'None') continue;
    if (service.metadata?.namespace === 'default' && name === 'kubernetes') {
      if (!chosen.has(name)) chosen.set(name, service);
    } else if (service.metadata?.namespace === namespace && enableServiceLinks) {
      chosen.set(name, service);
    }
  }
  const result = new Map<string, string>();
  for (const name of [...chosen.keys()].sort()) addVariables(result, chosen.get(name) as Service);
  return result;
}

function addVariables(result: Map<string, string>, service: Service): void {
  const prefix = variableName(service.metadata?.name ?? '');
  const host = service.spec?.clusterIP ?? '';
  const ports = service.spec?.ports ?? [];
  const first = ports[0];
  if (!first) return;
  result.set(`${prefix}_SERVICE_HOST`, host);
  result.set(`${prefix}_SERVICE_PORT`, String(first.port));
  for (const port of ports)
    if (port.name) result.set(`${prefix}_SERVICE_PORT_${variableName(port.name)}`, String(port.port));
  const authority = host.includes(':') ? `[${host}]` : host;
  for (const port of ports) {
    const protocol = port.protocol ?? 'TCP';
    const url = `${protocol.toLowerCase()}://${authority}:${port.port}`;
    if (port === first) result.set(`${prefix}_PORT`, url);
    const link = `${prefix}_PORT_${port.port}_${protocol}`;
    result.set(link, url);
    result.set(`${link}_PROTO`, protocol.toLowerCase());
    result.set(`${link}_PORT`, String(port.port));
    result.set(`${link}_ADDR`, host);
  }
}

const variableName = (name: string): string => name.replaceAll('-', '_').toUpperCase();
