import { findEngine, engineProblem } from '@nodeless/virtual-kubelet/providers/docker/engine';
import { removeCluster } from '@nodeless/virtual-kubelet/providers/docker/teardown';
import { readClusterId } from './data-dir.ts';

/** Removes the containers, volumes and networks of the cluster of this folder; gives the number of containers. */
export async function removeClusterContainers(dataDir: string): Promise<number> {
  const clusterId = readClusterId(dataDir);
  if (clusterId === undefined) return 0;
  const address = findEngine();
  // Without an engine there is nothing that could still run.
  if (await engineProblem(address)) return 0;
  return (await removeCluster(address.engine, clusterId)).containers;
}
