import { type Clock, sleep } from '@nodeless/component-base/clock';
import { rangeScope, typeOf } from '../keys.ts';
import { type Entry, type Revision, type StoreEvent, StoreError } from '../store.ts';
import type { InitialState } from '../watch-cache/watch-cache.ts';
import type { EventCodec, LoggedChange, StoredState } from './event-codec.ts';
import { type KeptLog, entryOf, readSince } from './log-window.ts';
import type { LogReader } from './log-reader.ts';
import type { Positions } from './positions.ts';
import type { States } from './states.ts';
import type { LogItem, ObjectItem, Sequence, Table } from './table.ts';
import { bucketOf } from './table-schema.ts';

export interface LoaderOptions {
  readonly table: Pick<Table, 'scan' | 'objects' | 'logAfter' | 'logBefore'>;
  readonly log: LogReader;
  readonly positions: Positions;
  readonly states: States;
  readonly codec: EventCodec;
  /** Read at this moment. */
  readonly sequence: (type: string) => Promise<Sequence>;
  readonly buckets: (type: string) => Promise<number>;
  /** Runs the waiting. */
  readonly waitClock: Clock;
  readonly now: () => number;
  readonly historyMs: number;
}

export interface Loaded extends InitialState {
  /** Whether nothing earlier could have been loaded. */
  readonly complete: boolean;
}

/**
 * A type, a namespace of it or one key, exactly as of one revision: the objects are read first, then the log from a
 * position that was settled before; what changed while they were read is replayed over them. With `since`, the events
 * after that revision, too, as far as they are kept.
 */
export async function loadRange(prefix: string, since: Revision | undefined, options: LoaderOptions): Promise<Loaded> {
  const { table, positions, states, waitClock } = options;
  const type = typeOf(prefix);
  const scope = rangeScope(prefix);
  const settled = await positions.at(type);
  const buckets = await options.buckets(type);
  const objects =
    scope === 'key'
      ? await table.objects([{ key: prefix, bucket: bucketOf(prefix, buckets) }])
      : await table.scan(prefix, buckets);
  const seen = objects.reduce((most, { revision }) => Math.max(most, revision), 0);
  const inRange = (key: string): boolean => (scope === 'key' ? key === prefix : key.startsWith(prefix));

  // Of one transaction, an object may be seen a moment before the log entry.
  for (let attempt = 0; attempt < 100; attempt++) {
    const kept =
      since === undefined ? await readBehind(type, settled, options) : await readSince(type, since, settled, options);
    positions.note(type, kept.end);
    if (kept.end >= seen) {
      const events = await replay(type, kept, options, since === undefined ? undefined : kept.begin, inRange);
      return {
        counter: kept.end,
        compacted: events.compacted,
        entries: await overlay(objects, events.states, states),
        history: events.history,
        compactions: kept.compacted === undefined ? [] : [[type, kept.compacted]],
        jumps: [],
        complete: since !== undefined && (kept.complete || events.compacted > kept.begin),
      };
    }
    await sleep(waitClock, 20);
  }
  throw new StoreError('unavailable', `the log of ${type} does not reach what its objects say`);
}

async function readBehind(type: string, settled: number, { log }: LoaderOptions): Promise<KeptLog> {
  const list: LogItem[] = [];
  await log.follow(type, settled, (item) => Promise.resolve(void list.push(item)));
  const last = list.at(-1);
  const end = last ? last.seq + last.count - 1 : settled;
  return { list, begin: settled, end, compacted: undefined, complete: false };
}

interface Replayed {
  /** By key: the newest state that the replay has come to; undefined after a delete. */
  readonly states: ReadonlyMap<string, Entry | undefined>;
  readonly history: { time: number; before: number; events: StoreEvent[] }[];
  readonly compacted: number;
}

