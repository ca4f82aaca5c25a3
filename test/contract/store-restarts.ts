import { expect } from 'vitest';
import type { StoreCases } from './store.ts';
import {
  attributes,
  commit,
  failure,
  nodes,
  pages,
  pods,
  put,
  remove,
  settle,
  shown,
  shownEvent,
  textOf,
  watch,
  type StoreHarness,
} from './store-harness.ts';

const a = '/pods/default/a';
const b = '/pods/default/b';

/** Only a store that leaves something behind can be asked what it left. */
function persistent(run: (harness: StoreHarness) => Promise<void>): (harness: StoreHarness) => Promise<void> {
  return async (harness) => {
    if (harness.persistent) await run(harness);
  };
}

export const restartCases: StoreCases = {
  'everything is there again': persistent(async ({ open }) => {
    const store = await open();
    const of = attributes({
      labels: { app: 'web' },
      fields: { 'status.phase': 'Running' },
      owners: ['u1'],
      trigger: 'n1',
    });
    for (let i = 0; i < 300; i++)
      await commit(store, put(`/pods/ns${i % 7}/p${i}`, { text: `t${i}`, attributes: i % 2 ? of : attributes({}) }));
    await commit(store, remove('/pods/ns0/p0'));
    await commit(store, put('/nodes//n1', { text: 'n' }));
    const before = {
      pods: await store.list({ prefix: pods }),
      nodes: await store.list({ prefix: nodes }),
      onN1: await store.list({ prefix: pods, trigger: 'n1' }),
    };
    await store.close();
    const again = await open();
    expect((await again.list({ prefix: pods })).entries.map(shown)).toEqual(before.pods.entries.map(shown));
    expect((await again.list({ prefix: nodes })).entries.map(shown)).toEqual(before.nodes.entries.map(shown));
    expect((await again.list({ prefix: pods, trigger: 'n1' })).entries.map(shown)).toEqual(
      before.onN1.entries.map(shown),
    );
    expect((await again.get('/pods/ns1/p1'))!.value.decoded).toBeUndefined();
    expect((await pages(again, { prefix: pods }, 50)).length).toBe(299);
    await failure(again.commit([put('/pods/ns1/p1', { expected: 'absent' })]), 'exists');
  }),

  'revisions never go back': persistent(async ({ open, clock }) => {
    let last = 0;
    for (let life = 0; life < 5; life++) {
      const store = await open();
      expect(await store.revision(pods)).toBeGreaterThanOrEqual(last);
      // The last change is a delete, so that no object holds the highest revision.
      const made = await commit(store, put(a));
      expect(made.revision).toBeGreaterThan(last);
      last = (await commit(store, remove(a))).revision;
      await store.close();
      if (life % 2) await clock.advance(5000);
    }
  }),

  'a watch resumes from a revision of the life before': persistent(async ({ open, clock }) => {
    const store = await open();
    const start = await store.revision(pods);
    const whole = watch(store, { prefix: pods }, start);
    await commit(store, put(a, { text: 'one', attributes: attributes({ labels: { app: 'x' }, trigger: 'n1' }) }));
    await store.commit([
      put(a, { text: 'two', attributes: attributes({ labels: { app: 'y' } }) }),
      put(b, { text: 'b' }),
      put('/nodes//n1'),
    ]);
    await commit(store, remove(a, { text: 'gone', attributes: attributes({ labels: { app: 'z' } }) }));
    await Promise.all([
      store.commit([put(a, { text: 'three' })]),
      store.commit([put(a, { text: 'four' })]),
      store.commit([put(b, { text: 'bb' })]),
    ]);
    const before = await store.list({ prefix: pods });
    const revisions = [start, ...whole.events.map(({ revision }) => revision)];
    await store.close();
    for (let life = 0; life < 3; life++) {
      await clock.advance(2000);
      const again = await open();
      // Nothing was written, so whoever holds the last revision has missed nothing.
      const resumed = revisions.map((after) => ({ after, watched: watch(again, { prefix: pods }, after) }));
      const byTrigger = watch(again, { prefix: pods, trigger: 'n1' }, start);
      await commit(again, put(b, { text: `life ${life}` }));
      await settle();
      const all = resumed[0]!.watched.events.map(shownEvent);
      expect(all.slice(0, whole.events.length)).toEqual(whole.events.map(shownEvent));
      for (const { after, watched } of resumed) {
        expect(watched.ended()).toBeUndefined();
        expect(watched.events.map(shownEvent)).toEqual(
          resumed[0]!.watched.events.filter(({ revision }) => revision > after).map(shownEvent),
        );
      }
      expect(byTrigger.events.map(({ entry }) => textOf(entry))).toEqual(['one', 'two']);
      for (const { revision } of before.entries) await again.list({ prefix: pods }, { at: revision });
      expect((await again.list({ prefix: pods }, { at: before.revision })).entries.map(shown)).toEqual(
        before.entries.map(shown),
      );
      await again.close();
    }
  }),

  'a revision that the store jumped over is compacted': persistent(async ({ open, clock }) => {
    const store = await open();
    const { revision } = await commit(store, put(a));
    await store.close();
    await clock.advance(60_000);
    const again = await open();
    const current = await again.revision(pods);
    const kept = watch(again, { prefix: pods }, revision);
    if (current > revision + 1) {
      // Whoever holds it saw a later state of the store than this one: the folder is a copy that was put back.
      const lost = watch(again, { prefix: pods }, revision + 1);
      await settle();
      expect(lost.ended()?.error?.code).toBe('compacted');
      await failure(again.list({ prefix: pods }, { at: current - 1 }), 'compacted');
    }
    const fresh = watch(again, { prefix: pods }, current);
    const next = await commit(again, put(b));
    await settle();
    expect(kept.ended()).toBeUndefined();
    for (const watched of [kept, fresh]) expect(watched.events.map(shownEvent)).toEqual([shownEvent(fresh.events[0]!)]);
    expect(fresh.events[0]!.revision).toBe(next.revision);
    // The revision that the store came up with is one like any other.
    expect((await again.list({ prefix: pods }, { at: current })).entries.map(({ key }) => key)).toEqual([a]);
    const late = watch(again, { prefix: pods }, current);
    await settle();
    expect(late.events).toHaveLength(1);
  }),

  'compaction is remembered': persistent(async ({ open }) => {
    const store = await open();
    const first = await commit(store, put(a, { text: 'one' }));
    const second = await commit(store, put(a, { text: 'two' }));
    const node = await commit(store, put('/nodes//n1'));
    await commit(store, put('/nodes//n1'));
    await commit(store, put(a, { text: 'three' }));
    await store.compact(pods, second.revision);
    await store.close();
    const again = await open();
    await failure(again.list({ prefix: pods }, { at: first.revision }), 'compacted');
    expect((await again.list({ prefix: pods }, { at: second.revision })).entries.map(textOf)).toEqual(['two']);
    await again.list({ prefix: nodes }, { at: node.revision });
  }),

  'history ages while nobody runs the store': persistent(async ({ open, clock, historyMs }) => {
    const store = await open();
    const first = await commit(store, put(a, { text: 'one' }));
    const second = await commit(store, put(a, { text: 'two' }));
    await store.close();
    await clock.advance(historyMs + 1000);
    const again = await open();
    await failure(again.list({ prefix: pods }, { at: first.revision }), 'compacted');
    const watched = watch(again, { prefix: pods }, second.revision);
    await commit(again, put(a, { text: 'three' }));
    expect(watched.events.map(({ entry, previous }) => [textOf(entry), textOf(previous!)])).toEqual([['three', 'two']]);
    await again.close();
    const last = await open();
    expect((await last.list({ prefix: pods }, { at: second.revision })).entries.map(textOf)).toEqual(['two']);
  }),

  'after a wipe, revisions of the earlier life are compacted': async ({ open, wipe, clock }) => {
    const store = await open();
    let revision = 0;
    for (let i = 0; i < 50; i++) ({ revision } = await commit(store, put(a)));
    await store.close();
    await wipe();
    await clock.advance(2000);
    const again = await open();
    expect(await again.get(a)).toBeUndefined();
    const watched = watch(again, { prefix: pods }, revision);
    await settle();
    expect(watched.ended()?.error?.code).toBe('compacted');
    await failure(again.list({ prefix: pods }, { at: revision }), 'compacted');
    expect(await again.revision(pods)).toBeGreaterThan(revision);
  },
};
