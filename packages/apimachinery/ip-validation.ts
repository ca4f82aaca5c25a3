import { type FieldPath, invalidValue, required } from './field-errors.ts';
import { type Cidr, type IpAddress, formatCidr, formatIp, parseCidr, parseIp } from './ip.ts';
import { isDns1123Label, isDns1123Subdomain, isQualifiedName, regexError } from './names.ts';
import { quoteGo } from './quote-go.ts';
import type { FieldError } from './status.ts';

/**
 * Checks of addresses and domain names in fields (k8s.io/apimachinery/pkg/util/validation). "Legacy" fields take what
 * they took before the strict parsers came, unless `strict`; a value that was stored before (`old`) stays valid.
 */
type Where = FieldPath | string;
interface LegacyOptions {
  readonly strict: boolean;
  readonly old?: readonly string[];
}

function checkIp(where: Where, value: string, strict: boolean): { ip?: IpAddress; errors: FieldError[] } {
  const ip = parseIp(value);
  if (ip === undefined)
    return { errors: [invalidValue(where, value, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)')] };
  const errors: FieldError[] = [];
  if (strict && ip.leadingZeros) errors.push(invalidValue(where, value, 'must not have leading 0s'));
  else if (strict && ip.mapped) errors.push(invalidValue(where, value, 'must not be an IPv4-mapped IPv6 address'));
  return { ip, errors };
}

export function validateLegacyIp(where: Where, value: string, { strict, old = [] }: LegacyOptions): FieldError[] {
  return old.includes(value) ? [] : checkIp(where, value, strict).errors;
}

/** For newer fields: the canonical form and no other. */
export function validateIp(where: Where, value: string): FieldError[] {
  const { ip, errors } = checkIp(where, value, true);
  if (errors.length > 0 || ip === undefined) return errors;
  return value === formatIp(ip)
    ? []
    : [invalidValue(where, value, `must be in canonical form (${quoteGo(formatIp(ip))})`)];
}

/** Warnings for a value that a legacy field has accepted. */
export function ipWarnings(where: Where, value: string): string[] {
  const ip = parseIp(value);
  if (ip === undefined) return [];
  const canonical = quoteGo(formatIp(ip));
  if (ip.leadingZeros || ip.mapped)
    return [`${where}: non-standard IP address ${quoteGo(value)} is invalid: use ${canonical}`];
  if (ip.family === 6 && formatIp(ip) !== value)
    return [`${where}: IPv6 address ${quoteGo(value)} should be in RFC 5952 canonical format (${canonical})`];
  return [];
}

function checkCidr(where: Where, value: string, strict: boolean): { cidr?: Cidr; errors: FieldError[] } {
  const cidr = parseCidr(value);
  if (cidr === undefined)
    return { errors: [invalidValue(where, value, 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)')] };
  const errors: FieldError[] = [];
  if (strict) {
    if (cidr.leadingZeros) errors.push(invalidValue(where, value, 'must not have leading 0s in IP or prefix length'));
    else if (cidr.address.mapped) errors.push(invalidValue(where, value, 'must not have an IPv4-mapped IPv6 address'));
    else if (cidr.address.value !== cidr.network.value)
      errors.push(invalidValue(where, value, 'must not have bits set beyond the prefix length'));
  }
  return { cidr, errors };
}

export function validateLegacyCidr(where: Where, value: string, { strict, old = [] }: LegacyOptions): FieldError[] {
  return old.includes(value) ? [] : checkCidr(where, value, strict).errors;
}

export function validateCidr(where: Where, value: string): FieldError[] {
  const { cidr, errors } = checkCidr(where, value, true);
  if (errors.length > 0 || cidr === undefined) return errors;
  return value === formatCidr(cidr)
    ? []
    : [invalidValue(where, value, `must be in canonical form (${quoteGo(formatCidr(cidr))})`)];
}

export function cidrWarnings(where: Where, value: string): string[] {
  const cidr = parseCidr(value);
  if (cidr === undefined) return [];
  const warnings: string[] = [];
  const range = quoteGo(formatCidr(cidr));
  const same = cidr.address.value === cidr.network.value && cidr.address.family === cidr.network.family;
  if (!same) {
    const single = `${formatIp(cidr.address)}/${cidr.address.mapped || cidr.address.family === 6 ? 128 : 32}`;
    warnings.push(
      `${where}: CIDR value ${quoteGo(value)} is ambiguous in this context (should be ${range} or ${quoteGo(single)}?)`,
    );
  }
  if (cidr.leadingZeros || cidr.address.mapped) {
    warnings.push(`${where}: non-standard CIDR value ${quoteGo(value)} is invalid: use ${range}`);
  } else if (warnings.length === 0 && cidr.address.family === 6) {
    const canonical = `${formatIp(cidr.address)}/${cidr.prefixLength}`;
    if (canonical !== value)
      warnings.push(
        `${where}: IPv6 CIDR value ${quoteGo(value)} should be in RFC 5952 canonical format (${quoteGo(canonical)})`,
      );
  }
  return warnings;
}

/** An address with the prefix length of its network, `10.9.8.7/24`. */
export function validateInterfaceAddress(where: Where, value: string): FieldError[] {
  const cidr = parseCidr(value);
  if (cidr === undefined)
    return [invalidValue(where, value, 'must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)')];
  const length = cidr.address.mapped && cidr.prefixLength > 32 ? cidr.prefixLength - 96 : cidr.prefixLength;
  const canonical = `${formatIp(cidr.address)}/${length}`;
  return value === canonical ? [] : [invalidValue(where, value, `must be in canonical form (${quoteGo(canonical)})`)];
}

export function validateFullyQualifiedName(where: Where, name: string): FieldError[] {
  if (name === '') return [required(where)];
  const errors = isDns1123Subdomain(name);
  if (errors.length > 0) return [invalidValue(where, name, errors.join(','))];
  return name.split('.').length < 3
    ? [invalidValue(where, name, 'should be a domain with at least three segments separated by dots')]
    : [];
}

export function validateFullyQualifiedDomainName(where: Where, value: string): FieldError[] {
  if (value === '') return [required(where)];
  const name = value.endsWith('.') ? value.slice(0, -1) : value;
  const errors = isDns1123Subdomain(name);
  if (errors.length > 0) return [invalidValue(where, name, errors.join(','))];
  const labels = name.split('.');
  if (labels.length < 2)
    return [invalidValue(where, name, 'should be a domain with at least two segments separated by dots')];
  for (const label of labels) {
    const wrong = isDns1123Label(label);
    if (wrong.length > 0) return [invalidValue(where, label, wrong.join(','))];
  }
  return [];
}

const HTTP_PATH = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";
const httpPath = new RegExp(`^${HTTP_PATH}$`);

/** `acme.io/foo`: a domain and a path. */
export function validateDomainPrefixedPath(where: Where, value: string): FieldError[] {
  if (value === '') return [required(where)];
  const slash = value.indexOf('/');
  const [host, rest] = [value.slice(0, Math.max(slash, 0)), value.slice(slash + 1)];
  if (slash < 0 || host === '' || rest === '')
    return [invalidValue(where, value, 'must be a domain-prefixed path (such as "acme.io/foo")')];
  const errors = isDns1123Subdomain(host).map((message) => invalidValue(where, host, message));
  if (!httpPath.test(rest)) errors.push(invalidValue(where, rest, regexError('Invalid path', HTTP_PATH)));
  return errors;
}

export function validateDomainPrefixedKey(where: Where, value: string): FieldError[] {
  if (value === '') return [required(where)];
  const errors = isQualifiedName(value).map((message) => invalidValue(where, value, message));
  if (errors.length > 0) return errors;
  return value.split('/').length === 2
    ? []
    : [invalidValue(where, value, 'must be a domain-prefixed key (such as "acme.io/foo")')];
}
