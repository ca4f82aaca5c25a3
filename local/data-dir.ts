/** The folder of a local cluster: where everything lies in it, and who is using it. */
import { randomBytes } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

export const defaultDataDir = '.nodeless';

export interface DataDir {
  readonly path: string;
  readonly store: string;
  readonly pki: string;
  readonly kubeconfig: string;
  readonly auditLog: string;
  readonly log: string;
  readonly running: string;
  /** Random and lasting: in the names of networks and containers, so that clusters do not meet. */
  readonly clusterId: string;
}

export function dataDirPaths(path: string): Omit<DataDir, 'clusterId'> {
  const root = resolve(path);
  const inside = (name: string): string => join(root, name);
  return {
    path: root,
    store: inside('store'),
    pki: inside('pki'),
    kubeconfig: inside('kubeconfig'),
    auditLog: inside('audit.log'),
    log: inside('nodeless.log'),
    running: inside('running.json'),
  };
}

/** Makes the folder (for its owner only) and the cluster's id where they are missing. */
export function openDataDir(path: string): DataDir {
  const paths = dataDirPaths(path);
  makeFolder(paths.pki);
  chmodSync(paths.path, 0o700);
  const clusterId = readOrCreate(join(paths.path, 'cluster-id'), () => randomBytes(5).toString('hex'));
  return { ...paths, clusterId: clusterId.trim() };
}

/** With its parents, for its owner only. Node's own recursive mkdir never ends where nothing can be made, as in /proc. */
export function makeFolder(path: string): void {
  const missing: string[] = [];
  for (let folder = resolve(path); !existsSync(folder); folder = dirname(folder)) missing.unshift(folder);
  for (const folder of missing) {
    try {
      mkdirSync(folder, { mode: 0o700 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

/** undefined for a folder in which no cluster was ever started. */
export function readClusterId(path: string): string | undefined {
  const file = join(resolve(path), 'cluster-id');
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined;
}

/** What a running cluster tells those who look for it. */
export interface RunningFile {
  readonly pid: number;
  readonly server: string;
  readonly provider: string;
  readonly startedAt: string;
}

/** The cluster that runs in this folder; undefined when none does, also after a crash that left its file behind. */
export function findRunning(path: string): RunningFile | undefined {
  let running: RunningFile;
  try {
    running = JSON.parse(readFileSync(dataDirPaths(path).running, 'utf8')) as RunningFile;
  } catch {
    return undefined;
  }
  return isNodeless(running.pid) ? running : undefined;
}

/** After a crash, or in a container that was started again, the number may belong to another process, or to this one. */
function isNodeless(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const { stdout, status } = spawnSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
  // Where there is no ps, the process is believed to be what its file says.
  return status !== 0 || /nodeless|cli\/main\.ts/.test(stdout);
}

/** Whole or not at all: a crash leaves the old file or the new one. Readable by its owner only. */
export function writePrivate(path: string, text: string): void {
  const fresh = `${path}.${process.pid}.new`;
  writeFileSync(fresh, text, { mode: 0o600 });
  renameSync(fresh, path);
}

export function readOrCreate(path: string, create: () => string): string {
  if (existsSync(path)) return readFileSync(path, 'utf8');
  const text = create();
  writePrivate(path, text);
  return text;
}

export function remove(path: string): void {
  rmSync(path, { force: true });
}
