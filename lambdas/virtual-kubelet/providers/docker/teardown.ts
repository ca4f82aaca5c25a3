import { setTimeout as delay } from 'node:timers/promises';
import { callEngine, type Engine, engineMessage, isMissing, isNameTaken } from './engine.ts';
import { label } from './labels.ts';

export interface Removed {
  readonly containers: number;
  readonly volumes: number;
  readonly networks: number;
  /** What the engine would not let go, in its words: a restart of the engine helps. */
  readonly left: readonly string[];
}

const tries = 10;
const pauseMs = 300;

/**
 * Removes what carries this cluster's label, and nothing else: containers, then volumes and the network. A container that
 * was being made meanwhile keeps the network busy; then everything is gone through again.
 */
export async function removeCluster(engine: Engine, cluster: string): Promise<Removed> {
  const filters = { label: [`${label.cluster}=${cluster}`] };
  return callEngine(async () => {
    const removed = { containers: 0, volumes: 0, networks: 0, left: [] as string[] };
    for (let attempt = 1; ; attempt++) {
      const containers = await engine.listContainers({ all: true, filters });
      removed.containers += containers.length;
      await Promise.all(
        containers.map((c) => quietly(() => engine.getContainer(c.Id).remove({ force: true, v: true }))),
      );
      const volumes = (await engine.listVolumes({ filters })).Volumes ?? [];
      const networks = await engine.listNetworks({ filters });
      try {
        await Promise.all(volumes.map((v) => quietly(() => engine.getVolume(v.Name).remove())));
        removed.volumes += volumes.length;
        await Promise.all(networks.map((n) => quietly(() => engine.getNetwork(n.Id).remove())));
        removed.networks += networks.length;
        return removed;
      } catch (error) {
        if (!/active endpoints|in use/i.test(engineMessage(error))) throw error;
        if (attempt >= tries) {
          removed.left.push(engineMessage(error));
          return removed;
        }
        await delay(pauseMs);
      }
    }
  });
}

async function quietly(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    // 409 of a container: its removal is under way. Of a volume: something still uses it.
    if (isMissing(error) || (isNameTaken(error) && !/in use/i.test(engineMessage(error)))) return;
    throw error;
  }
}
