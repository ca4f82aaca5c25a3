/**
 * IP addresses and CIDRs as Go reads and writes them. Reading is lenient as k8s.io/utils/net is (leading zeros in
 * IPv4); what is not strict is told, because newer fields refuse it.
 */
export interface IpAddress {
  readonly family: 4 | 6;
  readonly value: bigint;
  /** Written as an IPv4 address inside IPv6 (`::ffff:1.2.3.4`); `family` is then 4. */
  readonly mapped: boolean;
  /** Some part has leading zeros that a strict parser refuses. */
  readonly leadingZeros: boolean;
}

export interface Cidr {
  /** As written, bits beyond the prefix included. */
  readonly address: IpAddress;
  /** Without them. */
  readonly network: IpAddress;
  /** Of the address as written: 120 for `::ffff:1.2.3.0/120`. */
  readonly prefixLength: number;
  readonly leadingZeros: boolean;
}

const bitsOf = (family: 4 | 6): number => (family === 4 ? 32 : 128);
const MAPPED_PREFIX = 0xffffn << 32n;

/** undefined where the text is no address. Zones (`%eth0`) are refused. */
export function parseIp(text: string): IpAddress | undefined {
  if (!text.includes(':')) {
    const v4 = parseIpv4(text);
    return v4 && { family: 4, value: v4.value, mapped: false, leadingZeros: v4.leadingZeros };
  }
  const v6 = parseIpv6(text);
  if (v6 === undefined) return undefined;
  const mapped = v6.value >> 32n === 0xffffn;
  return {
    family: mapped ? 4 : 6,
    value: mapped ? v6.value & 0xffffffffn : v6.value,
    mapped,
    leadingZeros: v6.leadingZeros,
  };
}

interface Parsed {
  value: bigint;
  leadingZeros: boolean;
}

function parseIpv4(text: string): Parsed | undefined {
  const match = /^([0-9]+)\.([0-9]+)\.([0-9]+)\.([0-9]+)$/.exec(text);
  if (match === null) return undefined;
  let value = 0n;
  let leadingZeros = false;
  for (const part of match.slice(1)) {
    const octet = Number(part);
    if (octet > 255) return undefined;
    if (part.length > 1 && part.startsWith('0')) leadingZeros = true;
    value = (value << 8n) | BigInt(octet);
  }
  return { value, leadingZeros };
}

function parseIpv6(text: string): Parsed | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const elided = halves.length === 2;
  const groups: string[][] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const last = groups.at(-1) as string[];
  let tail: Parsed | undefined;
  if (last.at(-1)?.includes('.')) {
    tail = parseIpv4(last.at(-1) as string);
    if (tail === undefined) return undefined;
    last.splice(-1, 1, (tail.value >> 16n).toString(16), (tail.value & 0xffffn).toString(16));
  }
  const count = groups.reduce((sum, half) => sum + half.length, 0);
  if (elided ? count > 7 : count !== 8) return undefined;
  let value = 0n;
  const [before = [], after = []] = groups;
  for (const group of [...before, ...Array.from({ length: 8 - count }, () => '0'), ...after]) {
    if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined;
    value = (value << 16n) | BigInt(`0x${group}`);
  }
  return { value, leadingZeros: tail?.leadingZeros ?? false };
}

/** The canonical form (RFC 5952); a mapped address as IPv4, as Go's net.IP does. */
export function formatIp({ family, value }: Pick<IpAddress, 'family' | 'value'>): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => ((value >> shift) & 0xffn).toString()).join('.');
  const groups = Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(112 - 16 * i)) & 0xffffn));
  let best = { at: -1, length: 1 };
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > best.length) best = { at: i, length: end - i };
    if (end > i) i = end;
  }
  const hex = (part: number[]): string => part.map((g) => g.toString(16)).join(':');
  return best.at < 0 ? hex(groups) : `${hex(groups.slice(0, best.at))}::${hex(groups.slice(best.at + best.length))}`;
}

export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf('/');
  if (slash < 0) return undefined;
  const address = parseIp(text.slice(0, slash));
  const digits = text.slice(slash + 1);
  if (address === undefined || !/^[0-9]+$/.test(digits)) return undefined;
  const prefixLength = Number(digits);
  const bits = address.mapped ? 128 : bitsOf(address.family);
  if (prefixLength > bits) return undefined;
  const leadingZeros = address.leadingZeros || (digits.length > 1 && digits.startsWith('0'));
  const whole = address.mapped ? address.value | MAPPED_PREFIX : address.value;
  const masked = maskBits(whole, bits, prefixLength);
  // masked far enough, a mapped address is none any more
  const network: IpAddress =
    address.mapped && masked >> 32n === 0xffffn
      ? { ...address, value: masked & 0xffffffffn }
      : { ...address, family: address.mapped ? 6 : address.family, mapped: false, value: masked };
  return { address, network, prefixLength, leadingZeros };
}

function maskBits(value: bigint, bits: number, prefixLength: number): bigint {
  const host = BigInt(bits - prefixLength);
  return (value >> host) << host;
}

/** The network with its prefix length, in canonical form. */
export function formatCidr({ network, prefixLength }: Cidr): string {
  return `${formatIp(network)}/${prefixOf(network, prefixLength)}`;
}

/** The prefix length as counted in the family that is shown. */
function prefixOf(address: IpAddress, prefixLength: number): number {
  return address.mapped && address.family === 4 ? prefixLength - 96 : prefixLength;
}

export function cidrContains(cidr: Cidr, address: IpAddress): boolean {
  if (cidr.network.family !== address.family) return false;
  const prefixLength = prefixOf(cidr.network, cidr.prefixLength);
  return maskBits(address.value, bitsOf(address.family), prefixLength) === cidr.network.value;
}

/** How many addresses the range has. */
export function cidrSize(cidr: Cidr): bigint {
  return 1n << BigInt(bitsOf(cidr.network.family) - prefixOf(cidr.network, cidr.prefixLength));
}

/** The n-th address of the range, from 0; undefined beyond its end. */
export function cidrAddress(cidr: Cidr, n: bigint): string | undefined {
  return n < 0n || n >= cidrSize(cidr)
    ? undefined
    : formatIp({ family: cidr.network.family, value: cidr.network.value + n });
}
