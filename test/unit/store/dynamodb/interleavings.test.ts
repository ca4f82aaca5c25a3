import { createManualClock } from '@nodeless/component-base/manual-clock';
import { createDynamoDbStore } from '@nodeless/store/dynamodb/dynamodb-store';
import type { Table } from '@nodeless/store/dynamodb/table';
import { type Operation, type Store, isStoreError } from '@nodeless/store/store';
import { describe, it } from 'vitest';
import { createMemoryTable } from './memory-table.ts';
import { createScheduler, type Faults, randomOf } from './scheduler.ts';
import { type Attempt, type Heard, readBack, verifyHistory } from './verify-history.ts';

/**
 * Writers whose every step waits for its turn, in orders drawn from a seed, with deaths, lost requests, lost answers,
 * repeated requests, conflicts and throttles. Afterwards the log tells whether the promises were kept.
 */
const types = ['/pods/', '/nodes/'];
const keys = ['/pods/a/x', '/pods/a/y', '/nodes//n', '/pods/b/z'];
const none: Faults = { kill: 0, loseRequest: 0, loseAnswer: 0, late: 0, repeat: 0, conflict: 0, throttle: 0, wait: 0 };
const plain = { labels: undefined, fields: undefined, owners: undefined, trigger: undefined };

async function play(seed: number, { faults, writers, commits, tokens = true }: Case): Promise<void> {
  const random = randomOf(seed);
  const clock = createManualClock();
  const table = createMemoryTable(tokens);
  const scheduler = createScheduler(clock, random, faults, writers);
  const attempts: Attempt[] = [];
  const heard: Heard[] = [];
  let moment = 0;
  let ids = 0;
  const open = (on: Table): Store =>
    createDynamoDbStore({ table: on, clock, historyMs: 3_600_000, pollMs: 60_000, newId: () => `id${ids++}` });
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)]!;

  // The sequences are there from the first day on; the writers meet in what follows.
  const first = open(table);
  const starts = new Map<string, number>();
  for (const type of types) starts.set(type, await first.revision(type));
  await first.close();

  const write = async (writer: number, store: Store): Promise<void> => {
    for (let n = 0; n < commits; n++) {
      const text = `${writer}.${n}`;
      const operations = await operationsOf(store, text, pick, random);
      const attempt: Attempt = { text, operations, began: moment++, ended: Infinity, outcome: 'open', entries: [] };
      attempts.push(attempt);
      try {
        attempt.entries = await store.commit(operations);
        attempt.outcome = 'done';
      } catch (error) {
        if (!isStoreError(error)) throw error;
        attempt.outcome = error.code === 'unavailable' ? 'unknown' : 'refused';
      }
      attempt.ended = moment++;
    }
  };

  const stores: Store[] = [];
  const finished = new Set<number>();
  const problems: unknown[] = [];
  for (let writer = 0; writer < writers; writer++) {
    const store = open(scheduler.table(writer, table));
    stores.push(store);
    for (const [type, start] of starts) {
      // Some only write: what is loaded is another path.
      if (writer % 2 === 1) continue;
      const one: Heard = { writer, events: [] };
      heard.push(one);
      store.watch({ prefix: type }, start, {
        onEvents: (events) => void one.events.push(...events),
        onEnd: () => {},
      });
    }
    void write(writer, store).then(
      () => finished.add(writer),
      (error: unknown) => {
        problems.push(error);
        finished.add(writer);
      },
    );
  }
  await scheduler.run(() => stores.every((_, writer) => finished.has(writer) || scheduler.dead.has(writer)));
  if (problems.length > 0) throw problems[0];

  const log = await readBack(open(table), starts, clock);
  verifyHistory(table, starts, log, attempts, heard);
}

async function operationsOf(
  store: Store,
  text: string,
  pick: <T>(values: readonly T[]) => T,
  random: () => number,
): Promise<Operation[]> {
  const chosen = new Set<string>([pick(keys)]);
  while (random() < 0.4) chosen.add(pick(keys));
  const operations: Operation[] = [];
  for (const key of chosen) {
    const value = (revision: number) => ({ bytes: Buffer.from(`${text}@${revision}`) });
    const kind = random();
    let expected: Operation['expected'] = pick(['any', 'any', 'absent'] as const);
    if (random() < 0.4) expected = (await store.get(key).catch(() => undefined))?.revision ?? 'absent';
    if (kind < 0.15) operations.push({ type: 'check', key, expected: expected === 'any' ? 'present' : expected });
    else if (kind < 0.35) {
      operations.push({
        type: 'delete',
        key,
        expected: expected === 'absent' ? 'any' : expected,
        value,
        attributes: plain,
      });
    } else operations.push({ type: 'put', key, expected, value, attributes: plain });
  }
  return operations;
}

interface Case {
  readonly faults: Faults;
  readonly writers: number;
  readonly commits: number;
  /** Without them, a request that arrives twice is done twice. */
  readonly tokens?: boolean;
}

const cases: Record<string, Case> = {
  'tickets that are lost again and again': { faults: { ...none, wait: 0.6 }, writers: 4, commits: 4 },
  'requests that arrive twice': { faults: { ...none, repeat: 0.2, wait: 0.05 }, writers: 2, commits: 4, tokens: false },
  'two writers, no faults': { faults: none, writers: 2, commits: 4 },
  'three writers, slow ones among them': { faults: { ...none, wait: 0.2 }, writers: 3, commits: 4 },
  'three writers, some die': { faults: { ...none, kill: 0.03, wait: 0.1 }, writers: 3, commits: 4 },
  'two writers, answers and requests are lost': {
    faults: { ...none, loseRequest: 0.08, loseAnswer: 0.08, late: 0.08, wait: 0.1 },
    writers: 2,
    commits: 4,
  },
  'three writers, everything at once': {
    faults: {
      kill: 0.01,
      loseRequest: 0.05,
      loseAnswer: 0.05,
      late: 0.05,
      repeat: 0.05,
      conflict: 0.15,
      throttle: 0.05,
      wait: 0.15,
    },
    writers: 3,
    commits: 5,
  },
};

const runs = Number(process.env['INTERLEAVINGS'] ?? 60);
const from = Number(process.env['SEED'] ?? 1);

describe('writers in any order', () => {
  for (const [title, one] of Object.entries(cases)) {
    it(title, { timeout: 30_000 + runs * 200 }, async () => {
      for (let seed = from; seed < from + runs; seed++) {
        try {
          await play(seed, one);
        } catch (error) {
          throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
        }
      }
    });
  }
});
