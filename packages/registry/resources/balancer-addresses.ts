/** Where load balancers of services and ingresses are reached, as a table shows it. */
export function balancerAddresses(ingress: readonly { ip?: string; hostname?: string }[] | undefined | null): string {
  return [...new Set((ingress ?? []).map(({ ip, hostname }) => ip || hostname || '').filter(Boolean))].sort().join(',');
}
