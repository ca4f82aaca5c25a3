import type Docker from 'dockerode';
import type { Clock } from '@nodeless/component-base/clock';
import type { Logger } from '@nodeless/component-base/logger';
import { refOf } from '../../pod-names.ts';
import type { ContainerRuntime, ContainerStart, RuntimeSandbox } from '../../runtime/container-runtime.ts';
import { ProviderError, type PodRef, type ResolvedPod } from '../provider.ts';
import { containerSpec } from './container-spec.ts';
import type { DockerNodes, EngineFacts } from './docker-nodes.ts';
import { createEngineEvents } from './engine-events.ts';
import { callEngine, type Engine, engineMessage, isAlreadySo, isMissing, isNameTaken } from './engine.ts';
import { runCommand } from './exec.ts';
import { applyHostPorts, type HostPortTarget, parseHostPorts } from './host-ports.ts';
import { findImage, pullImage } from './image-pull.ts';
import { label, refFromLabels } from './labels.ts';
import { namespacePath, type NodePlace, type SandboxNetwork } from './node-helper.ts';
import { runtimeSandbox } from './observe.ts';
import { createPodAddresses } from './pod-addresses.ts';
import { hostsFile, podFolder, resolvFile } from './pod-files.ts';
import { createPodInspection, type PodInspection } from './pod-inspection.ts';
import { engineResources } from './resources.ts';
import { forbiddenSysctl, sandboxName, sandboxSpec } from './sandbox.ts';
import { createVolumeWriter } from './volumes.ts';

export interface DockerRuntimeDeps {
  readonly engine: Engine;
  readonly cluster: string;
  readonly nodes: DockerNodes;
  readonly clock: Clock;
  readonly log: Logger;
  /** Folders of the engine's machine that hostPath volumes see as they are: `{ '/src': '/Users/me/src' }`. */
  readonly sharedHostPaths?: Readonly<Record<string, string>>;
  /** Called once a pod's network is there, before any of its containers; host-network pods have none. A failure fails the sandbox. */
  readonly onSandbox?: (sandbox: SandboxNetwork) => Promise<void>;
}

export interface DockerRuntime extends ContainerRuntime {
  readonly inspection: PodInspection;
  /** The pods that have a network of their own now. */
  sandboxes(): Promise<readonly SandboxNetwork[]>;
}

const addressTries = 5;

