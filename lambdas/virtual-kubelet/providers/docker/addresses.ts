/** IPv4 arithmetic of the cluster's network: a /16 whose x.y.0.* are nodes and x.y.n.* the pods of the n-th node. */

/** Networks that are tried in turn until one is free on the engine. */
export const candidateSubnets: readonly string[] = [244, 245, 246, 247, 248, 249, 250, 251, 252, 253].map(
  (n) => `10.${n}.0.0/16`,
);

const firstNode = 10;
const firstPod = 2;
const lastPod = 254;

function prefixOf(subnet: string): string {
  return subnet.split('.').slice(0, 2).join('.');
}

/** `index` from 0. */
export function nodeAddress(subnet: string, index: number): string {
  return `${prefixOf(subnet)}.0.${firstNode + index}`;
}

export function podCidr(subnet: string, index: number): string {
  return `${prefixOf(subnet)}.${index + 1}.0/24`;
}

/**
 * The next free pod address of a node, going round from the last one given out, so that one that was just given back is
 * not at once somebody else's. undefined = all 253 are in use.
 */
export function nextPodAddress(
  subnet: string,
  index: number,
  used: ReadonlySet<string>,
  last: string | undefined,
): string | undefined {
  const prefix = `${prefixOf(subnet)}.${index + 1}`;
  const count = lastPod - firstPod + 1;
  const start = last?.startsWith(`${prefix}.`) ? Number(last.split('.')[3]) - firstPod + 1 : 0;
  for (let i = 0; i < count; i++) {
    const address = `${prefix}.${firstPod + ((start + i) % count)}`;
    if (!used.has(address)) return address;
  }
  return undefined;
}
