/** Where a request to pods/proxy, services/proxy or nodes/proxy goes, in upstream's words when it goes nowhere. */
import type { Endpoints, Node, Pod, Service } from '@nodeless/apimachinery/generated/types/core/v1';
import { badRequest, serviceUnavailable } from '@nodeless/apimachinery/status';
import { isIP } from 'node:net';

export interface ProxyTarget {
  readonly scheme: 'http' | 'https';
  readonly address: string;
  readonly port: number;
}

export interface ProxyName {
  readonly scheme: string;
  readonly name: string;
  readonly port: string;
}

/** `name`, `name:port`, `scheme:name:port`; undefined for anything else. */
export function splitProxyName(text: string): ProxyName | undefined {
  const parts = text.split(':');
  const [scheme, name, port] = parts.length === 1 ? ['', parts[0], ''] : parts.length === 2 ? ['', ...parts] : parts;
  if (parts.length > 3 || !name || (scheme !== '' && scheme !== 'http' && scheme !== 'https')) return undefined;
  return { scheme: scheme ?? '', name, port: port ?? '' };
}

const schemeOf = (text: string): 'http' | 'https' => (text === 'https' ? 'https' : 'http');

/** The API server must not be made to talk to itself or to this machine's links. */
function proxyable(address: string): string {
  if (isIP(address) === 0) throw badRequest('no IP address for the object');
  if (
    /^(?:127\.|169\.254\.|0\.0\.0\.0$|22[4-9]\.|23\d\.|255\.)/.test(address) ||
    address === '::1' ||
    /^(?:fe80|ff)/i.test(address)
  ) {
    throw badRequest('address not allowed');
  }
  return address;
}

const number = (text: string): number | undefined =>
  /^\d{1,5}$/.test(text) && Number(text) > 0 && Number(text) < 65_536 ? Number(text) : undefined;

export function podTarget(pod: Readonly<Pod>, { scheme, port }: ProxyName): ProxyTarget {
  const first = pod.spec?.containers.find((container) => container.ports?.length)?.ports?.[0]?.containerPort;
  const chosen = port === '' ? (first ?? 80) : number(port);
  if (chosen === undefined) throw badRequest(`invalid port ${JSON.stringify(port)}`);
  return {
    scheme: schemeOf(scheme),
    address: proxyable(pod.status?.podIP ?? pod.status?.podIPs?.[0]?.ip ?? ''),
    port: chosen,
  };
}

/** One of the ready endpoints behind the port, by chance. */
export function serviceTarget(
  service: Readonly<Service>,
  endpoints: Readonly<Endpoints> | undefined,
  { scheme, name, port }: ProxyName,
  id: string,
  random: () => number,
): ProxyTarget {
  let portName = port;
  const wanted = number(port);
  if (wanted !== undefined) {
    const found = service.spec?.ports?.find((p) => p.port === wanted);
    if (!found) throw serviceUnavailable(`no service port ${port} found for service ${JSON.stringify(name)}`);
    portName = found.name ?? '';
  }
  const none = serviceUnavailable(`no endpoints available for service ${JSON.stringify(id)}`);
  const candidates = (endpoints?.subsets ?? []).flatMap((subset) => {
    const target = subset.ports?.find((p) => (p.name ?? '') === portName);
    return target ? (subset.addresses ?? []).map(({ ip }) => ({ ip, port: target.port })) : [];
  });
  const chosen = candidates[Math.floor(random() * candidates.length)];
  if (!chosen) throw none;
  return { scheme: schemeOf(scheme), address: proxyable(chosen.ip), port: chosen.port };
}

/** undefined = the kubelet itself. */
export function nodeTarget(node: Readonly<Node>, { scheme, port }: ProxyName): ProxyTarget | undefined {
  const kubelet = node.status?.daemonEndpoints?.kubeletEndpoint?.Port ?? 10_250;
  if (port === '' || number(port) === kubelet) return undefined;
  const chosen = number(port);
  if (chosen === undefined) throw badRequest(`invalid port ${JSON.stringify(port)}`);
  const addresses = node.status?.addresses ?? [];
  const address = (addresses.find((a) => a.type === 'InternalIP') ?? addresses[0])?.address ?? '';
  return { scheme: schemeOf(scheme), address: proxyable(address), port: chosen };
}
