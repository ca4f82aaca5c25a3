import type { Revision } from '../store.ts';
import type { LogReader } from './log-reader.ts';
import type { LogItem, Sequence, Table } from './table.ts';

/** A part of the log up to its end. */
export interface KeptLog {
  /** Ascending; no numbers are missing but those of expired entries. */
  readonly list: readonly LogItem[];
  /** The revision before the first entry. */
  readonly begin: number;
  readonly end: number;
  /** By explicit compaction. */
  readonly compacted: number | undefined;
  /** Whether nothing before it can be asked for. */
  readonly complete: boolean;
}

export interface LogWindowOptions {
  readonly table: Pick<Table, 'logAfter' | 'logBefore'>;
  readonly log: LogReader;
  /** Read at this moment. */
  readonly sequence: (type: string) => Promise<Sequence>;
  readonly now: () => number;
  readonly historyMs: number;
}

/** So many revisions back, the log is read from there; what is older is cheaper found by time, from the end. */
const nearby = 500;

/** The log after `since`, as far as it is kept. `settled`: a position of this process. */
export async function readSince(
  type: string,
  since: Revision,
  settled: number,
  options: LogWindowOptions,
): Promise<KeptLog> {
  const { log, now, historyMs } = options;
  const sequence = await options.sequence(type);
  const { base, last } = sequence;
  const compacted = sequence.compacted > base ? sequence.compacted : undefined;
  const wanted = Math.max(base, Math.min(since, settled));
  if (last - wanted <= nearby) {
    const found = await everythingAfter(type, wanted, options);
    const list = await withoutHoles(type, found, settled, log);
    const begin = Math.min(wanted, (found[0]?.seq ?? Infinity) - 1);
    return { list, begin, end: endOf(list, settled), compacted, complete: wanted === base };
  }
  const { items } = await log.recent(type, sequence, now() - 2 * historyMs);
  const known = items.reduce((most, item) => Math.max(most, item.settled), settled);
  const list = await withoutHoles(type, items, known, log);
  const first = list[0];
  return {
    list,
    begin: first ? Math.min(first.seq - 1, known) : known,
    end: endOf(list, known),
    compacted,
    complete: true,
  };
}

async function everythingAfter(type: string, after: number, { table }: LogWindowOptions): Promise<LogItem[]> {
  const found: LogItem[] = [];
  for (let position = after; ;) {
    const { items, more } = await table.logAfter(type, position);
    found.push(...items);
    if (!more) break;
    position = found.at(-1)!.seq;
  }
  const first = found[0];
  if (first?.seq === after + 1 && first.events) return found;
  // The revision may be one inside of a batch, whose entry stands before it.
  const before = await entryOf(type, after + 1, table);
  return before && before.seq <= after ? [before, ...found] : found;
}

/** The entry that a revision was committed with; tombstones that came too late may stand inside of it. */
export async function entryOf(
  type: string,
  revision: Revision,
  table: Pick<Table, 'logBefore'>,
): Promise<LogItem | undefined> {
  const { items } = await table.logBefore(type, revision + 1, 4);
  return items.find(({ seq, count, events }) => events && seq + count > revision);
}

function endOf(list: readonly LogItem[], settled: number): number {
  return list.reduce((most, { seq, count }) => Math.max(most, seq + count - 1), settled);
}

/** Up to a settled number, what is missing has expired; behind it, numbers are missing whose writers are still at work. */
async function withoutHoles(
  type: string,
  items: readonly LogItem[],
  settled: number,
  log: LogReader,
): Promise<readonly LogItem[]> {
  let next = settled + 1;
  const open = items.filter(({ seq, count }) => seq + count - 1 > settled);
  const whole = open.every(({ seq, count }) => {
    if (seq > next) return false;
    next = Math.max(next, seq + count);
    return true;
  });
  if (whole) return items;
  const list = items.filter(({ seq, count }) => seq + count - 1 <= settled);
  await log.follow(type, settled, (item) => Promise.resolve(void list.push(item)));
  return list;
}
