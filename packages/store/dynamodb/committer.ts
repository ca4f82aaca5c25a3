import { typeOf } from '../keys.ts';
import { type Entry, type Operation, StoreError } from '../store.ts';
import { type PreparedBatch, ValueFailure, prepareBatch } from './draft.ts';
import type { EventCodec } from './event-codec.ts';
import type { LogWriter } from './log-writer.ts';
import { type BatchPlan, planBatch, refuseRepeatedKeys } from './plan.ts';
import type { States } from './states.ts';
import type { PendingChunks } from './table.ts';
import type { OwnEntry } from './event-reader.ts';

/** Takes commits one after the other, those that wait together, and brings them into the table. */
export interface Committer {
  commit(operations: readonly Operation[]): Promise<readonly (Entry | undefined)[]>;
  /** Refuses commits for good; resolves once nothing is in flight. */
  close(error: StoreError): Promise<void>;
}

export interface CommitterOptions {
  readonly writer: LogWriter;
  readonly states: States;
  readonly codec: EventCodec;
  readonly now: () => number;
  readonly historyMs: number;
  /** What this process believes to stand at a key; `sure` = false: ask `read` before saying no. */
  readonly known: (key: string) => { readonly entry: Entry | undefined; readonly sure: boolean };
  /** What stands at the keys, read strongly. */
  readonly read: (keys: readonly string[]) => Promise<ReadonlyMap<string, Entry>>;
  /** Before the first write to a type: its number of buckets. */
  readonly buckets: (types: ReadonlySet<string>) => Promise<(key: string) => number>;
  readonly announce: (entry: OwnEntry, type: string) => void;
  readonly forget: (entry: OwnEntry, type: string) => void;
  /** The batch is durable: makes it visible in this process. Resolves when it is. */
  readonly committed: (entries: ReadonlyMap<string, OwnEntry>) => Promise<void>;
  /** Lets a large body go that no object refers to, once the history does not either. */
  readonly release: (chunks: PendingChunks) => void;
  readonly unavailable: (error: unknown) => StoreError;
}

interface Waiting {
  readonly operations: readonly Operation[];
  readonly resolve: (entries: readonly (Entry | undefined)[]) => void;
  readonly reject: (error: unknown) => void;
}

/** DynamoDB takes a hundred actions; each type needs one for its log. */
export const largestCommit = 90;
/** So many operations of waiting commits share a transaction. */
const largestBatch = 40;
const attempts = 8;

