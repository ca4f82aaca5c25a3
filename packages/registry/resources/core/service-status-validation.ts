import type { Service } from '@nodeless/apimachinery/generated/types/core/v1';
import { parseIp } from '@nodeless/apimachinery/ip';
import { ipWarnings } from '@nodeless/apimachinery/ip-validation';
import { isDns1123Subdomain } from '@nodeless/apimachinery/names';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { check, checkLegacyIp, type Faults, forbidden, invalid, notSupported, required } from '../checks.ts';

const modes = ['Proxy', 'VIP'];
const path = 'status.loadBalancer.ingress';

export function validateServiceStatus(object: Readonly<UnknownObject>, oldObject: Readonly<UnknownObject>): Faults {
  const { spec, status } = object as Readonly<Service>;
  const faults: Faults = [];
  const ingress = status?.loadBalancer?.ingress ?? [];
  if (spec?.type !== 'LoadBalancer' && ingress.length > 0) return [forbidden(path, "may only be used when `spec.type` is 'LoadBalancer'")];
  const stored = ((oldObject as Service).status?.loadBalancer?.ingress ?? []).map(({ ip }) => ip ?? '').filter(Boolean);
  ingress.forEach(({ ip, ipMode, hostname }, i) => {
    const at = `${path}[${i}]`;
    if (ip) checkLegacyIp(faults, `${at}.ip`, ip, stored);
    if (ipMode === undefined) {
      if (ip) faults.push(required(`${at}.ipMode`, 'must be specified when `ip` is set'));
    } else if (!ip) faults.push(forbidden(`${at}.ipMode`, 'may not be specified when `ip` is not set'));
    else if (!modes.includes(ipMode)) faults.push(notSupported(`${at}.ipMode`, ipMode, modes));
    if (!hostname) return;
    check(faults, `${at}.hostname`, hostname, isDns1123Subdomain(hostname));
    if (parseIp(hostname)) faults.push(invalid(`${at}.hostname`, hostname, 'must be a DNS name, not an IP address'));
  });
  return faults;
}

export function serviceStatusWarnings(object: Readonly<UnknownObject>): string[] {
  return ((object as Service).status?.loadBalancer?.ingress ?? []).flatMap(({ ip }, i) => (ip ? ipWarnings(`${path}[${i}]`, ip) : []));
}
