import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { formatTime } from '@nodeless/apimachinery/time';
import { refOf } from '../pod-names.ts';
import type { ConnectedProvider } from './in-process-connection.ts';
import type { KubeletView } from './kubelet-endpoints.ts';

interface Usage {
  readonly cpuNanocores: number;
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
  for (const usage of usages) {
    cpuNanocores += usage.cpuNanocores;
    memoryBytes += usage.memoryBytes;
  }
  return { cpuNanocores, memoryBytes };
}

/** /stats/summary: what metrics-server and `kubectl get --raw …/proxy/stats/summary` read. */
export function statsSummary(node: KubeletView, usage: readonly PodUsage[]): unknown {
  const time = formatTime(node.now());
  const figures = ({ cpuNanocores, memoryBytes }: Usage) => ({
    cpu: { time, usageNanoCores: cpuNanocores },
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

/** /metrics/resource in Prometheus' text format: gauges only, as the provider knows rates and not totals. */
export function resourceMetrics(node: KubeletView, usage: readonly PodUsage[]): string {
  const at = node.now();
  const lines: string[] = [];
  const family = (name: string, help: string): void => void lines.push(`# HELP ${name} [STABLE] ${help}`, `# TYPE ${name} gauge`);
  const sample = (name: string, labels: Readonly<Record<string, string>>, value: number): void => {
    const text = Object.entries(labels)
      .map(([key, v]) => `${key}=${JSON.stringify(v)}`)
      .join(',');
    lines.push(`${name}${text === '' ? '' : `{${text}}`} ${value} ${at}`);
  };
  const all = total(usage.flatMap((u) => Object.values(u.containers)));
  family('container_memory_working_set_bytes', 'Current working set of the container in bytes');
  for (const { pod, containers } of usage) {
    for (const [container, one] of Object.entries(containers)) sample('container_memory_working_set_bytes', { container, namespace: refOf(pod).namespace, pod: refOf(pod).name }, one.memoryBytes);
  }
  family('node_memory_working_set_bytes', 'Current working set of the node in bytes');
  sample('node_memory_working_set_bytes', {}, all.memoryBytes);
  family('pod_memory_working_set_bytes', 'Current working set of the pod in bytes');
  for (const { pod, containers } of usage) sample('pod_memory_working_set_bytes', { namespace: refOf(pod).namespace, pod: refOf(pod).name }, total(Object.values(containers)).memoryBytes);
  return `${lines.join('\n')}\n`;
}
