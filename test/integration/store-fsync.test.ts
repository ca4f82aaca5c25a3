import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const writer = join(import.meta.dirname, 'store-writer.ts');
const probe = spawnSync('strace', ['-f', '-o', '/dev/null', 'true']);
const traceable = probe.status === 0;

/** What happened in which order. A sync covers what was written before it began, once it has ended. */
type Call =
  | { readonly call: 'write'; readonly descriptor: number; readonly data: string }
  | { readonly call: 'sync'; readonly descriptor: number }
  | { readonly call: 'synced'; readonly descriptor: number };

/** Reads `strace -f` lines, where calls of several threads come apart into "unfinished" and "resumed". */
function parse(trace: string): Call[] {
  const calls: Call[] = [];
  const syncing = new Map<string, number>();
  for (const line of trace.split('\n')) {
    const [, thread, rest] = /^(\d+)\s+(.*)$/.exec(line) ?? [];
    if (!thread || rest === undefined) continue;
    const write = /^p?write(?:64|v)?\((\d+), "(.*)"/.exec(rest);
    if (write) {
      calls.push({ call: 'write', descriptor: Number(write[1]), data: write[2]! });
      continue;
    }
    const sync = /^f(?:data)?sync\((\d+)(.*)$/.exec(rest);
    if (sync) {
      const descriptor = Number(sync[1]);
      calls.push({ call: 'sync', descriptor });
      if (/\)\s+= 0$/.test(sync[2]!)) calls.push({ call: 'synced', descriptor });
      else if (sync[2]!.includes('unfinished')) syncing.set(thread, descriptor);
      continue;
    }
    if (/^<\.\.\. f(?:data)?sync resumed>\)\s+= 0$/.test(rest) && syncing.has(thread)) {
      calls.push({ call: 'synced', descriptor: syncing.get(thread)! });
      syncing.delete(thread);
    }
  }
  return calls;
}

/**
 * For each line the program said: its text was written to some file, and a sync of that file ended, before it was
 * said. `premature` are those for which that is not so.
 */
function premature(calls: readonly Call[]): { said: number; premature: string[] } {
  const unsynced = new Map<number, Set<string>>();
  // A text may come in two writes; where the log's own framing cuts it, its second copy in the body is whole.
  const tails = new Map<number, string>();
  const syncing = new Map<number, Set<string>>();
  const durable = new Set<string>();
  const early: string[] = [];
  let said = 0;
  for (const call of calls) {
    if (call.call === 'sync') {
      syncing.set(call.descriptor, unsynced.get(call.descriptor) ?? new Set());
      unsynced.delete(call.descriptor);
    } else if (call.call === 'synced') {
      for (const text of syncing.get(call.descriptor) ?? []) durable.add(text);
    } else if (call.descriptor === 1) {
      for (const [line, text] of call.data.matchAll(/(?:ack|event) \d+ \w+ \S+ (w\d+-\d+-\d+)/g)) {
        said++;
        if (!durable.has(text!)) early.push(line);
      }
    } else {
      const texts = unsynced.get(call.descriptor) ?? new Set<string>();
      const data = (tails.get(call.descriptor) ?? '') + call.data;
      for (const [, text] of data.matchAll(/(w\d+-\d+-\d+) /g)) texts.add(text!);
      tails.set(call.descriptor, data.slice(-40));
      unsynced.set(call.descriptor, texts);
    }
  }
  return { said, premature: early };
}

it('the trace reader tells a late sync from one in time', () => {
  const write = '7 write(20, "..w1-", 5) = 5\n7 write(20, "0-0 xx", 6) = 6';
  const said = '5 write(1, "ack 12 put /pods/a/b w1-0-0\\n", 28) = 28';
  expect(premature(parse([write, '7 fdatasync(20) = 0', said].join('\n')))).toEqual({ said: 1, premature: [] });
  expect(
    premature(parse([write, '7 fdatasync(20 <unfinished ...>', '7 <... fdatasync resumed>) = 0', said].join('\n')))
      .premature,
  ).toEqual([]);
  for (const wrong of [
    [write, said, '7 fdatasync(20) = 0'],
    [write, '7 fdatasync(20 <unfinished ...>', said, '7 <... fdatasync resumed>) = 0'],
    ['7 fdatasync(20 <unfinished ...>', write, '7 <... fdatasync resumed>) = 0', said],
    [write, '7 fdatasync(20) = -1 EIO (Input/output error)', said],
    [write, '7 fdatasync(21) = 0', said],
    ['7 fdatasync(20) = 0', said],
  ]) {
    expect(premature(parse(wrong.join('\n'))).premature).toHaveLength(1);
  }
});

it.skipIf(!traceable)(
  traceable
    ? 'a completed fdatasync precedes each acknowledgement and each watch event'
    : 'needs strace with the right to trace',
  { timeout: 60_000 },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'store-trace-'));
    try {
      for (const writers of [1, 16]) {
        const output = join(folder, `trace-${writers}`);
        const calls = 'trace=write,pwrite64,writev,fsync,fdatasync';
        const args = [
          '-f',
          '-qq',
          '-s',
          '1000000',
          '-e',
          calls,
          '-e',
          'signal=none',
          '-o',
          output,
          process.execPath,
          writer,
          join(folder, `store-${writers}`),
          String(writers),
          '150',
        ];
        const run = spawnSync('strace', args, { encoding: 'utf8', maxBuffer: 1e8 });
        expect([run.status, run.stderr]).toEqual([0, '']);
        const result = premature(parse(await readFile(output, 'utf8')));
        expect(result.premature).toEqual([]);
        expect(result.said).toBe(run.stdout.split('\n').filter((line) => /^(ack|event) /.test(line)).length);
        expect(result.said).toBeGreaterThan(200);
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
);
