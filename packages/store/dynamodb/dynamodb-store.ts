import { randomUUID } from 'node:crypto';
import { type Clock, sleep } from '@nodeless/component-base/clock';
import { type Logger, silentLogger } from '@nodeless/component-base/logger';
import { typeOf } from '../keys.ts';
import { type Entry, type Store, StoreError } from '../store.ts';
import { baseCounter, defaultHistory } from '../watch-cache/history.ts';
import { endedSubscription } from '../watch-cache/watch-cache.ts';
import { createCommitter } from './committer.ts';
import { expiry } from './draft.ts';
import { createEventCodec } from './event-codec.ts';
import { loadType } from './load.ts';
import { createLogReader } from './log-reader.ts';
import { createLogWriter } from './log-writer.ts';
import { createPatience, withRetries } from './patience.ts';
import { createRecent } from './recent.ts';
import { createStates } from './states.ts';
import type { ChunkRef, LogItem, Sequence, Table } from './table.ts';
import { bucketOf, bucketsOf } from './table-schema.ts';
import { type TypeView, createTypeView } from './type-view.ts';

export interface DynamoDbStoreOptions {
  readonly table: Table;
  readonly clock: Clock;
  /** Waits for the network: retries and holes. The same clock by default. */
  readonly waitClock?: Clock;
  readonly log?: Logger;
  /** How long earlier states can be listed and watched from. Five minutes by default. */
  readonly historyMs?: number;
  /** How often the log of a watched type is looked at without a doorbell. */
  readonly pollMs?: number;
  /** For tests. */
  readonly newId?: () => string;
}

export interface DynamoDbStore extends Store {
  /** The doorbell: `type` may have changed. Anybody may ring, at any time, in any order, or not at all. */
  poke(type: string): void;
}

