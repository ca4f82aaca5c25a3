import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runProgram, waitUntilReady } from '@nodeless/localstack-utils/program';
import { describe, expect, it } from 'vitest';

/** A program that says which processes are its own, and never ends by itself, not even by a SIGTERM. */
const stubborn = ['-c', 'trap "" TERM; sleep 1000 & echo "pids $$ $!"; wait; sleep 1000'];

function pidsIn(log: string): number[] | undefined {
  const found = /pids (\d+) (\d+)/.exec(log);
  return found ? found.slice(1).map(Number) : undefined;
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function allGone(pids: readonly number[]): Promise<boolean> {
  for (const deadline = Date.now() + 15_000; Date.now() < deadline; await sleep(50)) {
    if (!pids.some(runs)) return true;
  }
  return false;
}

describe('a program of a test', () => {
  it('ends with everything that it started', async () => {
    const program = runProgram('sh', stubborn, process.env);
    const pids = await waitUntilReady('sh', program, 10_000, () => Promise.resolve(pidsIn(program.log())));
    await program.stop();
    expect(await allGone(pids)).toBe(true);
  }, 30_000);

  it('ends when the test is killed', async () => {
    const source = `
      import { runProgram } from ${JSON.stringify(join(import.meta.dirname, '../../../packages/localstack-utils/program.ts'))};
      const program = runProgram('sh', ${JSON.stringify(stubborn)}, process.env);
      setInterval(() => console.log(program.log()), 20);`;
    const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', source], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    for await (const chunk of child.stdout) {
      said += String(chunk);
      if (pidsIn(said)) break;
    }
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    expect(await allGone(pidsIn(said)!)).toBe(true);
  }, 30_000);

  it('has what it leaves removed, also when the test is killed', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nodeless-left-'));
    const left = join(folder, 'left');
    writeFileSync(left, '');
    const program = runProgram('sh', ['-c', 'echo pids $$ $$; sleep 1000'], process.env, `rm ${left}`);
    await waitUntilReady('sh', program, 10_000, () => Promise.resolve(pidsIn(program.log())));
    expect(existsSync(left)).toBe(true);
    await program.stop();
    expect(existsSync(left)).toBe(false);
    rmSync(folder, { recursive: true });
  }, 30_000);

  it('that ends by itself is told with what it said', async () => {
    const program = runProgram('sh', ['-c', 'echo no luck; exit 3'], process.env);
    await expect(waitUntilReady('it', program, 10_000, () => Promise.resolve(undefined))).rejects.toThrow(/no luck/);
  });

  it('that cannot be started is told', async () => {
    const program = runProgram('/nowhere/program', [], process.env);
    await expect(waitUntilReady('it', program, 10_000, () => Promise.resolve(undefined))).rejects.toThrow(
      /not found|ended/,
    );
  });
});
