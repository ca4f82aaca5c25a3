/** Addresses of this machine for load balancers: a block of 127.0.0.0/8 for each cluster, chosen by its id. */
import { createHash } from 'node:crypto';

const first = 1;
const last = 254;
/** 127.64.0.0 to 127.127.255.0: away from 127.0.0.x, where services of the machine itself listen. */
const lowest = 64;
const count = 64;

export function blockOf(clusterId: string): string {
  const hash = createHash('sha256').update(clusterId).digest();
  return `127.${lowest + ((hash[0] as number) % count)}.${hash[1] as number}`;
}

export function isLoopback(address: string): boolean {
  return /^127(?:\.(?:\d|[1-9]\d|1\d\d|2[0-4]\d|25[0-5])){3}$/.test(address);
}

/**
 * Addresses to try, best first: what the Service had, what it asks for, then the free ones of the block, beginning at a place
 * that follows from the Service's name, so that one that is made again gets its address again.
 */
export function* candidateAddresses(options: {
  readonly clusterId: string;
  readonly owner: string;
  readonly previous: string;
  readonly requested: string;
  readonly used: ReadonlySet<string>;
}): Generator<string> {
  const { clusterId, owner, previous, requested, used } = options;
  const seen = new Set<string>();
  const wanted = [requested, previous].filter((address) => isLoopback(address) && address !== '127.0.0.1');
  for (const address of wanted) {
    if (used.has(address) || seen.has(address)) continue;
    seen.add(address);
    yield address;
  }
  const block = blockOf(clusterId);
  const size = last - first + 1;
  const start = createHash('sha256').update(owner).digest().readUInt32BE(0) % size;
  for (let i = 0; i < size; i++) {
    const address = `${block}.${first + ((start + i) % size)}`;
    if (!used.has(address) && !seen.has(address)) yield address;
  }
}
