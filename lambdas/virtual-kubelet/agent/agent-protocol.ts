/**
 * The agent protocol: between the agent, a container in every Fargate task, and the virtual kubelet's HTTP door. Contract
 * suite: test/contract/agent-protocol.ts.
 *
 * The kubelet starts a task with NODELESS_BOOT (BootSettings as JSON) in the agent's environment. The agent's command is a
 * loader that fetches the program from the door and runs it. The program fetches the boot document, writes the volumes, makes
 * the file `readyFile` (then the container is HEALTHY, and the others, which depend on that, start), and from then on probes,
 * keeps volumes and tokens fresh, and reports.
 *
 * Every request carries `authorization: Bearer <token>`: a ServiceAccount token with the audience `agentAudience`, bound to the
 * pod. The door checks it before it reads anything else of a request. Answers that are not a success are a metav1.Status.
 *
 *   method path                   body           success              meaning
 *   GET    /agent/v1/program                     200 text/javascript  the agent itself; ETag and If-None-Match (304)
 *   GET    /agent/v1/boot                        200 BootDocument
 *   GET    /agent/v1/volumes                     200 VolumesResponse  ETag is the revision, quoted; If-None-Match gives 304
 *   POST   /agent/v1/token        TokenQuery     200 TokenResponse    only what the pod's volumes project, and agentAudience
 *   POST   /agent/v1/report       AgentReport    200 ReportResponse   idempotent; a report older than the last is dropped
 *   GET    /agent/v1/services                    200 ServicesResponse ETag as above
 *   POST   /agent/v1/endpoints    EndpointsQuery 200 EndpointsResponse
 *
 *   400 malformed, or a protocol version that this side does not speak       agent: gives up (boot) or drops the request
 *   401 no token, or not one of ours, or expired, or for another audience    agent: goes back to the boot token, then waits
 *   403 the token's pod may not have this (an audience that no volume names) agent: keeps what it has
 *   404 no such endpoint: an older kubelet                                   agent: does without
 *   409 not yet: something the pod's volumes need is missing                 agent: tries again (boot), keeps what it has
 *   410 the pod is gone, or another one has its name                         agent: ends itself after three of them (timing.gone)
 *   413 the body is too large (maxReportBytes)
 *   429 and 5xx                                                              agent: tries again, honours Retry-After
 *
 * Both sides ignore fields that they do not know. A change that an older side would misread gets a new number under /agent/.
 */
import type { Probe } from '@nodeless/apimachinery/generated/types/core/v1';

export const protocolVersion = 1;
export const agentAudience = 'nodeless-agent';
export const bootVariable = 'NODELESS_BOOT';
export const paths = {
  program: '/agent/v1/program',
  boot: '/agent/v1/boot',
  volumes: '/agent/v1/volumes',
  token: '/agent/v1/token',
  report: '/agent/v1/report',
  services: '/agent/v1/services',
  endpoints: '/agent/v1/endpoints',
} as const;
/** Each volume that the agent writes is mounted in its container at `<volumeRoot>/<name of the volume>`, writable. */
export const volumeRoot = '/nodeless/volumes';
/**
 * The volume of the default token has a random end in every pod. Under this name instead it can stand in a task definition that
 * pods share; the agent writes to whichever of the two is mounted.
 */
export const sharedVolumeName = (name: string): string => name.replace(/^(kube-api-access)-[a-z0-9]{5}$/, '$1');
/** Exists once every volume stands, and as long as the agent lives. */
export const readyFile = '/tmp/nodeless-ready';
export const maxReportBytes = 256 * 1024;
export const maxReportedEvents = 50;
/** Life of the token in NODELESS_BOOT, which stands in the task's description: long enough to be placed and to pull an image. */
export const bootTokenSeconds = 3600;
/** Life of those that the agent gets itself: it survives the door being away for a fifth of that. */
export const agentTokenSeconds = 86_400;

/** What one side can do; a side uses only what the other names. */
export type Capability =
  | 'volumes'
  | 'tokens'
  /** http, tcp and grpc probes. */
  | 'probes'
  /** exec probes, which ECS runs as the container's health check and the agent reads from the task's metadata. */
  | 'health-check-probes'
  | 'services';

