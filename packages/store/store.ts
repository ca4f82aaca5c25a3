/**
 * The cluster store: an ordered log of commits over opaque values. This file is the specification that
 * every implementation passes (test/contract/store.ts).
 *
 * Keys are `<group>/<resource>/<namespace>/<name>` of the storage group and resource; the core group and
 * the namespace of cluster-scoped objects are the empty string (`/pods/default/x`, `/nodes//n1`).
 * A *type* is the first two segments; revisions are ordered within a type and never compared across types.
 */

/**
 * A positive integer below 2^53; starts at seconds × 2^20 of the time when the type was first written. It never falls,
 * also across restarts, and may jump forward at one; revisions inside such a jump are answered 'compacted'.
 */
export type Revision = number;

/** What stands beside a value for selection without reading it. Opaque to the store; never changed after commit. */
export interface Attributes {
  readonly labels: Readonly<Record<string, string>> | undefined;
  /** Selectable fields of the kind, `metadata.name` and `metadata.namespace` left out (they are in the key). */
  readonly fields: Readonly<Record<string, string>> | undefined;
  /** UIDs of owners. */
  readonly owners: readonly string[] | undefined;
  /** Value of the kind's trigger index (pods: spec.nodeName). */
  readonly trigger: string | undefined;
}

export interface Value {
  /** What is made durable. The store never looks inside. */
  readonly bytes: Uint8Array;
  /** The same as a frozen object, for readers in this process. Never persisted; absent after a restart. */
  decoded?: unknown;
}

export interface Entry {
  readonly key: string;
  /** The revision of the last change. */
  readonly revision: Revision;
  readonly value: Value;
  readonly attributes: Attributes;
}

/** `absent`: the key must not exist; a revision: the key must be at it; `any`: whatever is there, or nothing. */
export type Precondition = 'absent' | 'any' | Revision;

export type Operation =
  /**
   * Writes. `value` is called synchronously or before the commit resolves, with the commit's revision: once, or again
   * with a higher one where a writer in another process took the revision first. It must be pure; the last call counts.
   */
  | {
      readonly type: 'put';
      readonly key: string;
      readonly expected: Precondition;
      readonly value: (revision: Revision) => Value;
      readonly attributes: Attributes;
    }
  /**
   * Deletes. The event carries `value` (the last state with the delete's own revision written into it).
   * `expected` is never 'absent'; with 'any' a missing key fails with `missing`.
   */
  | {
      readonly type: 'delete';
      readonly key: string;
      readonly expected: Precondition;
      readonly value: (revision: Revision) => Value;
      readonly attributes: Attributes;
    }
  /** Changes nothing; the whole commit fails unless it holds. */
  | { readonly type: 'check'; readonly key: string; readonly expected: 'absent' | 'present' | Revision };

export type StoreErrorCode = 'exists' | 'missing' | 'conflict' | 'compacted' | 'future' | 'unavailable';

export class StoreError extends Error {
  readonly code: StoreErrorCode;
  /** The key whose precondition failed, where there is one. */
  readonly key: string | undefined;
  /** For 'conflict' and 'exists': the entry that was met, where it is known. */
  readonly current: Entry | undefined;
  constructor(code: StoreErrorCode, message: string, details: { key?: string; current?: Entry; cause?: unknown } = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'StoreError';
    this.code = code;
    this.key = details.key;
    this.current = details.current;
  }
}

export function isStoreError(error: unknown, code?: StoreErrorCode): error is StoreError {
  return error instanceof StoreError && (code === undefined || error.code === code);
}

/**
 * A range of keys: one type, one namespace of it, or one key of it.
 * `prefix` is `<group>/<resource>/`, `<group>/<resource>/<namespace>/` or a whole key.
 */
export interface KeyRange {
  readonly prefix: string;
  /**
   * Only entries whose trigger attribute has this value: found by index, not by looking at each. A watch also gets the
   * events whose previous entry had it: those that say that an object has left the range.
   */
  readonly trigger?: string;
}

