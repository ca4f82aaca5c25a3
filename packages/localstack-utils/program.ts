import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A program of a test that runs in the background, with everything that it starts in turn. */
export interface Program {
  /** How it ended; undefined while it runs. */
  readonly exit: () => string | undefined;
  /** The end of what it wrote. */
  log(): string;
  stop(): Promise<void>;
}

/**
 * Runs as long as this process lives: the other end of its standard input is ours, and when that breaks, be it by a kill -9, the
 * whole group of processes is ended, and what it leaves elsewhere is removed.
 */
const lifeline = `exec 3<&0
afterwards=$1; shift
"$@" </dev/null 3<&- & child=$!
trap '' TERM
(cat <&3 >/dev/null; kill -TERM 0; sleep 2; kill -KILL $child) 2>/dev/null &
wait $child
echo "ended with $?"
sh -c "$afterwards" </dev/null 3<&-
kill -KILL 0`;

/** `afterwards`: a line of shell that is run once it has ended, however that came. */
export function runProgram(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  afterwards = ':',
): Program {
  const folder = mkdtempSync(join(tmpdir(), 'nodeless-aws-'));
  const path = join(folder, 'log');
  const output = openSync(path, 'w');
  const child = spawn('sh', ['-c', lifeline, 'sh', afterwards, command, ...args], {
    env,
    cwd: folder,
    stdio: ['pipe', output, output],
    // A group of its own, so that all of it can be ended.
    detached: true,
  });
  closeSync(output);
  let problem: Error | undefined;
  child.once('error', (error) => (problem = error));
  const log = (): string => {
    try {
      return readFileSync(path, 'utf8').slice(-20_000);
    } catch {
      return '';
    }
  };
  return {
    exit: () =>
      problem?.message ??
      (child.exitCode === null && child.signalCode === null
        ? undefined
        : (/ended with \d+/.exec(log())?.[0] ?? 'it was killed')),
    log,
    async stop() {
      await ended(child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
  });
  child.stdin?.destroy();
  await exit;
}

/** Asks until the answer is not undefined. Ends at once when the program has ended. */
export async function waitUntilReady<T>(
  what: string,
  program: Program,
  timeoutMs: number,
  ask: () => Promise<T | undefined>,
): Promise<T> {
  for (const deadline = Date.now() + timeoutMs; ; await sleep(100)) {
    const answer = await ask().catch(() => undefined);
    if (answer !== undefined) return answer;
    const why = program.exit() ?? (Date.now() > deadline ? `it did not answer in ${timeoutMs / 1000} s` : undefined);
    if (why === undefined) continue;
    const log = program.log();
    await program.stop();
    throw new Error(`${what}: ${why}\n${log.slice(-3000)}`);
  }
}
