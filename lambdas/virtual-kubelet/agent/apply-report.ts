/**
 * What an agent reports becomes part of its pod's status in two places. The verdicts themselves stand in the condition
 * `agentCondition`, as JSON in its message, with the number of the report they come from: they are known even while the
 * status of record does not yet say that the container runs, and a late report can be told from a new one. From them follow
 * `started` and `ready` of the containers that run, and the conditions ContainersReady and Ready.
 *
 * Whoever computes a status anew from ECS takes `started` and `ready` from `probeStatus`, and looks at `failedProbe` to see
 * whether the task has to be stopped.
 */
import type { Container, ContainerStatus, Pod, PodCondition } from '@nodeless/apimachinery/generated/types/core/v1';
import { semanticEqual } from '@nodeless/apimachinery/equality';
import { formatTime } from '@nodeless/apimachinery/time';
import { podConditions } from '../pod-conditions.ts';
import type { PodPhase } from '../pod-phase.ts';
import type { ObservedPod } from '../providers/provider.ts';
import { isSidecar } from '../restart-policy.ts';
import type { AgentReport, ContainerReport } from './agent-protocol.ts';

/** Not a member of the kubelet's own conditions, so that every component keeps it as it is. Not an annotation, because those can be files in the pod. */
export const agentCondition = 'nodeless.dev/agent';

export interface AgentVerdict {
  /** '' = not known: good for any run. */
  readonly runId: string;
  readonly state: ContainerReport['state'];
  readonly started: boolean;
  readonly ready: boolean;
  readonly startedAt?: string;
  /** Which ECS does not tell of a single container. */
  readonly finishedAt?: string;
  readonly exitCode?: number;
  readonly restartCount?: number;
  readonly failed?: { readonly probe: 'liveness' | 'startup'; readonly message: string };
}

export interface AgentState {
  readonly version: string;
  readonly bootedAt: number;
  readonly sequence: number;
  readonly volumesRevision: string;
  readonly containers: Readonly<Record<string, AgentVerdict>>;
}

/** What the pod's agent said last; undefined = nothing yet (or something unreadable, which is the same). */
export function agentState(pod: Pod): AgentState | undefined {
  const message = pod.status?.conditions?.find((c) => c.type === agentCondition)?.message;
  if (!message) return undefined;
  try {
    const state = JSON.parse(message) as AgentState;
    return typeof state === 'object' && typeof state.containers === 'object' && Number.isInteger(state.sequence)
      ? state
      : undefined;
  } catch {
    return undefined;
  }
}

/** What was said about this run of the container. `runId` '' = any. */
export function agentVerdict(pod: Pod, container: string, runId: string): AgentVerdict | undefined {
  const containers = agentState(pod)?.containers;
  const verdict = containers && Object.hasOwn(containers, container) ? containers[container] : undefined;
  if (!verdict || (runId !== '' && verdict.runId !== '' && verdict.runId !== runId)) return undefined;
  return verdict;
}

/** `started` and `ready` of a container that runs. Without a word of the agent, those without probes are both. */
export function probeStatus(pod: Pod, container: Container, runId: string): { started: boolean; ready: boolean } {
  const verdict = agentVerdict(pod, container.name, runId);
  const started = container.startupProbe === undefined || (verdict?.started ?? false);
  const ready = started && (container.readinessProbe === undefined || (verdict?.ready ?? false));
  return { started, ready };
}

/**
 * An observation with the verdicts that the pod has by now: between looking at a task and writing what was seen of it a report
 * may have come, and it is the later one.
 */
export function withLatestVerdicts(observed: ObservedPod, pod: Pod): ObservedPod {
  const specs = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
  return {
    ...observed,
    containers: observed.containers.map((one) => {
      const runId = runIdOf(one.containerId);
      const spec = specs.find((c) => c.name === one.name);
      return one.state.running && spec && agentVerdict(pod, one.name, runId)
        ? { ...one, ...probeStatus(pod, spec, runId) }
        : one;
    }),
  };
}

/** The probe that wants this run of the container ended, with the message for its event. */
export function failedProbe(pod: Pod, container: string, runId: string): AgentVerdict['failed'] {
  return agentVerdict(pod, container, runId)?.failed;
}

