/** How a command finds the cluster that it is about. */
import { existsSync } from 'node:fs';
import { createHttpClient, type HttpClient } from '@nodeless/client/http-client';
import { readKubeconfig } from '@nodeless/client/kubeconfig';
import { systemClock } from '@nodeless/component-base/clock';
import { dataDirPaths, defaultDataDir } from '@nodeless/local/data-dir';
import { createExecTokens } from './exec-tokens.ts';
import { UserError } from './output.ts';

export interface ConnectionOptions {
  readonly dataDir?: string;
  readonly kubeconfig?: string;
  readonly context?: string;
}

/** A client for --kubeconfig, else $KUBECONFIG, else the cluster of the data folder; with the context's namespace. */
export function connect(options: ConnectionOptions): { client: HttpClient; namespace: string; server: string } {
  const own = dataDirPaths(options.dataDir ?? defaultDataDir).kubeconfig;
  const path = options.kubeconfig ?? (options.dataDir ? own : (process.env['KUBECONFIG']?.split(':')[0] ?? own));
  if (!existsSync(path))
    throw new UserError(
      `there is no cluster here: ${path} does not exist (start one with "npm start", or pass --kubeconfig)`,
    );
  let context;
  try {
    context = readKubeconfig(path, options.context);
  } catch (error) {
    const [line = ''] = (error as Error).message.split('\n');
    throw new UserError(`${path} cannot be used as a kubeconfig: ${line.replace(/:$/, '').replace(`${path} `, 'it ')}`);
  }
  const { token, exec } = context;
  const client = createHttpClient({
    ...context,
    token: exec ? createExecTokens(exec, systemClock) : token === undefined ? undefined : () => token,
    userAgent: 'nodeless',
    clock: systemClock,
    attempts: 1,
  });
  return { client, namespace: context.namespace ?? 'default', server: context.server };
}
