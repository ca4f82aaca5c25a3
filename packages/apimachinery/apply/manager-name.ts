import { isPrintable } from '../quote-go.ts';

/** Longest name of a manager, in bytes. */
export const MAX_MANAGER_LENGTH = 128;

/** Who writes where the request does not say: the user agent up to its first slash, printable characters only. */
export function managerOfUserAgent(userAgent: string): string {
  let name = '';
  let bytes = 0;
  for (const character of userAgent.split('/', 1)[0] as string) {
    if (!isPrintable(character)) continue;
    bytes += Buffer.byteLength(character);
    if (bytes > MAX_MANAGER_LENGTH) break;
    name += character;
  }
  return name;
}

export function managerOrUserAgent(manager: string, userAgent: string): string {
  return manager === '' ? managerOfUserAgent(userAgent) : manager;
}
