/** The client-go informer of test/fixtures/informer-go: built once, then run as a process. */
import { join } from 'node:path';
import { findTool, runTool } from './kubectl.ts';
import { type InformerProcess, startInformer } from './informer-process.ts';
import { repository } from './running-cluster.ts';

export type { InformerProcess as GoInformer } from './informer-process.ts';

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

export function startGoInformer(path: string, kubeconfig: string, namespace: string): InformerProcess {
  return startInformer({ file: path, args: [] }, kubeconfig, namespace);
}
