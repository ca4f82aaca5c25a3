import { type Clock, sleep } from '@nodeless/component-base/clock';
import { type Entry, type StoreEvent, StoreError } from '../store.ts';
import type { InitialState } from '../watch-cache/watch-cache.ts';
import type { EventCodec, LoggedChange } from './event-codec.ts';
import type { LogReader } from './log-reader.ts';
import type { States } from './states.ts';
import type { LogItem, ObjectItem, Sequence, Table } from './table.ts';

export interface LoaderOptions {
  readonly table: Pick<Table, 'scan' | 'sequence'>;
  readonly log: LogReader;
  readonly states: States;
  readonly codec: EventCodec;
  /** Runs the waiting. */
  readonly waitClock: Clock;
  readonly now: () => number;
  readonly historyMs: number;
  /** Waits as long as a ticket may take, and puts a tombstone at its number unless something stands there. */
  readonly fill: (type: string, seq: number) => Promise<void>;
}

/**
 * Everything of one type as of one revision: the objects are read first, then the log from its end; what changed
 * while they were read is replayed over them.
 */
export async function loadType(type: string, sequence: Sequence, options: LoaderOptions): Promise<InitialState> {
  const { table, states, codec, now, historyMs } = options;
  const objects = await table.scan(type, sequence.buckets);
  const seen = objects.reduce((most, { revision }) => Math.max(most, revision), 0);

  const items = await readLog(type, sequence, seen, options);
  const current = new Map<string, ObjectItem>(objects.map((item) => [item.key, item]));
  const at = items.end;

  const entries = new Map<string, Entry>();
  /** By key: the newest state that the replay has come to; undefined after a delete. */
  const replayed = new Map<string, Entry | undefined>();
  const history: { time: number; before: number; events: StoreEvent[] }[] = [];
  let compacted = items.begin;
  let position = items.begin;
  for (const item of items.list) {
    // A tombstone inside of what a batch takes.
    if (item.seq <= position) continue;
    const events: StoreEvent[] = [];
    let whole = true;
    for (const change of item.events ? codec.decode(item.events) : []) {
      const key = type + change.rest;
      const previous = await previousOf(key, change, replayed, item, states);
      const entry = await states.entry(key, change.revision, change.state, item.time);
      replayed.set(key, change.type === 'put' ? entry : undefined);
      if (previous === 'gone') whole = false;
      else if (change.type === 'put') events.push({ type: 'put', key, revision: change.revision, entry, previous });
      else if (previous) events.push({ type: 'delete', key, revision: change.revision, entry, previous });
    }
    const before = position;
    position = item.seq + item.count - 1;
    if (!whole || item.time <= now() - historyMs) {
      compacted = position;
      history.length = 0;
    } else history.push({ time: item.time, before, events });
  }

  for (const { key, revision, state, time } of current.values()) {
    if (state && !replayed.has(key)) entries.set(key, await states.entry(key, revision, state, time));
  }
  for (const [key, entry] of replayed) if (entry) entries.set(key, entry);
  return {
    counter: at,
    compacted,
    entries: entries.values(),
    history,
    compactions: items.compacted > sequence.base ? [[type, items.compacted]] : [],
    jumps: [],
  };
}

interface KeptLog {
  readonly list: readonly LogItem[];
  /** The revision before the first entry. */
  readonly begin: number;
  readonly end: number;
  /** By explicit compaction. */
  readonly compacted: number;
}

/** A ticket this old is used no more: its writer looks at the clock before. */
const settledMs = 60_000;
/** So many open tickets may stand directly below the first entry that is kept. */
const openTickets = 32;

async function readLog(type: string, known: Sequence, atLeast: number, options: LoaderOptions): Promise<KeptLog> {
  const { table, log, waitClock, now, historyMs, fill } = options;
  // Of one transaction, an object may be seen a moment before the log entry.
  for (let attempt = 0; attempt < 100; attempt++) {
    const sequence = (await table.sequence(type)) ?? known;
    const { base, last, compacted } = sequence;
    const { items, older } = await log.recent(type, sequence, now() - 2 * historyMs);
    const first = items[0];
    const settled = (time: number): boolean => time < now() - settledMs;
    /** Nothing of what is asked for stands up to here; what is missing behind it may have expired. */
    const floor = older ? older.seq + older.count - 1 : base;
    let begin: number;
    let missing = false;
    if (first) begin = settled(first.time) ? first.seq - 1 : Math.max(floor, first.seq - 1 - openTickets);
    else if (settled(sequence.touched) || last === base) begin = last;
    else {
      // Tickets were taken a moment ago, and nothing stands there. Whoever has the last one has had its time after this.
      begin = Math.max(floor, last - openTickets);
      await fill(type, last);
      missing = true;
    }
    let list: readonly LogItem[] = items;
    if (missing || !contiguous(begin, items)) {
      const whole: LogItem[] = [];
      await log.follow(type, begin, (item) => Promise.resolve(void whole.push(item)));
      list = whole;
    }
    const tail = list.at(-1);
    const end = tail ? tail.seq + tail.count - 1 : begin;
    if (end >= atLeast) return { list, begin, end, compacted };
    await sleep(waitClock, 20);
  }
  throw new StoreError('unavailable', `the log of ${type} does not reach what its objects say`);
}

function contiguous(after: number, items: readonly LogItem[]): boolean {
  let next = after + 1;
  for (const { seq, count } of items) {
    if (seq < next) continue;
    if (seq !== next) return false;
    next = seq + count;
  }
  return true;
}

async function previousOf(
  key: string,
  { previous }: LoggedChange,
  replayed: ReadonlyMap<string, Entry | undefined>,
  item: LogItem,
  states: States,
): Promise<Entry | undefined | 'gone'> {
  if (!previous) return undefined;
  const known = replayed.get(key);
  if (known?.revision === previous.revision) return known;
  if (!previous.state) return 'gone';
  return await states.entry(key, previous.revision, previous.state, item.time);
}
