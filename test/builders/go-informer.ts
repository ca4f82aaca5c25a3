/** The client-go informer of test/fixtures/informer-go: built once, then run as a process. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { findTool, runTool } from './kubectl.ts';
import { repository } from './running-cluster.ts';

export interface GoInformerLine {
  readonly what: string;
  readonly name?: string;
  readonly uid?: string;
  readonly rv?: string;
  readonly value?: string;
  readonly initial?: boolean;
  readonly reason?: string;
  readonly message?: string;
  readonly objects?: Record<string, string>;
}

export interface GoInformer {
  /** Everything that it has printed; grows. */
  readonly lines: readonly GoInformerLine[];
  cache(): Promise<Record<string, string>>;
  stop(): Promise<void>;
}

/** Path of the program, or why there is none. scripts/ci/install.sh builds it ahead, with the modules it needs. */
export async function buildGoInformer(
  folder: string,
): Promise<{ readonly path: string } | { readonly lacking: string }> {
  const ready = findTool('nodeless-informer-go');
  if (ready) return { path: ready };
  const go = findTool('go');
  if (!go)
    return {
      lacking:
        'neither nodeless-informer-go nor go is on PATH or in $NODELESS_TOOLS (scripts/ci/install.sh brings them)',
    };
  const path = join(folder, 'informer-go');
  const built = await runTool(go, ['build', '-o', path, '.'], {
    cwd: join(repository, 'test', 'fixtures', 'informer-go'),
    timeoutMs: 300_000,
  });
  return built.code === 0
    ? { path }
    : { lacking: `go cannot build test/fixtures/informer-go: ${built.stderr.trim().split('\n').at(-1)}` };
}

export function startGoInformer(path: string, kubeconfig: string, namespace: string): GoInformer {
  const child = spawn(path, [namespace], {
    env: { ...process.env, KUBECONFIG: kubeconfig },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const lines: GoInformerLine[] = [];
  const asked: ((objects: Record<string, string>) => void)[] = [];
  createInterface(child.stdout).on('line', (text) => {
    const line = JSON.parse(text) as GoInformerLine;
    if (line.what === 'cache') asked.shift()?.(line.objects ?? {});
    else lines.push(line);
  });
  const exited = once(child, 'exit');
  return {
    lines,
    cache: () =>
      new Promise((resolve) => {
        asked.push(resolve);
        child.stdin.write('\n');
      }),
    async stop() {
      child.stdin.end();
      await exited;
    },
  };
}
