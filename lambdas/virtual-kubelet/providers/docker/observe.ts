import type Docker from 'dockerode';
import type { RuntimeContainer, RuntimePod, RuntimeSandbox } from '../../runtime/container-runtime.ts';
import { kindFromLabels, label, type Labels, numberLabel, refFromLabels } from './labels.ts';

export interface ObservedDetails {
  /** Of the image: what status.imageID shows. */
  readonly imageReference: string;
  /** Termination message of one that has ended. */
  readonly message: string;
}

const zeroTime = '0001-01-01T00:00:00Z';

/** The engine's times have nanoseconds; those of a container that never ran are year one. */
function millis(text: string | undefined): number {
  return !text || text === zeroTime ? 0 : Date.parse(text.replace(/(\.\d{3})\d+/, '$1')) || 0;
}

/** One container as the pod runner sees it. Pure. */
export function runtimeContainer(info: Docker.ContainerInspectInfo, details: ObservedDetails): RuntimeContainer {
  const labels: Labels = info.Config.Labels;
  const { State } = info;
  const createdAt = millis(info.Created);
  // One that could not be started stays in state `created`, with the reason: for us it has ended.
  const notStarted = State.Status === 'created' && (State.Error !== '' || State.ExitCode !== 0);
  const running = State.Running || State.Status === 'restarting' || State.Status === 'paused';
  const state = running ? 'running' : State.Status === 'created' && !notStarted ? 'created' : 'exited';
  return {
    id: info.Id,
    name: labels[label.container] ?? '',
    kind: kindFromLabels(labels),
    attempt: numberLabel(labels, label.attempt),
    sandboxId: labels[label.sandbox] ?? '',
    specHash: labels[label.specHash] ?? '',
    backoffMs: numberLabel(labels, label.backoff),
    state,
    createdAt,
    startedAt: millis(State.StartedAt),
    finishedAt: state === 'exited' ? millis(State.FinishedAt) || createdAt : 0,
    exitCode: notStarted ? 128 : State.ExitCode,
    oomKilled: State.OOMKilled,
    startError: notStarted ? State.Error || 'the engine could not start the container' : '',
    image: info.Config.Image,
    imageId: details.imageReference,
    message: details.message,
  };
}

export function runtimeSandbox(info: Docker.ContainerInspectInfo): RuntimeSandbox {
  const labels: Labels = info.Config.Labels;
  return {
    id: info.Id,
    attempt: numberLabel(labels, label.attempt),
    ready: info.State.Running,
    createdAt: millis(info.Created),
    podIps: (labels[label.addresses] ?? '').split(',').filter((ip) => ip !== ''),
  };
}

/** Puts a pod together from its containers; the newest sandbox is the one that counts. undefined = no labels of ours. */
export function runtimePod(
  sandboxes: readonly RuntimeSandbox[],
  containers: readonly RuntimeContainer[],
  labels: Labels,
): RuntimePod | undefined {
  const ref = refFromLabels(labels);
  if (!ref) return undefined;
  const sandbox = [...sandboxes].sort((a, b) => b.attempt - a.attempt)[0];
  return { ref, nodeName: labels[label.node] ?? '', sandbox, containers };
}
