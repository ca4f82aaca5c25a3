/**
 * The pod provider seam: what runs pods. Required: PodProvider. Optional, told by presence: PodLogs, PodExec,
 * PodPortForward, PodMetrics. Contract suite: test/contract/pod-provider.ts (fargate, docker, simulated).
 *
 * All calls are idempotent by pod UID and may be repeated after a crash at any instant; a provider keeps what it must
 * know beside the pod itself (labels of containers, tags of tasks), never only in memory.
 */
import type { Pod, PodCondition, ContainerState, Probe } from '@nodeless/apimachinery/generated/types/core/v1';
import type { ExecIo, LogOptions, PodRef } from '@nodeless/client/node-connection';
import type { Duplex, Readable } from 'node:stream';

export type { ExecIo, LogOptions, PodRef } from '@nodeless/client/node-connection';

export type ProviderErrorCode = 'not-found' | 'invalid' | 'capacity' | 'throttled' | 'unavailable';

export class ProviderError extends Error {
  readonly code: ProviderErrorCode;
  /** Reason for events and conditions, as kubectl users know it: `ErrImagePull`, `InvalidImageName`, `FailedScheduling`. */
  readonly reason: string | undefined;
  constructor(code: ProviderErrorCode, message: string, options: { reason?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ProviderError';
    this.code = code;
    this.reason = options.reason;
  }
}

/** A file of a volume, as the kubelet resolved it. */
export interface VolumeFile {
  /** Relative to the mount: `token`, `nested/path`. */
  readonly path: string;
  readonly content: Uint8Array;
  /** Permission bits, e.g. 0o644. */
  readonly mode: number;
}

export type ResolvedVolume =
  | { readonly name: string; readonly kind: 'files'; readonly files: readonly VolumeFile[]; readonly readOnly: true }
  | {
      readonly name: string;
      readonly kind: 'emptyDir';
      readonly medium: '' | 'Memory' | 'HugePages';
      readonly sizeLimitBytes?: number;
    }
  | { readonly name: string; readonly kind: 'hostPath'; readonly path: string; readonly type: string }
  /** A folder of an Amazon EFS file system. */
  | {
      readonly name: string;
      readonly kind: 'efs';
      readonly fileSystemId: string;
      /** Absolute; '/' with an access point. */
      readonly path: string;
      readonly accessPointId?: string;
      readonly readOnly: boolean;
    };

/**
 * Environment with every source read and every $(VAR) expanded, in order. Values may hold the markers of late-binding.ts
 * where they need the pod's address, which only the provider learns: it replaces them when it starts the container.
 */
export interface ResolvedContainer {
  readonly name: string;
  /** Set where a source is missing: the container must not be started, and waits with this reason until the next update. */
  readonly error?: { readonly reason: 'CreateContainerConfigError'; readonly message: string };
  readonly env: readonly { readonly name: string; readonly value: string }[];
  /** command and args after $(VAR) expansion; undefined = the image's own. */
  readonly command: readonly string[] | undefined;
  readonly args: readonly string[] | undefined;
  /** Which of it no other pod of the same template has, or nobody else should see. Absent: none of it. */
  readonly particular?: {
    /** Variables with something of a Secret in them, also by way of $(VAR). */
    readonly secret: readonly string[];
    /** Variables that say something of this pod (fieldRef), also by way of $(VAR). */
    readonly own: readonly string[];
    /** Command or arguments hold the value of one of them. */
    readonly commandLine: boolean;
  };
}

/** A pod with everything resolved that needs the API: the provider never calls it. */
export interface ResolvedPod {
  readonly pod: Readonly<Pod>;
  readonly containers: Readonly<Record<string, ResolvedContainer>>;
  readonly volumes: readonly ResolvedVolume[];
  readonly dns: {
    readonly nameservers: readonly string[];
    readonly searches: readonly string[];
    readonly options: readonly string[];
  };
  readonly hostname: string;
  /** The domain that makes the host name fully qualified, where the pod has a subdomain. */
  readonly hostDomain?: string;
  /** Lines for /etc/hosts beyond the pod's own. */
  readonly hostAliases: readonly { readonly ip: string; readonly hostnames: readonly string[] }[];
  readonly pullSecrets: readonly { readonly registry: string; readonly username: string; readonly password: string }[];
  /** Addresses of the node the pod is bound to. */
  readonly nodeAddresses: readonly { readonly type: string; readonly address: string }[];
}

export interface ObservedContainer {
  readonly name: string;
  readonly kind: 'init' | 'regular' | 'ephemeral';
  /** Provider's id: `docker://…`. */
  readonly containerId: string;
  readonly imageId: string;
  readonly image: string;
  /** Exactly one of waiting, running, terminated. */
  readonly state: ContainerState;
  readonly lastState: ContainerState | undefined;
  readonly restartCount: number;
  /** Probe results the provider itself knows; undefined = none yet or no probe. */
  readonly started: boolean | undefined;
  readonly ready: boolean | undefined;
}

export interface ObservedPod {
  readonly ref: PodRef;
  readonly nodeName: string;
  /** '' until it has one. */
  readonly podIp: string;
  readonly podIps: readonly string[];
  readonly startTime: string | undefined;
  /** The pod's network is there and containers may start; undefined = it is when it has an address. */
  readonly sandboxReady?: boolean;
  readonly containers: readonly ObservedContainer[];
  /** Set where the pod as a whole cannot run: reason and message for status ('Failed' phase when terminal). */
  readonly failure: { readonly reason: string; readonly message: string; readonly terminal: boolean } | undefined;
  /** Everything of it has stopped and it will not be started again. */
  readonly finished: boolean;
  /** What it runs on is being taken away, for a reason that is not the pod's. */
  readonly disruption?: { readonly reason: string; readonly message: string };
}

export interface NodeCapacity {
  readonly capacity: Readonly<Record<string, string>>;
  readonly allocatable: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly addresses: readonly { readonly type: 'InternalIP' | 'Hostname' | 'ExternalIP'; readonly address: string }[];
  readonly info: Readonly<
    Record<'architecture' | 'operatingSystem' | 'osImage' | 'kernelVersion' | 'containerRuntimeVersion', string>
  >;
  /** The slice of pod addresses that belongs to the node, where it has one. */
  readonly podCidr?: string;
  readonly taints?: readonly { readonly key: string; readonly value?: string; readonly effect: string }[];
}

/**
 * For providers whose processes do not last: what they learned of a pod is kept in a condition of its status, which also names
 * what was last seen of it. Told by presence; used by the pod reconciler.
 */
export interface PodRecords {
  /** The conditions that it keeps: the kubelet leaves those to it. */
  readonly conditionTypes: readonly string[];
  /** What the pod says of itself, before anything else is asked of it. What is known already and newer stays. */
  recall(pod: Readonly<Pod>): void;
  /** Conditions to be written with the status (transition times are the writer's). */
  conditions(ref: PodRef): readonly PodCondition[];
  /** Whether a condition of it that changes so is worth a write by itself; when something else is written it goes along. */
  isNews(before: PodCondition, after: PodCondition): boolean;
  /**
   * Does what follows from what is known, short of starting anything. True: createPod would start something, for which the pod
   * has to be resolved.
   */
  settle(ref: PodRef): Promise<boolean>;
  /** When there is something to do that no event will tell of, in milliseconds of the clock. */
  wakeAt(ref: PodRef): number | undefined;
  /** Asks for the stop and does not wait for it; observePod shows when it is done. */
  beginStop(ref: PodRef, graceSeconds: number): Promise<void>;
  /** The next observation is one of the real thing, not what is remembered. */
  doubt(ref: PodRef): void;
}

/** Something changed: ask observePod. Repeats and disorder are harmless. */
export type ObservationListener = (ref: PodRef) => void;

export interface PodEvent {
  readonly ref: PodRef;
  readonly type: 'Normal' | 'Warning';
  /** Pulling, Pulled, Created, Started, Killing, BackOff, Failed, Unhealthy … with kubelet's wording. */
  readonly reason: string;
  readonly message: string;
  /** `spec.containers{name}` */
  readonly fieldPath: string | undefined;
}

export interface PodProvider {
  readonly name: string;
  /** False where nothing ever reads a volume's files (simulated pods): ServiceAccount tokens are then not asked for. */
  readonly readsVolumes?: boolean;
  /** The nodes it offers, by name. */
  nodes(): Promise<ReadonlyMap<string, NodeCapacity>>;
  /** Starts the pod or makes what is there agree with it. Returns when accepted, not when running. Errors: invalid, capacity, throttled, unavailable. */
  createPod(pod: ResolvedPod): Promise<void>;
  /** Applies what may change in a running pod: volume files, image of a container, resources, ephemeral containers. */
  updatePod(pod: ResolvedPod): Promise<void>;
  /**
   * Stops every container within the grace (seconds) and starts none again; resolves when all have stopped. States and logs
   * stay readable until deletePod. Repeated with a shorter grace, the shorter one counts. Success when there is no such pod.
   */
  stopPod(ref: PodRef, graceSeconds: number): Promise<void>;
  /** Stops within the grace (seconds) and removes everything of it. Resolves once gone; a pod that is not there is success. */
  deletePod(ref: PodRef, graceSeconds: number): Promise<void>;
  observePod(ref: PodRef): Promise<ObservedPod | undefined>;
  /** Every pod it runs, also those it was never told about by this process (adoption after a restart). */
  listPods(): Promise<readonly ObservedPod[]>;
  /** Calls back on changes it notices. A provider that cannot notice is polled. */
  subscribe?(onChange: ObservationListener, onEvent: (event: PodEvent) => void): { stop(): void };
  /** Stops watching and timers; leaves pods running. Idempotent. */
  close(): Promise<void>;
}

export interface PodLogs {
  /** The stream ends with the container when following, and stops reading when destroyed. Errors: not-found, invalid. */
  openLogs(ref: PodRef, options: LogOptions): Promise<Readable>;
}

export interface PodExec {
  /** Runs a command in a running container; resolves with its exit code once its output has been written out. */
  exec(ref: PodRef, container: string, command: readonly string[], io: ExecIo): Promise<{ exitCode: number }>;
  attach(ref: PodRef, container: string, io: ExecIo): Promise<{ exitCode: number }>;
}
export interface PodPortForward {
  /** A connection to a port on the pod's localhost. */
  portForward(ref: PodRef, port: number): Promise<Duplex>;
}
export interface PodMetrics {
  /** CPU in nanocores, CPU time since its start in seconds where that is known, memory working set in bytes; by container. */
  metrics(
    ref: PodRef,
  ): Promise<Readonly<Record<string, { cpuNanocores: number; cpuSeconds?: number; memoryBytes: number }>> | undefined>;
}

export type { Probe };