/** `from`: events after it are wanted, too. */
async function replay(
  type: string,
  { list, begin, end }: KeptLog,
  options: LoaderOptions,
  from: number | undefined,
  inRange: (key: string) => boolean,
): Promise<Replayed> {
  const { states, codec, now, historyMs } = options;
  const replayed = new Map<string, Entry | undefined>();
  const history: Replayed['history'] = [];
  let compacted = from ?? end;
  let position = begin;
  const earlier = from === undefined ? undefined : await earlierStates(type, list, options, inRange);
  for (const item of list) {
    // A tombstone inside of what a batch takes.
    if (item.seq <= position) continue;
    if (item.seq > position + 1) {
      // What stood between the two has expired.
      compacted = position = item.seq - 1;
      history.length = 0;
    }
    const events: StoreEvent[] = [];
    let whole = true;
    for (const change of item.events ? codec.decode(item.events) : []) {
      const key = type + change.rest;
      if (!inRange(key)) continue;
      const entry = await states.entry(key, change.revision, change.state, item.time);
      if (earlier) {
        const previous = await previousOf(key, change, replayed, earlier, item, states);
        if (previous === 'gone') whole = false;
        else if (change.type === 'put') events.push({ type: 'put', key, revision: change.revision, entry, previous });
        else if (previous) events.push({ type: 'delete', key, revision: change.revision, entry, previous });
      }
      replayed.set(key, change.type === 'put' ? entry : undefined);
    }
    const before = position;
    position = item.seq + item.count - 1;
    if (!earlier) continue;
    if (!whole || item.time <= now() - historyMs) {
      compacted = position;
      history.length = 0;
    } else history.push({ time: item.time, before, events });
  }
  if (position < end) {
    compacted = end;
    history.length = 0;
  }
  return { states: replayed, history, compacted };
}

async function overlay(
  objects: readonly ObjectItem[],
  replayed: ReadonlyMap<string, Entry | undefined>,
  states: States,
): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (const { key, revision, state, time } of objects) {
    if (state && !replayed.has(key)) entries.push(await states.entry(key, revision, state, time));
  }
  for (const entry of replayed.values()) if (entry) entries.push(entry);
  return entries;
}

/** So many entries are looked for at once. */
const atOnce = 16;

/** States that events of the list replaced and that stand before it in the log, by key and revision. */
async function earlierStates(
  type: string,
  list: readonly LogItem[],
  { table, codec }: LoaderOptions,
  inRange: (key: string) => boolean,
): Promise<ReadonlyMap<string, { readonly state: StoredState; readonly time: number }>> {
  const wanted: { rest: string; revision: number }[] = [];
  const inside = new Set<string>();
  for (const { events } of list) {
    for (const { rest, previous } of events ? codec.decode(events) : []) {
      if (!inRange(type + rest)) continue;
      if (previous && !previous.state && !inside.has(rest)) wanted.push({ rest, revision: previous.revision });
      inside.add(rest);
    }
  }
  const found = new Map<string, { state: StoredState; time: number }>();
  for (let i = 0; i < wanted.length; i += atOnce) {
    const part = wanted.slice(i, i + atOnce).map(async ({ rest, revision }) => {
      const item = await entryOf(type, revision, table);
      const change =
        item?.events && codec.decode(item.events).find((one) => one.rest === rest && one.revision === revision);
      if (change) found.set(`${rest} ${revision}`, { state: change.state, time: item.time });
    });
    await Promise.all(part);
  }
  return found;
}

async function previousOf(
  key: string,
  { rest, previous }: LoggedChange,
  replayed: ReadonlyMap<string, Entry | undefined>,
  earlier: ReadonlyMap<string, { readonly state: StoredState; readonly time: number }>,
  item: LogItem,
  states: States,
): Promise<Entry | undefined | 'gone'> {
  if (!previous) return undefined;
  const known = replayed.get(key);
  if (known?.revision === previous.revision) return known;
  if (previous.state) return await states.entry(key, previous.revision, previous.state, item.time);
  const found = earlier.get(`${rest} ${previous.revision}`);
  return found ? await states.entry(key, previous.revision, found.state, found.time) : 'gone';
}
