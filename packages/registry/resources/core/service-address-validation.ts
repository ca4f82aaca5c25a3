/** clusterIP, clusterIPs, ipFamilies and ipFamilyPolicy of services: each by itself, together, and across an update. */
import type { Service, ServiceSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import { parseIp } from '@nodeless/apimachinery/ip';
import {
  checkLegacyIp,
  duplicate,
  type Faults,
  internalFieldError,
  invalid,
  notSupported,
  required,
} from '../checks.ts';
import { isDualStack } from '../dual-stack.ts';

export const headless = 'None';
const families = ['IPv4', 'IPv6'];
const policies = ['PreferDualStack', 'RequireDualStack', 'SingleStack'];

export const isHeadless = (spec: Readonly<ServiceSpec> | undefined): boolean =>
  spec?.clusterIPs?.length === 1 && spec.clusterIPs[0] === headless;

export function checkClusterIps(
  faults: Faults,
  spec: Readonly<ServiceSpec>,
  old: Readonly<ServiceSpec> | undefined,
): void {
  if (spec.type === 'ExternalName') return;
  const { clusterIP = '', ipFamilyPolicy } = spec;
  const ips = spec.clusterIPs ?? [];
  const path = 'spec.clusterIPs';
  if (clusterIP !== '') {
    if (ips.length === 0) faults.push(required(path));
    else if (ips[0] !== clusterIP) faults.push(invalid(path, ips, 'first value must match `clusterIP`'));
  } else if (ips.length > 0) faults.push(invalid(path, ips, 'must be empty when `clusterIP` is not specified'));
  const seen = new Set<string>();
  spec.ipFamilies?.forEach((family, i) => {
    if (!families.includes(family)) faults.push(notSupported(`spec.ipFamilies[${i}]`, family, families));
    if (seen.has(family)) faults.push(duplicate(`spec.ipFamilies[${i}]`, family));
    seen.add(family);
  });
  if (ipFamilyPolicy !== undefined && !policies.includes(ipFamilyPolicy))
    faults.push(notSupported('spec.ipFamilyPolicy', ipFamilyPolicy, policies));
  if (!checkEach(faults, ips, old?.clusterIPs ?? [])) return;
  if (ips.length > 1) {
    const bad = ips.findIndex((ip) => parseIp(ip) === undefined);
    if (bad >= 0)
      faults.push(
        internalFieldError(path, `failed to check for dual stack with error:invalid IP[${bad}]: ${ips[bad]}`),
      );
    if (isDualStack(ips) !== true)
      faults.push(invalid(path, ips, 'may specify no more than one IP for each IP family'));
  }
  if (!isHeadless(spec)) checkFamilies(faults, spec);
}

/** Whether the list can be looked at as a whole. */
function checkEach(faults: Faults, ips: readonly string[], stored: readonly string[]): boolean {
  const path = 'spec.clusterIPs';
  let good = true;
  ips.forEach((ip, i) => {
    if (i === 0 && ip === headless) {
      if (ips.length > 1) {
        good = false;
        faults.push(invalid(path, ips, "'None' must be the first and only value"));
      }
      return;
    }
    const before = faults.length;
    checkLegacyIp(faults, `${path}[${i}]`, ip, stored);
    if (faults.length > before) good = false;
  });
  if (ips.length > 2) faults.push(invalid(path, ips, 'may only hold up to 2 values'));
  return good;
}

function checkFamilies(faults: Faults, spec: Readonly<ServiceSpec>): void {
  spec.ipFamilies?.forEach((family, i) => {
    const ip = spec.clusterIPs?.[i];
    if (ip === undefined || !families.includes(family)) return;
    const is6 = parseIp(ip)?.family === 6;
    if (is6 !== (family === 'IPv6'))
      faults.push(
        invalid(`spec.clusterIPs[${i}]`, ip, `expected an ${family} value as indicated by \`ipFamilies[${i}]\``),
      );
  });
}

/** An address stays for life; only a second one may come and go. */
export function checkAddressChange(
  faults: Faults,
  { spec = {} }: Readonly<Service>,
  { spec: old = {} }: Readonly<Service>,
): void {
  if (spec.type === 'ExternalName' || old.type === 'ExternalName') return;
  const isNone = isHeadless(spec);
  const wasNone = isHeadless(old);
  if (!(isNone && wasNone)) checkIpChange(faults, spec, old);
  if (isNone === wasNone && !isNone) checkFamilyChange(faults, spec, old);
}

function checkIpChange(faults: Faults, spec: Readonly<ServiceSpec>, old: Readonly<ServiceSpec>): void {
  const now = spec.clusterIPs ?? [];
  const before = old.clusterIPs ?? [];
  const shown = spec.clusterIPs ?? null;
  const isMoved = now.length > 0 && before.length > 0 && now[0] !== before[0];
  if (before.length === now.length) {
    before.forEach((ip, i) => {
      if (ip !== now[i]) faults.push(invalid(`spec.clusterIPs[${i}]`, shown, 'may not change once set'));
    });
    return;
  }
  if (now.length === 0) faults.push(invalid('spec.clusterIPs[0]', shown, 'primary clusterIP can not be unset'));
  if (isMoved) faults.push(invalid('spec.clusterIPs[0]', shown, 'may not change once set'));
  if (before.length > now.length && now.length === 1 && spec.ipFamilyPolicy !== 'SingleStack') {
    faults.push(
      invalid(
        'spec.ipFamilyPolicy',
        spec.ipFamilyPolicy ?? null,
        "must be set to 'SingleStack' when releasing the secondary clusterIP",
      ),
    );
  }
}

function checkFamilyChange(faults: Faults, spec: Readonly<ServiceSpec>, old: Readonly<ServiceSpec>): void {
  const now = spec.ipFamilies ?? [];
  const before = old.ipFamilies ?? [];
  const path = 'spec.ipFamilies[0]';
  if (before.length === now.length) {
    before.forEach((family, i) => {
      if (family !== now[i]) faults.push(invalid(path, now, 'may not change once set'));
    });
    return;
  }
  const isLess = before.length > now.length;
  if (isLess && !spec.clusterIPs?.length)
    faults.push(invalid(path, spec.ipFamilies ?? null, 'primary ipFamily can not be unset'));
  // The addresses are what upstream shows of the families here.
  if (now.length > 0 && before.length > 0 && now[0] !== before[0])
    faults.push(invalid(path, spec.clusterIPs ?? null, 'may not change once set'));
  if (isLess && now.length === 1 && spec.ipFamilyPolicy !== 'SingleStack') {
    faults.push(
      invalid(
        'spec.ipFamilyPolicy',
        spec.ipFamilyPolicy ?? null,
        "must be set to 'SingleStack' when releasing the secondary ipFamily",
      ),
    );
  }
}
