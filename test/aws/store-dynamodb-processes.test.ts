import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '@nodeless/component-base/clock';
import { type DynamoDbEndpoint, startDynamoDb, whyNoDynamoDb } from '@nodeless/localstack-utils/dynamodb';
import { createDynamoClient, createTable } from '@nodeless/store/dynamodb/create-table';
import { createDynamoTable } from '@nodeless/store/dynamodb/dynamo-table';
import { createDynamoDbStore } from '@nodeless/store/dynamodb/dynamodb-store';
import { typeOf } from '@nodeless/store/keys';
import type { Entry, Store, StoreEvent } from '@nodeless/store/store';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const missing = whyNoDynamoDb();
const types = ['/pods/', '/nodes/', '/services/'];
const runMs = Number(process.env['WRITERS_MS'] ?? 10_000);
const writersAtOnce = 3;
/** The project's own Node, which runs TypeScript. */
const node = join(import.meta.dirname, '../../node_modules/.bin/node');
let dynamo: DynamoDbEndpoint | undefined;

interface Line {
  readonly began?: string;
  readonly done?: string;
  readonly failed?: string;
  readonly code?: string;
  readonly at: number;
  readonly revisions?: readonly (readonly [key: string, revision: number])[];
}

beforeAll(async () => {
  if (!missing) dynamo = await startDynamoDb();
}, 100_000);
afterAll(() => dynamo?.stop());

describe.skipIf(missing !== undefined)(`many processes write and are killed${missing ? ` (${missing})` : ''}`, () => {
  it(
    'nothing acknowledged is lost, watches are whole and in order, keys change one step at a time',
    { timeout: runMs + 90_000 },
    async () => {
      const config = {
        endpoint: dynamo!.endpoint,
        region: process.env['AWS_REGION'] ?? 'us-east-1',
        ...(process.env['AWS_ACCESS_KEY_ID'] ? {} : { credentials: { accessKeyId: 'test', secretAccessKey: 'test' } }),
      };
      const name = `processes-${randomUUID()}`;
      const admin = createDynamoClient(config);
      await createTable(admin, name);
      const open = (): Store =>
        createDynamoDbStore({
          table: createDynamoTable({ client: createDynamoClient(config), name, clock: systemClock, timeoutMs: 5000 }),
          clock: systemClock,
          pollMs: 100,
        });
      const watcher = open();
      const starts = new Map<string, number>();
      for (const type of types) starts.set(type, await watcher.revision(type));
      const live = new Map(types.map((type) => [type, watch(watcher, type, starts.get(type)!)]));

      const lines: Line[] = [];
      const running = new Set<ChildProcess>();
      /** Those that have come to write: to kill one before shows nothing. */
      const working = new Set<ChildProcess>();
      let started = 0;
      let killed = 0;
      const start = (): void => {
        const child = spawn(
          node,
          [join(import.meta.dirname, 'store-writer.ts'), config.endpoint, name, `w${started++}`],
          {
            stdio: ['ignore', 'pipe', 'inherit'],
          },
        );
        running.add(child);
        let rest = '';
        child.stdout!.setEncoding('utf8').on('data', (text: string) => {
          const parts = (rest + text).split('\n');
          rest = parts.pop()!;
          for (const part of parts) {
            const line = JSON.parse(part) as Line;
            lines.push(line);
            if (line.done) working.add(child);
          }
        });
      };
      const kill = async (child: ChildProcess): Promise<void> => {
        running.delete(child);
        if (child.exitCode !== null) throw new Error(`a writer ended by itself with ${child.exitCode}`);
        const closed = new Promise<void>((resolve) => {
          child.once('close', () => resolve());
        });
        child.kill('SIGKILL');
        killed++;
        await closed;
      };
      try {
        for (let i = 0; i < writersAtOnce; i++) start();
        const end = Date.now() + runMs;
        while (Date.now() < end) {
          await sleep(300 + Math.random() * 700);
          const victims = [...running].filter((child) => working.has(child));
          if (victims.length < 2) continue;
          await kill(victims[Math.floor(Math.random() * victims.length)]!);
          start();
        }
      } finally {
        for (const child of running) await kill(child);
      }

      const reader = open();
      const logs = new Map<string, StoreEvent[]>();
      for (const type of types) {
        const { entries, revision } = await reader.list({ prefix: type });
        const again = watch(reader, type, starts.get(type)!);
        await until(() => again.revision() >= revision);
        await until(() => live.get(type)!.revision() >= revision);
        logs.set(type, again.events);
        // Who watched from the first moment and who comes afterwards have seen the same.
        expect(live.get(type)!.events.map(shown)).toEqual(again.events.map(shown));
        verifyLog(starts.get(type)!, again.events, entries);
      }
      verifyAcknowledged(lines, logs);
      const done = lines.filter((line) => line.done).length;
      console.info(
        `${started} writers, ${killed} kills, ${done} commits acknowledged, ${lines.filter((line) => line.failed).length} failed`,
      );
      expect(done).toBeGreaterThan(20);
      expect(killed).toBeGreaterThan(writersAtOnce);
      await Promise.all([watcher.close(), reader.close()]);
      admin.destroy();
    },
  );
});

