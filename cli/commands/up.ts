import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { isPodReady, isPodTerminal } from '@nodeless/apimachinery/pod-conditions';
import type { HttpClient } from '@nodeless/client/http-client';
import { pods as podType, services } from '@nodeless/client/resource-types';
import { createLogger, type LogLevel } from '@nodeless/component-base/logger';
import { type Cluster, startCluster } from '@nodeless/local/main';
import { defaultDataDir } from '@nodeless/local/data-dir';
import { createWriteStream, mkdirSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { connect } from '../connection.ts';
import { type Manifest, readManifests } from '../manifests.ts';
import { type Output, UserError } from '../output.ts';
import { discover, displayName } from '../resource-names.ts';
import { type Submitted, submit } from '../submit.ts';
import type { AddCommand } from './command.ts';

interface UpOptions {
  provider?: string;
  port: string;
  dataDir: string;
  nodes?: string;
  filename?: string[];
  logLevel: string;
}

export const addUp: AddCommand = (program, output) => {
  program
    .command('up')
    .description('start the cluster here and keep it running until Ctrl-C')
    .option('--provider <name>', 'docker or simulated (default: docker if it answers)')
    .option('--port <number>', 'port of the API server', '6443')
    .option('--data-dir <folder>', 'where the cluster keeps everything', defaultDataDir)
    .option('--nodes <number>', 'how many nodes (default: 2)')
    .option('-f, --filename <path...>', 'manifests to submit once it is up')
    .option('--log-level <level>', 'debug, info, warn or error; the log is <data-dir>/nodeless.log', 'info')
    .action(async (options: UpOptions) => {
      // Bad manifests are told before anything is started.
      const manifests = options.filename ? readManifests(options.filename) : [];
      const cluster = await start(options, output);
      const stop = new AbortController();
      process.once('SIGINT', () => stop.abort());
      process.once('SIGTERM', () => stop.abort());
      const ended = new Promise<void>((resolve) => {
        stop.signal.addEventListener('abort', () => resolve());
      });
      const keepAlive = setInterval(() => {}, 1 << 30);
      try {
        describe(cluster, output);
        if (manifests.length > 0) await submitAndFollow(cluster, manifests, options.dataDir, output, stop.signal);
        nextSteps(cluster, output);
        await ended;
        output.note('\nStopping …');
      } finally {
        clearInterval(keepAlive);
        await cluster.close();
      }
      output.note(cluster.provider === 'docker' ? 'Stopped. Pods go on running; "npm start" takes them over again, "nodeless down --purge" removes everything.' : 'Stopped. "npm start" resumes with every object.');
      // Sockets of clients that do not let go must not keep the process.
      process.exit();
    });
};

async function start(options: UpOptions, output: Output): Promise<Cluster> {
  const { provider } = options;
  if (provider !== undefined && provider !== 'docker' && provider !== 'simulated') throw new UserError(`--provider must be docker or simulated, not ${JSON.stringify(provider)}`);
  const port = wholeNumber(options.port, '--port', 0, 65_535);
  const nodes = options.nodes === undefined ? undefined : wholeNumber(options.nodes, '--nodes', 1, 5_000);
  const dataDir = resolve(options.dataDir);
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const file = createWriteStream(`${dataDir}/nodeless.log`, { flags: 'a', mode: 0o600 });
  file.on('error', (error) => output.note(`the log cannot be written: ${error.message}`));
  const log = createLogger({ level: options.logLevel as LogLevel, write: (line) => void file.write(`${line}\n`) });
  const began = performance.now();
  const onProgress = (step: string): void => output.note(`${output.style('green', '✓')} ${step} ${output.style('dim', `(${((performance.now() - began) / 1000).toFixed(1)} s)`)}`);
  try {
    return await startCluster({ dataDir, port, provider, nodes, log, onProgress });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') throw new UserError(`port ${port} is in use; choose another with --port`);
    if (code === 'EACCES') throw new UserError(`${message}; choose another --port or --data-dir`);
    log.error('could not start', { error });
    throw new UserError(message);
  }
}

function wholeNumber(text: string, option: string, least: number, most: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > most) throw new UserError(`${option} must be a whole number from ${least} to ${most}, not ${JSON.stringify(text)}`);
  return value;
}

function describe(cluster: Cluster, output: Output): void {
  if (cluster.providerReason) output.note(`${output.style('yellow', '!')} ${cluster.providerReason}: pods are simulated, nothing runs in them`);
  for (const problem of cluster.problems) output.note(`${output.style('yellow', '!')} ${problem}`);
}

