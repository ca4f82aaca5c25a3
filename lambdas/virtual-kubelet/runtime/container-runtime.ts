/**
 * What runs single containers: the seam below createPodRunner (pod-runner.ts), which makes a PodProvider of it. A runtime
 * decides nothing: it is told each step and reports what is there. Everything that must outlive this process is kept in
 * labels of the containers themselves. Calls may be repeated after a crash at any instant.
 *
 * Errors are ProviderError: `unavailable` when the engine does not answer (the caller waits and tries again), otherwise
 * `reason` holds the waiting reason that kubectl users know (ErrImagePull, InvalidImageName, CreateContainerError …).
 */
import type { Container } from '@nodeless/apimachinery/generated/types/core/v1';
import type { NodeCapacity, PodRef, ResolvedContainer, ResolvedPod } from '../providers/provider.ts';

export type ContainerKind = 'init' | 'regular' | 'ephemeral';

export interface RuntimeContainer {
  readonly id: string;
  readonly name: string;
  readonly kind: ContainerKind;
  /** 0 for the first container of that name, then one more for each that replaced it. */
  readonly attempt: number;
  /** Of the sandbox it was made in: one from an earlier sandbox does not count as the pod's progress. */
  readonly sandboxId: string;
  readonly specHash: string;
  /** How long the next attempt must wait after this one ends; kept with the container so that it survives us. */
  readonly backoffMs: number;
  readonly state: 'created' | 'running' | 'exited';
  /** Milliseconds since the epoch; 0 = not yet. */
  readonly createdAt: number;
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly exitCode: number;
  readonly oomKilled: boolean;
  /** The engine could not start it: its words. */
  readonly startError: string;
  readonly image: string;
  readonly imageId: string;
  /** Termination message, once exited. */
  readonly message: string;
}

export interface RuntimeSandbox {
  readonly id: string;
  readonly attempt: number;
  readonly ready: boolean;
  readonly createdAt: number;
  /** [] while it has none. */
  readonly podIps: readonly string[];
}

export interface RuntimePod {
  readonly ref: PodRef;
  readonly nodeName: string;
  readonly sandbox: RuntimeSandbox | undefined;
  /** Every attempt that still exists. */
  readonly containers: readonly RuntimeContainer[];
}

export interface RuntimeImage {
  readonly id: string;
  /** What status.imageID shows. */
  readonly reference: string;
  readonly sizeBytes: number;
  /** The image's own USER; '' = root. */
  readonly user: string;
}

export interface ContainerStart {
  readonly pod: ResolvedPod;
  readonly container: Container;
  readonly resolved: ResolvedContainer;
  readonly kind: ContainerKind;
  readonly attempt: number;
  readonly backoffMs: number;
  readonly specHash: string;
  readonly sandbox: RuntimeSandbox;
  readonly image: RuntimeImage;
  /** The container whose processes a debug container is to see. */
  readonly pidTarget?: string;
}

export interface ExecOutcome {
  readonly exitCode: number;
  /** Both streams as they came, cut at 10 KiB. */
  readonly output: string;
  readonly timedOut: boolean;
}

export interface ContainerRuntime {
  readonly name: string;
  nodes(): Promise<ReadonlyMap<string, NodeCapacity>>;
  /** Every pod of this cluster. */
  list(): Promise<readonly RuntimePod[]>;
  inspect(ref: PodRef): Promise<RuntimePod | undefined>;
  /** Makes or refreshes the pod's volumes; files change all at once. */
  writeVolumes(pod: ResolvedPod): Promise<void>;
  createSandbox(pod: ResolvedPod, attempt: number): Promise<RuntimeSandbox>;
  /** Gives up the network; containers and volumes stay. */
  stopSandbox(ref: PodRef): Promise<void>;
  /** Removes the sandbox container so that another can be made; containers of it stay readable. */
  removeSandbox(ref: PodRef): Promise<void>;
  /** Removes everything of the pod: containers, sandbox, volumes. */
  removePod(ref: PodRef): Promise<void>;
  image(name: string): Promise<RuntimeImage | undefined>;
  pullImage(name: string, credentials: ResolvedPod['pullSecrets']): Promise<RuntimeImage>;
  /** Idempotent by pod, name and attempt. Returns the id. */
  createContainer(start: ContainerStart): Promise<string>;
  startContainer(id: string): Promise<void>;
  /** Sends the stop signal, and kills after the grace. Resolves when it has stopped; one that is not there has. */
  stopContainer(id: string, graceSeconds: number): Promise<void>;
  removeContainer(id: string): Promise<void>;
  /** Changes CPU and memory of a running container. */
  resizeContainer?(id: string, container: Container): Promise<void>;
  execSync(id: string, command: readonly string[], timeoutMs: number): Promise<ExecOutcome>;
  /** Calls back when something of a pod may have changed; `undefined` = anything may have. */
  subscribe(onChange: (ref: PodRef | undefined) => void): { stop(): void };
  /** Leaves containers running. */
  close(): Promise<void>;
}
