import { randomUUID } from 'node:crypto';
import type { Clock } from '@nodeless/component-base/clock';
import { type Logger, silentLogger } from '@nodeless/component-base/logger';
import { typeOf } from '../keys.ts';
import { type Entry, type Store, StoreError } from '../store.ts';
import { defaultHistory } from '../watch-cache/history.ts';
import { endedSubscription } from '../watch-cache/watch-cache.ts';
import { createBodies } from './bodies.ts';
import { createCommitter } from './committer.ts';
import { expiry } from './draft.ts';
import { createEventCodec } from './event-codec.ts';
import { loadRange } from './load.ts';
import { LifeEnded, createLogReader, type MakeTombstone } from './log-reader.ts';
import { createLogWriter } from './log-writer.ts';
import { createGeneration, createMoments } from './moments.ts';
import { createPatience, withRetries } from './patience.ts';
import { type Positions, createPositions, settledPosition } from './positions.ts';
import { createRecent } from './recent.ts';
import { createSequences } from './sequences.ts';
import { createStates } from './states.ts';
import type { Table } from './table.ts';
import { bucketOf, isQuiet } from './table-schema.ts';
import type { OwnEntry } from './event-reader.ts';
import { type TypeView, createTypeView } from './type-view.ts';
import { type TypeViews, createTypeViews } from './type-views.ts';

export interface DynamoDbStoreOptions {
  readonly table: Table;
  readonly clock: Clock;
  /** Waits for the network: retries and holes. The same clock by default. */
  readonly waitClock?: Clock;
  readonly log?: Logger;
  /** How long earlier states can be listed and watched from. Five minutes by default. */
  readonly historyMs?: number;
  /** How often the log of a watched type is looked at without a doorbell; may differ by type. */
  readonly pollMs?: number | ((type: string) => number);
  /** For tests. */
  readonly newId?: () => string;
  readonly random?: () => number;
}

export interface DynamoDbStore extends Store {
  during<T>(work: () => T): T;
  /** The doorbell: `type` may have changed. Anybody may ring, at any time, in any order, or not at all. */
  poke(type: string): void;
  /** Lets go of large bodies that dead writers left behind. The store does so by itself when it writes large ones. */
  sweep(): Promise<void>;
}

const momentMs = 1000;

