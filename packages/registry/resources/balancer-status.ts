import { parseIp } from '@nodeless/apimachinery/ip';
import { ipWarnings } from '@nodeless/apimachinery/ip-validation';
import { isDns1123Subdomain } from '@nodeless/apimachinery/names';
import { check, type Faults, invalid } from './checks.ts';

interface BalancerIngress {
  readonly ip?: string;
  readonly hostname?: string;
}

/** Where load balancers of services and ingresses are reached. */
export const balancerPath = 'status.loadBalancer.ingress';

export function checkBalancerHost(faults: Faults, path: string, hostname: string | undefined): void {
  if (!hostname) return;
  check(faults, path, hostname, isDns1123Subdomain(hostname));
  if (parseIp(hostname)) faults.push(invalid(path, hostname, 'must be a DNS name, not an IP address'));
}

/** Addresses that were stored stay valid. */
export function storedAddresses(ingress: readonly BalancerIngress[] | undefined): string[] {
  return (ingress ?? []).map(({ ip }) => ip ?? '').filter(Boolean);
}

export function balancerWarnings(ingress: readonly BalancerIngress[] | undefined): string[] {
  return (ingress ?? []).flatMap(({ ip }, i) => (ip ? ipWarnings(`${balancerPath}[${i}]`, ip) : []));
}
