/** The table's stream as its one reader sees it: commits out of log items, whatever order they come in. */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { Entry, Revision, StoreEvent } from '../store.ts';
import { createEventCodec } from './event-codec.ts';
import { logFromItem } from './item-codec.ts';
import { createStates } from './states.ts';
import type { LogItem, Table } from './table.ts';
import { epochOf, epochSize, typeOfLogPartition } from './table-schema.ts';

/** An attribute map as Lambda hands it over in JSON: as the SDK's, but for binary values in base64. */
export type StreamImage = Readonly<Record<string, StreamAttribute>>;
export type StreamAttribute = Readonly<Record<string, unknown>>;

/** The changes of one commit to one type, in order. */
export interface LoggedCommit {
  /** `<group>/<resource>/` */
  readonly type: string;
  readonly revision: Revision;
  /** When it was written, milliseconds of the writer's clock. */
  readonly time: number;
  /** Of the changes' `previous`, one that is not to be found any more is absent: such a change of an object looks like its making. */
  changes(): Promise<readonly StoreEvent[]>;
}

export interface StreamRecords {
  /** undefined: not of the log, or a tombstone. Throws for what cannot be read, and will not be. */
  decode(image: StreamImage): LoggedCommit | undefined;
  /** Commits of a type from this time on that are in the table's log now, in order. */
  since(type: string, time: number): Promise<readonly LoggedCommit[]>;
}

export type StreamTable = Pick<Table, 'sequence' | 'logEntry' | 'logBefore' | 'chunks'>;

/** What was decoded stays for a while: most objects change again soon, and their previous state is then at hand. */
const rememberedBytes = 32 * 1024 * 1024;
/** Tickets beyond the counter, see log-reader.ts. */
const beyondCounter = 1024;
const page = 100;
const refused = (): Promise<never> => Promise.reject(new Error('the reader of the stream writes nothing'));

export function createStreamRecords(table: StreamTable): StreamRecords {
  const codec = createEventCodec();
  const states = createStates({
    table: { chunks: table.chunks, putChunk: refused, notePending: refused },
    codec,
    newId: () => '',
    now: () => 0,
  });
  const known = createRemembered(rememberedBytes);

  const stateAt = async (type: string, rest: string, revision: Revision): Promise<Entry | undefined> => {
    // Nearly always, an entry of the log is one change.
    let item = await table.logEntry(type, revision);
    if (!item?.events) [item] = (await table.logBefore(type, revision + 1, 1)).items;
    if (!item?.events || item.seq + item.count <= revision) return undefined;
    const change = codec.decode(item.events).find((one) => one.rest === rest && one.revision === revision);
    return change && known.put(await states.entry(type + rest, revision, change.state, item.time));
  };

  const decoded = async (type: string, item: LogItem): Promise<StoreEvent[]> => {
    const events: StoreEvent[] = [];
    for (const change of item.events ? codec.decode(item.events) : []) {
      const { rest, revision } = change;
      const key = type + rest;
      const entry = known.get(key, revision) ?? known.put(await states.entry(key, revision, change.state, item.time));
      const before = change.previous;
      const previous =
        before &&
        (known.get(key, before.revision) ??
          (before.state
            ? known.put(await states.entry(key, before.revision, before.state, item.time))
            : await stateAt(type, rest, before.revision)));
      if (change.type === 'put') events.push({ type: 'put', key, revision, entry, previous });
      else events.push({ type: 'delete', key, revision, entry, previous: previous ?? entry });
    }
    return events;
  };

  /** Commits of a type one after the other: most know the state before from the one before them. */
  const turns = new Map<string, Promise<unknown>>();
  const inTurn = <T>(type: string, work: () => Promise<T>): Promise<T> => {
    const turn = (turns.get(type) ?? Promise.resolve()).then(work);
    turns.set(
      type,
      turn.catch(() => {}),
    );
    return turn;
  };

  const commitOf = (type: string, item: LogItem): LoggedCommit => {
    let changes: Promise<StoreEvent[]> | undefined;
    return {
      type,
      revision: item.seq,
      time: item.time,
      changes: () => (changes ??= inTurn(type, () => decoded(type, item))),
    };
  };

  return {
    decode(image) {
      const type = typeOfLogPartition(String(image['pk']?.['S'] ?? ''));
      if (type === undefined) return undefined;
      const item = logFromItem(withBytes(image));
      return item.events ? commitOf(type, item) : undefined;
    },
    async since(type, time) {
      const sequence = await table.sequence(type);
      if (!sequence || sequence.touched < time) return [];
      const found: LogItem[] = [];
      let before = (epochOf(sequence.last + beyondCounter) + 1) * epochSize;
      while (before > sequence.base + 1) {
        const { items, more } = await table.logBefore(type, before, page);
        for (const item of items) {
          if (item.time < time) return found.reverse().map((one) => commitOf(type, one));
          if (item.events) found.push(item);
        }
        if (more) {
          before = (items.at(-1) as LogItem).seq;
          continue;
        }
        const epoch = epochOf(before - 1);
        if (items.length === 0 && epoch < epochOf(sequence.last)) break;
        before = epoch * epochSize;
      }
      return found.reverse().map((one) => commitOf(type, one));
    },
  };
}

function withBytes(image: StreamImage): Record<string, AttributeValue> {
  return Object.fromEntries(
    Object.entries(image).map(([name, value]) => {
      const bytes = value['B'];
      return [
        name,
        (typeof bytes === 'string' ? { B: Buffer.from(bytes, 'base64') } : value) as unknown as AttributeValue,
      ];
    }),
  );
}

/** The newest entries, by key and revision, up to so many bytes. */
function createRemembered(limit: number): {
  get(key: string, revision: Revision): Entry | undefined;
  put(entry: Entry): Entry;
} {
  const entries = new Map<string, Entry>();
  let bytes = 0;
  const idOf = (key: string, revision: Revision): string => `${revision}/${key}`;
  return {
    get: (key, revision) => entries.get(idOf(key, revision)),
    put(entry) {
      entries.set(idOf(entry.key, entry.revision), entry);
      bytes += entry.value.bytes.byteLength;
      for (const [id, oldest] of entries) {
        if (bytes <= limit) break;
        entries.delete(id);
        bytes -= oldest.value.bytes.byteLength;
      }
      return entry;
    },
  };
}