export function createDynamoDbStore(options: DynamoDbStoreOptions): DynamoDbStore {
  const { clock, waitClock = clock, log: logger = silentLogger, historyMs = defaultHistory.historyMs } = options;
  const { pollMs = 250, newId = randomUUID } = options;
  const table = withRetries(options.table, { clock: waitClock });
  const codec = createEventCodec();
  const states = createStates({ table, codec, newId });
  const patience = createPatience();
  const now = (): number => clock.now();
  const tombstone = (seq: number, count: number): LogItem => ({
    seq,
    count,
    writer: newId(),
    time: now(),
    events: undefined,
    expires: expiry(now(), historyMs),
  });
  const log = createLogReader({ table, clock: waitClock, patience, tombstone });
  const recent = createRecent();
  const views = new Map<string, TypeView>();
  const sequences = new Map<string, Promise<Sequence>>();
  let closing: Promise<void> | undefined;
  const closed = (): StoreError => new StoreError('unavailable', 'the store is closed');
  const unavailable = (error: unknown): StoreError =>
    error instanceof StoreError
      ? error
      : new StoreError('unavailable', error instanceof Error ? error.message : String(error), { cause: error });

  /** Of its fields, only those that never change may be used. */
  const sequenceOf = (type: string): Promise<Sequence> => {
    let sequence = sequences.get(type);
    if (!sequence) {
      sequence = beginSequence(type);
      sequences.set(type, sequence);
      sequence.catch(() => sequences.delete(type));
    }
    return sequence;
  };
  const beginSequence = async (type: string): Promise<Sequence> => {
    const base = baseCounter(now());
    const fresh = { last: base, base, compacted: base, touched: now(), buckets: bucketsOf(type) };
    return (await table.sequence(type)) ?? (await table.createSequence(type, fresh));
  };

  const fill = async (type: string, seq: number): Promise<void> => {
    await sleep(waitClock, patience.delayMs());
    await table.putLog(type, tombstone(seq, 1));
  };
  const viewOf = (type: string): TypeView => {
    let view = views.get(type);
    if (view) return view;
    const load = async () =>
      await loadType(type, await sequenceOf(type), { table, log, states, codec, waitClock, now, historyMs, fill });
    view = createTypeView({ type, log, load, states, codec, clock, logger, historyMs, pollMs, unavailable });
    views.set(type, view);
    return view;
  };

  const read = async (keys: readonly string[]): Promise<Map<string, Entry>> => {
    const places = await Promise.all(
      keys.map(async (key) => ({ key, bucket: bucketOf(key, (await sequenceOf(typeOf(key))).buckets) })),
    );
    const found = new Map<string, Entry>();
    const items = new Map((await table.objects(places)).map((item) => [item.key, item]));
    for (const key of keys) {
      const item = items.get(key);
      if (!item?.state) {
        recent.note(key, item?.revision ?? 0, undefined);
        continue;
      }
      const known =
        recent.at(key, item.revision) ?? sameRevision(views.get(typeOf(key))?.peek()?.get(key), item.revision);
      const entry = known ?? (await states.entry(key, item.revision, item.state, item.time));
      found.set(key, entry);
      recent.note(key, entry.revision, entry);
    }
    return found;
  };

  const release = (type: string, chunks: ChunkRef): void => {
    table.expireChunks(type, chunks, expiry(now(), historyMs)).catch((error: unknown) => {
      logger.warn('a large body that is no longer used stays', { type, id: chunks.id, error });
    });
  };

  const committer = createCommitter({
    writer: createLogWriter({
      table,
      log,
      clock: waitClock,
      now,
      patience,
      tombstone,
      newId,
      position: async (type) => (await viewOf(type).current()).counter(),
    }),
    states,
    codec,
    now,
    historyMs,
    read,
    release,
    unavailable,
    known(key) {
      const cache = views.get(typeOf(key))?.peek();
      const last = recent.get(key);
      if (!cache) return { entry: last?.entry, sure: false };
      if (last && last.revision > cache.counter()) return { entry: last.entry, sure: true };
      return { entry: cache.get(key), sure: true };
    },
    async buckets(types) {
      const counts = new Map<string, number>();
      for (const type of types) counts.set(type, (await sequenceOf(type)).buckets);
      return (key) => bucketOf(key, counts.get(typeOf(key))!);
    },
    announce: (type, entry) => viewOf(type).announce(entry),
    forget: (type, entry) => viewOf(type).forget(entry),
    async committed(entries) {
      for (const { events } of entries.values()) {
        for (const { type, key, revision, entry } of events)
          recent.note(key, revision, type === 'put' ? entry : undefined);
      }
      await Promise.all([...entries].map(([type, entry]) => viewOf(type).applied(entry)));
    },
  });

  const asked = async <T>(answer: () => Promise<T>): Promise<T> => {
    if (closing) throw closed();
    try {
      return await answer();
    } catch (error) {
      if (error instanceof TypeError) throw error;
      throw unavailable(error);
    }
  };

  return {
    get: (key) =>
      asked(async () => {
        const view = views.get(typeOf(key));
        if (view?.peek()) return (await view.current()).get(key);
        return (await read([key])).get(key);
      }),
    list: (range, listOptions = {}) =>
      asked(async () => (await viewOf(typeOf(range.prefix)).current()).list(range, listOptions)),
    commit: (operations) => committer.commit(operations),
    watch: (range, after, listener) =>
      closing ? endedSubscription(listener, closed()) : viewOf(typeOf(range.prefix)).watch(range, after, listener),
    revision: (type) => asked(async () => (await viewOf(typeOf(type)).current()).counter()),
    compact: (prefix, before) =>
      asked(async () => {
        const type = typeOf(prefix);
        const cache = await viewOf(type).current();
        const future = cache.unreached(type, before);
        if (future) throw future;
        await table.raiseCompacted(type, before);
        cache.compact(type, before);
      }),
    close() {
      closing ??= (async () => {
        await committer.close(closed());
        await Promise.all([...views.values()].map((view) => view.close()));
        table.close();
      })();
      return closing;
    },
    poke: (type) => views.get(typeOf(type))?.poke(),
  };
}

function sameRevision(entry: Entry | undefined, revision: number): Entry | undefined {
  return entry?.revision === revision ? entry : undefined;
}