export function createDockerRuntime(deps: DockerRuntimeDeps): DockerRuntime {
  const { engine, cluster, nodes, clock, log } = deps;
  const volumes = createVolumeWriter({ engine, cluster, sharedHostPaths: deps.sharedHostPaths ?? {} });
  const inspection = createPodInspection({
    engine,
    cluster,
    helperId: async (node) => (await nodes.helper(node)).containerId,
  });
  const nodeOf = new Map<string, string>();
  let facts: EngineFacts | undefined;

  const addresses = createPodAddresses({
    subnet: async () => (await nodes.network()).subnet,
    async inUse() {
      const sandboxes = await inspection.summaries(`${label.role}=sandbox`);
      const running = sandboxes.filter((s) => s.State === 'running');
      return new Map(
        running.flatMap((s) =>
          s.Labels[label.addresses] && s.Labels[label.uid]
            ? [[s.Labels[label.uid] as string, s.Labels[label.addresses] as string]]
            : [],
        ),
      );
    },
  });

  const placeOf = (pod: ResolvedPod): Promise<NodePlace> => nodes.helper(pod.pod.spec?.nodeName ?? '');

  const hasSandbox = async (uid: string): Promise<boolean> =>
    (await inspection.summaries(`${label.role}=sandbox`, `${label.uid}=${uid}`)).length > 0;

  /** Sets the node's host ports to what its running pods want. */
  const refreshHostPorts = async (node: string): Promise<void> => {
    const sandboxes = await inspection.summaries(`${label.role}=sandbox`, `${label.node}=${node}`);
    const targets: HostPortTarget[] = sandboxes
      .filter((s) => s.State === 'running')
      .flatMap((s) =>
        parseHostPorts(s.Labels[label.hostPorts]).map((port) => ({
          ...port,
          podIp: (s.Labels[label.addresses] ?? '').split(',')[0] ?? '',
        })),
      );
    await applyHostPorts(await nodes.helper(node), targets);
  };

  const events = createEngineEvents({
    engine,
    cluster,
    clock,
    log,
    onReturn() {
      nodes.forget();
      // The helpers may be new: what was set inside them is set again.
      for (const node of nodes.names())
        refreshIfAny(node).catch((error: unknown) => log.warn('host ports could not be restored', { node, error }));
    },
  });

  const refreshIfAny = async (node: string): Promise<void> => {
    const sandboxes = await inspection.summaries(`${label.role}=sandbox`, `${label.node}=${node}`);
    if (sandboxes.some((s) => parseHostPorts(s.Labels[label.hostPorts]).length > 0)) await refreshHostPorts(node);
  };

  const startSandbox = async (pod: ResolvedPod, attempt: number, place: NodePlace): Promise<string> => {
    const ref = refOf(pod.pod);
    const folder = `${podFolder(ref.uid)}/etc`;
    const binds = [
      `${place.volumePath}/${folder}/hosts:/etc/hosts`,
      `${place.volumePath}/${folder}/resolv.conf:/etc/resolv.conf`,
      ...volumes.holdingBinds(pod),
    ];
    for (let tries = 1; ; tries++) {
      const podIps = [pod.pod.spec?.hostNetwork ? place.address : await addresses.take(ref.uid, place.index)];
      await volumes.putFiles(place, [
        { type: 'directory', path: folder, mode: 0o755 },
        { type: 'file', path: `${folder}/hosts`, content: Buffer.from(hostsFile(pod, podIps)), mode: 0o644 },
        { type: 'file', path: `${folder}/resolv.conf`, content: Buffer.from(resolvFile(pod.dns)), mode: 0o644 },
      ]);
      const network = (await nodes.network()).name;
      const image = await nodes.image();
      const spec = sandboxSpec(pod, {
        cluster,
        nodeName: place.name,
        image,
        network,
        helperId: place.containerId,
        attempt,
        podIps,
        binds,
      });
      try {
        return await createAndStart(spec);
      } catch (error) {
        const message = engineMessage(error);
        if (tries >= addressTries || !/address already in use/i.test(message)) throw error;
        addresses.refuse(ref.uid, podIps[0] as string);
        await removeQuietly(sandboxName(cluster, ref.uid, attempt));
      }
    }
  };

  const createAndStart = async (spec: Parameters<Engine['createContainer']>[0]): Promise<string> => {
    let id: string;
    try {
      id = (await engine.createContainer(spec)).id;
    } catch (error) {
      if (!isNameTaken(error)) throw error;
      id = (await engine.getContainer(spec.name ?? '').inspect()).Id;
    }
    try {
      await engine.getContainer(id).start();
    } catch (error) {
      if (!isAlreadySo(error)) throw error;
    }
    return id;
  };

  const removeQuietly = async (id: string): Promise<void> => {
    try {
      await engine.getContainer(id).remove({ force: true, v: true });
    } catch (error) {
      // 409: its removal is under way already.
      if (!isMissing(error) && !isNameTaken(error)) throw error;
    }
  };

  const createContainer = async (start: ContainerStart): Promise<string> => {
    const place = await placeOf(start.pod);
    facts ??= await nodes.facts();
    const { binds, terminationFile } = await volumes.binds(start, place);
    const spec = containerSpec(start, {
      cluster,
      nodeName: place.name,
      machineMemory: facts.memoryBytes,
      protectsFromOom: place.protectsFromOom,
      binds,
      terminationFile,
    });
    try {
      return (await engine.createContainer(spec)).id;
    } catch (error) {
      if (!isNameTaken(error)) throw error;
      const found = await engine.getContainer(spec.name ?? '').inspect();
      // Made for a sandbox that is no more: it cannot be started in the new one.
      if (found.Config.Labels[label.sandbox] === start.sandbox.id) return found.Id;
      await removeQuietly(found.Id);
      return (await engine.createContainer(spec)).id;
    }
  };

  const sandboxesOf = (ref: PodRef) => inspection.summaries(`${label.role}=sandbox`, `${label.uid}=${ref.uid}`);

  return {
    name: 'docker',
    inspection,
    nodes: () => nodes.capacity(),
    async sandboxes() {
      const running = (await inspection.summaries(`${label.role}=sandbox`)).filter((s) => s.State === 'running');
      const found = await Promise.all(
        running.map((s) =>
          engine
            .getContainer(s.Id)
            .inspect()
            .then(sandboxNetwork, () => undefined),
        ),
      );
      return found.filter((s) => s !== undefined);
    },
    list: () => inspection.list(),
    inspect: (ref) => inspection.inspect(ref),
    async writeVolumes(pod) {
      const uid = pod.pod.metadata?.uid ?? '';
      nodeOf.set(uid, pod.pod.spec?.nodeName ?? '');
      await volumes.write(pod, await placeOf(pod), !(await hasSandbox(uid)));
    },
    async createSandbox(pod, attempt): Promise<RuntimeSandbox> {
      const sysctl = forbiddenSysctl(pod.pod);
      if (sysctl !== undefined)
        throw new ProviderError('invalid', `forbidden sysctl: ${JSON.stringify(sysctl)} not allowlisted`, {
          reason: 'SysctlForbidden',
        });
      const place = await placeOf(pod);
      const info = await callEngine(async () => engine.getContainer(await startSandbox(pod, attempt, place)).inspect());
      if (parseHostPorts(info.Config.Labels[label.hostPorts]).length > 0) await refreshHostPorts(place.name);
      const network = sandboxNetwork(info);
      if (network) await deps.onSandbox?.(network);
      return runtimeSandbox(info);
    },
    async stopSandbox(ref) {
      const sandboxes = await sandboxesOf(ref);
      await callEngine(() => Promise.all(sandboxes.map((s) => stop(s.Id, 2))));
      addresses.release(ref.uid);
      const withPorts = sandboxes.find((s) => parseHostPorts(s.Labels[label.hostPorts]).length > 0);
      if (withPorts) await refreshHostPorts(withPorts.Labels[label.node] ?? '');
    },
    async removeSandbox(ref) {
      await callEngine(async () => void (await Promise.all((await sandboxesOf(ref)).map((s) => removeQuietly(s.Id)))));
    },
    async removePod(ref) {
      const all = await inspection.summaries(`${label.uid}=${ref.uid}`);
      const node = nodeOf.get(ref.uid) ?? all[0]?.Labels[label.node];
      await callEngine(() => Promise.all(all.map((one) => removeQuietly(one.Id))));
      const known = node !== undefined && nodes.names().includes(node);
      await volumes.remove(ref, known ? await nodes.helper(node) : undefined);
      addresses.release(ref.uid);
      nodeOf.delete(ref.uid);
    },
    image: (name) => findImage(engine, name),
    pullImage: (name, credentials) => pullImage(engine, name, credentials),
    createContainer: (start) => callEngine(() => createContainer(start), 'CreateContainerError'),
    startContainer: (id) =>
      callEngine(async () => {
        try {
          await engine.getContainer(id).start();
        } catch (error) {
          if (!isAlreadySo(error)) throw error;
        }
      }, 'RunContainerError'),
    stopContainer: (id, graceSeconds) => callEngine(() => stop(id, graceSeconds)),
    removeContainer: (id) => callEngine(() => removeQuietly(id)),
    async resizeContainer(id, container) {
      await callEngine(() => engine.getContainer(id).update(engineResources(container)));
    },
    execSync(id, command, timeoutMs) {
      const kill = (pid: number): void => {
        // Helpers share the engine's process ids: the command is ended there, as the engine's API cannot.
        nodes
          .helper(nodes.names()[0] ?? '')
          .then((place) => place.exec(['kill', '-9', String(pid)]))
          .catch(() => {});
      };
      return runCommand(engine, id, command, { timeoutMs, onTimeout: kill });
    },
    subscribe: (onChange) => events.subscribe(onChange),
    async close() {
      events.close();
    },
  };

  async function stop(id: string, graceSeconds: number): Promise<void> {
    try {
      await engine.getContainer(id).stop({ t: graceSeconds });
    } catch (error) {
      if (!isAlreadySo(error) && !isMissing(error)) throw error;
    }
  }
}

/** undefined for a pod in its node's namespace, and for one whose sandbox does not run. */
function sandboxNetwork(info: Docker.ContainerInspectInfo): SandboxNetwork | undefined {
  const ref = refFromLabels(info.Config.Labels);
  const namespace = namespacePath(info.State);
  if (!ref || namespace === undefined || info.HostConfig.NetworkMode?.startsWith('container:')) return undefined;
  return { ref, nodeName: info.Config.Labels[label.node] ?? '', namespace };
}
