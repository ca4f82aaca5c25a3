import { readlinkSync } from 'node:fs';

/** This process's network namespace as Linux numbers it (`net:[4026531833]`); undefined on other systems. */
export function ownNetworkNamespace(): string | undefined {
  try {
    return readlinkSync('/proc/self/ns/net');
  } catch {
    return undefined;
  }
}
