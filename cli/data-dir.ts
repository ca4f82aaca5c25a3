/** Where a cluster keeps its files, and how a command finds the cluster it is about. */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createHttpClient, type HttpClient } from '@nodeless/client/http-client';
import { readKubeconfig } from '@nodeless/client/kubeconfig';
import { systemClock } from '@nodeless/component-base/clock';
import { UserError } from './output.ts';

export const defaultDataDir = '.nodeless';

/** What a running cluster writes into its folder, for `down` and `status`. */
export interface RunningFile {
  readonly pid: number;
  readonly server: string;
  readonly provider: string;
  readonly startedAt: string;
}

export const kubeconfigPath = (dataDir: string): string => join(resolve(dataDir), 'kubeconfig');
export const runningPath = (dataDir: string): string => join(resolve(dataDir), 'running.json');

/** The cluster that runs in this folder; undefined when none does (also after a crash that left the file). */
export function findRunning(dataDir: string): RunningFile | undefined {
  try {
    const running = JSON.parse(readFileSync(runningPath(dataDir), 'utf8')) as RunningFile;
    process.kill(running.pid, 0);
    return running;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EPERM') return JSON.parse(readFileSync(runningPath(dataDir), 'utf8')) as RunningFile;
    return undefined;
  }
}

export interface ConnectionOptions {
  readonly dataDir?: string;
  readonly kubeconfig?: string;
  readonly context?: string;
}

/** A client for --kubeconfig, else $KUBECONFIG, else the cluster of the data folder; with the context's namespace. */
export function connect(options: ConnectionOptions): { client: HttpClient; namespace: string; server: string } {
  const own = kubeconfigPath(options.dataDir ?? defaultDataDir);
  const path = options.kubeconfig ?? (options.dataDir ? own : (process.env['KUBECONFIG']?.split(':')[0] ?? own));
  if (!existsSync(path)) throw new UserError(`there is no cluster here: ${path} does not exist (start one with "npm start", or pass --kubeconfig)`);
  let context;
  try {
    context = readKubeconfig(path, options.context);
  } catch (error) {
    throw new UserError((error as Error).message);
  }
  const { token } = context;
  const client = createHttpClient({ ...context, token: token === undefined ? undefined : () => token, userAgent: 'nodeless', clock: systemClock });
  return { client, namespace: context.namespace ?? 'default', server: context.server };
}