function watch(store: Store, prefix: string, after: number): { events: StoreEvent[]; revision: () => number } {
  const events: StoreEvent[] = [];
  let at = after;
  store.watch({ prefix }, after, {
    onEvents(batch, revision) {
      events.push(...batch);
      at = revision;
    },
    onEnd(error) {
      if (error) console.error('a watch ended', error);
    },
  });
  return { events, revision: () => at };
}

async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 400 && !holds(); i++) await sleep(50);
  expect(holds()).toBe(true);
}

/** Every change follows the one before it of its key, and the objects are what the log says. */
function verifyLog(start: number, events: readonly StoreEvent[], entries: readonly Entry[]): void {
  const state = new Map<string, Entry | undefined>();
  let last = start;
  for (const event of events) {
    expect(event.revision).toBeGreaterThan(last);
    last = event.revision;
    expect(event.previous?.revision).toBe(state.get(event.key)?.revision);
    expect(Buffer.from(event.entry.value.bytes).toString()).toMatch(new RegExp(`@${event.revision}$`));
    state.set(event.key, event.type === 'put' ? event.entry : undefined);
  }
  const current = [...state.values()].flatMap((entry) => (entry ? [[entry.key, entry.revision]] : []));
  expect(entries.map(({ key, revision }) => [key, revision])).toEqual(current.sort(([a], [b]) => (a! < b! ? -1 : 1)));
}

function verifyAcknowledged(lines: readonly Line[], logs: ReadonlyMap<string, readonly StoreEvent[]>): void {
  const byId = new Map<string, StoreEvent[]>();
  for (const events of logs.values()) {
    for (const event of events) {
      const id = Buffer.from(event.entry.value.bytes).toString().split('@')[0]!;
      byId.set(id, [...(byId.get(id) ?? []), event]);
    }
  }
  const began = new Map(lines.flatMap(({ began: id, at }) => (id ? [[id, at] as const] : [])));
  const answered: { began: number; ended: number; type: string; revision: number }[] = [];
  for (const { done, failed, code, revisions = [], at } of lines) {
    if (done) {
      const found = (byId.get(done) ?? []).map(({ key, revision }) => [key, revision]);
      expect(found.sort()).toEqual([...revisions].map(([key, revision]) => [key, revision]).sort());
      for (const [key, revision] of revisions)
        answered.push({ began: began.get(done)!, ended: at, type: typeOf(key), revision });
    }
    // A refusal is certain: nothing of it is there. Only 'unavailable' may be either.
    if (failed && code !== 'unavailable') expect(byId.get(failed)).toBeUndefined();
  }
  // Who began after another was answered has the higher revision of their type.
  for (const type of types) {
    const ofType = answered.filter((one) => one.type === type).sort((a, b) => a.ended - b.ended);
    for (const later of ofType) {
      for (const earlier of ofType) {
        if (earlier.ended >= later.began) break;
        expect(later.revision).toBeGreaterThan(earlier.revision);
      }
    }
  }
}

function shown({ type, key, revision, previous }: StoreEvent): unknown {
  return [type, key, revision, previous?.revision];
}
