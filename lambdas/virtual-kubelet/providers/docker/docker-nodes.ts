import { arch } from 'node:os';
import type { Logger } from '@nodeless/component-base/logger';
import type { NodeCapacity } from '../provider.ts';
import { podCidr } from './addresses.ts';
import { type ClusterNetwork, ensureNetwork } from './cluster-network.ts';
import { callEngine, type Engine } from './engine.ts';
import { ensureHelperImage } from './helper-image.ts';
import { toolPath } from './helper-tool.ts';
import { ensureHelper, kubeletFolder, type NodePlace } from './node-helper.ts';

export interface DockerNodesOptions {
  readonly engine: Engine;
  readonly cluster: string;
  readonly nodeNames: readonly string[];
  readonly log: Logger;
  readonly subnets?: readonly string[];
  readonly helperImage?: string;
}

export interface EngineFacts {
  readonly version: string;
  readonly memoryBytes: number;
  readonly cpus: number;
  readonly architecture: string;
  readonly operatingSystem: string;
  readonly kernelVersion: string;
}

/** The cluster's virtual nodes on one engine: network, image and helpers, made when first asked for and after it came back. */
export interface DockerNodes {
  names(): readonly string[];
  /** Rejects with `not-found` for a name that is none of ours, `unavailable` when the engine does not answer. */
  helper(node: string): Promise<NodePlace>;
  network(): Promise<ClusterNetwork>;
  image(): Promise<string>;
  facts(): Promise<EngineFacts>;
  capacity(): Promise<ReadonlyMap<string, NodeCapacity>>;
  /** The engine was away: what is known of its containers may be wrong. */
  forget(): void;
}

const kubernetesArchitecture: Readonly<Record<string, string>> = { x86_64: 'amd64', aarch64: 'arm64' };
const maxPods = 110;

export function createDockerNodes(options: DockerNodesOptions): DockerNodes {
  const { engine, cluster, nodeNames, log } = options;
  let network: Promise<ClusterNetwork> | undefined;
  let image: Promise<string> | undefined;
  const helpers = new Map<string, Promise<NodePlace>>();
  const disks = new Map<string, number>();

  /** Remembers what worked; a failure is tried again by the next caller. */
  const keep = <T>(work: Promise<T>, drop: () => void): Promise<T> => {
    work.catch(drop);
    return work;
  };
  const getNetwork = (): Promise<ClusterNetwork> =>
    (network ??= keep(ensureNetwork(engine, cluster, options.subnets), () => (network = undefined)));
  const getImage = (): Promise<string> =>
    (image ??= keep(ensureHelperImage(engine, { image: options.helperImage }), () => (image = undefined)));

  const getHelper = (node: string): Promise<NodePlace> => {
    const known = helpers.get(node);
    if (known) return known;
    const made = (async () => {
      const [net, name] = await Promise.all([getNetwork(), getImage()]);
      return ensureHelper(engine, node, nodeNames.indexOf(node), { cluster, image: name, network: net, log });
    })();
    helpers.set(
      node,
      keep(made, () => helpers.delete(node)),
    );
    return made;
  };

  const facts = async (): Promise<EngineFacts> => {
    const info = (await callEngine(() => engine.info())) as Record<string, string | number | undefined>;
    return {
      version: String(info['ServerVersion'] ?? ''),
      memoryBytes: Number(info['MemTotal'] ?? 0),
      cpus: Number(info['NCPU'] ?? 1),
      architecture: String(info['Architecture'] ?? arch()),
      operatingSystem: String(info['OperatingSystem'] ?? ''),
      kernelVersion: String(info['KernelVersion'] ?? ''),
    };
  };

  const diskKiB = async (place: NodePlace): Promise<number> => {
    const known = disks.get(place.name);
    if (known !== undefined) return known;
    const { output } = await place.exec([toolPath, 'size', kubeletFolder]);
    const size = Number(output.trim());
    const found = Number.isFinite(size) && size > 0 ? size : 100 * 2 ** 20;
    disks.set(place.name, found);
    return found;
  };

  return {
    names: () => nodeNames,
    helper: getHelper,
    network: getNetwork,
    image: getImage,
    facts,
    async capacity() {
      const known = await facts();
      const result = new Map<string, NodeCapacity>();
      await Promise.all(
        nodeNames.map(async (node) =>
          result.set(
            node,
            nodeCapacity(
              known,
              await getHelper(node),
              await diskKiB(await getHelper(node)),
              (await getNetwork()).subnet,
            ),
          ),
        ),
      );
      return new Map(nodeNames.map((node) => [node, result.get(node) as NodeCapacity]));
    },
    forget: () => helpers.clear(),
  };
}

/** Every virtual node offers all of the machine, as nodes of kind do: they are there for spreading, not for dividing. */
function nodeCapacity(engine: EngineFacts, place: NodePlace, diskKiB: number, subnet: string): NodeCapacity {
  const resources = {
    cpu: String(engine.cpus),
    memory: `${Math.floor(engine.memoryBytes / 1024)}Ki`,
    'ephemeral-storage': `${diskKiB}Ki`,
    pods: String(maxPods),
  };
  return {
    capacity: resources,
    allocatable: resources,
    labels: {},
    podCidr: podCidr(subnet, place.index),
    addresses: [
      { type: 'InternalIP', address: place.address },
      { type: 'Hostname', address: place.name },
    ],
    info: {
      architecture: kubernetesArchitecture[engine.architecture] ?? engine.architecture,
      operatingSystem: 'linux',
      osImage: engine.operatingSystem,
      kernelVersion: engine.kernelVersion,
      containerRuntimeVersion: `docker://${engine.version}`,
    },
  };
}
