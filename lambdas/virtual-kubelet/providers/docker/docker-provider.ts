import type { Duplex } from 'node:stream';
import type { Clock } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';
import { type Dialer, directDialer } from '../../probes/dialer.ts';
import { createPodRunner } from '../../runtime/pod-runner.ts';
import type { RuntimeContainer, RuntimePod } from '../../runtime/container-runtime.ts';
import {
  type PodExec,
  type PodLogs,
  type PodMetrics,
  type PodPortForward,
  type PodProvider,
  type PodRef,
  ProviderError,
} from '../provider.ts';
import { createDockerNodes } from './docker-nodes.ts';
import { createDockerRuntime } from './docker-runtime.ts';
import type { Engine } from './engine.ts';
import { attach, runAttached } from './exec.ts';
import { label } from './labels.ts';
import { openContainerLogs } from './logs.ts';
import { createUsageReader } from './metrics.ts';
import type { NodeHelper, SandboxNetwork } from './node-helper.ts';
import { dialThrough } from './port-forward.ts';
import { createReachability } from './reachability.ts';

export interface DockerProviderOptions {
  readonly engine: Engine;
  /** Short and unique on the engine: in every name and label, and what `down` removes by. */
  readonly cluster: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Default: two. The order fixes the nodes' addresses, so new ones are added at the end. */
  readonly nodeNames?: readonly string[];
  readonly subnets?: readonly string[];
  readonly helperImage?: string;
  readonly sharedHostPaths?: Readonly<Record<string, string>>;
  /** Called once a pod's network is there, before any of its containers. A failure fails the sandbox, which is tried again. */
  readonly onSandbox?: (sandbox: SandboxNetwork) => Promise<void>;
}

export interface DockerProvider extends PodProvider, PodLogs, PodExec, PodPortForward, PodMetrics {
  /** The helper of a node as it is now; made when it is not there. */
  helper(node: string): Promise<NodeHelper>;
  /** The pods that have a network of their own now. */
  sandboxes(): Promise<readonly SandboxNetwork[]>;
  /** Whether this machine has a route to the cluster's addresses. */
  isReachable(): Promise<boolean>;
  /** The engine's own address on the cluster's network: on Linux it is this machine. */
  gateway(): Promise<string>;
  /** Reaches addresses of the cluster: directly where there is a route, else through a helper. */
  readonly dial: Dialer;
}

export const defaultNodeNames: readonly string[] = ['node-1', 'node-2'];

export function createDockerProvider(options: DockerProviderOptions): DockerProvider {
  const { engine, cluster, clock, log } = options;
  const nodeNames = options.nodeNames ?? defaultNodeNames;
  const nodes = createDockerNodes({
    engine,
    cluster,
    nodeNames,
    log,
    subnets: options.subnets,
    helperImage: options.helperImage,
  });
  const runtime = createDockerRuntime({
    engine,
    cluster,
    nodes,
    clock,
    log,
    sharedHostPaths: options.sharedHostPaths,
    onSandbox: options.onSandbox,
  });
  const isReachable = createReachability(async () => (await nodes.helper(nodeNames[0] as string)).address);
  const usage = createUsageReader(engine, () => clock.now());

  const dial: Dialer = async (address, port, signal) => {
    if (await isReachable()) return directDialer(address, port, signal);
    return dialThrough(engine, (await nodes.helper(nodeNames[0] as string)).containerId, address, port);
  };
  const runner = createPodRunner({ runtime, clock, log, dial });

  const find = async (ref: PodRef): Promise<RuntimePod> => {
    const pod = await runtime.inspect(ref);
    if (!pod) throw new ProviderError('not-found', `pod ${ref.namespace}/${ref.name} is not on this node`);
    return pod;
  };
  const running = async (ref: PodRef, name: string): Promise<RuntimeContainer> => {
    const found = (await find(ref)).containers.find((c) => c.name === name && c.state === 'running');
    if (!found) throw new ProviderError('not-found', `container not found (${JSON.stringify(name)})`);
    return found;
  };
  const isTty = async (id: string): Promise<boolean> =>
    (await engine.getContainer(id).inspect()).Config.Labels[label.tty] === 'true';

  return {
    ...runner,
    dial,
    helper: (node) => nodes.helper(node),
    sandboxes: () => runtime.sandboxes(),
    isReachable,
    gateway: async () => (await nodes.network()).gateway,
    async openLogs(ref, logOptions) {
      const runs = (await find(ref)).containers
        .filter((c) => c.name === logOptions.container && c.state !== 'created')
        .sort((a, b) => b.attempt - a.attempt);
      const chosen = logOptions.previous ? runs.find((c, i) => i > 0 || c.state === 'exited') : runs[0];
      if (!chosen)
        throw new ProviderError(
          'not-found',
          logOptions.previous
            ? `previous terminated container ${JSON.stringify(logOptions.container)} in pod ${JSON.stringify(ref.name)} not found`
            : `container ${JSON.stringify(logOptions.container)} in pod ${JSON.stringify(ref.name)} is not available`,
        );
      return openContainerLogs(engine, chosen.id, await isTty(chosen.id), logOptions);
    },
    async exec(ref, container, command, io) {
      const { id } = await running(ref, container);
      return { exitCode: await runAttached(engine, id, command, io) };
    },
    async attach(ref, container, io) {
      const { id } = await running(ref, container);
      return { exitCode: await attach(engine, id, io, await isTty(id)) };
    },
    async portForward(ref, port): Promise<Duplex> {
      const { sandbox } = await find(ref);
      if (!sandbox?.ready) throw new ProviderError('not-found', `pod ${ref.namespace}/${ref.name} has no network`);
      return dialThrough(engine, sandbox.id, '127.0.0.1', port);
    },
    async metrics(ref) {
      const pod = await runtime.inspect(ref);
      if (!pod) return undefined;
      const found = await Promise.all(
        pod.containers.filter((c) => c.state === 'running').map(async (c) => [c.name, await usage(c.id)] as const),
      );
      return Object.fromEntries(found.flatMap(([name, value]) => (value ? [[name, value]] : [])));
    },
  };
}
