import type { Logger } from '@nodeless/component-base/logger';
import type { Entry, StoreEvent } from '../store.ts';
import type { InitialState } from '../watch-cache/watch-cache.ts';
import { createByteReader } from './byte-reader.ts';
import type { Database } from './database.ts';
import { type LogRecord, type RecordReader, keys } from './records.ts';

export interface LoadedState extends InitialState {
  readonly history: LoadedHistory[];
  /** The counters of the log entries on the disk, expired ones included. */
  readonly logEntries: number[];
}

type LoadedHistory = { readonly time: number; readonly before: number; readonly events: readonly StoreEvent[] };

/** Reads everything there is; throws where it cannot be true. `keepSince`: batches that became durable at or before this time are history no more. */
export async function load(
  database: Database,
  reader: RecordReader,
  keepSince: number,
  log: Logger,
): Promise<LoadedState> {
  const entries: Entry[] = [];
  const current = new Map<string, Entry>();
  for await (const chunk of database.read(keys.objects)) {
    for (const [key, record] of chunk) {
      const entry = reader.object(key.slice(1), record);
      entries.push(entry);
      current.set(entry.key, entry);
    }
  }

  const logEntries: number[] = [];
  let kept: LogRecord[] = [];
  let counter = 0;
  let compacted = 0;
  for await (const chunk of database.read(keys.log)) {
    for (const [, record] of chunk) {
      const { time, before, after } = reader.logHead(record);
      logEntries.push(after);
      // A crash cuts the log at its end only. A piece that is missing inside it was lost by the disk.
      if (counter > 0 && before !== counter) {
        log.error('the log of the store has a gap; watches from before it start anew', { from: counter, to: before });
        kept = [];
      }
      counter = after;
      if (kept.length === 0 && time <= keepSince) compacted = after;
      else {
        if (kept.length === 0) compacted = before;
        kept.push(reader.log(record));
      }
    }
  }
  if (counter === 0) throw new Error('its log is missing');

  const compactions: [string, number][] = [];
  for await (const chunk of database.read(keys.compactions)) {
    for (const [key, record] of chunk) compactions.push([key.slice(1), createByteReader(record).varint()]);
  }
  const jumps = kept
    .filter((record) => record.events.length === 0)
    .map(({ before, after }) => ({ from: before, to: after }));
  return { counter, compacted, entries, history: rebuild(kept, current), compactions, jumps, logEntries };
}

/** Goes through the log backwards: what an event made is what the next one of its key found, or what stands there now. */
function rebuild(records: readonly LogRecord[], current: ReadonlyMap<string, Entry>): LoadedHistory[] {
  const later = new Map<string, Entry | undefined>();
  const history: LoadedHistory[] = [];
  for (let r = records.length - 1; r >= 0; r--) {
    const record = records[r]!;
    const events: StoreEvent[] = [];
    for (let e = record.events.length - 1; e >= 0; e--) {
      const { key, revision, previous, deleted } = record.events[e]!;
      const found = later.has(key) ? later.get(key) : current.get(key);
      if (found?.revision !== (deleted ? undefined : revision)) {
        throw new Error(`its log disagrees with ${key} at revision ${revision}`);
      }
      later.set(key, previous);
      if (deleted) events.push({ type: 'delete', key, revision, entry: deleted, previous: previous! });
      else events.push({ type: 'put', key, revision, entry: found!, previous });
    }
    history.push({ time: record.time, before: record.before, events: events.reverse() });
  }
  return history.reverse();
}
