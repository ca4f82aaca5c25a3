/**
 * What a cluster costs before it does anything: time from starting the process until /readyz answers, resident memory idle, and
 * with 10,000 ConfigMaps. Starts clusters of its own, with simulated nodes, in temporary folders:  node bench/start-up.ts
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nodeCommand } from '../scripts/set-up.mjs';
import { type Connection, open } from './connection.ts';

const main = fileURLToPath(new URL('../cli/main.ts', import.meta.url));
/** As `npm start` runs it. */
const { flags, env } = nodeCommand();
const dataDir = mkdtempSync(join(tmpdir(), 'nodeless-bench-'));

async function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const residentMiB = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;

async function start(port: number): Promise<{ pid: number; ready: number; stop: () => Promise<void> }> {
  const began = performance.now();
  const child = spawn(
    process.execPath,
    [...flags, main, 'up', '--provider', 'simulated', '--port', String(port), '--data-dir', dataDir],
    { stdio: 'ignore', env },
  );
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  for (;;) {
    if (child.exitCode !== null || performance.now() - began > 60_000)
      throw new Error('the cluster does not become ready; try it by hand: nodeless up');
    const connection = await open({ url: `https://127.0.0.1:${port}`, token: '' }).catch(() => undefined);
    const status = await connection?.request('GET', '/readyz').then(
      (answer) => answer.status,
      () => 0,
    );
    connection?.close();
    if (status === 200) break;
    await wait(5);
  }
  const ready = performance.now() - began;
  return {
    pid: child.pid as number,
    ready,
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

async function fill(connection: Connection, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const object = { metadata: { name: `fill-${i}` }, data: { value: 'x'.repeat(100) } };
    await connection.request('POST', '/api/v1/namespaces/default/configmaps', JSON.stringify(object));
  }
}

const rows: [string, string][] = [];
const port = await freePort();
const first = await start(port);
rows.push(['start to ready, new folder', `${first.ready.toFixed(0)} ms`]);
await wait(5_000);
rows.push(['resident memory idle', `${residentMiB(first.pid).toFixed(0)} MiB`]);
const connection = await open({
  url: `https://127.0.0.1:${port}`,
  token: readFileSync(join(dataDir, 'pki', 'token'), 'utf8').trim(),
});
await fill(connection, 10_000);
connection.close();
await wait(5_000);
rows.push(['resident memory with 10,000 ConfigMaps', `${residentMiB(first.pid).toFixed(0)} MiB`]);
await first.stop();
const second = await start(port);
rows.push(['start to ready, 10,000 ConfigMaps in the folder', `${second.ready.toFixed(0)} ms`]);
await second.stop();
rmSync(dataDir, { recursive: true, force: true });
process.stdout.write(
  `| what | figure |\n|---|---|\n${rows.map(([what, figure]) => `| ${what} | ${figure} |\n`).join('')}`,
);
process.exit();
