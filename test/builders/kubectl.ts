/** Runs the real kubectl and helm, where this machine has them. */
import { execFileSync, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** After it the process is killed and the run rejects. Default: 60 s. */
  readonly timeoutMs?: number;
}

export interface ClientOptions {
  /** Path of the program. Default: the one that `findTool` finds. */
  readonly tool?: string;
  /** Put before every command's own: `['--as=bob']`. */
  readonly args?: readonly string[];
  /** Instead of the cluster's own. */
  readonly kubeconfig?: string;
}

/** Words are separated by spaces; give an array where one has spaces in it. */
export type Words = string | readonly string[];

export interface Kubectl {
  run(words: Words, options?: RunOptions): Promise<Ran>;
  /** Standard output of a command that must succeed. */
  ok(words: Words, options?: RunOptions): Promise<string>;
  /** Standard error of a command that must fail with this exit code. */
  fails(words: Words, code?: number, options?: RunOptions): Promise<string>;
  /** `apply -f -` of a manifest, client-side. */
  apply(manifest: string, ...more: readonly string[]): Promise<string>;
  /** Arguments and environment, for who must start it alone: a watch, a port-forward. */
  command(words: Words): { readonly file: string; readonly args: readonly string[]; readonly env: NodeJS.ProcessEnv };
}

/** The path of a program in $NODELESS_TOOLS, the folder of scripts/ci/install.sh, or on PATH; undefined where there is none. */
export function findTool(name: string): string | undefined {
  return findTools(name)[0];
}

export function findTools(name: string): string[] {
  const folders = [
    process.env['NODELESS_TOOLS'],
    join(homedir(), '.cache', 'nodeless-tools'),
    ...(process.env['PATH'] ?? '').split(delimiter),
    '/usr/local/go/bin',
  ];
  const paths = folders
    .filter((folder) => folder !== undefined && folder !== '')
    .map((folder) => join(folder as string, name));
  return [...new Set(paths)].filter((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Why tests that need the program cannot run here; undefined when they can. */
export function lacking(name: string): string | undefined {
  return findTool(name)
    ? undefined
    : `${name} is neither on PATH nor in $NODELESS_TOOLS (scripts/ci/install.sh brings it)`;
}

/** `1.36` of a kubectl; undefined when it does not say. */
export function kubectlMinor(path: string): string | undefined {
  try {
    const { clientVersion } = JSON.parse(
      execFileSync(path, ['version', '--client', '-o', 'json'], { encoding: 'utf8' }),
    ) as { clientVersion: { gitVersion: string } };
    return /^v(\d+\.\d+)\./.exec(clientVersion.gitVersion)?.[1];
  } catch {
    return undefined;
  }
}

export function runTool(file: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const { input, timeoutMs = 60_000 } = options;
  const child = spawn(file, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  child.stdin?.on('error', () => {});
  child.stdin?.end(input);
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`${file} ${args.join(' ')} has not ended within ${timeoutMs} ms\n${stdout}${stderr}`));
    }, timeoutMs);
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code: code ?? -1, stdout, stderr });
    });
  });
}

export function createKubectl(kubeconfig: string, cacheDir: string, options: ClientOptions = {}): Kubectl {
  const file = options.tool ?? findTool('kubectl') ?? 'kubectl';
  // A cache of its own: discovery of other clusters and of other versions of this one must not be seen.
  const env = {
    KUBECONFIG: options.kubeconfig ?? kubeconfig,
    KUBECACHEDIR: cacheDir,
    HOME: cacheDir,
    KUBE_EDITOR: undefined,
    EDITOR: undefined,
  };
  const split = (words: Words): string[] => [
    ...(options.args ?? []),
    ...(typeof words === 'string' ? words.split(' ').filter(Boolean) : words),
  ];
  const show = (words: Words, { code, stdout, stderr }: Ran): string =>
    `kubectl ${split(words).join(' ')}: exit ${code}\n${stdout}${stderr}`;
  const run = (words: Words, runOptions: RunOptions = {}): Promise<Ran> =>
    runTool(file, split(words), { ...runOptions, env: { ...env, ...runOptions.env } });
  const ok = async (words: Words, runOptions?: RunOptions): Promise<string> => {
    const ran = await run(words, runOptions);
    if (ran.code !== 0) throw new Error(show(words, ran));
    return ran.stdout;
  };
  return {
    run,
    ok,
    async fails(words, code = 1, runOptions) {
      const ran = await run(words, runOptions);
      if (ran.code !== code) throw new Error(`exit ${code} was expected: ${show(words, ran)}`);
      return ran.stderr;
    },
    apply: (manifest, ...more) => ok(['apply', '-f', '-', ...more], { input: manifest }),
    command: (words) => ({ file, args: split(words), env: { ...process.env, ...env } }),
  };
}
