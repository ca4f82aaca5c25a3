import type { Container, ContainerStatus, Pod, PodCondition } from '@nodeless/apimachinery/generated/types/core/v1';
import type { PodPhase } from './pod-phase.ts';
import { isSidecar } from './restart-policy.ts';

interface Verdict {
  readonly status: 'True' | 'False';
  readonly reason?: string;
  readonly message?: string;
}

/** Condition types that the kubelet writes; every other one belongs to someone else and is kept as it is. */
const owned: ReadonlySet<string> = new Set([
  'PodReadyToStartContainers',
  'Initialized',
  'Ready',
  'ContainersReady',
  'PodScheduled',
]);

/** The pod's conditions; a transition time changes only where the status does. */
export function podConditions(
  pod: Pod,
  now: {
    readonly statuses: readonly ContainerStatus[];
    readonly phase: PodPhase;
    readonly sandboxReady: boolean;
    readonly at: string;
  },
): PodCondition[] {
  const previous = pod.status?.conditions ?? [];
  const kept = previous.filter((c) => !owned.has(c.type));
  const statuses = new Map(now.statuses.map((s) => [s.name, s]));
  const ready = containersReady(pod, statuses, now.phase);
  const verdicts: [string, Verdict][] = [
    ['PodReadyToStartContainers', { status: now.sandboxReady ? 'True' : 'False' }],
    ['Initialized', initialized(pod, statuses, now.phase)],
    ['Ready', podReady(pod, ready, kept)],
    ['ContainersReady', ready],
    ['PodScheduled', { status: 'True' }],
  ];
  const generation = pod.metadata?.generation;
  return [
    ...kept,
    ...verdicts.map(([type, verdict]) => {
      const before = previous.find((c) => c.type === type);
      return {
        type,
        ...(generation === undefined ? {} : { observedGeneration: generation }),
        status: verdict.status,
        // Kubernetes' serialisation shows this field always; kubelets do not set it.
        lastProbeTime: null as unknown as undefined,
        lastTransitionTime:
          before?.status === verdict.status && before.lastTransitionTime ? before.lastTransitionTime : now.at,
        ...(verdict.reason === undefined ? {} : { reason: verdict.reason }),
        ...(verdict.message === undefined ? {} : { message: verdict.message }),
      };
    }),
  ];
}

function containersReady(pod: Pod, statuses: ReadonlyMap<string, ContainerStatus>, phase: PodPhase): Verdict {
  const watched = [...(pod.spec?.initContainers ?? []).filter(isSidecar), ...(pod.spec?.containers ?? [])];
  const unknown = watched.filter((c) => !statuses.has(c.name));
  const unready = watched.filter((c) => statuses.get(c.name)?.ready === false);
  if (phase === 'Succeeded' && unknown.length === 0) return { status: 'False', reason: 'PodCompleted' };
  if (phase === 'Failed') return { status: 'False', reason: 'PodFailed' };
  const message = describe(unknown, unready, 'unready');
  return message === '' ? { status: 'True' } : { status: 'False', reason: 'ContainersNotReady', message };
}

function podReady(pod: Pod, ready: Verdict, others: readonly PodCondition[]): Verdict {
  if (ready.status !== 'True') return ready;
  const messages: string[] = [];
  for (const { conditionType } of pod.spec?.readinessGates ?? []) {
    const gate = others.find((c) => c.type === conditionType);
    if (!gate)
      messages.push(`corresponding condition of pod readiness gate ${JSON.stringify(conditionType)} does not exist.`);
    else if (gate.status !== 'True')
      messages.push(
        `the status of pod readiness gate ${JSON.stringify(conditionType)} is not "True", but ${gate.status}`,
      );
  }
  return messages.length === 0
    ? { status: 'True' }
    : { status: 'False', reason: 'ReadinessGatesNotReady', message: messages.join(', ') };
}

function initialized(pod: Pod, statuses: ReadonlyMap<string, ContainerStatus>, phase: PodPhase): Verdict {
  const init = pod.spec?.initContainers ?? [];
  const unknown = init.filter((c) => !statuses.has(c.name));
  const incomplete = init.filter((c) => {
    const status = statuses.get(c.name);
    return status !== undefined && !(isSidecar(c) ? status.started : status.ready);
  });
  if (phase === 'Succeeded' && unknown.length === 0) return { status: 'True', reason: 'PodCompleted' };
  // Once a regular container has run, sidecars that restart do not take the pod back.
  const started = (pod.spec?.containers ?? []).some((c) => {
    const status = statuses.get(c.name);
    return status?.started || status?.state?.terminated || status?.lastState?.terminated;
  });
  if (started) return { status: 'True' };
  const message = describe(unknown, incomplete, 'incomplete');
  return message === '' ? { status: 'True' } : { status: 'False', reason: 'ContainersNotInitialized', message };
}

function describe(unknown: readonly Container[], lacking: readonly Container[], word: string): string {
  const names = (list: readonly Container[]): string => `[${list.map((c) => c.name).join(' ')}]`;
  const messages: string[] = [];
  if (unknown.length > 0) messages.push(`containers with unknown status: ${names(unknown)}`);
  if (lacking.length > 0) messages.push(`containers with ${word} status: ${names(lacking)}`);
  return messages.join(', ');
}
