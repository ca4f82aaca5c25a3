import type { Clock } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';
import type { DockerProvider } from '@nodeless/virtual-kubelet/providers/docker/docker-provider';
import type { Engine } from '@nodeless/virtual-kubelet/providers/docker/engine';
import type { SandboxNetwork } from '@nodeless/virtual-kubelet/providers/docker/node-helper';
import {
  createSimulatedProvider,
  type SimulatedProvider,
} from '@nodeless/virtual-kubelet/providers/simulated/simulated-provider';

export type ProviderName = 'docker' | 'simulated';

export type LocalProvider =
  | { readonly name: 'docker'; readonly provider: DockerProvider; readonly engine: Engine }
  | { readonly name: 'simulated'; readonly provider: SimulatedProvider };

const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `node-${i + 1}`);

/** Whether there is a Docker engine that pods can run on, and where. */
export async function askDocker(): Promise<{ readonly url: string; readonly problem: string | undefined }> {
  const { engineProblem, findEngine } = await import('@nodeless/virtual-kubelet/providers/docker/engine');
  const address = findEngine();
  return { url: address.url, problem: await engineProblem(address) };
}

/** Docker if it answers, otherwise simulated pods; `reason` says why, where that was not asked for. */
export async function chooseProvider(options: {
  readonly wanted: ProviderName | undefined;
  readonly clusterId: string;
  readonly nodes: number | undefined;
  /** A Docker pod has a network and its containers have not been started yet. */
  readonly onSandbox: (sandbox: SandboxNetwork) => Promise<void>;
  readonly clock: Clock;
  readonly log: Logger;
}): Promise<{ local: LocalProvider; reason: string | undefined }> {
  const { wanted, clusterId, nodes, clock, log } = options;
  const simulated = (reason?: string): { local: LocalProvider; reason: string | undefined } => ({
    local: {
      name: 'simulated',
      provider: createSimulatedProvider({
        clock,
        nodeNames: names(nodes ?? 2),
        labels: (_, i) => ({ 'topology.kubernetes.io/zone': `zone-${(i % 3) + 1}` }),
      }),
    },
    reason,
  });
  if (wanted === 'simulated') return simulated();
  // Its client library is large: only a cluster that may use it loads it.
  const [{ engineProblem, findEngine }, { createDockerProvider }] = await Promise.all([
    import('@nodeless/virtual-kubelet/providers/docker/engine'),
    import('@nodeless/virtual-kubelet/providers/docker/docker-provider'),
  ]);
  const address = findEngine();
  const problem = await engineProblem(address);
  const { engine } = address;
  if (problem === undefined)
    return {
      local: {
        name: 'docker',
        provider: createDockerProvider({
          engine,
          cluster: clusterId,
          nodeNames: names(nodes ?? 2),
          onSandbox: options.onSandbox,
          clock,
          log,
        }),
        engine,
      },
      reason: undefined,
    };
  if (wanted === 'docker') throw new Error(problem);
  return simulated(problem);
}