/** Submits over HTTP like any client, then shows pods as they become ready, until all are or the cluster is stopped. */
async function submitAndFollow(cluster: Cluster, manifests: readonly Manifest[], dataDir: string, output: Output, signal: AbortSignal): Promise<void> {
  const { client, namespace } = connect({ dataDir });
  try {
    const submitted = await submit(client, await discover(client.transport), manifests, namespace, false);
    for (const { type, object, outcome } of submitted) output.line(`  ${displayName(type, object.metadata?.name ?? '')} ${outcome}`);
    const expected = submitted.reduce((sum, { object }) => sum + replicasOf(object), 0);
    if (expected > 0) await followPods(client, submitted, expected, output, signal);
    await showAddresses(client, submitted, output);
  } finally {
    client.close();
  }
}

function replicasOf({ kind, spec }: { kind?: string; spec?: unknown }): number {
  if (kind === 'Pod') return 1;
  if (!['Deployment', 'ReplicaSet', 'StatefulSet', 'ReplicationController'].includes(kind ?? '')) return 0;
  return (spec as { replicas?: number } | undefined)?.replicas ?? 1;
}

async function followPods(client: HttpClient, submitted: readonly Submitted[], expected: number, output: Output, signal: AbortSignal): Promise<void> {
  const namespaces = new Set(submitted.map(({ object }) => object.metadata?.namespace).filter((name) => name !== undefined));
  const prefixes = submitted.map(({ object }) => object.metadata?.name ?? '').filter(Boolean);
  const ours = (pod: Pod): boolean => namespaces.has(pod.metadata?.namespace ?? '') && prefixes.some((name) => pod.metadata?.name === name || pod.metadata?.name?.startsWith(`${name}-`));
  const told = new Map<string, string>();
  const ready = new Set<string>();
  const { promise, resolve } = Promise.withResolvers<void>();
  const watch = client.watch(podType, {}, {
    onEvent(event) {
      if (event.type === 'BOOKMARK') return;
      const pod = event.object;
      const name = pod.metadata?.name ?? '';
      if (!ours(pod)) return;
      if (event.type === 'DELETED') return void ready.delete(name);
      const state = stateOf(pod);
      if (told.get(name) !== state) {
        told.set(name, state);
        output.line(`  pod/${name} ${state}`);
      }
      if (isPodReady(pod) || isPodTerminal(pod)) ready.add(name);
      else ready.delete(name);
      if (ready.size >= expected) resolve();
    },
    onEnd: () => resolve(),
  });
  signal.addEventListener('abort', () => resolve());
  await promise;
  watch.stop();
}

/** One word for what a pod is doing, as `kubectl get pods` shows it. */
function stateOf(pod: Pod): string {
  if (isPodReady(pod)) return 'Ready';
  const waiting = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])].map((c) => c.state?.waiting?.reason).find(Boolean);
  if (waiting) return waiting;
  return pod.status?.phase ?? 'Pending';
}

async function showAddresses(client: HttpClient, submitted: readonly Submitted[], output: Output): Promise<void> {
  for (const { object } of submitted.filter((s) => s.type.resource === 'services')) {
    const { namespace, name = '' } = object.metadata ?? {};
    const service = await client.get(services, { namespace, name });
    const address = service.status?.loadBalancer?.ingress?.[0];
    const port = address?.ports?.[0]?.port ?? service.spec?.ports?.[0]?.port;
    const host = address?.ip ?? address?.hostname;
    if (host) output.line(`${output.style('bold', name)} answers at ${output.style('cyan', `http://${host}${port === 80 ? '' : `:${port}`}`)}`);
  }
}

function nextSteps(cluster: Cluster, output: Output): void {
  const path = relative(process.cwd(), cluster.kubeconfig);
  const kubeconfig = path.startsWith('..') ? cluster.kubeconfig : path;
  output.line(`\nThe cluster is ready at ${output.style('cyan', cluster.url)}. Kubeconfig: ${kubeconfig}\nTry:`);
  output.line(`  export KUBECONFIG=${cluster.kubeconfig}`);
  output.line('  kubectl get pods --all-namespaces');
  output.line('  kubectl create deployment hello --image=nginx --replicas=3');
  output.line(output.style('dim', 'Ctrl-C stops it.'));
}
