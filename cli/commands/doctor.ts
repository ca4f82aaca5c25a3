import { createServer } from 'node:net';
import { accessSync, constants, existsSync, statfsSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { dirname, resolve } from 'node:path';
import { defaultDataDir, findRunning } from '@nodeless/local/data-dir';
import { askDocker } from '@nodeless/local/providers';
import { outputFormat } from '../output.ts';
import type { Finding } from '../aws/quotas.ts';
import { type AwsCommandOptions, withAws } from './aws-options.ts';
import type { AddCommand } from './command.ts';

interface DoctorOptions extends AwsCommandOptions {
  dataDir: string;
  port: string;
  cluster?: string;
  output?: string;
}

export const addDoctor: AddCommand = (program, output) => {
  withAws(
    program
      .command('doctor')
      .description(
        'check what a cluster needs on this machine, or with --region in AWS (exit code 1: something must be mended)',
      ),
  )
    .option('--cluster <name>', 'with --region: a cluster to look at, too')
    .option('--data-dir <folder>', 'folder of the cluster', defaultDataDir)
    .option('--port <number>', 'port of the API server', '6443')
    .option('-o, --output <format>', 'json')
    .action(async (options: DoctorOptions) => {
      outputFormat(options.output, ['json']);
      const findings = isAboutAws(options)
        ? await inAws(options)
        : [
            nodeVersion(),
            await docker(),
            await port(Number(options.port), options.dataDir),
            folder(options.dataDir),
            kubectl(),
          ];
      if (options.output === 'json') output.json(findings);
      else {
        const marks = {
          ok: output.style('green', '✓'),
          warning: output.style('yellow', '!'),
          problem: output.style('red', '✗'),
        };
        for (const { check, status, message } of findings) output.line(`${marks[status]} ${check}: ${message}`);
      }
      if (findings.some((f) => f.status === 'problem')) process.exitCode = 1;
    });
};

function isAboutAws({ region, profile, cluster }: DoctorOptions): boolean {
  return [region, profile, cluster].some((given) => given !== undefined);
}

async function inAws(options: DoctorOptions): Promise<Finding[]> {
  const { createCloud } = await import('../aws/sdk-cloud.ts');
  const { examine } = await import('../aws/examine.ts');
  return [nodeVersion(), ...(await examine(await createCloud(options), options.cluster)), kubectl()];
}

function nodeVersion(): Finding {
  const good = Number(process.versions.node.split('.')[0]) >= 24;
  return {
    check: 'Node',
    status: good ? 'ok' : 'problem',
    message: good ? process.version : `${process.version}; 24 or newer is needed (npm start brings it)`,
  };
}

async function docker(): Promise<Finding> {
  const { problem, url } = await askDocker();
  return problem
    ? { check: 'Docker', status: 'warning', message: `${problem}; pods will be simulated` }
    : { check: 'Docker', status: 'ok', message: `answers at ${url}` };
}

async function port(number: number, dataDir: string): Promise<Finding> {
  const running = findRunning(dataDir);
  if (running && new URL(running.server).port === String(number))
    return { check: 'Port', status: 'ok', message: `${number} is this cluster's own (pid ${running.pid})` };
  const free = await new Promise<boolean>((done) => {
    const server = createServer();
    server.once('error', () => done(false));
    server.listen(number, '127.0.0.1', () => server.close(() => done(true)));
  });
  return free
    ? { check: 'Port', status: 'ok', message: `${number} is free` }
    : { check: 'Port', status: 'problem', message: `${number} is in use; start with --port` };
}

function folder(path: string): Finding {
  const wanted = resolve(path);
  let existing = wanted;
  while (!existsSync(existing)) existing = dirname(existing);
  try {
    accessSync(existing, constants.W_OK);
  } catch {
    return { check: 'Folder', status: 'problem', message: `${existing} cannot be written; choose another --data-dir` };
  }
  const { bavail, bsize } = statfsSync(existing);
  const free = Math.floor((bavail * bsize) / 1024 ** 2);
  return free < 200
    ? { check: 'Folder', status: 'problem', message: `only ${free} MiB are free at ${existing}` }
    : { check: 'Folder', status: 'ok', message: `${wanted}, ${free} MiB free` };
}

function kubectl(): Finding {
  const result = spawnSync('kubectl', ['version', '--client', '-o', 'json'], { encoding: 'utf8', timeout: 5_000 });
  if (result.status !== 0)
    return {
      check: 'kubectl',
      status: 'warning',
      message: 'not found; nodeless get, apply, logs and delete do the first steps without it',
    };
  const version =
    (JSON.parse(result.stdout) as { clientVersion?: { gitVersion?: string } }).clientVersion?.gitVersion ??
    'unknown version';
  return { check: 'kubectl', status: 'ok', message: version };
}
