import type { ContainerStatus, Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import type { Row } from '../table-of.ts';

const finished = {
  Succeeded: [
    { type: 'Completed', status: 'True', reason: 'Succeeded', message: 'The pod has completed successfully.' },
  ],
  Failed: [{ type: 'Completed', status: 'True', reason: 'Failed', message: 'The pod failed.' }],
} as const;

export function podRowConditions({ status }: Readonly<Pod>): readonly Record<string, unknown>[] | undefined {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed' ? finished[status.phase] : undefined;
}

export function podCells(pod: Readonly<Pod>, { name, age, since }: Row): unknown[] {
  const { spec, status } = pod;
  const sidecars = new Set((spec?.initContainers ?? []).filter((c) => c.restartPolicy === 'Always').map((c) => c.name));
  const total =
    (spec?.containers?.length ?? 0) + (spec?.initContainers ?? []).filter((c) => sidecars.has(c.name)).length;
  const summary = summaryOf(pod, sidecars);
  const restarts =
    summary.restarts > 0 && summary.lastRestart
      ? `${summary.restarts} (${since(summary.lastRestart)} ago)`
      : String(summary.restarts);
  return [
    name,
    `${summary.ready}/${total}`,
    shownState(pod, summary.state),
    restarts,
    age,
    status?.podIPs?.[0]?.ip || '<none>',
    spec?.nodeName || '<none>',
    status?.nominatedNodeName || '<none>',
    gatesCell(pod),
  ];
}

interface Summary {
  ready: number;
  restarts: number;
  /** When the last of them happened. */
  lastRestart: string | undefined;
  state: string;
}

function summaryOf({ spec, status }: Readonly<Pod>, sidecars: ReadonlySet<string>): Summary {
  const isGated = status?.conditions?.some((c) => c.type === 'PodScheduled' && c.reason === 'SchedulingGated') === true;
  const summary: Summary = {
    ready: 0,
    restarts: 0,
    lastRestart: undefined,
    state: isGated ? 'SchedulingGated' : status?.reason || status?.phase || '',
  };
  const ofSidecars: Summary = { ...summary };
  let isInitializing = false;
  for (const [i, container] of (status?.initContainerStatuses ?? []).entries()) {
    const isSidecar = sidecars.has(container.name);
    count(summary, container);
    if (isSidecar) count(ofSidecars, container);
    const { terminated, waiting } = container.state ?? {};
    if (terminated && !terminated.exitCode) continue;
    if (isSidecar && container.started) {
      if (container.ready) summary.ready++;
      continue;
    }
    if (terminated) summary.state = `Init:${endOf(terminated)}`;
    else if (waiting?.reason && waiting.reason !== 'PodInitializing') summary.state = `Init:${waiting.reason}`;
    else summary.state = `Init:${i}/${spec?.initContainers?.length ?? 0}`;
    isInitializing = true;
    break;
  }
  if (isInitializing && status?.conditions?.find((c) => c.type === 'Initialized')?.status !== 'True') return summary;
  const counts = { ...ofSidecars, ready: summary.ready, state: summary.state };
  addContainers(counts, status);
  return counts;
}

/** The main containers from the last to the first, so that the first one's state is shown. */
function addContainers(summary: Summary, status: Pod['status']): void {
  let isRunning = false;
  let failure = '';
  for (const container of (status?.containerStatuses ?? []).toReversed()) {
    count(summary, container);
    const { terminated, waiting, running } = container.state ?? {};
    if (waiting?.reason) summary.state = waiting.reason;
    else if (terminated) {
      summary.state = endOf(terminated);
      if (terminated.exitCode) failure = summary.state;
    } else if (container.ready && running) {
      isRunning = true;
      summary.ready++;
    }
  }
  if (summary.state !== 'Completed') return;
  const isReady = status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') === true;
  if (isRunning && isReady) summary.state = 'Running';
  else if (failure) summary.state = failure;
  else if (isRunning) summary.state = 'NotReady';
}

function count(summary: Summary, { restartCount = 0, lastState }: Readonly<ContainerStatus>): void {
  summary.restarts += restartCount;
  const at = lastState?.terminated?.finishedAt;
  if (at && (summary.lastRestart === undefined || summary.lastRestart < at)) summary.lastRestart = at;
}

function endOf({ reason, signal, exitCode }: { reason?: string; signal?: number; exitCode: number }): string {
  return reason || (signal ? `Signal:${signal}` : `ExitCode:${exitCode ?? 0}`);
}

function shownState({ metadata, status }: Readonly<Pod>, state: string): string {
  if (!metadata?.deletionTimestamp) return state;
  if (status?.reason === 'NodeLost') return 'Unknown';
  return status?.phase === 'Succeeded' || status?.phase === 'Failed' ? state : 'Terminating';
}

function gatesCell({ spec, status }: Readonly<Pod>): string {
  const gates = spec?.readinessGates ?? [];
  if (gates.length === 0) return '<none>';
  const open = gates.filter(
    (gate) => status?.conditions?.find((c) => c.type === gate.conditionType)?.status === 'True',
  );
  return `${open.length}/${gates.length}`;
}
