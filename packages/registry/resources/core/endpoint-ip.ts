import { parseIp } from '@nodeless/apimachinery/ip';
import { type Faults, invalid } from '../checks.ts';

/** Addresses that traffic must not be sent to: they would reach something else than what they are said to be. */
export function checkEndpointIp(faults: Faults, path: string, text: string): void {
  const ip = parseIp(text);
  if (ip === undefined) return;
  const { family, value } = ip;
  const is4 = family === 4;
  const loopback = is4 ? value >> 24n === 127n : value === 1n;
  if (value === 0n) faults.push(invalid(path, text, `may not be unspecified (${text})`));
  if (loopback) faults.push(invalid(path, text, 'may not be in the loopback range (127.0.0.0/8, ::1/128)'));
  const linkLocal = is4 ? value >> 16n === 0xa9fen : value >> 118n === 0xfe80n >> 6n;
  if (linkLocal) faults.push(invalid(path, text, 'may not be in the link-local range (169.254.0.0/16, fe80::/10)'));
  const multicast = is4 ? value >> 8n === 0xe00000n : value >> 120n === 0xffn && ((value >> 112n) & 0xfn) === 2n;
  if (multicast)
    faults.push(invalid(path, text, 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)'));
}
