/** The CDK's command line as a child process: it makes the template, uploads the assets and starts CloudFormation. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface CdkRun {
  readonly command: 'deploy' | 'bootstrap' | 'rollback';
  readonly args: readonly string[];
  readonly region: string;
  readonly profile?: string;
}

export interface CdkResult {
  readonly code: number;
  /** The end of what it said. */
  readonly said: string;
}

export type RunCdk = (run: CdkRun) => Promise<CdkResult>;

const keptChars = 20_000;

/** In a checkout cdk.json names the application; the published package has it ready beside this file. */
export function findApplication(from: string = import.meta.url): { folder: string; app?: string } {
  const packed = fileURLToPath(new URL('../infra/app.mjs', from));
  if (existsSync(packed))
    return { folder: process.cwd(), app: `${JSON.stringify(process.execPath)} ${JSON.stringify(packed)}` };
  return { folder: fileURLToPath(new URL('../../', from)) };
}

export const runCdk: RunCdk = async ({ command, args, region, profile }) => {
  const { folder, app } = findApplication();
  const require = createRequire(import.meta.url);
  const cdk = join(require.resolve('aws-cdk/package.json'), '..', 'bin', 'cdk');
  const all = [
    cdk,
    command,
    ...args,
    ...(app && command !== 'bootstrap' ? ['--app', app] : []),
    ...(profile ? ['--profile', profile] : []),
    '--no-notices',
    '--no-color',
  ];
  const child = spawn(process.execPath, all, {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, AWS_REGION: region, AWS_DEFAULT_REGION: region, CDK_DISABLE_CLI_TELEMETRY: 'true' },
  });
  let said = '';
  const hear = (chunk: Buffer): void => {
    said = (said + chunk.toString()).slice(-keptChars);
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  // Ctrl-C reaches the child with the whole foreground group; it ends by itself.
  return await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? 1, said }));
  });
};

/** What matters of what a failed run said: the list of wrong settings, or the last lines that are no progress. */
export function essenceOf(said: string): string {
  const settings = /nodeless cannot be set up like this:\n(?:- .*\n?)+/.exec(said);
  if (settings) return settings[0].trimEnd();
  const lines = said.split('\n').map((line) => line.trim());
  const error = lines.filter((line) => /(?:^|\s)(?:Error|error|failed|❌)/.test(line) && !line.startsWith('at '));
  return (error.length > 0 ? error.slice(-3) : lines.filter(Boolean).slice(-5)).join('\n').replaceAll('❌', '').trim();
}
