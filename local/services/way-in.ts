/** How pods reach this process: the address that leads here from containers, and where to listen for it. */
import type { NodeHelper } from '@nodeless/virtual-kubelet/providers/docker/node-helper';

export interface WayIn {
  /** What pods connect to. */
  readonly address: string;
  /** What this process listens on. */
  readonly listenOn: string;
}

interface Network {
  gateway(): Promise<string>;
  /** Whether this process has a route to containers: it runs on the engine's machine. */
  isReachable(): Promise<boolean>;
}

/** The name under which engines in a virtual machine lead to the loopback address of the machine around it. */
const outerMachine = 'host.docker.internal';

/**
 * On the engine's own machine: the engine's address on the cluster's network. With the engine in a virtual machine: the
 * address by which it forwards to this machine's loopback. undefined where there is neither.
 */
export async function findWayIn(network: Network, helper: Pick<NodeHelper, 'exec'>): Promise<WayIn | undefined> {
  if (await network.isReachable()) {
    const gateway = await network.gateway();
    return { address: gateway, listenOn: gateway };
  }
  const { exitCode, output } = await helper.exec(['nslookup', outerMachine], { timeoutMs: 5_000 });
  const address = exitCode === 0 ? resolvedAddress(output) : undefined;
  return address === undefined ? undefined : { address, listenOn: '127.0.0.1' };
}

/** The answer's first IPv4 address in what busybox's nslookup prints; the server's own stands before it. Pure. */
export function resolvedAddress(output: string): string | undefined {
  const answer = output.split(/^Name:/m)[1] ?? '';
  return /^Address(?: \d+)?:\s*(\d+\.\d+\.\d+\.\d+)\b/m.exec(answer)?.[1];
}
