import type { Clock } from '@nodeless/component-base/clock';
import { retry } from '@nodeless/component-base/retry';
import { TableError, type Table } from './table.ts';

/** How long a ticket without a log entry is waited for before it is taken for lost. */
export interface Patience {
  /** A commit took this long from its ticket to its answer. */
  observe(ms: number): void;
  delayMs(): number;
}

const startMs = 150;
const leastMs = 100;
const mostMs = 1500;

/** Four times the recent commits: a writer that is alive is seldom so slow, and one that is loses only its ticket. */
export function createPatience(): Patience {
  let average: number | undefined;
  return {
    observe(ms) {
      // Slowness is believed at once, quickness little by little.
      average = average === undefined || ms > average ? ms : average * 0.9 + ms * 0.1;
    },
    delayMs: () => (average === undefined ? startMs : Math.min(mostMs, Math.max(leastMs, average * 4))),
  };
}

export interface RetryingOptions {
  readonly clock: Clock;
  readonly random?: () => number;
}

/**
 * The table with bounded retries where they change nothing: reads, and writes that may be repeated. A transaction and
 * a ticket are left alone: only the committer knows what a second one means.
 */
export function withRetries(table: Table, { clock, random }: RetryingOptions): Table {
  const again = <A extends unknown[], R>(method: (...args: A) => Promise<R>): ((...args: A) => Promise<R>) => {
    return (...args) =>
      retry(() => method(...args), {
        clock,
        attempts: 6,
        baseMs: 25,
        capMs: 800,
        ...(random ? { random } : {}),
        retryable: (error) => error instanceof TableError && (error.code === 'throttled' || error.code === 'unknown'),
      });
  };
  return {
    sequence: again(table.sequence),
    createSequence: again(table.createSequence),
    takeTickets: table.takeTickets,
    raiseCompacted: again(table.raiseCompacted),
    objects: again(table.objects),
    scan: again(table.scan),
    logEntry: again(table.logEntry),
    logAfter: again(table.logAfter),
    logBefore: again(table.logBefore),
    putLog: again(table.putLog),
    transact: table.transact,
    putChunk: again(table.putChunk),
    chunks: again(table.chunks),
    expireChunks: again(table.expireChunks),
    notePending: again(table.notePending),
    pendingChunks: again(table.pendingChunks),
    claimPending: again(table.claimPending),
    dropPending: again(table.dropPending),
    generation: again(table.generation),
    growGeneration: again(table.growGeneration),
    life: again(table.life),
    putLife: again(table.putLife),
    rebase: again(table.rebase),
    close: () => table.close(),
  };
}