export function createDynamoDbStore(options: DynamoDbStoreOptions): DynamoDbStore {
  const { clock, waitClock = clock, log: logger = silentLogger, historyMs = defaultHistory.historyMs } = options;
  const { pollMs = 250, newId = randomUUID, random = Math.random } = options;
  const table = withRetries(options.table, { clock: waitClock, random });
  const codec = createEventCodec();
  const now = (): number => clock.now();
  const bodies = createBodies({ table, now, historyMs, logger });
  const states = createStates({ table: { ...table, notePending: bodies.note }, codec, newId, now });
  const patience = createPatience();
  const tombstone: MakeTombstone = (seq, count, settled) => ({
    seq,
    count,
    writer: newId(),
    time: now(),
    settled,
    events: undefined,
    expires: expiry(now(), historyMs),
  });
  const log = createLogReader({ table, clock: waitClock, patience, tombstone });
  const moments = createMoments(now);
  const generation = createGeneration(table, moments);
  const sequences = createSequences({
    table,
    log,
    now,
    tombstone,
    read: (type, sequence, time) => positions.note(type, settledPosition(sequence, time)),
  });
  const positions: Positions = createPositions({ sequence: sequences.fresh, follow: log.follow, table, now });
  const recent = createRecent(now);
  const views = new Map<string, TypeViews>();
  /** By type and writer: the entries of a batch share their mark. */
  const own = new Map<string, OwnEntry>();
  const ownKey = (type: string, writer: string): string => `${type}#${writer}`;
  let closing: Promise<void> | undefined;
  const closed = (): StoreError => new StoreError('unavailable', 'the store is closed');
  const unavailable = (error: unknown): StoreError => {
    if (error instanceof LifeEnded) beginAnew(error.type);
    return error instanceof StoreError
      ? error
      : new StoreError('unavailable', error instanceof Error ? error.message : String(error), { cause: error });
  };
  /** The table was restored while this process used it: nothing of a type that it remembers holds any more. */
  const beginAnew = (type: string): void => {
    sequences.forget(type);
    positions.forget(type);
    recent.clear();
    views.get(type)?.drop(new StoreError('compacted', `the log of ${type} goes on elsewhere`));
  };

  const buckets = async (type: string): Promise<number> => (await sequences.known(type)).buckets;
  const loader = {
    table,
    log,
    positions,
    states,
    codec,
    sequence: sequences.fresh,
    buckets,
    waitClock,
    now,
    historyMs,
  };
  const viewsOf = (type: string): TypeViews => {
    let found = views.get(type);
    if (found) return found;
    const quiet = isQuiet(type);
    const view = (prefix: string): TypeView =>
      createTypeView({
        prefix,
        log,
        load: (since) => loadRange(prefix, since, loader),
        own: (writer) => own.get(ownKey(type, writer)),
        positions,
        moments,
        generation: quiet ? generation : undefined,
        states,
        codec,
        clock,
        logger,
        historyMs,
        pollMs: () => (typeof pollMs === 'function' ? pollMs(type) : pollMs),
        unavailable,
      });
    found = createTypeViews(type, { view, moments, quiet });
    views.set(type, found);
    return found;
  };

  const read = async (keys: readonly string[]): Promise<Map<string, Entry>> => {
    const places = await Promise.all(
      keys.map(async (key) => ({ key, bucket: bucketOf(key, await buckets(typeOf(key))) })),
    );
    const found = new Map<string, Entry>();
    const moment = moments.next();
    const items = new Map((await table.objects(places)).map((item) => [item.key, item]));
    for (const key of keys) {
      const item = items.get(key);
      if (!item?.state) {
        recent.note(key, item?.revision ?? 0, undefined, moment);
        continue;
      }
      const covered = views.get(typeOf(key))?.covering(key)?.entry;
      const known = recent.at(key, item.revision) ?? (covered?.revision === item.revision ? covered : undefined);
      const entry = known ?? (await states.entry(key, item.revision, item.state, item.time));
      found.set(key, entry);
      recent.note(key, entry.revision, entry, moment);
    }
    return found;
  };

  const committer = createCommitter({
    writer: createLogWriter({ table, positions, clock: waitClock, now, patience, tombstone, newId, random }),
    states,
    codec,
    now,
    historyMs,
    read,
    release: bodies.release,
    unavailable,
    known(key) {
      const covering = views.get(typeOf(key))?.covering(key);
      const last = recent.get(key);
      // What was not there a moment ago is seldom there now; the transaction looks, too.
      if (!covering)
        return { entry: last?.entry, sure: last !== undefined && !last.entry && now() - last.time < momentMs };
      if (last && last.revision > covering.counter) return { entry: last.entry, sure: true };
      return { entry: covering.entry, sure: true };
    },
    async buckets(types) {
      const counts = new Map<string, number>();
      for (const type of types) counts.set(type, await buckets(type));
      return (key) => bucketOf(key, counts.get(typeOf(key))!);
    },
    announce: (entry, type) => void own.set(ownKey(type, entry.writer), entry),
    forget: ({ writer }, type) => void own.delete(ownKey(type, writer)),
    async committed(entries) {
      const moment = moments.next();
      for (const [type, { seq, count, events }] of entries) {
        positions.wrote(type, seq, count);
        for (const { type: kind, key, revision, entry } of events)
          recent.note(key, revision, kind === 'put' ? entry : undefined, moment);
      }
      await Promise.all([...entries].map(async ([type, entry]) => await views.get(type)?.applied(entry)));
    },
  });

  const asked = async <T>(answer: () => Promise<T>): Promise<T> => {
    for (let attempt = 0; ; attempt++) {
      if (closing) throw closed();
      try {
        return await answer();
      } catch (error) {
        if (error instanceof TypeError) throw error;
        const told = unavailable(error);
        const lifeEnded = error instanceof LifeEnded || told.cause instanceof LifeEnded;
        if (!lifeEnded || attempt > 0) throw told;
      }
    }
  };
  const revision = async (type: string): Promise<number> => {
    const held = viewsOf(type);
    if (held.whole.peek()) return (await held.whole.current()).counter();
    const end = await positions.end(type);
    // Watchers have heard of everything up to the revision before it is told.
    await held.syncWatched();
    return end;
  };

  return {
    get: (key) =>
      asked(async () => {
        const type = typeOf(key);
        const whole = views.get(type)?.whole;
        const sufficient = moments.sufficient();
        // What has not been kept up with for a while may have much to catch up with; one key is read by itself.
        if (whole?.lively() || (whole?.peek() && isQuiet(type)))
          return (await whole.current(undefined, sufficient)).get(key);
        const last = sufficient === undefined ? undefined : recent.get(key);
        if (last && last.moment >= sufficient!) return last.entry;
        return (await read([key])).get(key);
      }),
    list: (range, listOptions = {}) => asked(() => viewsOf(typeOf(range.prefix)).list(range, listOptions)),
    async commit(operations) {
      try {
        return await committer.commit(operations);
      } catch (error) {
        moments.renew();
        throw error;
      }
    },
    during: moments.during,
    watch: (range, after, listener) =>
      closing ? endedSubscription(listener, closed()) : viewsOf(typeOf(range.prefix)).watch(range, after, listener),
    revision: (type) => asked(() => revision(typeOf(type))),
    compact: (prefix, before) =>
      asked(async () => {
        const type = typeOf(prefix);
        const current = await revision(type);
        if (before > current)
          throw new StoreError('future', `revision ${before} of ${type} is not reached yet: it is at ${current}`);
        await table.raiseCompacted(type, before);
        views.get(type)?.each((cache) => cache.compact(type, before));
      }),
    close() {
      closing ??= (async () => {
        await committer.close(closed());
        await Promise.all([...views.values()].map((one) => one.close()));
        table.close();
      })();
      return closing;
    },
    poke: (type) => views.get(typeOf(type))?.poke(),
    sweep: () => asked(() => bodies.sweep()),
  };
}
