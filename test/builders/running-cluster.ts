/** A real nodeless process in a folder of its own: what tests of whole clients (kubectl, helm, informers, curl) run against. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ClientOptions, type Kubectl, createKubectl } from './kubectl.ts';

export const repository = join(import.meta.dirname, '..', '..');
const main = join(repository, 'cli', 'main.ts');
const startMs = 60_000;
const stopMs = 30_000;

export interface RunningClusterOptions {
  /** Kept between clusters by who gives it; otherwise a fresh one that goes with the cluster. */
  readonly dataDir?: string;
  /** Default: any free one. */
  readonly port?: number;
  readonly provider?: 'simulated' | 'docker';
  readonly nodes?: number;
  /** More arguments of `nodeless up`. */
  readonly args?: readonly string[];
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningCluster {
  readonly dataDir: string;
  readonly port: number;
  readonly url: string;
  readonly kubeconfig: string;
  /** Of system:masters. */
  readonly token: string;
  readonly ca: string;
  readonly pid: number;
  /** What it has printed until now. */
  output(): { readonly stdout: string; readonly stderr: string };
  /** Runs kubectl, from where `tool` says, as the cluster's administrator. */
  kubectl(options?: ClientOptions): Kubectl;
  /** Sends the signal and waits until the process has gone; the folder stays when it was given. Idempotent. */
  stop(signal?: NodeJS.Signals): Promise<Exit>;
}

/** Starts `nodeless up` and resolves when it says that it is ready; rejects with what it printed when it ends before. */
export async function startRunningCluster(options: RunningClusterOptions = {}): Promise<RunningCluster> {
  const dataDir = options.dataDir ?? (await temporaryFolder('cluster'));
  const args = [
    'up',
    '--data-dir',
    dataDir,
    '--port',
    String(options.port ?? 0),
    '--provider',
    options.provider ?? 'simulated',
  ];
  if (options.nodes !== undefined) args.push('--nodes', String(options.nodes));
  const process = runNodeless([...args, ...(options.args ?? [])]);
  const url = await process.until(/The cluster is ready at (https:\/\/\S+:\d+)\.[\s\S]*Ctrl-C stops it\./, startMs);
  const kubeconfig = join(dataDir, 'kubeconfig');
  const [token, ca] = await Promise.all([
    readFile(join(dataDir, 'pki', 'token'), 'utf8'),
    readFile(join(dataDir, 'pki', 'ca.crt'), 'utf8'),
  ]);
  return {
    dataDir,
    port: Number(new URL(url).port),
    url,
    kubeconfig,
    token: token.trim(),
    ca,
    pid: process.pid,
    output: process.output,
    kubectl: (clientOptions) => createKubectl(kubeconfig, join(dataDir, 'kubectl-cache'), clientOptions),
    async stop(signal = 'SIGINT') {
      const exit = await process.end(signal, stopMs);
      if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
      return exit;
    },
  };
}

export interface NodelessProcess {
  readonly pid: number;
  output(): { readonly stdout: string; readonly stderr: string };
  /** The first group of the first match in standard output. Rejects when the process ends before, or at the deadline. */
  until(pattern: RegExp, deadlineMs: number): Promise<string>;
  readonly exit: Promise<Exit>;
  /** Signals it and waits; kills what does not end in time, and rejects then. */
  end(signal: NodeJS.Signals, deadlineMs: number): Promise<Exit>;
}

/** Any nodeless command, from this checkout, under the Node of the tests. */
export function runNodeless(
  args: readonly string[],
  options: { readonly env?: NodeJS.ProcessEnv; readonly cwd?: string; readonly input?: string | Uint8Array } = {},
): NodelessProcess {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, ...args], {
    cwd: options.cwd,
    env: {
      NODE_COMPILE_CACHE: join(repository, 'node_modules', '.cache', 'nodeless'),
      ...process.env,
      KUBECONFIG: undefined,
      NO_COLOR: undefined,
      ...options.env,
    },
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  child.stdin?.on('error', () => {});
  child.stdin?.end(options.input);
  return follow(child);
}

/** Runs a nodeless command to its end. */
export function nodeless(args: readonly string[], options: Parameters<typeof runNodeless>[1] = {}): Promise<Exit> {
  return runNodeless(args, options).exit;
}

function follow(child: ChildProcess): NodelessProcess {
  const printed = { stdout: '', stderr: '' };
  const listeners = new Set<() => void>();
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream]?.setEncoding('utf8').on('data', (text: string) => {
      printed[stream] += text;
      for (const listener of listeners) listener();
    });
  }
  const exit = new Promise<Exit>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, ...printed }));
  });
  // Whoever wants to know of a failed start awaits it.
  exit.catch(() => {});
  const said = (): string => `\n${printed.stdout}${printed.stderr}`;
  return {
    pid: child.pid ?? 0,
    exit,
    output: () => ({ ...printed }),
    until: (pattern, deadlineMs) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(
          () => settle(() => reject(new Error(`${String(pattern)} did not come within ${deadlineMs} ms:${said()}`))),
          deadlineMs,
        );
        const settle = (then: () => void): void => {
          clearTimeout(timer);
          listeners.delete(look);
          then();
        };
        const look = (): void => {
          const found = pattern.exec(printed.stdout);
          if (found) settle(() => resolve(found[1] ?? found[0]));
        };
        listeners.add(look);
        void exit.then(
          ({ code, signal }) => settle(() => reject(new Error(`ended with ${code ?? signal}:${said()}`))),
          reject,
        );
        look();
      }),
    async end(signal, deadlineMs) {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      let late = false;
      const timer = setTimeout(() => {
        late = true;
        child.kill('SIGKILL');
      }, deadlineMs);
      const result = await exit;
      clearTimeout(timer);
      if (late) throw new Error(`did not end within ${deadlineMs} ms of ${signal}:${said()}`);
      return result;
    },
  };
}

export function temporaryFolder(name: string): Promise<string> {
  return mkdtemp(join(tmpdir(), `nodeless-${name}-`));
}
