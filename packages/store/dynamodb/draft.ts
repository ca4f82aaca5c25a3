import { typeOf } from '../keys.ts';
import type { Entry, Revision, StoreEvent } from '../store.ts';
import type { EventCodec, LoggedChange } from './event-codec.ts';
import type { Draft, Place } from './log-writer.ts';
import type { BatchPlan } from './plan.ts';
import type { PackedState, States } from './states.ts';
import type { Condition, ObjectAction, ObjectItem, PendingChunks } from './table.ts';
import type { OwnEntry } from './event-reader.ts';

/** A batch with its revisions: what goes to the table, and what this process will show of it. */
export interface PreparedBatch {
  readonly draft: Draft;
  /** By commit, entries in the places of its operations. */
  readonly results: readonly (Entry | undefined)[][];
  readonly entries: ReadonlyMap<string, OwnEntry>;
}

/** A value function threw: the commit it belongs to cannot be done. */
export class ValueFailure extends Error {
  readonly commit: number;
  constructor(commit: number, cause: unknown) {
    super('a value function threw', { cause });
    this.commit = commit;
  }
}

export interface PrepareOptions {
  readonly plan: BatchPlan;
  readonly commits: number;
  readonly state: (key: string) => Entry | undefined;
  readonly bucket: (key: string) => number;
  readonly firsts: ReadonlyMap<string, Place>;
  readonly writer: string;
  readonly states: States;
  readonly codec: EventCodec;
  readonly now: number;
  readonly historyMs: number;
  /** Called for chunks that were written for a draft that is then abandoned. */
  readonly release: (chunks: PendingChunks) => void;
}

/** How long a gravestone and a log entry outlive their use before the broom may come. */
const spareMs = 3_600_000;

export function expiry(now: number, historyMs: number): number {
  return Math.ceil((now + 2 * historyMs + spareMs) / 1000);
}

export async function prepareBatch(options: PrepareOptions): Promise<PreparedBatch> {
  const { plan, commits, state, bucket, firsts, writer, states, codec, now, historyMs, release } = options;
  const expires = expiry(now, historyMs);
  const results: (Entry | undefined)[][] = Array.from({ length: commits }, () => []);
  const next = new Map([...firsts].map(([type, { first }]) => [type, first]));
  const latest = new Map<string, Entry | undefined>();
  const packedOf = new Map<Entry, PackedState>();
  const events = new Map<string, StoreEvent[]>();
  const used: PendingChunks[] = [];
  const unused: PendingChunks[] = [];

  for (const { commit, place, operation } of plan.changes) {
    const { key, attributes } = operation;
    const type = typeOf(key);
    const revision = next.get(type)!;
    next.set(type, revision + 1);
    const entry: Entry = { key, revision, value: valueOf(operation.value, revision, commit), attributes };
    const previous = latest.has(key) ? latest.get(key) : state(key);
    latest.set(key, operation.type === 'put' ? entry : undefined);
    results[commit]![place] = entry;
    const packed = states.pack(entry);
    // What the same batch replaces lives only in the log.
    const replaced = previous && packedOf.get(previous);
    if (replaced) replaced.expires = expires;
    if (operation.type === 'delete') packed.expires = expires;
    packedOf.set(entry, packed);
    let ofType = events.get(type);
    if (!ofType) events.set(type, (ofType = []));
    if (operation.type === 'put') ofType.push({ type: 'put', key, revision, entry, previous });
    else if (previous) ofType.push({ type: 'delete', key, revision, entry, previous });
  }

  const logs: Draft['logs'][number][] = [];
  const entries = new Map<string, OwnEntry>();
  for (const [type, list] of events) {
    const embedded = new Map<Entry, PackedState>();
    for (const { previous } of list) {
      if (!previous || packedOf.has(previous)) continue;
      const origin = states.origin(previous);
      if (origin?.chunks) unused.push({ type, ...origin.chunks, time: now });
      // Its own log entry is kept for twice the history: while this event can be asked for.
      if (origin && now - origin.time < historyMs) continue;
      const packed = states.pack(previous);
      packed.expires = expires;
      if (origin?.chunks) packed.body = { chunks: origin.chunks };
      embedded.set(previous, packed);
    }
    const candidates = [...list.map(({ entry }) => packedOf.get(entry)!), ...embedded.values()];
    used.push(...(await states.spill(type, candidates)));
    const changes = list.map(({ type: kind, key, revision, entry, previous }): LoggedChange => ({
      type: kind,
      rest: key.slice(type.length),
      revision,
      state: packedOf.get(entry)!,
      previous: previous && { revision: previous.revision, state: embedded.get(previous) },
    }));
    const { first: seq, settled } = firsts.get(type)!;
    const count = list.length;
    logs.push({ type, item: { seq, count, writer, time: now, settled, events: codec.encode(changes), expires } });
    entries.set(type, { seq, count, writer, events: list });
  }

  for (const [entry, { body }] of packedOf) {
    states.remember(entry, { time: now, chunks: 'chunks' in body ? body.chunks : undefined });
  }
  const objects: ObjectAction[] = [];
  for (const key of plan.keys) {
    const type = typeOf(key);
    const place = { key, bucket: bucket(key) };
    const condition = conditionOf(state(key)?.revision, firsts.get(type)?.first);
    if (!latest.has(key)) objects.push({ place, condition });
    else
      objects.push({ place, condition, item: itemOf(key, events.get(type)!, latest.get(key), packedOf, now, expires) });
  }
  const abandoned = (): void => used.forEach(release);
  return { draft: { logs, objects, used, unused, abandoned }, results, entries };
}

function valueOf(value: (revision: Revision) => Entry['value'], revision: Revision, commit: number): Entry['value'] {
  try {
    return value(revision);
  } catch (cause) {
    throw new ValueFailure(commit, cause);
  }
}

/** A check of 'present' holds only at the revision that was read, too: a change meanwhile costs one more attempt. */
function conditionOf(revision: Revision | undefined, below: number | undefined): Condition {
  return revision === undefined ? { is: 'absent', below } : { is: 'at', revision };
}

function itemOf(
  key: string,
  events: readonly StoreEvent[],
  entry: Entry | undefined,
  packedOf: ReadonlyMap<Entry, PackedState>,
  time: number,
  expires: number,
): ObjectItem {
  if (entry) return { key, revision: entry.revision, time, state: packedOf.get(entry)! };
  const { revision } = events.findLast((event) => event.key === key)!;
  return { key, revision, time, state: undefined, expires };
}
