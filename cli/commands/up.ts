import type { Service } from '@nodeless/apimachinery/generated/types/core/v1';
import type { HttpClient } from '@nodeless/client/http-client';
import { services } from '@nodeless/client/resource-types';
import { systemClock } from '@nodeless/component-base/clock';
import { createLogger, type LogLevel } from '@nodeless/component-base/logger';
import type { Cluster } from '@nodeless/local/main';
import { defaultDataDir, makeFolder } from '@nodeless/local/data-dir';
import { trimThisProcess } from '@nodeless/local/idle-memory';
import { createWriteStream, statSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connect } from '../connection.ts';
import { type Manifest, readManifests } from '../manifests.ts';
import { follow } from '../follow.ts';
import { isOnPath } from '../on-path.ts';
import { describeError, type Output, UserError } from '../output.ts';
import { parseRuntimeConfig } from '../runtime-config.ts';
import { discover, displayName } from '../resource-names.ts';
import { type Submitted, submit } from '../submit.ts';
import type { AddCommand } from './command.ts';

interface UpOptions {
  provider?: string;
  port: string;
  dataDir: string;
  nodes?: string;
  runtimeConfig?: string;
  filename?: string[];
  logLevel: string;
}

const addressMs = 10_000;
/** How long submitted objects are followed: images may have to be pulled. */
const followMs = 5 * 60_000;

export const addUp: AddCommand = (program, output) => {
  program
    .command('up')
    .description('start the cluster here and keep it running until Ctrl-C')
    .option('--provider <name>', 'docker or simulated (default: docker if it answers)')
    .option('--port <number>', 'port of the API server', '6443')
    .option('--data-dir <folder>', 'where the cluster keeps everything', defaultDataDir)
    .option('--nodes <number>', 'how many nodes (default: 2)')
    .option('--runtime-config <versions>', 'beta and alpha versions to serve: <group>/<version>,…')
    .option('-f, --filename <path...>', 'manifests to submit once it is up')
    .option('--log-level <level>', 'debug, info, warn or error; the log is <data-dir>/nodeless.log', 'info')
    .action(async (options: UpOptions) => {
      // Bad manifests are told before anything is started.
      const manifests = options.filename ? readManifests(options.filename) : [];
      const stop = new AbortController();
      // A second Ctrl-C finds no listener and ends the process at once.
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stop.abort());
      const cluster = await start(options, output);
      trimThisProcess(systemClock);
      const ended = new Promise<void>((resolve) => {
        if (stop.signal.aborted) resolve();
        stop.signal.addEventListener('abort', () => resolve());
      });
      try {
        describe(cluster, output);
        if (manifests.length > 0) await submitAndFollow(cluster, manifests, options.dataDir, output, stop.signal);
        if (!stop.signal.aborted) nextSteps(cluster, output);
        await ended;
        output.note('\nStopping …');
      } finally {
        await cluster.close();
      }
      output.note(
        cluster.provider === 'docker'
          ? 'Stopped. Pods go on running; "npm start" takes them over again, "nodeless down --purge" removes everything.'
          : 'Stopped. "npm start" resumes with every object.',
      );
      // Sockets of clients that do not let go must not keep the process.
      process.exit();
    });
};

async function start(options: UpOptions, output: Output): Promise<Cluster> {
  const { provider } = options;
  if (provider !== undefined && provider !== 'docker' && provider !== 'simulated')
    throw new UserError(`--provider must be docker or simulated, not ${JSON.stringify(provider)}`);
  const port = wholeNumber(options.port, '--port', 0, 65_535);
  const runtimeConfig = parseRuntimeConfig(options.runtimeConfig);
  const nodes = options.nodes === undefined ? undefined : wholeNumber(options.nodes, '--nodes', 1, 5_000);
  if (!isLogLevel(options.logLevel))
    throw new UserError(`--log-level must be ${logLevels.join(', ')}, not ${JSON.stringify(options.logLevel)}`);
  const dataDir = resolve(options.dataDir);
  try {
    makeFolder(dataDir);
  } catch (error) {
    throw new UserError(`the folder ${dataDir} cannot be made: ${(error as Error).message}`);
  }
  if (!statSync(dataDir).isDirectory()) throw new UserError(`${dataDir} is not a folder; choose another --data-dir`);
  const file = createWriteStream(`${dataDir}/nodeless.log`, { flags: 'a', mode: 0o600 });
  file.on('error', (error) => output.note(`the log cannot be written: ${error.message}`));
  const log = createLogger({ level: options.logLevel, write: (line) => void file.write(`${line}\n`) });
  const began = performance.now();
  const onProgress = (step: string): void =>
    output.note(
      `${output.style('green', '✓')} ${step} ${output.style('dim', `(${((performance.now() - began) / 1000).toFixed(1)} s)`)}`,
    );
  try {
    // A whole cluster: loaded by the one command that starts it.
    const { startCluster } = await import('@nodeless/local/main');
    return await startCluster({ dataDir, port, provider, nodes, runtimeConfig, log, onProgress });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') throw new UserError(`port ${port} is in use; choose another with --port`);
    if (code === 'EACCES') throw new UserError(`${message}; choose another --port or --data-dir`);
    log.error('could not start', { error });
    throw new UserError(message);
  }
}