export interface ListOptions {
  /** Page size; absent = all. */
  readonly limit?: number;
  /** Start after this key (the last key of the previous page). */
  readonly after?: string;
  /** Exactly as of this revision. Errors: compacted, future. Absent = now. */
  readonly at?: Revision;
  /** Entries for which it is false are not counted against the limit. Must be pure and must not throw. */
  readonly filter?: (entry: Entry) => boolean;
}

export interface Page {
  readonly entries: readonly Entry[];
  /** The revision of the type that the page is exact at. Never 0, also for a type that was never written. */
  readonly revision: Revision;
  /** True where entries follow after the last one. */
  readonly more: boolean;
  /** How many entries of the range follow this page; undefined where a filter makes it unknown. */
  readonly remaining: number | undefined;
}

export type StoreEvent =
  | {
      readonly type: 'put';
      readonly key: string;
      readonly revision: Revision;
      readonly entry: Entry;
      readonly previous: Entry | undefined;
    }
  /** `entry` holds the delete operation's value: the last state at the delete's revision. */
  | {
      readonly type: 'delete';
      readonly key: string;
      readonly revision: Revision;
      readonly entry: Entry;
      readonly previous: Entry;
    };

export interface WatchListener {
  /**
   * Events in order of revision, without gaps or repeats; called synchronously, as soon as they are durable and
   * before the committer's promise resolves; never re-entered. Must not throw and must be cheap: it queues.
   * `revision` is the type's revision after these events (it may grow without events that this range wants: then
   * `events` may be empty, for bookmarks; within seconds of the growth, while the store is busy).
   * The first call comes after watch() has returned. Watchers of equal ranges may be handed the same array and the
   * same event objects: what is computed of an event once can be remembered for all of them.
   */
  onEvents(events: readonly StoreEvent[], revision: Revision): void;
  /**
   * The watch is over: 'compacted', 'future', 'unavailable', or undefined for stop() or close(). Called once, the last
   * call of the listener; stop() makes it before it returns.
   */
  onEnd(error: StoreError | undefined): void;
}

export interface Subscription {
  /** Idempotent; no call of the listener follows it. */
  stop(): void;
}

export interface Store {
  get(key: string): Promise<Entry | undefined>;
  /** Ordered by key, as JavaScript compares strings. A page is exact at its revision. */
  list(range: KeyRange, options?: ListOptions): Promise<Page>;
  /**
   * All operations or none. Resolves after the commit is durable, visible to every reader and delivered to the
   * watchers of this process; entries stand in the order of the operations (undefined for a check). Each put and
   * delete gets a revision of its own. Preconditions see commits still in flight; when an earlier one fails to
   * become durable, those that built upon it fail with 'unavailable'. At most one operation a key.
   * A put of bytes equal to the current ones is the caller's to avoid: the store always makes a revision.
   * Of several preconditions that fail, the first is reported. A put or delete at a revision, or a check, of a key
   * that is not there fails with 'missing'.
   * Errors: exists, missing, conflict, unavailable (unknown outcome is never reported as failure of a precondition).
   */
  commit(operations: readonly Operation[]): Promise<readonly (Entry | undefined)[]>;
  /** Every event of the range after revision `after`. Errors through onEnd: compacted (too old), future (not reached yet). */
  watch(range: KeyRange, after: Revision, listener: WatchListener): Subscription;
  /** The current revision of a type (`<group>/<resource>/`), as a list of it would carry. */
  revision(type: string): Promise<Revision>;
  /**
   * Forgets history up to and including `before` of one type: older list-at and watch requests fail with 'compacted',
   * those at `before` itself still succeed. Errors: future, unavailable.
   */
  compact(type: string, before: Revision): Promise<void>;
  /**
   * Runs work that may be answered from any one moment after its beginning, as a request may be: a store behind a
   * network need not read the same twice for it. After a commit that failed, and for work that takes longer than a
   * second, reads are of their own moment again. Absent: the store has nothing to gain from it.
   */
  during?<T>(work: () => T): T;
  /** Ends watches and releases the folder or connections; commits in flight are finished first. Idempotent. */
  close(): Promise<void>;
}
