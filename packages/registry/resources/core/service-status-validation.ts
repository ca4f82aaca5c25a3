import type { Service } from '@nodeless/apimachinery/generated/types/core/v1';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { balancerPath, balancerWarnings, checkBalancerHost, storedAddresses } from '../balancer-status.ts';
import { checkLegacyIp, type Faults, forbidden, notSupported, required } from '../checks.ts';

const modes = ['Proxy', 'VIP'];

export function validateServiceStatus(object: Readonly<UnknownObject>, old: Readonly<UnknownObject>): Faults {
  const { spec, status } = object as Readonly<Service>;
  const faults: Faults = [];
  const ingress = status?.loadBalancer?.ingress ?? [];
  if (spec?.type !== 'LoadBalancer' && ingress.length > 0)
    return [forbidden(balancerPath, "may only be used when `spec.type` is 'LoadBalancer'")];
  const stored = storedAddresses((old as Service).status?.loadBalancer?.ingress);
  ingress.forEach(({ ip, ipMode, hostname }, i) => {
    const at = `${balancerPath}[${i}]`;
    if (ip) checkLegacyIp(faults, `${at}.ip`, ip, stored);
    if (ipMode === undefined) {
      if (ip) faults.push(required(`${at}.ipMode`, 'must be specified when `ip` is set'));
    } else if (!ip) faults.push(forbidden(`${at}.ipMode`, 'may not be specified when `ip` is not set'));
    else if (!modes.includes(ipMode)) faults.push(notSupported(`${at}.ipMode`, ipMode, modes));
    checkBalancerHost(faults, `${at}.hostname`, hostname);
  });
  return faults;
}

export function serviceStatusWarnings(object: Readonly<UnknownObject>): string[] {
  return balancerWarnings((object as Service).status?.loadBalancer?.ingress);
}
