import type { StoreEvent } from '@nodeless/store/store';
import { expect } from 'vitest';
import type { StoreCases } from './store.ts';
import {
  attributes,
  commit,
  commitMany,
  nodes,
  pods,
  put,
  remove,
  settle,
  shown,
  shownEvent,
  textOf,
  watch,
} from './store-harness.ts';

const a = '/pods/default/a';
const b = '/pods/default/b';
const c = '/pods/other/c';
const texts = (events: readonly StoreEvent[]): string[] => events.map(({ type, entry }) => `${type} ${textOf(entry)}`);

export const watchCases: StoreCases = {
  'events carry what is and what was': async ({ open }) => {
    const store = await open();
    const watched = watch(store, { prefix: pods }, await store.revision(pods));
    const made = await commit(store, put(a, { text: 'one', attributes: attributes({ labels: { app: 'x' } }) }));
    const changed = await commit(store, put(a, { text: 'two', attributes: attributes({ labels: { app: 'y' } }) }));
    const deleted = await commit(store, remove(a, { text: 'last' }));
    expect(watched.events.map(shownEvent)).toEqual([
      { type: 'put', key: a, revision: made.revision, entry: shown(made), previous: undefined },
      { type: 'put', key: a, revision: changed.revision, entry: shown(changed), previous: shown(made) },
      { type: 'delete', key: a, revision: deleted.revision, entry: shown(deleted), previous: shown(changed) },
    ]);
    expect(watched.revision()).toBe(deleted.revision);
  },

  'an event is delivered before its commit resolves, when readers see it': async ({ open }) => {
    const store = await open();
    const order: string[] = [];
    const seen: Promise<unknown>[] = [];
    const watched = watch(store, { prefix: pods }, await store.revision(pods));
    watched.onEvent = (event) => {
      order.push(`event ${textOf(event.entry)}`);
      seen.push(store.get(event.key).then((entry) => expect(entry?.revision).toBeGreaterThanOrEqual(event.revision)));
    };
    const commits = Array.from({ length: 10 }, (_, i) =>
      store.commit([put(`/pods/default/p${i}`, { text: `${i}` })]).then(() => order.push(`ack ${i}`)),
    );
    await Promise.all(commits);
    await Promise.all(seen);
    expect(order).toHaveLength(20);
    for (let i = 0; i < 10; i++) expect(order.indexOf(`event ${i}`)).toBeLessThan(order.indexOf(`ack ${i}`));
  },

  'a watcher hears of its range only': async ({ open }) => {
    const store = await open();
    const after = { [pods]: await store.revision(pods), [nodes]: await store.revision(nodes) };
    const ranges = { type: pods, namespace: '/pods/default/', key: a, other: nodes };
    const begin = (prefix: string) => watch(store, { prefix }, after[prefix === nodes ? nodes : pods]!);
    const watched = Object.entries(ranges).map(([name, prefix]) => ({ name, live: begin(prefix) }));
    await store.commit([put(a, { text: 'a' }), put(b, { text: 'b' }), put(c, { text: 'c' })]);
    await commit(store, put('/pods/default/aa', { text: 'aa' }));
    await commit(store, put('/podtemplates/default/a', { text: 'no' }));
    await commit(store, put('/nodes//n1', { text: 'n1' }));
    const want = {
      type: ['put a', 'put b', 'put c', 'put aa'],
      namespace: ['put a', 'put b', 'put aa'],
      key: ['put a'],
      other: ['put n1'],
    };
    for (const { name, live } of watched) expect(texts(live.events), name).toEqual(want[name as keyof typeof want]);
    for (const [name, prefix] of Object.entries(ranges)) {
      const late = begin(prefix);
      await settle();
      expect(texts(late.events), `late ${name}`).toEqual(want[name as keyof typeof want]);
    }
  },

  'by trigger: events whose entry has or had the value': async ({ open }) => {
    const store = await open();
    const on = (trigger: string | undefined, text: string) => ({ text, attributes: attributes({ trigger }) });
    const after = await store.revision(pods);
    const live = ['n1', 'n2', ''].map((trigger) => watch(store, { prefix: pods, trigger }, after));
    const inOther = watch(store, { prefix: '/pods/other/', trigger: 'n1' }, after);
    await commit(store, put(a, on('', 'a-pending')));
    await commit(store, put(a, on('n1', 'a-n1')));
    await commit(store, put(b, on(undefined, 'b')));
    await commit(store, put(a, on('n1', 'a-again')));
    await commit(store, put(a, on('n2', 'a-n2')));
    await commit(store, put(c, on('n1', 'c-n1')));
    await commit(store, remove(a, on('n2', 'a-gone')));
    const want = [
      ['put a-n1', 'put a-again', 'put a-n2', 'put c-n1'],
      ['put a-n2', 'delete a-gone'],
      ['put a-pending', 'put a-n1'],
    ];
    expect(live.map(({ events }) => texts(events))).toEqual(want);
    expect(texts(inOther.events)).toEqual(['put c-n1']);
    const late = ['n1', 'n2', ''].map((trigger) => watch(store, { prefix: pods, trigger }, after));
    await settle();
    expect(late.map(({ events }) => texts(events))).toEqual(want);
  },

  'from whichever revision a watch begins, it sees the rest, once': async ({ open }) => {
    const store = await open();
    const start = await store.revision(pods);
    const whole = watch(store, { prefix: pods }, start);
    const running: { after: number; watched: ReturnType<typeof watch> }[] = [];
    for (let i = 0; i < 20; i++) {
      const commits = [a, b, c].slice(0, 1 + (i % 3)).map((key) => store.commit([put(key, { text: `t${i}` })]));
      // Some begin while commits are in flight, some between them.
      if (i % 2 === 0)
        running.push({ after: whole.revision(), watched: watch(store, { prefix: pods }, whole.revision()) });
      await Promise.all(commits);
      if (i % 3 === 0) await store.commit([remove(a), put(b)]);
      running.push({ after: whole.revision(), watched: watch(store, { prefix: pods }, whole.revision()) });
    }
    for (const { revision } of whole.events)
      running.push({ after: revision, watched: watch(store, { prefix: pods }, revision) });
    running.push({ after: start, watched: watch(store, { prefix: pods }, start) });
    await commit(store, put(c, { text: 'the end' }));
    await settle();
    expect(whole.events.length).toBeGreaterThan(40);
    for (const { after, watched } of running) {
      expect(watched.events.map(shownEvent)).toEqual(
        whole.events.filter(({ revision }) => revision > after).map(shownEvent),
      );
    }
  },

  'the listener is not called inside watch()': async ({ open }) => {
    const store = await open();
    const after = await store.revision(pods);
    await commit(store, put(a));
    let inside = true;
    const calls: boolean[] = [];
    const listener = { onEvents: () => calls.push(inside), onEnd: () => calls.push(inside) };
    store.watch({ prefix: pods }, after, listener);
    store.watch({ prefix: pods }, after + 1000, listener);
    store.watch({ prefix: pods }, 1, listener);
    inside = false;
    await settle();
    expect(calls).toEqual([false, false, false]);
  },

  'a listener may commit, watch and stop, and is not re-entered': async ({ open }) => {
    const store = await open();
    const after = await store.revision(pods);
    const first = watch(store, { prefix: pods }, after);
    const second = watch(store, { prefix: pods }, after);
    await settle();
    let heard: number | undefined;
    const nested: ReturnType<typeof watch>[] = [];
    const follow: Promise<unknown>[] = [];
    first.onEvent = (event) => {
      const depth = Number(textOf(event.entry));
      if (depth < 5) follow.push(store.commit([put(a, { text: String(depth + 1) })]));
      if (depth === 2)
        nested.push(watch(store, { prefix: pods }, event.revision), watch(store, { prefix: pods }, after));
      if (depth !== 3) return;
      heard = second.events.length;
      second.subscription.stop();
    };
    await commit(store, put(a, { text: '0' }));
    for (let i = 0; i < 10; i++) await Promise.all(follow);
    await settle();
    expect(texts(first.events)).toEqual(['put 0', 'put 1', 'put 2', 'put 3', 'put 4', 'put 5']);
    expect(heard).toBeGreaterThanOrEqual(3);
    expect(texts(second.events)).toEqual(texts(first.events).slice(0, heard));
    expect(second.ended()).toEqual({ error: undefined });
    expect(nested.map(({ events }) => texts(events))).toEqual([
      ['put 3', 'put 4', 'put 5'],
      ['put 0', 'put 1', 'put 2', 'put 3', 'put 4', 'put 5'],
    ]);
  },

  'a listener that commits before it is live is not re-entered': async ({ open }) => {
    const store = await open();
    const after = await store.revision(pods);
    await commit(store, put(a, { text: '0' }));
    const watched = watch(store, { prefix: pods }, after);
    const follow: Promise<unknown>[] = [];
    watched.onEvent = ({ entry }) => {
      const depth = Number(textOf(entry));
      if (depth < 5) follow.push(store.commit([put(a, { text: String(depth + 1) })]));
    };
    for (let i = 0; i < 10; i++) {
      await Promise.all(follow);
      await settle();
    }
    expect(texts(watched.events)).toEqual(['put 0', 'put 1', 'put 2', 'put 3', 'put 4', 'put 5']);
  },

  'after stop() nothing follows': async ({ open }) => {
    const store = await open();
    const after = await store.revision(pods);
    await commit(store, put(a, { text: 'before' }));
    const live = watch(store, { prefix: pods }, await store.revision(pods));
    const early = watch(store, { prefix: pods }, after);
    early.subscription.stop();
    await commit(store, put(a, { text: 'seen' }));
    const calls: string[] = [];
    live.subscription.stop();
    live.onEvent = () => calls.push('event');
    live.subscription.stop();
    await commit(store, put(a, { text: 'unseen' }));
    await settle();
    expect(texts(live.events)).toEqual(['put seen']);
    expect(early.events).toEqual([]);
    expect([live.ended(), early.ended()]).toEqual([{ error: undefined }, { error: undefined }]);
    expect(calls).toEqual([]);
  },

  'a revision that is too old ends the watch with compacted, one not reached with future': async ({ open }) => {
    const store = await open();
    const first = await commit(store, put(a, { text: 'one' }));
    const second = await commit(store, put(a, { text: 'two' }));
    await commit(store, put(a, { text: 'three' }));
    const kept = watch(store, { prefix: pods }, first.revision);
    await settle();
    await store.compact(pods, second.revision);
    const old = watch(store, { prefix: pods }, first.revision);
    const ancient = watch(store, { prefix: pods }, 1);
    const exact = watch(store, { prefix: pods }, second.revision);
    const unborn = watch(store, { prefix: pods }, (await store.revision(pods)) + 1);
    await commit(store, put(a, { text: 'four' }));
    await settle();
    expect(old.ended()?.error?.code).toBe('compacted');
    expect(ancient.ended()?.error?.code).toBe('compacted');
    expect(unborn.ended()?.error?.code).toBe('future');
    expect([old, ancient, unborn].flatMap(({ events }) => events)).toEqual([]);
    expect(texts(exact.events)).toEqual(['put three', 'put four']);
    expect(texts(kept.events)).toEqual(['put two', 'put three', 'put four']);
    expect(kept.ended()).toBeUndefined();
  },

  'revisions to watch from expire with the history': async ({ open, clock, historyMs }) => {
    const store = await open();
    const first = await commit(store, put(a, { text: 'one' }));
    const live = watch(store, { prefix: pods }, first.revision);
    await commit(store, put(a, { text: 'two' }));
    await clock.advance(historyMs - 1);
    const kept = watch(store, { prefix: pods }, first.revision);
    await settle();
    expect(texts(kept.events)).toEqual(['put two']);
    await clock.advance(historyMs + 1);
    const old = watch(store, { prefix: pods }, first.revision);
    await commit(store, put(a, { text: 'three' }));
    await settle();
    expect(old.ended()?.error?.code).toBe('compacted');
    expect(texts(live.events)).toEqual(['put two', 'put three']);
    expect(texts(kept.events)).toEqual(['put two', 'put three']);
  },

  'a watcher without events still learns the revision': async ({ open, clock }) => {
    const store = await open();
    const quiet = watch(store, { prefix: '/pods/quiet/' }, await store.revision(pods));
    const { revision } = await commit(store, put(a));
    await clock.advance(10_000);
    expect(quiet.revision()).toBe(revision);
    expect(quiet.events).toEqual([]);
    const resumed = watch(store, { prefix: '/pods/quiet/' }, quiet.revision());
    await commit(store, put('/pods/quiet/x', { text: 'x' }));
    expect(texts(quiet.events)).toEqual(['put x']);
    expect(texts(resumed.events)).toEqual(['put x']);
  },

  'a listener that throws harms nobody else': async ({ open }) => {
    const store = await open();
    const after = await store.revision(pods);
    const ends: unknown[] = [];
    store.watch({ prefix: pods }, after, {
      onEvents() {
        throw new Error('broken listener');
      },
      onEnd: (error) => ends.push(error?.code),
    });
    const healthy = watch(store, { prefix: pods }, after);
    await commit(store, put(a, { text: 'one' }));
    await commit(store, put(a, { text: 'two' }));
    expect(texts(healthy.events)).toEqual(['put one', 'put two']);
    expect(ends).toEqual(['unavailable']);
  },

  'thousands of watchers get exactly what they asked for': async ({ open, largestCommit }) => {
    const store = await open();
    const after = await store.revision(pods);
    const watchers = Array.from({ length: 2000 }, (_, i) =>
      watch(store, { prefix: `/pods/ns${i % 200}/p${i % 10}` }, after),
    );
    const puts = Array.from({ length: 200 }, (_, i) => put(`/pods/ns${i}/p${i % 10}`, { text: `${i}` }));
    await commitMany(store, puts, { largestCommit });
    for (const [i, watched] of watchers.entries())
      expect(texts(watched.events)).toEqual((i % 200) % 10 === i % 10 ? [`put ${i % 200}`] : []);
    for (const watched of watchers) watched.subscription.stop();
    await commit(store, put('/pods/ns0/p0', { text: 'late' }));
    expect(watchers[0]!.events).toHaveLength(1);
  },
};