/** NODELESS_BOOT. Small: all overrides of a task together have 8,192 characters. */
export interface BootSettings {
  readonly v: 1;
  /** Of the door, without a slash at the end: `https://….lambda-url.us-east-1.on.aws`. */
  readonly url: string;
  /** Good for starting; the agent gets itself newer ones. */
  readonly token: string;
}

export interface PodIdentity {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly nodeName: string;
  readonly serviceAccountName: string;
}

export interface BootDocument {
  readonly protocol: 1;
  readonly capabilities: readonly Capability[];
  readonly pod: PodIdentity;
  /** As GET volumes answers it. */
  readonly volumes: VolumesResponse;
  /** The first token of each projection in `volumes`, so that starting takes one request. */
  readonly tokens: readonly (TokenQuery & TokenResponse)[];
  /** Empty folders to prepare: what ECS makes belongs to root and nobody else could write there. */
  readonly emptyDirs: readonly AgentFolder[];
  /** Containers that the agent looks after, init containers that stay (sidecars) included. */
  readonly containers: readonly AgentContainer[];
  /** For whoever writes a resolv.conf; this agent cannot reach the other containers' files. */
  readonly dns: {
    readonly nameservers: readonly string[];
    readonly searches: readonly string[];
    readonly options: readonly string[];
  };
  readonly timing: AgentTiming;
  /**
   * The agent ends with success once all of these have ended for good (by the task's metadata). Being the essential container
   * it ends the task with it. Empty: it stays until the task is stopped.
   */
  readonly endsWith: readonly string[];
}

export interface AgentFolder {
  /** Of the volume. */
  readonly name: string;
  /** Permission bits, setgid included: 0o777 or, with an fsGroup, 0o2777. */
  readonly mode: number;
  readonly gid?: number;
}

/** All volumes of kind 'files' of the pod. */
export interface VolumesResponse {
  /** Changes exactly when the rest does; tokens do not count. */
  readonly revision: string;
  readonly volumes: readonly AgentVolume[];
}

export interface AgentVolume {
  /** Name in the pod's spec; the folder below `volumeRoot`. */
  readonly name: string;
  /** The pod's fsGroup: owner of everything in it. */
  readonly gid?: number;
  readonly files: readonly AgentFile[];
}

export interface AgentFile {
  /** Relative to the volume, never outside it: `ca.crt`, `nested/key`. */
  readonly path: string;
  /** Permission bits, e.g. 0o644. */
  readonly mode: number;
  /** Owner, where it is not root: of a token, the user that all containers run as. */
  readonly uid?: number;
  /** Base64. Absent where `token` is there. */
  readonly content?: string;
  /** The file holds the current token for this query. */
  readonly token?: TokenQuery;
}

export interface TokenQuery {
  /** '' = the API server's own. */
  readonly audience: string;
  readonly expirationSeconds: number;
}

export interface TokenResponse {
  readonly token: string;
  /** RFC 3339. */
  readonly expiresAt: string;
  /** When the agent should ask for the next one, RFC 3339: four fifths of its life, and at most a day after it was issued. */
  readonly renewAt: string;
}

export interface AgentContainer {
  /** In the pod's spec, and in the task definition. */
  readonly name: string;
  /** `spec.containers{name}` or `spec.initContainers{name}`: for events. */
  readonly fieldPath: string;
  /** Named ports, for probes by name. */
  readonly ports: readonly { readonly name?: string; readonly containerPort: number; readonly protocol?: string }[];
  /** As in the pod's spec, defaults filled in. An exec probe means: what ECS says of the container's health. */
  readonly startupProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
}

/** Milliseconds. The agent adds jitter of a tenth. */
export interface AgentTiming {
  /** A report is sent this often although nothing has changed. */
  readonly heartbeat: number;
  /** Time between a change and its report: changes within it travel together. */
  readonly gather: number;
  /** Volumes are asked for again after `min` when they have just changed, at longer and longer distances up to `max`. 0 = never. */
  readonly volumes: { readonly min: number; readonly max: number };
  /** The same for the table of Services. */
  readonly services: { readonly min: number; readonly max: number };
  /** How often the task's metadata are looked at while a container is about to start, and later. */
  readonly metadata: { readonly starting: number; readonly running: number };
  /** Repeats of one event are gathered this long. */
  readonly events: number;
  /** Time between the answers that the pod is gone, of which it takes three in a row to end the agent and with it the task. */
  readonly gone: number;
}