export function createCommitter(options: CommitterOptions): Committer {
  const { writer, states, codec, now, historyMs, known, read, buckets, announce, forget, committed, release } = options;
  let waiting: Waiting[] = [];
  let busy = false;
  let refusal: StoreError | undefined;
  let idle: (() => void) | undefined;
  /** Acknowledgements that wait for what stands before them in the log. */
  let open = 0;

  const nextBatch = (): Waiting[] => {
    let operations = 0;
    let length = 0;
    for (const one of waiting) {
      operations += one.operations.length;
      if (length > 0 && operations > largestBatch) break;
      length++;
    }
    const batch = waiting.slice(0, length);
    waiting = waiting.slice(length);
    return batch;
  };

  const run = async (): Promise<void> => {
    if (busy) return;
    busy = true;
    // Commits of the same moment come together.
    await Promise.resolve();
    while (waiting.length > 0) {
      const batch = nextBatch();
      try {
        await writeBatch(batch);
      } catch (error) {
        for (const { reject } of batch) reject(options.unavailable(error));
      }
    }
    busy = false;
    wake();
  };

  const wake = (): void => {
    if (!busy && open === 0) idle?.();
  };

  /** Whether the transaction will probably find what is known: then nothing need be read before it. */
  const likely = ({ key, expected }: Operation): boolean => {
    const { entry, sure } = known(key);
    return sure || (typeof expected === 'number' && entry?.revision === expected);
  };

  const writeBatch = async (all: readonly Waiting[]): Promise<void> => {
    let batch = all;
    let fresh: ReadonlyMap<string, Entry> | undefined;
    const keysOf = (): string[] => [...new Set(batch.flatMap(({ operations }) => operations.map(({ key }) => key)))];
    if (all.some(({ operations }) => operations.some((operation) => !likely(operation)))) fresh = await read(keysOf());
    for (let attempt = 0; attempt < attempts && batch.length > 0; attempt++) {
      const at = fresh;
      const state = (key: string): Entry | undefined => (at ? at.get(key) : known(key).entry);
      const plan = planBatch(
        batch.map(({ operations }) => operations),
        state,
      );
      if (!at && (plan.failures.some(Boolean) || plan.changes.length === 0)) {
        // Never refused, and never confirmed, from memory: another process may have changed it.
        fresh = await read(keysOf());
        continue;
      }
      if (plan.changes.length === 0) {
        settleUnwritten(batch, plan);
        return;
      }
      let prepared: PreparedBatch | undefined;
      let outcome: 'committed' | 'stale';
      const drop = (): void => {
        prepared?.entries.forEach(forget);
      };
      try {
        const bucket = await buckets(new Set([...plan.keys].map(typeOf)));
        const commits = batch.length;
        outcome = await writer.write(plan.counts, async (firsts, mark) => {
          drop();
          prepared = await prepareBatch({
            plan,
            commits,
            state,
            bucket,
            firsts,
            writer: mark,
            states,
            codec,
            now: now(),
            historyMs,
            release,
          });
          prepared.entries.forEach(announce);
          return prepared.draft;
        });
      } catch (error) {
        drop();
        if (!(error instanceof ValueFailure)) throw error;
        // Only the commit that it belongs to fails for it; the others are planned anew without it.
        const failed = batch[error.commit]!;
        failed.reject(error.cause);
        batch = batch.filter((one) => one !== failed);
        continue;
      }
      if (outcome === 'committed') {
        acknowledge(batch, plan, prepared!);
        return;
      }
      drop();
      fresh = await read(keysOf());
    }
    if (batch.length === 0) return;
    throw new StoreError('unavailable', 'too many writers: the objects changed with every attempt');
  };

  const settleUnwritten = (batch: readonly Waiting[], plan: BatchPlan): void => {
    for (const [i, { operations, resolve, reject }] of batch.entries()) {
      const failure = plan.failures[i];
      if (failure) reject(failure);
      else resolve(operations.map(() => undefined));
    }
  };

  /** In the background: the next batch need not wait for what other writers have still to do before this one. */
  const acknowledge = (batch: readonly Waiting[], plan: BatchPlan, prepared: PreparedBatch): void => {
    open++;
    prepared.draft.unused.forEach(release);
    committed(prepared.entries)
      .then(
        () => {
          for (const [i, { operations, resolve, reject }] of batch.entries()) {
            const failure = plan.failures[i];
            const entries = prepared.results[i]!;
            if (failure) reject(failure);
            else resolve(operations.map((_, place) => entries[place]));
          }
        },
        (error: unknown) => {
          for (const { reject } of batch) reject(options.unavailable(error));
        },
      )
      .finally(() => {
        prepared.entries.forEach(forget);
        open--;
        wake();
      });
  };

  return {
    commit(operations) {
      return new Promise((resolve, reject) => {
        if (refusal) throw refusal;
        refuseRepeatedKeys(operations);
        if (operations.length > largestCommit) {
          throw new RangeError(`a commit of ${operations.length} operations: DynamoDB takes ${largestCommit} at once`);
        }
        for (const { key } of operations) typeOf(key);
        waiting.push({ operations, resolve, reject });
        void run();
      });
    },
    close(error) {
      refusal = error;
      return new Promise((resolve) => {
        idle = resolve;
        wake();
      });
    },
  };
}
