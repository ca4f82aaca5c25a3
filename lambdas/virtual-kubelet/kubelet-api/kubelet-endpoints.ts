import type { Readable } from 'node:stream';
import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { refOf } from '../pod-names.ts';
import type { LogOptions } from '../providers/provider.ts';
import type { ConnectedProvider } from './in-process-connection.ts';
import { readUsage, resourceMetrics, statsSummary } from './stats.ts';

/** What the endpoints see of one node. */
export interface KubeletView {
  readonly nodeName: string;
  find(namespace: string, name: string): Pod | undefined;
  list(): readonly Pod[];
  now(): number;
  /** When the kubelet began, in milliseconds. */
  readonly startedAt: number;
}

export interface KubeletAnswer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string | Readable;
}

const text = (status: number, body: string): KubeletAnswer => ({
  status,
  headers: { 'content-type': 'text/plain; charset=utf-8' },
  body,
});
const json = (body: unknown): KubeletAnswer => ({
  status: 200,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

/** The kubelet's HTTP endpoints, as nodes/proxy reaches them. */
export async function answerKubeletRequest(
  node: KubeletView,
  provider: ConnectedProvider,
  request: { readonly method: string; readonly path: string },
): Promise<KubeletAnswer> {
  const url = new URL(request.path, 'http://node');
  const path = url.pathname.replace(/\/+$/, '') || '/';
  if (request.method !== 'GET' && request.method !== 'HEAD') return text(405, '405 method not allowed\n');
  switch (path) {
    case '/healthz':
    case '/healthz/ping':
    case '/healthz/syncloop':
      return text(200, 'ok');
    case '/pods':
    case '/runningpods':
      return json({
        kind: 'PodList',
        apiVersion: 'v1',
        metadata: {},
        items: path === '/pods' ? node.list() : node.list().filter((p) => p.status?.phase === 'Running'),
      });
    case '/stats/summary':
      return json(statsSummary(node, await readUsage(node, provider)));
    case '/metrics/resource':
      return {
        status: 200,
        headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' },
        body: resourceMetrics(node, await readUsage(node, provider)),
      };
    case '/metrics':
      return {
        status: 200,
        headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' },
        body: kubeletMetrics(node),
      };
    case '/configz':
      return json({
        kubeletconfig: {
          kind: 'KubeletConfiguration',
          apiVersion: 'kubelet.config.k8s.io/v1beta1',
          nodeStatusUpdateFrequency: '10s',
          nodeLeaseDurationSeconds: 40,
        },
      });
    default:
      return path.startsWith('/containerLogs/')
        ? containerLogs(node, provider, path, url.searchParams)
        : text(404, '404 page not found\n');
  }
}

function kubeletMetrics(node: KubeletView): string {
  const running = node.list().filter((p) => p.status?.phase === 'Running').length;
  return [
    '# HELP kubelet_running_pods Number of pods that have a running pod sandbox',
    '# TYPE kubelet_running_pods gauge',
    `kubelet_running_pods ${running}`,
    '# HELP process_start_time_seconds Start time of the process since unix epoch in seconds.',
    '# TYPE process_start_time_seconds gauge',
    `process_start_time_seconds ${node.startedAt / 1000}`,
    '',
  ].join('\n');
}

/** `/containerLogs/<namespace>/<pod>/<container>` with the options of `kubectl logs`. */
async function containerLogs(
  node: KubeletView,
  provider: ConnectedProvider,
  path: string,
  query: URLSearchParams,
): Promise<KubeletAnswer> {
  const [, , namespace = '', name = '', container = ''] = path.split('/').map(decodeURIComponent);
  const pod = node.find(namespace, name);
  if (!pod) return text(404, `pod does not exist`);
  if (!provider.openLogs) return text(501, `reading logs is not supported by the ${provider.name} pod provider`);
  const flag = (key: string): boolean => query.get(key) === 'true' || query.get(key) === '1';
  const number = (key: string): number | undefined => (query.has(key) ? Number(query.get(key)) : undefined);
  const sinceTime = query.get('sinceTime');
  const options: LogOptions = {
    container,
    follow: flag('follow'),
    previous: flag('previous'),
    timestamps: flag('timestamps'),
    ...(number('tailLines') === undefined ? {} : { tailLines: number('tailLines') }),
    ...(number('sinceSeconds') === undefined ? {} : { sinceSeconds: number('sinceSeconds') }),
    ...(number('limitBytes') === undefined ? {} : { limitBytes: number('limitBytes') }),
    ...(sinceTime ? { sinceTime: new Date(sinceTime) } : {}),
  };
  try {
    return {
      status: 200,
      headers: { 'content-type': 'text/plain; charset=utf-8' },
      body: await provider.openLogs(refOf(pod), options),
    };
  } catch (error) {
    return text(400, error instanceof Error ? error.message : String(error));
  }
}
