import type { Endpoints } from '@nodeless/apimachinery/generated/types/core/v1';
import { joinSome } from '../table-of.ts';

/** Each address with each port. */
export function addressesOf({ subsets }: Readonly<Endpoints>): string {
  if (!subsets?.length) return '<none>';
  const all = subsets.flatMap(({ addresses, ports }) => {
    const ips = (addresses ?? []).map(({ ip }) => ip ?? '');
    return ports?.length
      ? ports.flatMap(({ port = 0 }) => ips.map((ip) => (ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`)))
      : ips;
  });
  return joinSome(all, 3);
}
