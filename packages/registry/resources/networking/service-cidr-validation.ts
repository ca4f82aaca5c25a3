import type { ServiceCIDR } from '@nodeless/apimachinery/generated/types/networking/v1';
import { parseCidr } from '@nodeless/apimachinery/ip';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import { checkCidr, type Faults, immutable, invalid, required } from '../checks.ts';
import { internalValue } from '../internal-value.ts';

const path = 'spec.cidrs';

export function validateServiceCidr(object: Readonly<UnknownObject>): Faults {
  const { spec } = object as Readonly<ServiceCIDR>;
  const cidrs = spec?.cidrs ?? [];
  if (cidrs.length === 0) return [required(path, 'at least one CIDR required')];
  if (cidrs.length > 2) return [invalid(path, internalValue('ServiceCIDRSpec', spec), 'may only hold up to 2 values')];
  const faults: Faults = [];
  cidrs.forEach((cidr, i) => checkCidr(faults, `${path}[${i}]`, cidr));
  const [first, second] = cidrs.map((cidr) => parseCidr(cidr)?.network.family);
  if (cidrs.length === 2 && first !== undefined && first === second) {
    faults.push(
      invalid(path, cidrs, 'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64'),
    );
  }
  return faults;
}

/** A second family may be added to the one range that there is. */
export function validateServiceCidrUpdate(object: Readonly<UnknownObject>, old: Readonly<UnknownObject>): Faults {
  const now = (object as Readonly<ServiceCIDR>).spec?.cidrs ?? [];
  const before = (old as Readonly<ServiceCIDR>).spec?.cidrs ?? [];
  const isUpgrade = before.length === 1 && now.length === 2;
  if (before.length !== now.length && !isUpgrade) return [invalid(path, now.length > 0 ? now : null, immutable)];
  const faults: Faults = [];
  before.forEach((cidr, i) => {
    if (cidr !== now[i]) faults.push(invalid(`${path}[${i}]`, now[i], immutable));
  });
  return isUpgrade ? [...faults, ...validateServiceCidr(object)] : faults;
}
