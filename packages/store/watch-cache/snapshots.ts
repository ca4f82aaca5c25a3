import { prefixEnd, rangeScope } from '../keys.ts';
import type { Entry, KeyRange, Revision } from '../store.ts';
import type { Slot, TypeState } from './type-state.ts';

/** What a range of a type held at an earlier revision: the current state overlaid backwards with the kept events. */
export interface Snapshots {
  /** All entries of the range at `revision`, ordered by key; the caller has checked that the history reaches that far. */
  at(type: string, state: TypeState, range: KeyRange, revision: Revision): readonly Entry[];
  /** Lets go of snapshots that can no longer be asked for. */
  drop(expired: (type: string, revision: Revision) => boolean): void;
}

/** Clients that page through a list come back with the same revision: the last few snapshots are kept for them. */
const kept = 16;

export function createSnapshots(): Snapshots {
  const snapshots = new Map<
    string,
    { readonly type: string; readonly revision: Revision; readonly entries: readonly Entry[] }
  >();
  return {
    at(type, state, range, revision) {
      const id = `${revision} ${range.prefix}\0${range.trigger ?? ''}${range.trigger === undefined ? '' : '\0'}`;
      let snapshot = snapshots.get(id);
      if (snapshot) snapshots.delete(id);
      else snapshot = { type, revision, entries: overlay(state, range, revision) };
      snapshots.set(id, snapshot);
      if (snapshots.size > kept) snapshots.delete(snapshots.keys().next().value!);
      return snapshot.entries;
    },
    drop(expired) {
      for (const [id, snapshot] of snapshots) if (expired(snapshot.type, snapshot.revision)) snapshots.delete(id);
    },
  };
}

function overlay(state: TypeState, range: KeyRange, revision: Revision): Entry[] {
  const single = rangeScope(range.prefix) === 'key';
  const inRange = (key: string): boolean => (single ? key === range.prefix : key.startsWith(range.prefix));
  // Going back, the last one seen for a key is the state before the first change after the revision.
  const earlier = new Map<string, Entry | undefined>();
  state.events.backTo(revision, (event) => {
    if (inRange(event.key)) earlier.set(event.key, event.previous);
  });
  const wanted = (entry: Entry): boolean => range.trigger === undefined || entry.attributes.trigger === range.trigger;

  const entries: Entry[] = [];
  const visit = (slot: Slot): boolean => {
    if (!earlier.has(slot.key)) entries.push(slot.entry);
    return true;
  };
  const index = range.trigger === undefined ? state.order : state.triggers.get(range.trigger);
  if (single) index?.scan(range.prefix, `${range.prefix}\0`, visit);
  else index?.scan(range.prefix, prefixEnd(range.prefix), visit);
  const changed: Entry[] = [];
  for (const entry of earlier.values()) if (entry && wanted(entry)) changed.push(entry);
  if (changed.length === 0) return entries;
  return merge(entries, changed.sort(byKey));
}

function merge(left: readonly Entry[], right: readonly Entry[]): Entry[] {
  const merged: Entry[] = [];
  let i = 0;
  for (const entry of right) {
    while (i < left.length && left[i]!.key < entry.key) merged.push(left[i++]!);
    merged.push(entry);
  }
  while (i < left.length) merged.push(left[i++]!);
  return merged;
}

function byKey(a: Entry, b: Entry): number {
  return a.key < b.key ? -1 : 1;
}