/** `ecs://<runtimeId>` → `<runtimeId>`. */
export const runIdOf = (containerId: string | undefined): string => containerId?.replace(/^[^:]*:\/\//, '') ?? '';

export type Applied =
  | { readonly outcome: 'stale' | 'repeated' | 'unchanged' }
  | { readonly outcome: 'changed'; readonly pod: Pod };

/**
 * Merges a report into the pod's status; `now` in RFC 3339 with seconds. `stale`: a later report is known. `repeated`: this very
 * one is. `unchanged`: nothing worth a write. The pod given is not changed.
 */
export function applyReport(pod: Pod, report: AgentReport, now: string): Applied {
  // What has ended stays as it ended.
  if (pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') return { outcome: 'unchanged' };
  const known = agentState(pod);
  if (known && report.bootedAt < known.bootedAt) return { outcome: 'stale' };
  const sameRun = known?.bootedAt === report.bootedAt;
  if (sameRun && report.sequence < known.sequence) return { outcome: 'stale' };
  if (sameRun && report.sequence === known.sequence) return { outcome: 'repeated' };

  const state: AgentState = {
    version: report.agent.version,
    bootedAt: report.bootedAt,
    sequence: report.sequence,
    volumesRevision: report.volumesRevision,
    containers: verdicts(pod, report),
  };
  // After a gap the number has to be kept, or a report out of the gap could still come and be taken for news.
  if (sameRun && report.sequence === known.sequence + 1 && sameButSequence(known, state) && agrees(pod, now))
    return { outcome: 'unchanged' };

  const previous = pod.status?.conditions ?? [];
  const condition: PodCondition = {
    type: agentCondition,
    status: 'True',
    reason: 'Reported',
    message: JSON.stringify(state),
    lastProbeTime: null as unknown as undefined,
    lastTransitionTime: previous.find((c) => c.type === agentCondition)?.lastTransitionTime ?? now,
  };
  const conditions = [...previous.filter((c) => c.type !== agentCondition), condition];
  return { outcome: 'changed', pod: withVerdicts({ ...pod, status: { ...pod.status, conditions } }, now) };
}

/** Container statuses and conditions as the verdicts in the pod's condition have them, of containers that are said to run. */
export function withVerdicts(pod: Pod, now: string): Pod {
  const { spec, status } = pod;
  if (!status) return pod;
  const merge = (
    containers: readonly Container[] | undefined,
    statuses: readonly ContainerStatus[] | undefined,
  ): ContainerStatus[] | undefined =>
    statuses?.map((one) => {
      const container = containers?.find((c) => c.name === one.name);
      if (!container || !one.state?.running) return one;
      const { started, ready } = probeStatus(pod, container, runIdOf(one.containerID));
      return one.started === started && one.ready === ready ? one : { ...one, started, ready };
    });
  const sidecars = spec?.initContainers?.filter(isSidecar);
  const initContainerStatuses = merge(sidecars, status.initContainerStatuses);
  const containerStatuses = merge(spec?.containers, status.containerStatuses);
  // Nothing has been said about containers: their readiness is no news.
  const conditions = containerStatuses
    ? podConditions(pod, {
        statuses: [...(initContainerStatuses ?? []), ...containerStatuses],
        phase: (status.phase ?? 'Pending') as PodPhase,
        sandboxReady: status.conditions?.find((c) => c.type === 'PodReadyToStartContainers')?.status === 'True',
        at: now,
      })
    : status.conditions;
  return {
    ...pod,
    status: {
      ...status,
      ...(initContainerStatuses ? { initContainerStatuses } : {}),
      ...(containerStatuses ? { containerStatuses } : {}),
      ...(conditions ? { conditions: [...conditions] } : {}),
    },
  };
}

/** Only of containers that the pod has. */
function verdicts(pod: Pod, report: AgentReport): Record<string, AgentVerdict> {
  const names = new Set([...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])].map((c) => c.name));
  const result: Record<string, AgentVerdict> = {};
  for (const one of report.containers) {
    const { name, runId, state, started, ready, startedAt, finishedAt, exitCode, restartCount, failed } = one;
    if (!names.has(name)) continue;
    result[name] = {
      runId,
      state,
      started,
      ready,
      ...(startedAt === undefined ? {} : { startedAt: formatTime(Date.parse(startedAt)) }),
      ...(finishedAt === undefined ? {} : { finishedAt: formatTime(Date.parse(finishedAt)) }),
      ...(exitCode === undefined ? {} : { exitCode }),
      ...(restartCount === undefined ? {} : { restartCount }),
      ...(failed === undefined ? {} : { failed: { probe: failed.probe, message: failed.message } }),
    };
  }
  return result;
}

/** Whether the rest of the status says what the verdicts in it say: another writer may have had older ones. */
const agrees = (pod: Pod, now: string): boolean => semanticEqual(withVerdicts(pod, now).status, pod.status);

const sameButSequence = (a: AgentState, b: AgentState): boolean =>
  JSON.stringify({ ...a, sequence: 0 }) === JSON.stringify({ ...b, sequence: 0 });