/** Where an agent stands, all of it each time; the door compares. */
export interface AgentReport {
  readonly protocol: 1;
  readonly agent: { readonly version: string; readonly capabilities: readonly Capability[] };
  readonly podUid: string;
  /** When this run of the agent began, milliseconds; a later run counts more than an earlier one. */
  readonly bootedAt: number;
  /** From 1, one more with each report of a run. A report that is sent again keeps its number and content. */
  readonly sequence: number;
  /** RFC 3339, milliseconds allowed. */
  readonly at: string;
  /** Of the volumes that stand; '' until they do. */
  readonly volumesRevision: string;
  readonly containers: readonly ContainerReport[];
  /** Those that have happened, again or for the first time, since the last report that was answered. At most `maxReportedEvents`. */
  readonly events: readonly ReportedEvent[];
}

export interface ContainerReport {
  readonly name: string;
  /** The container's id in the task's metadata, the same as ECS' runtimeId; '' = not known. Verdicts are about this run of it. */
  readonly runId: string;
  /** As the task's metadata say it, which is sooner than ECS' events. The status of record is ECS'. */
  readonly state: 'waiting' | 'running' | 'ended';
  /** RFC 3339; known ones only. */
  readonly startedAt?: string;
  readonly finishedAt?: string;
  readonly exitCode?: number;
  readonly restartCount?: number;
  /** It runs, and its startup probe has succeeded if it has one. */
  readonly started: boolean;
  /** It is started, and its readiness probe has succeeded if it has one. */
  readonly ready: boolean;
  /** When `started` or `ready` last changed, RFC 3339. */
  readonly changedAt: string;
  /** Set when a probe says that it has to be ended. It stays set: the kubelet stops the task. */
  readonly failed?: { readonly probe: 'liveness' | 'startup'; readonly message: string };
}

export interface ReportedEvent {
  readonly type: 'Normal' | 'Warning';
  /** Unhealthy, ProbeWarning, FailedMount … with the kubelet's wording. */
  readonly reason: string;
  readonly message: string;
  /** '' = about the pod. */
  readonly fieldPath: string;
  /** How often in this run of the agent, with the first and the last time (RFC 3339): sending it twice counts nothing twice. */
  readonly count: number;
  readonly firstAt: string;
  readonly lastAt: string;
}

export interface ReportResponse {
  /** False: a later one is known already. */
  readonly accepted: boolean;
  /** Of the volumes as they are now, where that was cheap to know: saves a poll. */
  readonly volumesRevision?: string;
}

/** Services whose addresses this agent answers on. */
export interface ServicesResponse {
  readonly revision: string;
  readonly services: readonly AgentService[];
}

export interface AgentService {
  readonly namespace: string;
  readonly name: string;
  /** In 127.128.0.0/9: what the Service's name resolves to inside tasks. */
  readonly address: string;
  /** Seconds; 0 = none. */
  readonly clientIpAffinitySeconds: number;
  readonly ports: readonly { readonly name: string; readonly protocol: 'TCP' | 'UDP'; readonly port: number }[];
}

export interface EndpointsQuery {
  /** `namespace/name`, at most 100. */
  readonly services: readonly string[];
}

export interface EndpointsResponse {
  /** By `namespace/name`; a Service that is not there any more is absent. Only endpoints that are ready. */
  readonly services: Readonly<Record<string, readonly AgentEndpoints[]>>;
  /** Milliseconds for which the answer may be used while it works. */
  readonly ttl: number;
}

export interface AgentEndpoints {
  /** Of the Service's port. */
  readonly port: number;
  readonly protocol: 'TCP' | 'UDP';
  readonly targets: readonly { readonly address: string; readonly port: number }[];
}
