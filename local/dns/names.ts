import { isIP } from 'node:net';
import { formatIp, parseIp } from '@nodeless/apimachinery/ip';
import type { Name, RecordData } from './message.ts';

/** `web.default.svc` to its labels. */
export const toName = (text: string): Name => text.split('.').filter((label) => label !== '');

export const lower = (name: Name): string[] => name.map((label) => label.toLowerCase());

/** What stands before the domain; undefined when the name is not in it. Both in lower case. */
export function below(name: readonly string[], domain: readonly string[]): string[] | undefined {
  const start = name.length - domain.length;
  if (start < 0 || !domain.every((label, i) => name[start + i] === label)) return undefined;
  return name.slice(0, start);
}

export function addressData(address: string): RecordData {
  return { type: isIP(address) === 6 ? 'AAAA' : 'A', address };
}

/** The address that a reverse name stands for; undefined for others and for parts of one. In lower case. */
export function reverseAddress(name: readonly string[]): string | undefined {
  const four = below(name, ['in-addr', 'arpa']);
  if (four)
    return four.length === 4 && isIP(four.toReversed().join('.')) === 4 ? four.toReversed().join('.') : undefined;
  const six = below(name, ['ip6', 'arpa']);
  if (six?.length !== 32 || !six.every((digit) => /^[0-9a-f]$/.test(digit))) return undefined;
  return formatIp({ family: 6, value: BigInt(`0x${six.toReversed().join('')}`) });
}

/** `10-244-1-5` or `fd00--5` to the address. */
export function dashedAddress(label: string): string | undefined {
  if (/^\d+(?:-\d+){3}$/.test(label)) {
    const address = label.replaceAll('-', '.');
    return isIP(address) === 4 ? address : undefined;
  }
  const address = label.replaceAll('-', ':');
  const ip = isIP(address) === 6 ? parseIp(address) : undefined;
  return ip && formatIp(ip);
}

export const dashed = (address: string): string => address.replaceAll(/[.:]/g, '-');
