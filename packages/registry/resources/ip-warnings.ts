/** What is said of addresses that are valid but not written as they should be. */
import { parseCidr, parseIp } from './ip.ts';

const q = JSON.stringify;

export function warnOfIp(warnings: string[], path: string, value: string): void {
  const ip = parseIp(value);
  if (ip === undefined) return;
  if (ip.leadingZeros || ip.mapped) warnings.push(`${path}: non-standard IP address ${q(value)} is invalid: use ${q(ip.canonical)}`);
  else if (ip.family === 6 && ip.canonical !== value) {
    warnings.push(`${path}: IPv6 address ${q(value)} should be in RFC 5952 canonical format (${q(ip.canonical)})`);
  }
}

export function warnOfCidr(warnings: string[], path: string, value: string): void {
  const cidr = parseCidr(value);
  if (cidr === undefined) return;
  const before = warnings.length;
  if (cidr.ip.value !== cidr.network) {
    warnings.push(`${path}: CIDR value ${q(value)} is ambiguous in this context (should be ${q(cidr.canonical)} or ${q(`${cidr.ip.canonical}/${cidr.bits}`)}?)`);
  }
  if (cidr.leadingZeros || cidr.ip.mapped) warnings.push(`${path}: non-standard CIDR value ${q(value)} is invalid: use ${q(cidr.canonical)}`);
  const written = `${cidr.ip.literal}/${cidr.bits}`;
  if (warnings.length === before && cidr.family === 6 && written !== value) {
    warnings.push(`${path}: IPv6 CIDR value ${q(value)} should be in RFC 5952 canonical format (${q(written)})`);
  }
}
