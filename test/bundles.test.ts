/** The functions' code as it is deployed: each bundle holds only what its function uses, is small, and loads. */
import type { Metafile } from 'esbuild';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bundled, bundleFunction, bundled, entries } from '../scripts/bundle.mjs';
import { zip } from '../scripts/zip.mjs';

/** Components that stand in a bundle beside what is shared (packages/), and clients of AWS's services. */
interface Contents {
  readonly lambdas: readonly string[];
  readonly services: readonly string[];
  /** Of those that are nowhere else. */
  readonly packages?: readonly string[];
}
const allowed: Readonly<Record<string, Contents>> = {
  apiserver: { lambdas: ['apiserver'], services: ['dynamodb', 'kms', 'ssm'] },
  setup: { lambdas: ['apiserver'], services: ['dynamodb', 'ssm'] },
  controllers: {
    lambdas: ['controllers', 'events'],
    services: ['acm', 'dynamodb', 'ec2', 'elastic-load-balancing-v2', 'kms', 'route-53', 'scheduler', 'sqs', 'ssm'],
  },
  scheduler: { lambdas: ['scheduler', 'events'], services: ['dynamodb', 'scheduler', 'sqs', 'ssm'] },
  'virtual-kubelet': {
    lambdas: ['virtual-kubelet'],
    packages: ['hono'],
    services: ['cloudwatch-logs', 'dynamodb', 'ec2', 'ecs', 'efs', 'kms', 'scheduler', 'secrets-manager', 'sqs', 'ssm'],
  },
  // It maps records to requests with the watch rules of everybody who acts.
  dispatcher: {
    lambdas: ['events', 'controllers', 'scheduler', 'virtual-kubelet'],
    services: ['dynamodb', 'sqs', 'ssm'],
  },
  later: { lambdas: ['events'], services: ['sqs'] },
  timer: { lambdas: ['events'], services: ['sqs'] },
  drain: {
    lambdas: ['events'],
    services: [
      'cloudformation',
      'cloudwatch-logs',
      'dynamodb',
      'ec2',
      'ecs',
      'elastic-load-balancing-v2',
      'lambda',
      'route-53',
      'scheduler',
      'secrets-manager',
      'ssm',
    ],
  },
};
/** What has no business in any function: stores, engines and tools of other places. */
const nowhere =
  /^(?:node_modules\/(?:classic-level|dockerode|aws-cdk|constructs|cdk-nag|commander|esbuild|typescript|vitest|hono|@kubernetes|fast-check|protobufjs)[-/]|(?:local|cli|infra|test|bench|scripts)\/|packages\/(?:localstack-utils\/|store\/leveldb\/(?:leveldb-store|database|disk|open|load)\.ts))/;
const maxZipBytes = 1_000_000;

/** Files of which something stands in the bundle. */
const sources = ({ outputs }: Metafile): string[] => [
  ...new Set(
    Object.values(outputs).flatMap(({ inputs }) =>
      Object.entries(inputs).flatMap(([file, { bytesInOutput }]) => (bytesInOutput > 0 ? [file] : [])),
    ),
  ),
];
const names = (files: readonly string[], pattern: RegExp): string[] =>
  [...new Set(files.flatMap((file) => pattern.exec(file)?.[1] ?? []))].sort();

describe.each(bundled())('the bundle of %s', (name) => {
  let outdir: string;
  let bundle: Bundled;
  beforeAll(async () => {
    outdir = mkdtempSync(join(tmpdir(), 'nodeless-bundle-'));
    bundle = await bundleFunction(name, { outdir });
  }, 60_000);
  afterAll(() => rmSync(outdir, { recursive: true, force: true }));

  it('is under 1 MB zipped', () => {
    expect(bundle.zipBytes).toBeLessThan(maxZipBytes);
    expect(bundle.zipBytes).toBeGreaterThan(10_000);
  });
  it('holds only what it uses', () => {
    const files = sources(bundle.metafile);
    const { lambdas, services, packages = [] } = allowed[name] as Contents;
    const mayHold = (file: string): boolean => packages.some((one) => file.startsWith(`node_modules/${one}/`));
    expect(files.filter((file) => nowhere.test(file) && !mayHold(file))).toEqual([]);
    const own = names(files, /^lambdas\/([^/]+)\//);
    expect(own.filter((component) => !lambdas.includes(component))).toEqual([]);
    expect(own).not.toEqual([]);
    const clients = names(files, /^node_modules\/@aws-sdk\/client-([a-z0-9-]+)\//);
    expect(clients.filter((client) => !services.includes(client))).toEqual([]);
  });
  it('is one folder that needs nothing else', () => {
    const files = readdirSync(bundle.folder);
    expect(files).toContain('index.mjs');
    expect(files.filter((file) => !file.endsWith('.mjs'))).toEqual([]);
    const outside = Object.values(bundle.metafile.outputs)
      .flatMap(({ imports }) => imports)
      .filter(({ external, path }) => external === true && !path.startsWith('node:'));
    // The SDK names node's modules in the old way too.
    expect(outside.filter(({ path }) => !isBuiltin(path))).toEqual([]);
  });
  it('is made of the same bytes again', async () => {
    const hash = (): string =>
      createHash('sha256')
        .update(readFileSync(join(outdir, 'functions', `${name}.zip`)))
        .digest('hex');
    const before = hash();
    await bundleFunction(name, { outdir });
    expect(hash()).toBe(before);
  });
});

const isBuiltin = (path: string): boolean => /^(?:[a-z_]+)(?:\/[a-z]+)?$/.test(path);

describe('the list of functions', () => {
  it('says of each what it may hold', () => {
    expect(Object.keys(allowed).sort()).toEqual(Object.keys(entries).sort());
    expect(bundled()).toEqual(expect.arrayContaining(['apiserver', 'setup']));
  });
});

describe('zip', () => {
  it('makes an archive that others read', () => {
    const content = Buffer.from('same '.repeat(1000));
    const archive = zip([
      ['b/index.mjs', content],
      ['ä.txt', Buffer.alloc(0)],
    ]);
    const script =
      'import io,sys,zipfile,json; z=zipfile.ZipFile(io.BytesIO(sys.stdin.buffer.read())); print(json.dumps([z.testzip(),[[i.filename,i.file_size,i.external_attr>>16&0o777] for i in z.infolist()]]))';
    const { stdout, error } = spawnSync('python3', ['-c', script], { input: archive, encoding: 'utf8' });
    if (error) return;
    expect(JSON.parse(stdout)).toEqual([
      null,
      [
        ['b/index.mjs', content.length, 0o644],
        ['ä.txt', 0, 0o644],
      ],
    ]);
  });
});
