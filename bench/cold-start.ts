/**
 * What a function costs before its first request: time to load its bundle as it is deployed, what of it is loaded, memory. Each
 * figure is the median of several processes of its own; nothing is reached over the network.
 *
 *   npm run bench -- cold-start [-- <function>…]
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleAll } from '../scripts/bundle.mjs';

const rounds = 9;

/** Runs in the process that is measured. */
const probe = `
const before = process.memoryUsage();
globalThis.awslambda = { streamifyResponse: (handler) => handler, HttpResponseStream: { from: (stream) => stream } };
const started = performance.now();
const cpu = process.cpuUsage();
const { handler } = await import(process.argv[1]);
const ms = performance.now() - started;
const { user, system } = process.cpuUsage(cpu);
if (typeof handler !== 'function') throw new Error('there is no handler');
const { rss, heapUsed } = process.memoryUsage();
process.stdout.write(JSON.stringify({ ms, cpu: (user + system) / 1000, rss: rss - before.rss, heap: heapUsed - before.heapUsed, process: rss }));
process.exit(0);
`;

/** Whatever a function may ask for; none of it is looked at before the first event. */
const variables = (): Record<string, string> => ({
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'example',
  ...Object.fromEntries(
    [
      'CLUSTER',
      'TABLE',
      'SERVICE_CIDR',
      'QUEUE_CONTROLLERS',
      'QUEUE_SCHEDULER',
      'QUEUE_KUBELET',
      'QUEUE_LATER',
      'SCHEDULE_GROUP',
      'SCHEDULE_ROLE',
      'TIMER_ARN',
      'ECS_CLUSTER',
      'SECURITY_GROUPS',
      'ASSIGN_PUBLIC_IP',
      'EXECUTION_ROLE',
      'TASK_ROLE',
      'LOG_GROUP',
      'AGENT_IMAGE',
      'ARCHITECTURE',
      'VPC',
      'LB_SECURITY_GROUP',
      'HOSTED_ZONE',
      'CLUSTER_DOMAIN',
    ].map((name) => [`NODELESS_${name}`, 'example']),
  ),
  NODELESS_PARAMETERS: '/nodeless/example',
  NODELESS_SUBNETS: '[{"id":"subnet-1","zone":"us-east-1a"}]',
  NODELESS_LB_SUBNETS: '{"public":["subnet-1"],"private":["subnet-2"],"service":[]}',
});

interface Figures {
  readonly ms: number;
  /** Processor time: what a busy machine changes least. */
  readonly cpu: number;
  readonly rss: number;
  readonly heap: number;
  readonly process: number;
}

function measure(file: string): Figures {
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', probe, file], {
    encoding: 'utf8',
    env: variables(),
  });
  if (status !== 0) throw new Error(`${file} does not load: ${stderr}`);
  return JSON.parse(stdout) as Figures;
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);
const kib = (bytes: number): string => (bytes / 1024).toFixed(0);

const outdir = mkdtempSync(join(tmpdir(), 'nodeless-cold-start-'));
try {
  const asked = process.argv.slice(2).filter((name) => !name.startsWith('-'));
  const rows: string[][] = [
    ['function', 'zip KiB', 'code KiB', 'at start KiB', 'modules', 'load ms', 'CPU ms', 'heap MiB', 'process MiB'],
  ];
  for (const { name, folder, zipBytes, metafile } of await bundleAll(asked.length > 0 ? asked : undefined, {
    outdir,
  })) {
    const file = join(folder, 'index.mjs');
    measure(file);
    const runs = Array.from({ length: rounds }, () => measure(file));
    const outputs = new Map(
      Object.entries(metafile.outputs).map(([path, output]) => [path.split('/').at(-1) as string, output]),
    );
    const loaded = new Set<string>();
    const visit = (output: string): void => {
      if (loaded.has(output)) return;
      loaded.add(output);
      for (const { path, kind } of outputs.get(output)?.imports ?? [])
        if (kind === 'import-statement') visit(path.split('/').at(-1) as string);
    };
    visit('index.mjs');
    const modules = new Set([...loaded].flatMap((output) => Object.keys(outputs.get(output)?.inputs ?? {})));
    const size = (files: Iterable<string>): number =>
      [...files].reduce((sum, one) => sum + statSync(join(folder, one)).size, 0);
    const of = (pick: (figures: Figures) => number): number => median(runs.map(pick));
    rows.push([
      name,
      kib(zipBytes),
      kib(size(readdirSync(folder))),
      kib(size([...loaded].filter((one) => outputs.get(one)?.bytes))),
      String(modules.size),
      of(({ ms }) => ms).toFixed(0),
      of(({ cpu }) => cpu).toFixed(0),
      mib(of(({ heap }) => heap)),
      mib(of((figures) => figures.process)),
    ]);
  }
  const widths = (rows[0] as string[]).map((_, i) => Math.max(...rows.map((row) => (row[i] as string).length)));
  process.stdout.write(`Node ${process.versions.node}, ${process.arch}, median of ${rounds}\n`);
  for (const row of rows)
    process.stdout.write(
      `${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] as number) : cell.padStart(widths[i] as number))).join('  ')}\n`,
    );
} finally {
  rmSync(outdir, { recursive: true, force: true });
}
