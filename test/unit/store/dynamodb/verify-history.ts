import type { ManualClock } from '@nodeless/component-base/manual-clock';
import { typeOf } from '@nodeless/store/keys';
import type { Entry, Operation, Page, Store, StoreEvent } from '@nodeless/store/store';
import { expect } from 'vitest';
import type { MemoryTable } from './memory-table.ts';

/** A commit as its caller saw it. Moments are of one counter for all. */
export interface Attempt {
  readonly text: string;
  readonly operations: readonly Operation[];
  readonly began: number;
  ended: number;
  outcome: 'open' | 'done' | 'refused' | 'unknown';
  entries: readonly (Entry | undefined)[];
}

/** What a watcher from the beginning has heard. */
export interface Heard {
  readonly writer: number;
  readonly events: StoreEvent[];
}

/** A list as its caller saw it. */
export interface Listed {
  readonly prefix: string;
  readonly began: number;
  readonly page: Page;
}

export interface TypeHistory {
  readonly events: readonly StoreEvent[];
  readonly entries: readonly Entry[];
}

/** The whole log as a watcher sees it who comes afterwards. */
export async function readBack(
  store: Store,
  starts: ReadonlyMap<string, number>,
  clock: ManualClock,
): Promise<Map<string, TypeHistory>> {
  const log = new Map<string, TypeHistory>();
  for (const [type, start] of starts) {
    const events: StoreEvent[] = [];
    const listed = await inTime(store.list({ prefix: type }), clock);
    let ended: unknown;
    store.watch({ prefix: type }, start, {
      onEvents: (batch) => void events.push(...batch),
      onEnd: (error) => {
        ended = error;
      },
    });
    await clock.advance(1);
    expect(ended).toBeUndefined();
    log.set(type, { events, entries: listed.entries });
  }
  await inTime(store.close(), clock);
  return log;
}

async function inTime<T>(promise: Promise<T>, clock: ManualClock): Promise<T> {
  let over = false;
  const end = (): void => {
    over = true;
  };
  promise.then(end, end);
  for (let i = 0; i < 500 && !over; i++) await clock.advance(100);
  return await promise;
}

/** Fails unless what everybody saw is what one store would have shown that does one commit after the other. */
export function verifyHistory(
  table: MemoryTable,
  starts: ReadonlyMap<string, number>,
  log: ReadonlyMap<string, TypeHistory>,
  attempts: readonly Attempt[],
  heard: readonly Heard[],
  lists: readonly Listed[] = [],
): void {
  const texts = new Map<string, number>();
  for (const [type, { events, entries }] of log) {
    // Each change follows the one before it of its key: nobody wrote over what he had not seen.
    const state = new Map<string, StoreEvent>();
    let last = starts.get(type)!;
    for (const event of events) {
      if (event.revision <= last) throw new Error(`${event.revision} after ${last}`);
      last = event.revision;
      const before = state.get(event.key);
      expect(event.previous?.revision).toBe(before?.type === 'put' ? before.revision : undefined);
      expect(Buffer.from(event.entry.value.bytes).toString().split('@')[1]).toBe(String(event.revision));
      state.set(event.key, event);
      const text = textOf(event.entry);
      texts.set(text, (texts.get(text) ?? 0) + 1);
    }
    // The objects are what the log says.
    const current = [...state.values()].filter((event) => event.type === 'put').map(({ entry }) => entry);
    expect(entries.map(shown)).toEqual(current.sort(byKey).map(shown));
    for (const [key, item] of table.items) {
      if (typeOf(key) !== type) continue;
      expect([key, item.revision, item.state !== undefined]).toEqual([
        key,
        state.get(key)?.revision,
        state.get(key)?.type === 'put',
      ]);
    }
    for (const { events: seen } of heard) {
      const own = seen.filter((event) => typeOf(event.key) === type);
      if (own.length === 0) continue;
      // Whoever died or stopped early has seen the beginning of it, in order and whole.
      expect(own.map(shownEvent)).toEqual(events.slice(0, own.length).map(shownEvent));
    }
  }
  for (const { outcome, text, operations, entries } of attempts) {
    const writes = operations.filter(({ type }) => type !== 'check').length;
    const found = texts.get(text) ?? 0;
    if (outcome === 'done') {
      expect([text, found]).toEqual([text, writes]);
      for (const entry of entries) {
        if (!entry) continue;
        const event = log.get(typeOf(entry.key))!.events.find(({ revision }) => revision === entry.revision);
        expect(event?.key).toBe(entry.key);
      }
    } else if (outcome === 'refused') expect([text, found]).toEqual([text, 0]);
    else expect([0, writes]).toContain(found);
  }
  verifyOrder(attempts);
  for (const listed of lists) verifyList(listed, log.get(typeOf(listed.prefix))!, attempts);
}

/** Who began after another was answered has the higher revision. */
function verifyOrder(attempts: readonly Attempt[]): void {
  const done = attempts.filter(({ outcome }) => outcome === 'done');
  for (const earlier of done) {
    for (const later of done) {
      if (later.began <= earlier.ended) continue;
      for (const a of earlier.entries) {
        for (const b of later.entries) {
          if (a && b && typeOf(a.key) === typeOf(b.key)) expect(b.revision).toBeGreaterThan(a.revision);
        }
      }
    }
  }
}

/** A list is the state at its revision, and not from before what was answered when it began. */
function verifyList({ prefix, began, page }: Listed, { events }: TypeHistory, attempts: readonly Attempt[]): void {
  const state = new Map<string, Entry>();
  for (const { type, key, revision, entry } of events) {
    if (revision > page.revision || !key.startsWith(prefix)) continue;
    if (type === 'put') state.set(key, entry);
    else state.delete(key);
  }
  expect(page.entries.map(shown)).toEqual([...state.values()].sort(byKey).map(shown));
  for (const { outcome, ended, entries } of attempts) {
    if (outcome !== 'done' || ended > began) continue;
    for (const entry of entries) {
      if (entry && typeOf(entry.key) === typeOf(prefix)) expect(page.revision).toBeGreaterThanOrEqual(entry.revision);
    }
  }
}

const byKey = (a: Entry, b: Entry): number => (a.key < b.key ? -1 : 1);
const textOf = (entry: Entry): string => Buffer.from(entry.value.bytes).toString().split('@')[0]!;
const shown = (entry: Entry | undefined): unknown => entry && [entry.key, entry.revision, textOf(entry)];
const shownEvent = (event: StoreEvent): unknown => [event.type, shown(event.entry), shown(event.previous)];
