import { callEngine, type Engine, isMissing, isNameTaken } from './engine.ts';
import { label } from './labels.ts';

export interface Removed {
  readonly containers: number;
  readonly volumes: number;
  readonly networks: number;
}

/** Removes what carries this cluster's label, and nothing else: containers first, then volumes and the network. */
export async function removeCluster(engine: Engine, cluster: string): Promise<Removed> {
  const filters = { label: [`${label.cluster}=${cluster}`] };
  return callEngine(async () => {
    const containers = await engine.listContainers({ all: true, filters });
    await Promise.all(containers.map((c) => quietly(() => engine.getContainer(c.Id).remove({ force: true, v: true }))));
    const volumes = (await engine.listVolumes({ filters })).Volumes ?? [];
    await Promise.all(volumes.map((v) => quietly(() => engine.getVolume(v.Name).remove())));
    const networks = await engine.listNetworks({ filters });
    await Promise.all(networks.map((n) => quietly(() => engine.getNetwork(n.Id).remove())));
    return { containers: containers.length, volumes: volumes.length, networks: networks.length };
  });
}

async function quietly(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isMissing(error) && !isNameTaken(error)) throw error;
  }
}
