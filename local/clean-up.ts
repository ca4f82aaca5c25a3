import { readClusterId } from './data-dir.ts';

/** Removes the containers, volumes and networks of the cluster of this folder; gives the number of containers. */
export async function removeClusterContainers(dataDir: string): Promise<number> {
  const clusterId = readClusterId(dataDir);
  if (clusterId === undefined) return 0;
  const { engineProblem, findEngine } = await import('@nodeless/virtual-kubelet/providers/docker/engine');
  const address = findEngine();
  // Without an engine there is nothing that could still run.
  if (await engineProblem(address)) return 0;
  const { removeCluster } = await import('@nodeless/virtual-kubelet/providers/docker/teardown');
  return (await removeCluster(address.engine, clusterId)).containers;
}
