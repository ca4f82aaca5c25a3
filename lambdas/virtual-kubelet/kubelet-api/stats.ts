import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { formatTime } from '@nodeless/apimachinery/time';
import { refOf } from '../pod-names.ts';
import type { ConnectedProvider } from './in-process-connection.ts';
import type { KubeletView } from './kubelet-endpoints.ts';

interface Usage {
  readonly cpuNanocores: number;
  readonly cpuSeconds?: number;
  readonly memoryBytes: number;
}

export interface PodUsage {
  readonly pod: Pod;
  readonly containers: Readonly<Record<string, Usage>>;
}

export async function readUsage(node: KubeletView, provider: ConnectedProvider): Promise<readonly PodUsage[]> {
  const { metrics } = provider;
  if (!metrics) return [];
  const running = node.list().filter((pod) => pod.status?.phase === 'Running');
  const all = await Promise.all(running.map(async (pod) => ({ pod, containers: await metrics(refOf(pod)) })));
  return all.flatMap(({ pod, containers }) => (containers ? [{ pod, containers }] : []));
}

function total(usages: Iterable<Usage>): Usage {
  let cpuNanocores = 0;
  let memoryBytes = 0;
  let cpuSeconds: number | undefined;
  for (const usage of usages) {
    cpuNanocores += usage.cpuNanocores;
    memoryBytes += usage.memoryBytes;
    if (usage.cpuSeconds !== undefined) cpuSeconds = (cpuSeconds ?? 0) + usage.cpuSeconds;
  }
  return { cpuNanocores, memoryBytes, ...(cpuSeconds === undefined ? {} : { cpuSeconds }) };
}

/** /stats/summary: what metrics-server and `kubectl get --raw …/proxy/stats/summary` read. */
export function statsSummary(node: KubeletView, usage: readonly PodUsage[]): unknown {
  const time = formatTime(node.now());
  const figures = ({ cpuNanocores, cpuSeconds, memoryBytes }: Usage) => ({
    cpu: {
      time,
      usageNanoCores: cpuNanocores,
      ...(cpuSeconds === undefined ? {} : { usageCoreNanoSeconds: Math.round(cpuSeconds * 1e9) }),
    },
    memory: { time, usageBytes: memoryBytes, workingSetBytes: memoryBytes, rssBytes: memoryBytes },
  });
  const pods = usage.map(({ pod, containers }) => ({
    podRef: refOf(pod),
    startTime: pod.status?.startTime,
    containers: Object.entries(containers).map(([name, one]) => ({
      name,
      startTime: pod.status?.containerStatuses?.find((s) => s.name === name)?.state?.running?.startedAt,
      ...figures(one),
    })),
    ...figures(total(Object.values(containers))),
  }));
  const all = total(usage.flatMap((u) => Object.values(u.containers)));
  return { node: { nodeName: node.nodeName, startTime: formatTime(node.startedAt), ...figures(all) }, pods };
}

/** /metrics/resource in Prometheus' text format; CPU only from providers that know its total. */
export function resourceMetrics(node: KubeletView, usage: readonly PodUsage[]): string {
  const at = node.now();
  const lines: string[] = [];
  const family = (name: string, help: string, type = 'gauge'): void =>
    void lines.push(`# HELP ${name} [STABLE] ${help}`, `# TYPE ${name} ${type}`);
  const sample = (name: string, labels: Readonly<Record<string, string>>, value: number): void => {
    const text = Object.entries(labels)
      .map(([key, v]) => `${key}=${JSON.stringify(v)}`)
      .join(',');
    lines.push(`${name}${text === '' ? '' : `{${text}}`} ${value} ${at}`);
  };
  const all = total(usage.flatMap((u) => Object.values(u.containers)));
  const podLabels = (pod: Pod): Record<string, string> => ({ namespace: refOf(pod).namespace, pod: refOf(pod).name });
  const cpu = (name: string, help: string, samples: readonly [Readonly<Record<string, string>>, Usage][]): void => {
    family(name, help, 'counter');
    for (const [labels, { cpuSeconds }] of samples) if (cpuSeconds !== undefined) sample(name, labels, cpuSeconds);
  };
  const memory = (name: string, help: string, samples: readonly [Readonly<Record<string, string>>, Usage][]): void => {
    family(name, help);
    for (const [labels, { memoryBytes }] of samples) sample(name, labels, memoryBytes);
  };
  const byContainer = usage.flatMap(({ pod, containers }) =>
    Object.entries(containers).map(([container, one]): [Record<string, string>, Usage] => [
      { container, ...podLabels(pod) },
      one,
    ]),
  );
  const byPod = usage.map(({ pod, containers }): [Record<string, string>, Usage] => [
    podLabels(pod),
    total(Object.values(containers)),
  ]);
  cpu(
    'container_cpu_usage_seconds_total',
    'Cumulative cpu time consumed by the container in core-seconds',
    byContainer,
  );
  memory('container_memory_working_set_bytes', 'Current working set of the container in bytes', byContainer);
  cpu('node_cpu_usage_seconds_total', 'Cumulative cpu time consumed by the node in core-seconds', [[{}, all]]);
  memory('node_memory_working_set_bytes', 'Current working set of the node in bytes', [[{}, all]]);
  cpu('pod_cpu_usage_seconds_total', 'Cumulative cpu time consumed by the pod in core-seconds', byPod);
  memory('pod_memory_working_set_bytes', 'Current working set of the pod in bytes', byPod);
  return `${lines.join('\n')}\n`;
}
