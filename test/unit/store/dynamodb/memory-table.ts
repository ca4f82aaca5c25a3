import {
  type Life,
  type LogItem,
  type ObjectItem,
  type PendingChunks,
  type Sequence,
  type Table,
  TableError,
  type Transaction,
} from '@nodeless/store/dynamodb/table';
import { epochOf, epochSize } from '@nodeless/store/dynamodb/table-schema';

/** The table in memory: each step happens at once, as a whole. What comes between the steps is the test's business. */
export interface MemoryTable extends Table {
  readonly logs: Map<string, Map<number, LogItem>>;
  readonly sequences: Map<string, Sequence>;
  readonly items: Map<string, ObjectItem>;
  readonly bodies: Map<string, { data: Uint8Array; expires: number | undefined }>;
  /** Notes of bodies, by id. */
  readonly notes: Map<string, PendingChunks & { claimed: boolean }>;
  /** Every transaction that was done. */
  readonly done: Transaction[];
}

/** Called before each step: may wait, or throw what the step is to fail with. */
export type Gate = (step: keyof Table, args: readonly unknown[]) => Promise<void>;

/** `remembers`: a transaction whose token was seen is not done again. */
export function createMemoryTable(remembers = true): MemoryTable {
  const logs = new Map<string, Map<number, LogItem>>();
  const sequences = new Map<string, Sequence>();
  const items = new Map<string, ObjectItem>();
  const bodies = new Map<string, { data: Uint8Array; expires: number | undefined }>();
  const notes = new Map<string, PendingChunks & { claimed: boolean }>();
  const done: Transaction[] = [];
  let life: Life | undefined;
  let generation = 0;
  const tokens = new Set<string>();
  const logOf = (type: string): Map<number, LogItem> => {
    let log = logs.get(type);
    if (!log) logs.set(type, (log = new Map()));
    return log;
  };
  const holds = ({ place, condition }: Transaction['objects'][number]): boolean => {
    const item = items.get(place.key);
    if (condition.is === 'at') return item?.state !== undefined && item.revision === condition.revision;
    return !item || (!item.state && (condition.below === undefined || item.revision < condition.below));
  };

  return {
    logs,
    sequences,
    items,
    bodies,
    notes,
    done,
    sequence: async (type) => sequences.get(type),
    async createSequence(type, sequence) {
      if (!sequences.has(type)) sequences.set(type, sequence);
      return sequences.get(type)!;
    },
    async takeTickets(type, count, now, settled) {
      const sequence = sequences.get(type);
      if (!sequence) throw new TableError('refused', 'no sequence');
      const last = sequence.last + count;
      sequences.set(type, { ...sequence, last, touched: now, settled });
      return last;
    },
    async raiseCompacted(type, before) {
      const sequence = sequences.get(type)!;
      if (before > sequence.compacted) sequences.set(type, { ...sequence, compacted: before });
    },
    objects: async (places) => places.flatMap(({ key }) => items.get(key) ?? []),
    scan: async (prefix) => [...items.values()].filter(({ key }) => key.startsWith(prefix)),
    logEntry: async (type, seq) => logOf(type).get(seq),
    async logAfter(type, after) {
      const found = [...logOf(type).values()].filter(({ seq }) => seq > after).sort((a, b) => a.seq - b.seq);
      return { items: found, more: false };
    },
    async logBefore(type, before, limit = Infinity) {
      const epoch = epochOf(before - 1);
      const found = [...logOf(type).values()]
        .filter(({ seq }) => seq < before && seq >= epoch * epochSize)
        .sort((a, b) => b.seq - a.seq);
      return { items: found.slice(0, limit), more: found.length > limit };
    },
    async putLog(type, item) {
      if (logOf(type).has(item.seq)) return false;
      logOf(type).set(item.seq, item);
      return true;
    },
    async transact(transaction) {
      if (remembers && tokens.has(transaction.token)) return;
      const logFailed = transaction.logs.some(({ type, item }) => logOf(type).has(item.seq));
      const usable = ({ id }: PendingChunks): boolean => notes.get(id)?.claimed === false;
      const objectFailed = !transaction.objects.every(holds) || !transaction.used.every(usable);
      if (logFailed || objectFailed) throw new TableError('cancelled', 'a condition', { logFailed, objectFailed });
      tokens.add(transaction.token);
      done.push(transaction);
      if (transaction.quiet) generation++;
      for (const { type, item } of transaction.logs) logOf(type).set(item.seq, item);
      for (const { item } of transaction.objects) if (item) items.set(item.key, item);
      for (const { id } of transaction.used) notes.delete(id);
      for (const note of transaction.unused) notes.set(note.id, { ...note, claimed: false });
    },
    async putChunk(type, id, index, data, expires) {
      bodies.set(`${type}#${id}#${index}`, { data: Uint8Array.from(data), expires });
    },
    chunks: async (type, { id, parts }) =>
      Array.from({ length: parts }, (_, index) => bodies.get(`${type}#${id}#${index}`)?.data).filter(
        (d) => d !== undefined,
      ),
    async expireChunks(type, { id, parts }, expires) {
      for (let index = 0; index < parts; index++) {
        const body = bodies.get(`${type}#${id}#${index}`);
        if (body) body.expires = expires;
      }
    },
    async notePending(note) {
      notes.set(note.id, { ...note, claimed: false });
    },
    pendingChunks: async (before) =>
      [...notes.values()].filter(({ time }) => time < before).sort((a, b) => a.time - b.time),
    async claimPending({ id }) {
      const note = notes.get(id);
      if (note) note.claimed = true;
      return note !== undefined;
    },
    async dropPending({ id }) {
      notes.delete(id);
    },
    generation: async () => generation,
    async growGeneration() {
      generation++;
    },
    life: async () => life,
    async putLife(next) {
      life = next;
    },
    async rebase(type, base, now) {
      const sequence = sequences.get(type)!;
      if (sequence.base < base && sequence.last < base)
        sequences.set(type, { ...sequence, last: base, base, compacted: base, settled: base, touched: now });
      return sequences.get(type)!;
    },
    close: () => {},
  };
}

/** The same table through a gate. `after`: called when the step was done, before its caller hears of it. */
export function gated(table: Table, before: Gate, after?: Gate): Table {
  const wrapped = Object.entries(table).flatMap(([name, method]) => {
    if (typeof method !== 'function' || name === 'close') return [];
    const step = name as keyof Table;
    const call = async (...args: unknown[]): Promise<unknown> => {
      await before(step, args);
      const result = await (method as (...all: unknown[]) => Promise<unknown>)(...args);
      await after?.(step, args);
      return result;
    };
    return [[name, call] as const];
  });
  return { ...(Object.fromEntries(wrapped) as unknown as Table), close: () => {} };
}