const logLevels: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];
const isLogLevel = (text: string): text is LogLevel => (logLevels as readonly string[]).includes(text);

function wholeNumber(text: string, option: string, least: number, most: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > most)
    throw new UserError(`${option} must be a whole number from ${least} to ${most}, not ${JSON.stringify(text)}`);
  return value;
}

function describe(cluster: Cluster, output: Output): void {
  if (cluster.providerReason)
    output.note(`${output.style('yellow', '!')} ${cluster.providerReason}: pods are simulated, nothing runs in them`);
  for (const problem of cluster.problems) output.note(`${output.style('yellow', '!')} ${problem}`);
}

/** Submits over HTTP like any client, then shows pods as they become ready, until all are or the cluster is stopped. */
async function submitAndFollow(
  cluster: Cluster,
  manifests: readonly Manifest[],
  dataDir: string,
  output: Output,
  signal: AbortSignal,
): Promise<void> {
  const { client, namespace } = connect({ dataDir });
  try {
    const submitted = await submit(client, await discover(client.transport), manifests, namespace, false);
    for (const { type, object, outcome } of submitted)
      output.line(`  ${displayName(type, object.metadata?.name ?? '')} ${outcome}`);
    const settled = await follow(client, submitted, output, signal, followMs);
    if (signal.aborted) return;
    if (!settled)
      output.note(
        `${output.style('yellow', '!')} not everything runs after ${followMs / 60_000} minutes: "kubectl describe pods" tells why`,
      );
    await showAddresses(client, submitted, cluster.provider, output);
  } catch (error) {
    // The cluster is up; what is wrong with the manifest can be mended while it runs.
    output.note(describeError(error));
  } finally {
    client.close();
  }
}

async function showAddresses(
  client: HttpClient,
  submitted: readonly Submitted[],
  provider: Cluster['provider'],
  output: Output,
): Promise<void> {
  for (const { object } of submitted.filter((s) => s.type.resource === 'services')) {
    const { namespace, name = '' } = object.metadata ?? {};
    const service = await withAddress(() => client.get(services, { namespace, name }));
    const address = service.status?.loadBalancer?.ingress?.[0];
    const port = address?.ports?.[0]?.port ?? service.spec?.ports?.[0]?.port;
    const host = address?.ip ?? address?.hostname;
    if (!host) continue;
    const url = output.style('cyan', `http://${host}${port === 80 ? '' : `:${port}`}`);
    output.line(
      provider === 'simulated'
        ? `${output.style('bold', name)} has the address ${url}, where nothing answers: its pods are simulated`
        : `${output.style('bold', name)} answers at ${url}`,
    );
  }
}

/** A Service of type LoadBalancer gets its address a moment after it is made. */
async function withAddress(read: () => Promise<Service>): Promise<Service> {
  for (const end = performance.now() + addressMs; ; await delay(100)) {
    const service = await read();
    const pending = service.spec?.type === 'LoadBalancer' && !service.status?.loadBalancer?.ingress?.length;
    if (!pending || performance.now() > end) return service;
  }
}

function nextSteps(cluster: Cluster, output: Output): void {
  const path = relative(process.cwd(), cluster.kubeconfig);
  const kubeconfig = path.startsWith('..') ? cluster.kubeconfig : path;
  output.line(`\nThe cluster is ready at ${output.style('cyan', cluster.url)}. Kubeconfig: ${kubeconfig}\nTry:`);
  const dataDir = dirname(path) === defaultDataDir ? '' : ` --data-dir ${dirname(cluster.kubeconfig)}`;
  const steps = isOnPath('kubectl')
    ? [
        `export KUBECONFIG=${cluster.kubeconfig}`,
        'kubectl get pods --all-namespaces',
        'kubectl create deployment hello --image=nginx --replicas=3',
      ]
    : [
        `npm run nodeless -- get pods --all-namespaces${dataDir}`,
        `npm run nodeless -- apply -f examples/deployment.yaml${dataDir}`,
        `npm run nodeless -- get deployments,pods${dataDir}`,
      ];
  for (const step of steps) output.line(`  ${step}`);
  output.line(output.style('dim', 'Ctrl-C stops it.'));
}
