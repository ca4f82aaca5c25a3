import { parseIp } from '@nodeless/apimachinery/ip';

/** Whether addresses of both families are among them; undefined where one is no address. */
export function isDualStack(addresses: readonly string[]): boolean | undefined {
  const families = new Set<number>();
  for (const address of addresses) {
    const ip = parseIp(address);
    if (ip === undefined) return undefined;
    families.add(ip.family);
  }
  return families.size === 2;
}
