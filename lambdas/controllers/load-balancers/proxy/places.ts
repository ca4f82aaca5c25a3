/** Where a port of a load balancer may answer. Pure. */
import type { LoadBalancerPort } from '../load-balancer.ts';

export interface Place {
  readonly address: string;
  /** 0 = any free one. */
  readonly port: number;
}

export const portKey = ({ port, protocol }: Pick<LoadBalancerPort, 'port' | 'protocol'>): string =>
  protocol === 'TCP' ? String(port) : `${port}/${protocol.toLowerCase()}`;

const shift = 10_000;

/** Best first: the Service's own port, where it answered before, a port that is easy to remember, any. */
export function candidatePlaces(
  address: string,
  port: LoadBalancerPort,
  elsewhere: ReadonlyMap<string, Place>,
): Place[] {
  const before = elsewhere.get(portKey(port));
  const places = [
    { address, port: port.port },
    ...(before && before.address === address ? [before] : []),
    ...(port.port + shift <= 65_535 ? [{ address, port: port.port + shift }] : []),
    { address, port: 0 },
  ];
  return places.filter((place, i) => places.findIndex((other) => other.port === place.port) === i);
}

/** The value of the annotation: `80=127.0.0.1:10080,53/udp=127.0.0.1:10053`. */
export function formatElsewhere(places: ReadonlyMap<string, Place>): string {
  return [...places].map(([key, { address, port }]) => `${key}=${address}:${port}`).join(',');
}

/** What does not read as a place is left out. */
export function parseElsewhere(text: string): Map<string, Place> {
  const places = new Map<string, Place>();
  for (const item of text.split(',')) {
    const match = /^(\d+(?:\/[a-z]+)?)=(\d+\.\d+\.\d+\.\d+):(\d{1,5})$/.exec(item.trim());
    if (match) places.set(match[1] as string, { address: match[2] as string, port: Number(match[3]) });
  }
  return places;
}

/** Why a place could not be had, in words; undefined for errors that have nothing to do with the place. */
export function refusalOf(error: unknown, { port }: Place): string | undefined {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'EACCES':
      return `permission denied: ports below 1024 are for root, or for everybody with sysctl net.ipv4.ip_unprivileged_port_start=${port}`;
    case 'EADDRINUSE':
      return 'another program listens on it, or on this port of all addresses';
    case 'EADDRNOTAVAIL':
      return 'this machine does not have that address';
    default:
      return undefined;
  }
}
