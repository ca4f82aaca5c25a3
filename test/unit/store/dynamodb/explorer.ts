import { createHash } from 'node:crypto';
import { type Table, TableError } from '@nodeless/store/dynamodb/table';

/** What may happen to the whole of a play, each at most so often. */
export interface Budget {
  /** Processes that die. */
  readonly deaths: number;
  /** Requests whose answer, and requests that themselves, are lost. */
  readonly losses: number;
  /** Transactions that are refused for the sake of another one. */
  readonly conflicts: number;
  /** That time passes instead of a step. */
  readonly waits: number;
}

/** One play: processes that make requests, each of which waits until it is chosen. */
export interface Play {
  /** The table as one process sees it. */
  table(process: number, table: Table): Table;
  /** Whether everybody who lives has come to the end. */
  finished(): boolean;
  /** Whether somebody waits for time to pass; lets so much pass that he goes on. */
  sleeping(): boolean;
  wake(): Promise<void>;
}

type Fate = 'done' | 'dies' | 'conflict' | 'request lost' | 'answer lost';

interface Pending {
  readonly process: number;
  readonly step: string;
  readonly args: readonly unknown[];
  readonly go: (fate: Fate) => void;
}

interface Choice {
  readonly label: string;
  readonly take: () => Promise<void> | void;
}

export interface ExploreOptions {
  readonly budget: Budget;
  /** Begins a play; called again for each order of steps. `gate` makes the tables of its processes. */
  readonly begin: (gate: Gate) => Promise<Scene>;
  /** Gives up after so many plays: the bound was chosen too large. */
  readonly mostPlays: number;
}

export type Gate = (process: number, table: Table) => Table;

export interface Scene {
  readonly alive: (process: number) => boolean;
  readonly kill: (process: number) => void;
  readonly finished: () => boolean;
  readonly sleeping: () => boolean;
  readonly wake: () => Promise<void>;
  /** The state of the table, and whatever else outside of the processes matters. */
  readonly digest: () => string;
  /** Fails unless all promises were kept. */
  readonly verify: () => Promise<void>;
}

export interface Explored {
  readonly plays: number;
  readonly states: number;
  readonly ends: number;
}

/**
 * Plays every order of steps, by depth first and from the beginning each time. A state that was come to before, by the same
 * observations of each process over the same table, is not played on: a process does the same where it has seen the same.
 */
