/** What is published, installed in an empty app: the construct synthesises there, the types hold, the command line runs. */
import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { bundled, entries } from '../../scripts/bundle.mjs';
import { pack } from '../../scripts/pack.mjs';
import { temporaryFolder, type TemplateJson } from './synthesise.ts';

const root = join(import.meta.dirname, '..', '..');
const folder = temporaryFolder();
const app = join(folder, 'app');
const source = `import { App, Stack } from 'aws-cdk-lib';
import { NodelessCluster, type NodelessOptions } from 'nodeless';

const options: NodelessOptions = { cluster: 'packed', network: { egress: 'ipv6' } };
const app = new App({ outdir: 'out' });
const cluster = new NodelessCluster(new Stack(app, 'Theirs'), 'Cluster', options);
cluster.grantAccess('arn:aws:iam::123456789012:role/viewer', 'viewers');
cluster.addManifest('Web', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'web' } });
app.synth();
`;

function run(command: string, ...args: string[]): SpawnSyncReturns<string> {
  const { AWS_ENDPOINT_URL: _, ...environment } = process.env;
  return spawnSync(command, args, {
    cwd: app,
    encoding: 'utf8',
    timeout: 50_000,
    env: { ...environment, AWS_ACCESS_KEY_ID: 'AKIA', AWS_SECRET_ACCESS_KEY: 's' },
  });
}

const missing = Object.keys(entries).filter((name) => !(bundled() as string[]).includes(name));

describe.skipIf(missing.length > 0)('the published package', () => {
  let why: string | undefined;

  beforeAll(async () => {
    const made = await pack(join(folder, 'package'));
    mkdirSync(app);
    writeFileSync(join(app, 'package.json'), '{"name":"app","private":true,"type":"module"}');
    writeFileSync(join(app, 'app.ts'), source);
    const packed = run('npm', 'pack', made, '--pack-destination', folder, '--silent');
    expect(packed.status, packed.stderr).toBe(0);
    const { version } = JSON.parse(readFileSync(join(made, 'package.json'), 'utf8')) as { version: string };
    // The peers are large, and an app's own: they are linked.
    const peers = ['aws-cdk-lib', 'constructs'].map((name) => `file:${join(root, 'node_modules', name)}`);
    const installed = run(
      'npm',
      'install',
      '--no-audit',
      '--no-fund',
      '--ignore-scripts',
      '--prefer-offline',
      '--fetch-retries=0',
      join(folder, `nodeless-${version}.tgz`),
      ...peers,
    );
    if (installed.status === 0) return;
    const unreachable = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ENOTCACHED|network/.exec(
      installed.stderr,
    )?.[0];
    why = installed.error
      ? 'the registry is too slow'
      : unreachable && `the registry cannot be reached (${unreachable})`;
    expect(why, installed.stderr).toBeDefined();
  }, 180_000);

  it('synthesises in an empty app', (context) => {
    if (why) return context.skip(why);
    const { status, stderr } = run(process.execPath, 'app.ts');
    expect(status, stderr).toBe(0);
    const template = JSON.parse(readFileSync(join(app, 'out', 'Theirs.template.json'), 'utf8')) as TemplateJson;
    expect(Object.values(template.Resources).filter(({ Type }) => Type === 'AWS::Lambda::Function')).toHaveLength(10);
    const { files } = JSON.parse(readFileSync(join(app, 'out', 'Theirs.assets.json'), 'utf8')) as {
      files: Record<string, { source: { path: string } }>;
    };
    for (const { source: asset } of Object.values(files)) expect(existsSync(join(app, 'out', asset.path))).toBe(true);
  }, 60_000);

  it('has types that hold', (context) => {
    if (why) return context.skip(why);
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    const options = [
      '--ignoreConfig',
      '--noEmit',
      '--strict',
      '--module',
      'nodenext',
      '--target',
      'es2024',
      '--types',
      'node',
      '--typeRoots',
      join(root, 'node_modules', '@types'),
    ];
    // A value that is not of a setting's must be found out, too.
    const wrong = source.replace(
      /^const options.*$/m,
      "// @ts-expect-error\nconst options: NodelessOptions = { network: { egress: 'proxy' } };",
    );
    writeFileSync(join(app, 'wrong.ts'), wrong);
    expect(run(process.execPath, tsc, ...options, 'app.ts', 'wrong.ts').stdout).toBe('');
  }, 60_000);

  it('runs its command line, with only the packages that it names', (context) => {
    if (why) return context.skip(why);
    const nodeless = join(app, 'node_modules', 'nodeless', 'bin', 'nodeless.mjs');
    expect(run(process.execPath, nodeless, '--version').stdout.trim()).toMatch(/^\d+\.\d+\.\d+$/);
    const token = run(process.execPath, nodeless, 'token', '--cluster', 'packed-0f0e1d2c', '--region', 'us-east-1');
    expect(JSON.parse(token.stdout)).toMatchObject({
      kind: 'ExecCredential',
      apiVersion: 'client.authentication.k8s.io/v1',
    });
    const { exports } = JSON.parse(readFileSync(join(app, 'node_modules', 'nodeless', 'package.json'), 'utf8')) as {
      exports: object;
    };
    expect(Object.keys(exports)).toEqual(['.', './package.json']);
  }, 60_000);
});
