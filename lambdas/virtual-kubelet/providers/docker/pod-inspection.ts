import type Docker from 'dockerode';
import type { RuntimeContainer, RuntimePod, RuntimeSandbox } from '../../runtime/container-runtime.ts';
import type { PodRef } from '../provider.ts';
import { callEngine, type Engine, isMissing } from './engine.ts';
import { label, type Labels, refFromLabels } from './labels.ts';
import { runtimeContainer, runtimePod, runtimeSandbox } from './observe.ts';
import { terminationMessage } from './termination-message.ts';

export interface PodInspection {
  inspect(ref: PodRef): Promise<RuntimePod | undefined>;
  list(): Promise<readonly RuntimePod[]>;
  /** The engine's list, without looking into each container. */
  summaries(...labels: readonly string[]): Promise<readonly Docker.ContainerInfo[]>;
}

/** Reads pods from the engine. What has ended does not change any more and is read once. */
export function createPodInspection(deps: {
  readonly engine: Engine;
  readonly cluster: string;
  readonly helperId: (node: string) => Promise<string>;
}): PodInspection {
  const { engine, cluster } = deps;
  const ended = new Map<string, RuntimeContainer>();
  const references = new Map<string, string>();

  const summaries = (...labels: readonly string[]): Promise<Docker.ContainerInfo[]> =>
    callEngine(() =>
      engine.listContainers({ all: true, filters: { label: [`${label.cluster}=${cluster}`, ...labels] } }),
    );

  /** How the image is called in a status: by digest where it came from a registry. */
  const imageReference = async (id: string): Promise<string> => {
    const known = references.get(id);
    if (known !== undefined) return known;
    let reference = id;
    try {
      reference = (await engine.getImage(id).inspect()).RepoDigests?.[0] ?? id;
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
    references.set(id, reference);
    return reference;
  };

  const readContainer = async (id: string): Promise<RuntimeContainer | RuntimeSandbox | undefined> => {
    const known = ended.get(id);
    if (known) return known;
    let info: Docker.ContainerInspectInfo;
    try {
      info = await engine.getContainer(id).inspect();
    } catch (error) {
      // Removed since it was listed.
      if (isMissing(error)) return undefined;
      throw error;
    }
    const labels: Labels = info.Config.Labels;
    if (labels[label.role] === 'sandbox') return runtimeSandbox(info);
    const reference = await imageReference(info.Image);
    const plain = runtimeContainer(info, { imageReference: reference, message: '' });
    if (plain.state !== 'exited') return plain;
    const message = await readMessage(info, labels, plain);
    const read = { ...plain, message };
    ended.set(id, read);
    return read;
  };

  const readMessage = async (
    info: Docker.ContainerInspectInfo,
    labels: Labels,
    container: RuntimeContainer,
  ): Promise<string> => {
    const helper = await deps.helperId(labels[label.node] ?? '');
    return terminationMessage(engine, helper, {
      id: info.Id,
      exitCode: container.exitCode,
      tty: labels[label.tty] === 'true',
      file: labels[label.terminationFile] ?? '',
      policy: labels[label.terminationPolicy] ?? 'File',
    });
  };

  const assemble = async (group: readonly Docker.ContainerInfo[]): Promise<RuntimePod | undefined> => {
    const read = await callEngine(() => Promise.all(group.map((one) => readContainer(one.Id))));
    const sandboxes: RuntimeSandbox[] = [];
    const containers: RuntimeContainer[] = [];
    for (const one of read) {
      if (one === undefined) continue;
      if ('kind' in one) containers.push(one);
      else sandboxes.push(one);
    }
    return group[0] && runtimePod(sandboxes, containers, group[0].Labels);
  };

  return {
    summaries,
    async inspect(ref) {
      const group = await summaries(`${label.uid}=${ref.uid}`);
      return group.length === 0 ? undefined : assemble(group);
    },
    async list() {
      const groups = new Map<string, Docker.ContainerInfo[]>();
      const all = await summaries();
      for (const one of all) {
        const ref = refFromLabels(one.Labels);
        if (ref) groups.set(ref.uid, [...(groups.get(ref.uid) ?? []), one]);
      }
      for (const id of ended.keys()) if (!all.some((one) => one.Id === id)) ended.delete(id);
      const pods = await Promise.all([...groups.values()].map(assemble));
      return pods.filter((pod) => pod !== undefined);
    },
  };
}
