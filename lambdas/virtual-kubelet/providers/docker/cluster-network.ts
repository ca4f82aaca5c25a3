import { ProviderError } from '../provider.ts';
import { candidateSubnets } from './addresses.ts';
import { callEngine, type Engine, engineMessage, isNameTaken } from './engine.ts';
import { label } from './labels.ts';

export interface ClusterNetwork {
  readonly name: string;
  readonly subnet: string;
  /** The engine's own address on it: on Linux this machine. */
  readonly gateway: string;
}

export const networkName = (cluster: string): string => `nodeless-${cluster}`;

/** The cluster's one network on the engine, made on first use in the first free range. */
export async function ensureNetwork(
  engine: Engine,
  cluster: string,
  subnets: readonly string[] = candidateSubnets,
): Promise<ClusterNetwork> {
  const name = networkName(cluster);
  const found = await findNetwork(engine, name);
  if (found) return found;
  let refusal = 'no address range is free';
  for (const subnet of subnets) {
    const gateway = subnet.replace(/\.0\/\d+$/, '.1');
    try {
      await engine.createNetwork({
        Name: name,
        Driver: 'bridge',
        CheckDuplicate: true,
        IPAM: { Driver: 'default', Config: [{ Subnet: subnet, Gateway: gateway }] },
        Labels: { [label.cluster]: cluster },
      });
      return { name, subnet, gateway };
    } catch (error) {
      // Made by another process in between, or the range is taken: look again, then try the next.
      if (isNameTaken(error)) {
        const other = await findNetwork(engine, name);
        if (other) return other;
      }
      if (!/overlap|conflict|already exists/i.test(engineMessage(error)))
        throw await callEngine(() => Promise.reject(error as Error));
      refusal = engineMessage(error);
    }
  }
  throw new ProviderError('capacity', `network ${name} cannot be made: ${refusal}`);
}

async function findNetwork(engine: Engine, name: string): Promise<ClusterNetwork | undefined> {
  const networks = await callEngine(() => engine.listNetworks({ filters: { name: [name] } }));
  // The filter matches parts of names.
  const network = networks.find((n) => n.Name === name);
  const config = network?.IPAM?.Config?.[0];
  if (!network || !config?.Subnet) return undefined;
  return { name, subnet: config.Subnet, gateway: config.Gateway ?? config.Subnet.replace(/\.0\/\d+$/, '.1') };
}
