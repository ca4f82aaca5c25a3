import type { Duplex } from 'node:stream';
import type { Logger } from '@nodeless/component-base/logger';
import { nodeAddress } from './addresses.ts';
import type { ClusterNetwork } from './cluster-network.ts';
import { callEngine, type Engine, isAlreadySo, isMissing, isNameTaken } from './engine.ts';
import { type CommandOptions, runCommand } from './exec.ts';
import { label } from './labels.ts';
import { openCommand } from './port-forward.ts';
import type { PodRef } from '../provider.ts';
import type { ExecOutcome } from '../../runtime/container-runtime.ts';

/**
 * A virtual node on the engine: a container with its own network namespace and a fixed address. Host-network pods join its
 * namespace, host ports live in it, volume trees are written through it. It may be replaced when the engine restarts:
 * ask for it again (`DockerNodes.helper`) rather than keep it.
 */
export interface NodeHelper {
  /** The node's name. */
  readonly name: string;
  readonly containerId: string;
  /** The node's InternalIP. */
  readonly address: string;
  /** Runs a program inside the helper, in the node's network namespace, with the capabilities of the helper. */
  exec(command: readonly string[], options?: CommandOptions): Promise<ExecOutcome>;
  /** Starts a program as `exec` does, and gives its standard input and output as one stream. */
  open(command: readonly string[]): Promise<Duplex>;
  /**
   * The network namespace of a pod as a path that is valid inside the helper (`nsenter --net=<path> …`); undefined when the
   * pod has no running sandbox. It is good for as long as that sandbox runs.
   */
  namespaceOf(podUid: string): Promise<string | undefined>;
}

/** The network of a pod whose sandbox runs, as the helpers of all nodes see it. */
export interface SandboxNetwork {
  readonly ref: PodRef;
  readonly nodeName: string;
  /** As `NodeHelper.namespaceOf` gives it. */
  readonly namespace: string;
}

export interface NodePlace extends NodeHelper {
  readonly index: number;
  /** The node's volume as the engine's own file system sees it: what bind mounts name. */
  readonly volumePath: string;
  /** Whether the engine may protect a process from the kernel's choice when memory runs out (it may lack the right). */
  readonly protectsFromOom: boolean;
}

/** Inside the helper. */
export const kubeletFolder = '/var/lib/kubelet';

export const helperName = (cluster: string, node: string): string => `nodeless-${cluster}.node.${node}`;
export const nodeVolumeName = (cluster: string, node: string): string => `nodeless-${cluster}-${node}`;

/** What the helper may do: enter pods' network namespaces and change them, and manage files of any owner. */
const capabilities = ['NET_ADMIN', 'NET_RAW', 'SYS_ADMIN', 'SYS_PTRACE'];

export interface HelperSettings {
  readonly cluster: string;
  readonly image: string;
  readonly network: ClusterNetwork;
  readonly log: Logger;
}

/** The helper of one node, made or started as needed. */
export async function ensureHelper(
  engine: Engine,
  node: string,
  index: number,
  settings: HelperSettings,
): Promise<NodePlace> {
  const { cluster, image, network } = settings;
  const name = helperName(cluster, node);
  const address = nodeAddress(network.subnet, index);
  await callEngine(() =>
    engine.createVolume({
      Name: nodeVolumeName(cluster, node),
      Labels: { [label.cluster]: cluster, [label.role]: 'node', [label.node]: node },
    }),
  );
  const volumePath = (await callEngine(() => engine.getVolume(nodeVolumeName(cluster, node)).inspect())).Mountpoint;
  const { containerId, protectsFromOom } = await callEngine(async () => {
    const found = await findHelper(engine, name, image);
    const id = found ?? (await createHelper(engine, node, address, settings, true));
    try {
      await startHelper(engine, id);
      const { HostConfig } = await engine.getContainer(id).inspect();
      return { containerId: id, protectsFromOom: (HostConfig.OomScoreAdj ?? 0) < 0 };
    } catch (error) {
      if (found !== undefined) throw error;
      // An engine without CAP_SYS_RESOURCE cannot start what asks for a lower score, and does not say so plainly.
      await engine.getContainer(id).remove({ force: true });
      const plain = await createHelper(engine, node, address, settings, false);
      await startHelper(engine, plain);
      return { containerId: plain, protectsFromOom: false };
    }
  });
  return {
    name: node,
    index,
    containerId,
    address,
    volumePath,
    protectsFromOom,
    exec: (command, options) => runCommand(engine, containerId, command, options),
    open: (command) => openCommand(engine, containerId, command),
    namespaceOf: (podUid) => namespaceOf(engine, cluster, podUid),
  };
}

/** The id of a usable helper. One made from another image (an older version of us) is replaced when it does not run. */
async function findHelper(engine: Engine, name: string, image: string): Promise<string | undefined> {
  try {
    const found = await engine.getContainer(name).inspect();
    if (found.State.Running || found.Config.Image === image) return found.Id;
    await engine.getContainer(name).remove({ force: true });
    return undefined;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function startHelper(engine: Engine, id: string): Promise<void> {
  try {
    await engine.getContainer(id).start();
  } catch (error) {
    if (!isAlreadySo(error)) throw error;
  }
}

async function createHelper(
  engine: Engine,
  node: string,
  address: string,
  settings: HelperSettings,
  protect: boolean,
): Promise<string> {
  const { cluster, image, network } = settings;
  const name = helperName(cluster, node);
  try {
    const container = await engine.createContainer({
      name,
      Image: image,
      Hostname: node,
      Labels: { [label.cluster]: cluster, [label.role]: 'node', [label.node]: node },
      HostConfig: {
        CapAdd: capabilities,
        SecurityOpt: ['seccomp=unconfined', 'apparmor=unconfined'],
        PidMode: 'host',
        OomScoreAdj: protect ? -998 : 0,
        NetworkMode: network.name,
        Binds: [`${nodeVolumeName(cluster, node)}:${kubeletFolder}`],
        // Host ports on 127.0.0.1 are forwarded to pods; forwarding itself is what a node does.
        Sysctls: { 'net.ipv4.ip_forward': '1', 'net.ipv4.conf.all.route_localnet': '1' },
      },
      NetworkingConfig: { EndpointsConfig: { [network.name]: { IPAMConfig: { IPv4Address: address } } } },
    });
    return container.id;
  } catch (error) {
    if (!isNameTaken(error)) throw error;
    return (await engine.getContainer(name).inspect()).Id;
  }
}

async function namespaceOf(engine: Engine, cluster: string, podUid: string): Promise<string | undefined> {
  const [sandbox] = await callEngine(() =>
    engine.listContainers({
      filters: { label: [`${label.cluster}=${cluster}`, `${label.role}=sandbox`, `${label.uid}=${podUid}`] },
    }),
  );
  if (!sandbox) return undefined;
  const { State } = await callEngine(() => engine.getContainer(sandbox.Id).inspect());
  return namespacePath(State);
}

export function namespacePath(state: { readonly Running: boolean; readonly Pid: number }): string | undefined {
  return state.Running && state.Pid > 0 ? `/proc/${state.Pid}/ns/net` : undefined;
}
