import { getServers } from 'node:dns';
import { readFileSync, statSync } from 'node:fs';
import { isIP } from 'node:net';
import type { Resolver } from './forwarder.ts';

export interface ResolvConf {
  readonly nameservers: readonly string[];
  readonly searches: readonly string[];
  readonly options: readonly string[];
}

const path = '/etc/resolv.conf';

export function parseResolvConf(text: string): ResolvConf {
  const nameservers: string[] = [];
  let searches: string[] = [];
  const options: string[] = [];
  for (const line of text.split('\n')) {
    const [word, ...rest] = line
      .replace(/[#;].*$/, '')
      .trim()
      .split(/\s+/);
    if (word === 'nameserver' && rest[0] && isIP(rest[0].split('%')[0] as string)) nameservers.push(rest[0]);
    // The last of either counts.
    else if (word === 'search' || word === 'domain') searches = word === 'domain' ? rest.slice(0, 1) : rest;
    else if (word === 'options') options.push(...rest);
  }
  return { nameservers, searches, options };
}

/** The machine's own resolvers as they are now: a laptop changes them with its network. */
export function createMachineResolvers(): () => readonly Resolver[] {
  let seen = '';
  let known: readonly Resolver[] = [];
  return () => {
    const stamp = stampOf();
    if (stamp !== seen || known.length === 0) {
      seen = stamp;
      known = read();
    }
    return known;
  };
}

function stampOf(): string {
  try {
    const { mtimeMs, size, ino } = statSync(path);
    return `${mtimeMs} ${size} ${ino}`;
  } catch {
    return 'none';
  }
}

function read(): Resolver[] {
  try {
    const { nameservers } = parseResolvConf(readFileSync(path, 'utf8'));
    if (nameservers.length > 0) return nameservers.map((address) => ({ address, port: 53 }));
  } catch {
    // A system without the file: what Node knows.
  }
  return getServers().map((text) => {
    const match = /^\[?(.*?)\]?:(\d+)$/.exec(text);
    return match && isIP(match[1] as string)
      ? { address: match[1] as string, port: Number(match[2]) }
      : { address: text, port: 53 };
  });
}
