/** Tokens from the program that a kubeconfig names, as kubectl gets them; asked again when one has expired. */
import { spawn } from 'node:child_process';
import type { ExecPlugin } from '@nodeless/client/kubeconfig';
import type { Clock } from '@nodeless/component-base/clock';
import { UserError } from './output.ts';

interface Credential {
  readonly token: string;
  /** Milliseconds since the epoch; absent: good for as long as this process. */
  readonly until?: number;
}

/** Throws UserError that says what the program said. */
export function createExecTokens(plugin: ExecPlugin, clock: Clock): () => Promise<string> {
  let held: Credential | undefined;
  let asking: Promise<Credential> | undefined;
  return async () => {
    if (held && (held.until === undefined || held.until > clock.now())) return held.token;
    asking ??= ask(plugin).finally(() => (asking = undefined));
    held = await asking;
    return held.token;
  };
}

async function ask({ command, args, env, apiVersion, installHint }: ExecPlugin): Promise<Credential> {
  const info = JSON.stringify({
    apiVersion,
    kind: 'ExecCredential',
    spec: { interactive: process.stdin.isTTY === true },
  });
  const child = spawn(command, [...args], {
    env: { ...process.env, ...env, KUBERNETES_EXEC_INFO: info },
    // It may ask for a second factor.
    stdio: ['inherit', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', (error) =>
      reject(
        new UserError(
          `the kubeconfig's exec plugin cannot be started: ${error.message}${installHint ? `\n${installHint}` : ''}`,
        ),
      ),
    );
    child.on('close', resolve);
  });
  if (code !== 0)
    throw new UserError(`the kubeconfig's exec plugin ${command} failed: ${err.trim() || `exit code ${code}`}`);
  let status: { token?: unknown; expirationTimestamp?: unknown } | undefined;
  try {
    ({ status } = JSON.parse(out) as { status?: typeof status });
  } catch {
    status = undefined;
  }
  if (typeof status?.token !== 'string')
    throw new UserError(`the kubeconfig's exec plugin ${command} printed no token`);
  const until = typeof status.expirationTimestamp === 'string' ? Date.parse(status.expirationTimestamp) : NaN;
  return { token: status.token, ...(Number.isNaN(until) ? {} : { until }) };
}
