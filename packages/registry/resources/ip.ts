/** IP addresses and prefixes as Go's net and netip packages read and write them. */

export interface Ip {
  /** An IPv4 address written in the IPv6 form (`::ffff:1.2.3.4`) counts as 4. */
  readonly family: 4 | 6;
  readonly value: bigint;
  /** Go's net.IP String: RFC 5952, mapped addresses as IPv4. */
  readonly canonical: string;
  /** netip's String: as canonical, but mapped addresses keep the IPv6 form. */
  readonly literal: string;
  /** Octets with leading zeros, which old clients send. */
  readonly leadingZeros: boolean;
  readonly mapped: boolean;
}


/** undefined = not an address. Leading zeros in IPv4 octets are decimal, as Go read them before 1.17. */
export function parseIp(text: string): Ip | undefined {
  const four = parseIpv4(text);
  if (four !== undefined) return four;
  const value = parseIpv6(text);
  if (value === undefined) return undefined;
  const literal = formatIpv6(value.value);
  if (value.value >> 32n === 0xffffn) {
    const low = value.value & 0xffffffffn;
    const canonical = formatIpv4(low);
    return { family: 4, value: low, canonical, literal: `::ffff:${canonical}`, leadingZeros: value.leadingZeros, mapped: true };
  }
  return { family: 6, value: value.value, canonical: literal, literal, leadingZeros: value.leadingZeros, mapped: false };
}

function parseIpv4(text: string): Ip | undefined {
  const match = /^(\d{1,10})\.(\d{1,10})\.(\d{1,10})\.(\d{1,10})$/.exec(text);
  if (match === null) return undefined;
  let value = 0n;
  let leadingZeros = false;
  for (const part of match.slice(1)) {
    const octet = Number(part);
    if (octet > 255) return undefined;
    if (part.length > 1 && part.startsWith('0')) leadingZeros = true;
    value = (value << 8n) | BigInt(octet);
  }
  const canonical = formatIpv4(value);
  return { family: 4, value, canonical, literal: canonical, leadingZeros, mapped: false };
}

function parseIpv6(text: string): { value: bigint; leadingZeros: boolean } | undefined {
  if (!/^[0-9a-fA-F:.]{2,}$/.test(text) || !text.includes(':')) return undefined;
  let head = text;
  let leadingZeros = false;
  let tail4: bigint | undefined;
  const lastColon = text.lastIndexOf(':');
  if (text.includes('.')) {
    const four = parseIpv4(text.slice(lastColon + 1));
    if (four === undefined) return undefined;
    leadingZeros = four.leadingZeros;
    tail4 = four.value;
    head = `${text.slice(0, lastColon + 1)}${(four.value >> 16n).toString(16)}:${(four.value & 0xffffn).toString(16)}`;
  }
  const halves = head.split('::');
  if (halves.length > 2) return undefined;
  const groups = (half: string): string[] => (half === '' ? [] : half.split(':'));
  const left = groups(halves[0] as string);
  const right = halves.length === 2 ? groups(halves[1] as string) : [];
  const count = left.length + right.length;
  if (halves.length === 1 ? count !== 8 : count > 7) return undefined;
  if (tail4 !== undefined && count < 2) return undefined;
  const all = [...left, ...new Array<string>(8 - count).fill('0'), ...right];
  let value = 0n;
  for (const group of all) {
    if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined;
    value = (value << 16n) | BigInt(`0x${group}`);
  }
  return { value, leadingZeros };
}

function formatIpv4(value: bigint): string {
  const n = Number(value);
  return `${n >>> 24}.${(n >>> 16) & 255}.${(n >>> 8) & 255}.${n & 255}`;
}

/** RFC 5952: lower case, the longest run of at least two zero groups as `::`. */
function formatIpv6(value: bigint): string {
  const groups: number[] = [];
  for (let shift = 112n; shift >= 0n; shift -= 16n) groups.push(Number((value >> shift) & 0xffffn));
  let start = -1;
  let length = 1;
  for (let i = 0; i < 8; i++) {
    let j = i;
    while (j < 8 && groups[j] === 0) j++;
    if (j - i > length) {
      start = i;
      length = j - i;
    }
    if (j > i) i = j;
  }
  const hex = (from: number, to: number): string => groups.slice(from, to).map((g) => g.toString(16)).join(':');
  return start < 0 ? hex(0, 8) : `${hex(0, start)}::${hex(start + length, 8)}`;
}

export function formatIp(family: 4 | 6, value: bigint): string {
  return family === 4 ? formatIpv4(value) : formatIpv6(value);
}

export interface Cidr {
  readonly ip: Ip;
  readonly family: 4 | 6;
  /** Bits of the network part. */
  readonly bits: number;
  /** First address. */
  readonly network: bigint;
  readonly canonical: string;
  /** Leading zeros in the address or in the length. */
  readonly leadingZeros: boolean;
}

/** undefined = not a prefix. */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.lastIndexOf('/');
  if (slash < 0) return undefined;
  const ip = parseIp(text.slice(0, slash));
  const length = text.slice(slash + 1);
  if (ip === undefined || !/^\d{1,10}$/.test(length)) return undefined;
  // Go takes the length of a mapped address as one of 128 bits.
  const width = ip.family === 6 || ip.mapped ? 128 : 32;
  const given = Number(length);
  if (given > width) return undefined;
  const bits = ip.mapped ? Math.max(0, given - 96) : given;
  const family = ip.family;
  const hostBits = BigInt((family === 4 ? 32 : 128) - bits);
  const network = (ip.value >> hostBits) << hostBits;
  return {
    ip,
    family,
    bits,
    network,
    canonical: `${formatIp(family, network)}/${bits}`,
    leadingZeros: ip.leadingZeros || (length.length > 1 && length.startsWith('0')),
  };
}

export function cidrContains(cidr: Pick<Cidr, 'family' | 'bits' | 'network'>, ip: Pick<Ip, 'family' | 'value'>): boolean {
  const hostBits = BigInt((cidr.family === 4 ? 32 : 128) - cidr.bits);
  return cidr.family === ip.family && ip.value >> hostBits === cidr.network >> hostBits;
}

/** True for exactly two addresses of both families, false for other valid lists, undefined where one is no address. */
export function isDualStack(addresses: readonly string[]): boolean | undefined {
  const families = new Set<number>();
  for (const address of addresses) {
    const ip = parseIp(address);
    if (ip === undefined) return undefined;
    families.add(ip.family);
  }
  return families.size === 2;
}

export const isIpv6 = (text: string): boolean => parseIp(text)?.family === 6;

export const isUnspecified = (ip: Ip): boolean => ip.value === 0n;
export const isLoopback = (ip: Ip): boolean => (ip.family === 4 ? ip.value >> 24n === 127n : ip.value === 1n);
export const isLinkLocalUnicast = (ip: Ip): boolean => (ip.family === 4 ? ip.value >> 16n === 0xa9fen : ip.value >> 118n === 0x3fan);
export const isLinkLocalMulticast = (ip: Ip): boolean => (ip.family === 4 ? ip.value >> 8n === 0xe00000n : (ip.value >> 112n & 0xff0fn) === 0xff02n);

