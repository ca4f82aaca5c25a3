import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  cidrAddress,
  cidrContains,
  cidrSize,
  formatCidr,
  formatIp,
  parseCidr,
  parseIp,
} from '@nodeless/apimachinery/ip';
import {
  cidrWarnings,
  ipWarnings,
  validateCidr,
  validateDomainPrefixedPath,
  validateFullyQualifiedDomainName,
  validateInterfaceAddress,
  validateIp,
  validateLegacyCidr,
  validateLegacyIp,
} from '@nodeless/apimachinery/ip-validation';

const texts = (errors: { field: string; message: string }[]): string[] => errors.map((e) => `${e.field}: ${e.message}`);

describe('parseIp', () => {
  it.each([
    ['1.2.3.4', '1.2.3.4'],
    ['01.002.3.4', '1.2.3.4'],
    ['::', '::'],
    ['2001:0DB8:0:0:1::1', '2001:db8::1:0:0:1'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['::ffff:1.2.3.4', '1.2.3.4'],
    ['64:ff9b::1.2.3.4', '64:ff9b::102:304'],
  ])('%s is %s', (text, canonical) => expect(formatIp(parseIp(text)!)).toBe(canonical));
  it.each([
    '',
    ':',
    '1.2.3',
    '1.2.3.256',
    '1.2.3.4.5',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '12345::',
    'fe80::1%eth0',
    '::1:',
    'x',
  ])('%j is none', (text) => {
    expect(parseIp(text)).toBeUndefined();
  });
  it('reads what it writes', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.ipV6(), (v4, v6) => {
        expect(formatIp(parseIp(v4)!)).toBe(v4);
        const once = formatIp(parseIp(v6)!);
        expect(formatIp(parseIp(once)!)).toBe(once);
      }),
    );
  });
});

it('ranges', () => {
  const range = parseCidr('10.1.2.3/30')!;
  expect(formatCidr(range)).toBe('10.1.2.0/30');
  expect(cidrSize(range)).toBe(4n);
  expect(cidrAddress(range, 3n)).toBe('10.1.2.3');
  expect(cidrAddress(range, 4n)).toBeUndefined();
  expect(cidrContains(range, parseIp('10.1.2.3')!)).toBe(true);
  expect(cidrContains(range, parseIp('10.1.2.4')!)).toBe(false);
  expect(cidrContains(range, parseIp('::1')!)).toBe(false);
  expect(cidrContains(parseCidr('fd00::/8')!, parseIp('fdff::1')!)).toBe(true);
  for (const wrong of ['10.0.0.0', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/-1', 'x/8'])
    expect(parseCidr(wrong)).toBeUndefined();
});

describe('checks in the words of upstream', () => {
  it.each([
    ['1.2.3.4', []],
    ['x', ['p: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)']],
    ['01.2.3.4', ['p: Invalid value: "01.2.3.4": must not have leading 0s']],
    ['::ffff:1.2.3.4', ['p: Invalid value: "::ffff:1.2.3.4": must not be an IPv4-mapped IPv6 address']],
    ['2001:DB8::1', ['p: Invalid value: "2001:DB8::1": must be in canonical form ("2001:db8::1")']],
  ])('address %s', (value, want) => expect(texts(validateIp('p', value))).toEqual(want));

  it('legacy fields take more', () => {
    expect(validateLegacyIp('p', '01.2.3.4', { strict: false })).toEqual([]);
    expect(validateLegacyIp('p', '01.2.3.4', { strict: true, old: ['01.2.3.4'] })).toEqual([]);
    expect(validateLegacyIp('p', '01.2.3.4', { strict: true })).toHaveLength(1);
    expect(ipWarnings('p', '01.2.3.4')).toEqual(['p: non-standard IP address "01.2.3.4" is invalid: use "1.2.3.4"']);
    expect(ipWarnings('p', '2001:DB8::1')).toEqual([
      'p: IPv6 address "2001:DB8::1" should be in RFC 5952 canonical format ("2001:db8::1")',
    ]);
    expect(ipWarnings('p', '1.2.3.4')).toEqual([]);
  });

  it.each([
    ['10.0.0.0/8', []],
    ['10.0.0.1/8', ['p: Invalid value: "10.0.0.1/8": must not have bits set beyond the prefix length']],
    ['10.0.0.0/08', ['p: Invalid value: "10.0.0.0/08": must not have leading 0s in IP or prefix length']],
    ['10.0.0.0', ['p: Invalid value: "10.0.0.0": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)']],
    ['FD00::/8', ['p: Invalid value: "FD00::/8": must be in canonical form ("fd00::/8")']],
  ])('range %s', (value, want) => expect(texts(validateCidr('p', value))).toEqual(want));

  it('others', () => {
    expect(validateLegacyCidr('p', '10.0.0.1/8', { strict: false })).toEqual([]);
    expect(cidrWarnings('p', '10.0.0.1/8')).toEqual([
      'p: CIDR value "10.0.0.1/8" is ambiguous in this context (should be "10.0.0.0/8" or "10.0.0.1/32"?)',
    ]);
    expect(texts(validateInterfaceAddress('p', '10.0.0.01/8'))).toEqual([
      'p: Invalid value: "10.0.0.01/8": must be in canonical form ("10.0.0.1/8")',
    ]);
    expect(texts(validateFullyQualifiedDomainName('p', 'x'))).toEqual([
      'p: Invalid value: "x": should be a domain with at least two segments separated by dots',
    ]);
    expect(texts(validateDomainPrefixedPath('p', 'acme'))).toEqual([
      'p: Invalid value: "acme": must be a domain-prefixed path (such as "acme.io/foo")',
    ]);
  });
});
