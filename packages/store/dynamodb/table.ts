import type { Revision } from '../store.ts';

/**
 * The one table as the protocol sees it: small typed steps, each of which is one request. Two implementations: the
 * SDK's (dynamo-table.ts), and one in memory for the tests that interleave steps. Reads are strongly consistent.
 * Every method throws TableError.
 */
export interface Table {
  sequence(type: string): Promise<Sequence | undefined>;
  /** Makes the sequence of a type unless there is one; answers the one that is there afterwards. */
  createSequence(type: string, sequence: Sequence): Promise<Sequence>;
  /**
   * Adds to the counter and answers the last number given. Not idempotent: a lost answer leaves a hole in the log.
   * `settled`: up to where the caller knows the log to be settled.
   */
  takeTickets(type: string, count: number, now: number, settled: number): Promise<number>;
  /** Raises the compacted revision; never lowers it. */
  raiseCompacted(type: string, before: Revision): Promise<void>;

  /** Those of the keys that have an item, gravestones included. */
  objects(places: readonly Place[]): Promise<ObjectItem[]>;
  /** Every object of a type, or of one namespace of it (the prefix of either), gravestones included; not a snapshot. */
  scan(prefix: string, buckets: number): Promise<ObjectItem[]>;

  logEntry(type: string, seq: number): Promise<LogItem | undefined>;
  /** Log entries after `after` in ascending order: all there are, or a part of them when `more`. */
  logAfter(type: string, after: number): Promise<{ items: LogItem[]; more: boolean }>;
  /**
   * Log entries before `before` in descending order: a page of the epoch of `before - 1`, of `limit` entries at most;
   * `more`: of the same epoch.
   */
  logBefore(type: string, before: number, limit?: number): Promise<{ items: LogItem[]; more: boolean }>;
  /** Puts a log entry unless there is one; false: there was. */
  putLog(type: string, item: LogItem): Promise<boolean>;

  /** All or nothing. `token` makes a repeated request harmless for ten minutes. */
  transact(transaction: Transaction): Promise<void>;

  putChunk(type: string, id: string, index: number, data: Uint8Array, expires: number | undefined): Promise<void>;
  chunks(type: string, ref: ChunkRef): Promise<Uint8Array[]>;
  /** Lets chunks go at `expires` (seconds). */
  expireChunks(type: string, ref: ChunkRef, expires: number): Promise<void>;
  /** Notes chunks that are about to be written, until a transaction or `dropPending` takes the note away. */
  notePending(chunks: PendingChunks): Promise<void>;
  /** Some of the notes from before `before` (milliseconds), the oldest first. */
  pendingChunks(before: number): Promise<PendingChunks[]>;
  /** Marks a note, so that no transaction can take it any more; false: there is none. */
  claimPending(chunks: PendingChunks): Promise<boolean>;
  dropPending(chunks: PendingChunks): Promise<void>;

  /** How often one of the quiet types (table-schema.ts) was written. */
  generation(): Promise<number>;
  growGeneration(): Promise<void>;

  /** The life that the table is in: another one after each restore. Undefined in the first. */
  life(): Promise<Life | undefined>;
  putLife(life: Life): Promise<void>;
  /** Lets the sequence of a type go on from `base`, unless it began there or later; answers the sequence then. */
  rebase(type: string, base: number, now: number): Promise<Sequence>;

  close(): void;
}

export interface Sequence {
  /** The last ticket given. */
  readonly last: number;
  /** Where the sequence began: no revision up to it was ever a change. */
  readonly base: number;
  readonly compacted: Revision;
  /** When the last ticket was taken, by its writer's clock. */
  readonly touched: number;
  /** Over how many partitions the objects are spread. Never changes. */
  readonly buckets: number;
  /**
   * Up to here the log was settled for whoever took the last ticket: nothing will be put there any more. What stands
   * behind it has not expired as long as the ticket is young.
   */
  readonly settled: number;
}

/** What a restore is told from: revisions that were given out before `base` are of another life. */
export interface Life {
  /** Identifies the table: it differs in a copy that was restored. */
  readonly id: string;
  readonly base: number;
}

/** Where an object lives. */
export interface Place {
  readonly key: string;
  readonly bucket: number;
}

export interface ChunkRef {
  readonly id: string;
  readonly parts: number;
}

/** A note in the table of chunks that no object refers to, yet or any more: so none is forgotten when its writer dies. */
export interface PendingChunks extends ChunkRef {
  readonly type: string;
  /** When they were noted, by their writer's clock. */
  readonly time: number;
}

/** The attributes and the value of an entry, packed (states.ts). */
export type StoredBody = { readonly inline: Uint8Array } | { readonly chunks: ChunkRef };

export interface ObjectItem {
  readonly key: string;
  readonly revision: Revision;
  /** When it was written, milliseconds of the writer's clock. Only for what is kept how long. */
  readonly time: number;
  /** Undefined: a gravestone. It keeps the revision of the delete, so that a late writer cannot slip in below it. */
  readonly state: { readonly body: StoredBody } | undefined;
  /** Seconds; for gravestones. */
  readonly expires?: number;
}

/** One commit's changes of one type, or a tombstone: nothing happened here. */
export interface LogItem {
  readonly seq: number;
  /** How many revisions it takes: seq to seq + count - 1. */
  readonly count: number;
  /** Tells its writer whether this one is his. */
  readonly writer: string;
  readonly time: number;
  /** Up to here its writer knew the log to be settled: nothing will be put there any more. Below `seq`. */
  readonly settled: number;
  /** Undefined: a tombstone. */
  readonly events: Uint8Array | undefined;
  /** Seconds; the broom's business only. */
  readonly expires: number;
}

export type Condition =
  /** No item, or a gravestone from below `seq`. */
  { readonly is: 'absent'; readonly below: number | undefined } | { readonly is: 'at'; readonly revision: Revision };

export interface ObjectAction {
  readonly place: Place;
  readonly condition: Condition;
  /** Absent: only the condition. */
  readonly item?: ObjectItem;
}

export interface Transaction {
  readonly token: string;
  /** It is not sent after this moment, milliseconds of the process's clock: then it fails with 'late'. */
  readonly notAfter: number;
  /** Each is put only if there is none with its seq. */
  readonly logs: readonly { readonly type: string; readonly item: LogItem }[];
  readonly objects: readonly ObjectAction[];
  /** Notes that it takes away, each of which must be there and unclaimed: these chunks are in use from now on. */
  readonly used: readonly PendingChunks[];
  /** Whether one of the quiet types is among them: their generation grows. */
  readonly quiet: boolean;
  /** Notes that it makes: these chunks are in use no more. */
  readonly unused: readonly PendingChunks[];
}

export type TableErrorCode =
  /** Not executed; may be tried again. */
  | 'throttled'
  /** Executed or not, nobody knows. */
  | 'unknown'
  /** A transaction that was not executed. */
  | 'cancelled'
  /** Never sent: its time had passed. */
  | 'late'
  /** Not executed, and trying again is of no use: no permission, no table. */
  | 'refused';

export class TableError extends Error {
  readonly code: TableErrorCode;
  /** For 'cancelled': whether a condition of the log, or of an object or a note, did not hold; neither: a conflict or throttle. */
  readonly logFailed: boolean;
  readonly objectFailed: boolean;
  constructor(
    code: TableErrorCode,
    message: string,
    details: { cause?: unknown; logFailed?: boolean; objectFailed?: boolean } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'TableError';
    this.code = code;
    this.logFailed = details.logFailed ?? false;
    this.objectFailed = details.objectFailed ?? false;
  }
}