export async function explore({ budget, begin, mostPlays }: ExploreOptions): Promise<Explored> {
  const visited = new Set<string>();
  /** For each decision of the play that is next: which choice to take, and of how many. */
  const path: { at: number; of: number }[] = [];
  let plays = 0;
  let ends = 0;
  do {
    if (++plays > mostPlays) throw new Error(`more than ${mostPlays} plays`);
    const trace: string[] = [];
    try {
      if (await play(path, visited, budget, begin, trace)) ends++;
    } catch (error) {
      throw new Error(`after ${trace.join(', ')}: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      });
    }
    while (path.length > 0 && path.at(-1)!.at + 1 >= path.at(-1)!.of) path.pop();
    if (path.length > 0) path.at(-1)!.at++;
  } while (path.length > 0);
  return { plays, states: visited.size, ends };
}

/** True: it came to its end, and was verified; false: it came to a state that is known. */
async function play(
  path: { at: number; of: number }[],
  visited: Set<string>,
  budget: Budget,
  begin: ExploreOptions['begin'],
  trace: string[],
): Promise<boolean> {
  const pending: Pending[] = [];
  const left = { ...budget };
  /** What each process has seen, in order. */
  const seen = new Map<number, string>();
  const note = (process: number, what: string): void =>
    void seen.set(process, hash(`${seen.get(process) ?? ''}\n${what}`));
  const scene = await begin((process, table) => gated(process, table, pending, note));

  const choices = (): Choice[] => {
    const all: Choice[] = [];
    for (const one of pending) {
      const { process, step } = one;
      if (!scene.alive(process)) continue;
      const take = (fate: Fate) => () => {
        pending.splice(pending.indexOf(one), 1);
        one.go(fate);
      };
      const label = `${process} ${step}`;
      all.push({ label, take: take('done') });
      if (left.conflicts > 0 && step === 'transact') {
        all.push({ label: `${label} conflicts`, take: () => (left.conflicts--, take('conflict')()) });
      }
      if (left.losses > 0 && mayBeLost.has(step)) {
        all.push({ label: `${label} lost`, take: () => (left.losses--, take('request lost')()) });
        all.push({ label: `${label} unanswered`, take: () => (left.losses--, take('answer lost')()) });
      }
      if (left.deaths > 0) {
        all.push({
          label: `${process} dies before ${step}`,
          take: () => {
            left.deaths--;
            scene.kill(process);
          },
        });
      }
    }
    if (left.waits > 0 && scene.sleeping()) {
      all.push({ label: 'time passes', take: async () => (left.waits--, await scene.wake()) });
    }
    return all;
  };

  for (let depth = 0; ; depth++) {
    await settle();
    if (scene.finished()) {
      await scene.verify();
      return true;
    }
    const possible = choices();
    // Nobody can go on but with time, of which no more is given to choose: it passes all the same.
    if (possible.length === 0) {
      if (!scene.sleeping()) throw new Error('nothing moves any more');
      await scene.wake();
      trace.push('time passes');
      depth--;
      continue;
    }
    if (depth < path.length) {
      const { at, of } = path[depth]!;
      if (of !== possible.length)
        throw new Error(`a play went another way than before: ${possible.map(({ label }) => label).join(', ')}`);
      trace.push(possible[at]!.label);
      await possible[at]!.take();
      continue;
    }
    const open = pending
      .filter(({ process }) => scene.alive(process))
      .map(({ process, step, args }) => `${process} ${step} ${digest(args)}`);
    const state = hash(
      [scene.digest(), JSON.stringify(left), ...[...seen].sort(([a], [b]) => a - b).join(), ...open.sort()].join('|'),
    );
    if (visited.has(state)) return false;
    visited.add(state);
    path.push({ at: 0, of: possible.length });
    trace.push(possible[0]!.label);
    await possible[0]!.take();
  }
}

/** Requests whose loss is another case for their sender than that of others. */
const mayBeLost = new Set(['takeTickets', 'transact', 'putLog']);

function gated(
  process: number,
  table: Table,
  pending: Pending[],
  note: (process: number, what: string) => void,
): Table {
  const wrapped = Object.entries(table).flatMap(([name, method]) => {
    if (typeof method !== 'function' || name === 'close') return [];
    const call = (...args: unknown[]): Promise<unknown> =>
      new Promise((resolve, reject) => {
        const run = (): Promise<unknown> => (method as (...all: unknown[]) => Promise<unknown>)(...args);
        const succeed = (answer: unknown): void => {
          note(process, `${name} ${digest(answer)}`);
          resolve(answer);
        };
        const fail = (error: unknown): void => {
          const { code, logFailed, objectFailed } = error as TableError;
          note(process, `${name} fails ${code} ${logFailed} ${objectFailed}`);
          reject(error as Error);
        };
        const unknown = (): TableError => new TableError('unknown', 'no answer');
        pending.push({
          process,
          step: name,
          args,
          go(fate) {
            if (fate === 'done') void run().then(succeed, fail);
            else if (fate === 'conflict') fail(new TableError('cancelled', 'TransactionConflict'));
            else if (fate === 'request lost') fail(unknown());
            else if (fate === 'answer lost')
              void run().then(
                () => fail(unknown()),
                () => fail(unknown()),
              );
          },
        });
      });
    return [[name, call] as const];
  });
  return { ...(Object.fromEntries(wrapped) as unknown as Table), close: () => {} };
}

async function settle(): Promise<void> {
  for (let i = 0; i < 80; i++) await Promise.resolve();
}

function digest(value: unknown): string {
  return (
    JSON.stringify(value, (_, one: unknown) => {
      if (one instanceof Uint8Array) return Buffer.from(one).toString('base64');
      return one;
    }) ?? ''
  );
}

function hash(text: string): string {
  return createHash('sha1').update(text).digest('base64');
}
