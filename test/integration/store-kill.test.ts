import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '@nodeless/component-base/clock';
import { createLogger } from '@nodeless/component-base/logger';
import { openLevelDbStore } from '@nodeless/store/leveldb/leveldb-store';
import type { Entry, Store, StoreEvent } from '@nodeless/store/store';
import { expect, it } from 'vitest';

const writer = join(import.meta.dirname, 'store-writer.ts');
const type = '/pods/';

interface Line {
  readonly said: 'event' | 'ack';
  readonly revision: number;
  readonly change: string;
}

/** Runs the writer and kills it at a random instant after its first acknowledgement; returns what it had said. */
async function runAndKill(folder: string, writers: number): Promise<Line[]> {
  const child = spawn(process.execPath, [writer, folder, String(writers)], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let errors = '';
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => resolve());
  });
  const speaking = new Promise<void>((resolve) => {
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes('ack ')) resolve();
    });
  });
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  await Promise.race([speaking, ended]);
  await delay(Math.random() * 120);
  child.kill('SIGKILL');
  await ended;
  expect(errors).toBe('');
  // The last line may be cut in the middle.
  const lines = output.slice(0, output.lastIndexOf('\n')).split('\n');
  return lines.map((line) => {
    const [said, revision, ...change] = line.split(' ');
    return { said: said as Line['said'], revision: Number(revision), change: change.join(' ') };
  });
}

async function replay(store: Store, after: number): Promise<StoreEvent[]> {
  const events: StoreEvent[] = [];
  let end: string | undefined;
  const subscription = store.watch({ prefix: type }, after, {
    onEvents: (more) => void events.push(...more),
    onEnd: (error) => (end = error?.code),
  });
  await delay(0);
  subscription.stop();
  expect(end).toBeUndefined();
  return events;
}

const textOf = (entry: Entry): string => Buffer.from(entry.value.bytes).toString().split(' ')[0]!;
const changeOf = ({ type: change, key, entry }: StoreEvent): string => `${change} ${key} ${textOf(entry)}`;

/** The log leads from nothing to what is there now, each event starting from where the one before of its key ended. */
function verifyLog(events: readonly StoreEvent[], entries: readonly Entry[]): void {
  const state = new Map<string, Entry>();
  let last = 0;
  for (const event of events) {
    expect(event.revision).toBeGreaterThan(last);
    last = event.revision;
    expect(event.previous?.revision).toBe(state.get(event.key)?.revision);
    expect(event.previous && textOf(event.previous)).toBe(event.previous && textOf(state.get(event.key)!));
    if (event.type === 'put') state.set(event.key, event.entry);
    else state.delete(event.key);
  }
  const shown = (entry: Entry): string => `${entry.key} ${entry.revision} ${textOf(entry)}`;
  expect(entries.map(shown)).toEqual([...state.values()].map(shown).sort());
}

it(
  'a store killed at any instant keeps every acknowledged write, and its log has no gap and no repeat',
  { timeout: 60_000 },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'store-kill-'));
    const open = (): Promise<Store> =>
      openLevelDbStore({ path: folder, clock: systemClock, log: createLogger({ level: 'error' }) });
    try {
      const empty = await open();
      const start = await empty.revision(type);
      await empty.close();
      const said = new Map<number, string>();
      let acknowledged = 0;
      const until = Date.now() + 10_000;
      for (let round = 0; Date.now() < until || round < 5; round++) {
        const lines = await runAndKill(folder, 1 + (round % 3) * 8);
        let lastEvent = 0;
        for (const { said: what, revision, change } of lines) {
          // An acknowledgement comes after its event, and events come in order.
          if (what === 'event') {
            expect(revision).toBeGreaterThan(lastEvent);
            expect(said.has(revision)).toBe(false);
            said.set((lastEvent = revision), change);
          } else {
            acknowledged++;
            expect(said.get(revision)).toBe(change);
          }
        }
        const store = await open();
        const events = await replay(store, start);
        const found = new Map(events.map((event) => [event.revision, changeOf(event)]));
        for (const [revision, change] of said)
          expect(found.get(revision), `revision ${revision} in round ${round}`).toBe(change);
        const { entries, revision } = await store.list({ prefix: type });
        verifyLog(events, entries);
        expect(revision).toBeGreaterThanOrEqual(lastEvent);
        const pairs = Map.groupBy(
          entries.filter(({ key }) => key.startsWith('/pods/pair/')),
          ({ key }) => key.slice(0, -2),
        );
        for (const pair of pairs.values()) expect(new Set(pair.map(textOf)).size).toBe(1);
        for (const pair of pairs.values()) expect(pair).toHaveLength(2);
        await store.close();
      }
      expect(acknowledged).toBeGreaterThan(100);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
);
