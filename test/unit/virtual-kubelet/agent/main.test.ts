import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';

let folder: string;
let program: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nodeless-agent-main-'));
  program = join(folder, 'agent.mjs');
  const entry = fileURLToPath(new URL('../../../../lambdas/virtual-kubelet/agent/main.ts', import.meta.url));
  await build({
    entryPoints: [entry],
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    outfile: program,
  });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Nobody answers at this address. */
const settings = JSON.stringify({ v: 1, url: 'http://127.0.0.1:1', token: 'x' });

test('a program whose log nobody reads any more goes on, and ends when it is told to', async () => {
  const child = spawn(process.execPath, [program], {
    env: { NODELESS_BOOT: settings },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const over = new Promise<number | null>((resolve) => child.once('exit', resolve));
  await new Promise((resolve) => child.stderr.once('data', resolve));
  child.stderr.destroy();
  // Several more tries are logged in this time.
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  expect(child.exitCode).toBeNull();
  child.kill('SIGTERM');
  expect(await over).toBe(0);
});
