import type { Entry } from '@nodeless/store/store';
import { expect } from 'vitest';
import type { StoreCases } from './store.ts';
import {
  attributes,
  commit,
  commitMany,
  failure,
  nodes,
  pages,
  pods,
  put,
  remove,
  shown,
  textOf,
} from './store-harness.ts';

const names = (entries: readonly Entry[]): string[] => entries.map(({ key }) => key.slice(key.lastIndexOf('/') + 1));

export const listCases: StoreCases = {
  'entries come in order of their keys, whatever the order of writing': async ({ open, largestCommit }) => {
    const store = await open();
    const order = Array.from({ length: 3000 }, (_, i) => `p${String((i * 1789) % 3000).padStart(5, '0')}`);
    for (let i = 0; i < order.length; i += 100)
      await commitMany(
        store,
        order.slice(i, i + 100).map((name) => put(`/pods/ns${name.slice(-1)}/${name}`)),
        { largestCommit },
      );
    const { entries, more, remaining } = await store.list({ prefix: pods });
    const keys = entries.map(({ key }) => key);
    expect(keys).toEqual([...keys].sort());
    expect([keys.length, more, remaining]).toEqual([3000, false, 0]);
    for (let i = 0; i < order.length; i += 2) await commit(store, remove(`/pods/ns${order[i]!.slice(-1)}/${order[i]}`));
    const left = (await store.list({ prefix: pods })).entries.map(({ key }) => key);
    expect(left).toHaveLength(1500);
    expect(left).toEqual([...left].sort());
  },

  'a range is a type, a namespace or a key': async ({ open }) => {
    const store = await open();
    for (const key of ['/pods/a/x', '/pods/a/xy', '/pods/a.b/x', '/pods/b/x', '/pods//x', '/nodes//x'])
      await commit(store, put(key));
    const keys = async (prefix: string): Promise<string[]> =>
      (await store.list({ prefix })).entries.map(({ key }) => key);
    expect(await keys('/pods/')).toHaveLength(5);
    expect(await keys('/pods/a/')).toEqual(['/pods/a/x', '/pods/a/xy']);
    expect(await keys('/pods/a/x')).toEqual(['/pods/a/x']);
    expect(await keys('/pods//')).toEqual(['/pods//x']);
    expect(await keys('/pods/none/')).toEqual([]);
    expect(await keys('/pods/none/x')).toEqual([]);
    expect(await keys('/nodes/')).toEqual(['/nodes//x']);
  },

  'a prefix that ends inside a segment is a mistake': async ({ open }) => {
    const store = await open();
    await commit(store, put('/pods/a/x'));
    for (const prefix of ['', '/', '/pods', '/pods/a', 'pods'])
      await expect(store.list({ prefix }), prefix).rejects.toThrow(TypeError);
  },

  'pages follow each other without gaps or repeats': async ({ open }) => {
    const store = await open();
    const all = Array.from({ length: 25 }, (_, i) => `/pods/ns${i % 3}/p${String(i).padStart(2, '0')}`).sort();
    await store.commit(all.map((key) => put(key)));
    for (const limit of [1, 2, 5, 24, 25, 26])
      expect(
        (await pages(store, { prefix: pods }, limit)).map(({ key }) => key),
        `limit ${limit}`,
      ).toEqual(all);
    const first = await store.list({ prefix: pods }, { limit: 10 });
    expect([first.more, first.remaining]).toEqual([true, 15]);
    const second = await store.list({ prefix: pods }, { limit: 15, after: first.entries[9]!.key });
    expect([second.entries.length, second.more, second.remaining]).toEqual([15, false, 0]);
    const within = await store.list({ prefix: '/pods/ns1/' }, { limit: 3 });
    expect([names(within.entries), within.more, within.remaining]).toEqual([['p01', 'p04', 'p07'], true, 5]);
    expect((await store.list({ prefix: pods }, { after: all[24]! })).entries).toEqual([]);
    expect((await store.list({ prefix: '/pods/ns1/' }, { after: '/pods/ns2/p02' })).entries).toEqual([]);
    expect((await store.list({ prefix: '/pods/ns1/' }, { after: '/pods/ns0/p02' })).entries).toHaveLength(8);
  },

  'pages at one revision are exact under writes': async ({ open }) => {
    const store = await open();
    const all = Array.from({ length: 40 }, (_, i) => `/pods/default/p${String(i).padStart(2, '0')}`);
    await store.commit(all.map((key) => put(key, { text: 'before' })));
    const seen: Entry[] = [];
    let after: string | undefined;
    let at: number | undefined;
    for (let page = 0; ; page++) {
      const result = await store.list({ prefix: pods }, { limit: 7, after, at });
      at ??= result.revision;
      expect(result.revision).toBe(at);
      expect(result.remaining).toBe(40 - seen.length - result.entries.length);
      seen.push(...result.entries);
      if (!result.more) break;
      after = result.entries[6]!.key;
      // What comes on later pages is deleted, changed and joined by others.
      await commit(store, remove(all[39 - page]!));
      await commit(store, put(all[30 - page]!, { text: 'after' }));
      await commit(store, put(`/pods/default/p${20 + page}-new`));
    }
    expect(seen.map(({ key }) => key)).toEqual(all);
    expect(new Set(seen.map(textOf))).toEqual(new Set(['before']));
  },

  'entries that a filter refuses do not count': async ({ open }) => {
    const store = await open();
    await store.commit(
      Array.from({ length: 20 }, (_, i) =>
        put(`/pods/default/p${String(i).padStart(2, '0')}`, { text: i % 4 === 0 ? 'yes' : 'no' }),
      ),
    );
    const filter = (entry: Entry): boolean => textOf(entry) === 'yes';
    const first = await store.list({ prefix: pods }, { limit: 3, filter });
    expect([names(first.entries), first.more, first.remaining]).toEqual([['p00', 'p04', 'p08'], true, undefined]);
    const rest = await store.list(
      { prefix: pods },
      { limit: 3, filter, after: '/pods/default/p08', at: first.revision },
    );
    expect([names(rest.entries), rest.more]).toEqual([['p12', 'p16'], false]);
    await commit(store, remove('/pods/default/p12'));
    const again = await store.list(
      { prefix: pods },
      { limit: 1, filter, after: '/pods/default/p08', at: first.revision },
    );
    expect([names(again.entries), again.more]).toEqual([['p12'], true]);
  },

  'by trigger: only entries whose trigger has the value, through changes of it': async ({ open }) => {
    const store = await open();
    const on = (trigger: string | undefined) => ({ attributes: attributes({ trigger }) });
    const listed = async (trigger: string, prefix = pods): Promise<string[]> =>
      names((await store.list({ prefix, trigger })).entries);
    await commit(store, put('/pods/a/one', on('n1')));
    await commit(store, put('/pods/b/two', on('n1')));
    await commit(store, put('/pods/a/three', on('')));
    await commit(store, put('/pods/a/four', on(undefined)));
    expect([await listed('n1'), await listed('n2'), await listed('')]).toEqual([['one', 'two'], [], ['three']]);
    expect([
      await listed('n1', '/pods/b/'),
      await listed('n1', '/pods/a/one'),
      await listed('n1', '/pods/a/three'),
    ]).toEqual([['two'], ['one'], []]);
    const before = await store.revision(pods);
    await commit(store, put('/pods/a/one', on('n2')));
    await commit(store, put('/pods/a/four', on('n1')));
    await commit(store, remove('/pods/b/two'));
    expect([await listed('n1'), await listed('n2')]).toEqual([['four'], ['one']]);
    await commit(store, put('/pods/a/four', on(undefined)));
    expect(await listed('n1')).toEqual([]);
    const earlier = await store.list({ prefix: pods, trigger: 'n1' }, { at: before, limit: 1 });
    expect([names(earlier.entries), earlier.more, earlier.remaining]).toEqual([['one'], true, 1]);
    expect(names(await pages(store, { prefix: pods, trigger: 'n1' }, 1, before))).toEqual(['one', 'two']);
    expect(await pages(store, { prefix: pods, trigger: 'n2' }, 1, before)).toEqual([]);
  },

  'a list at a revision is what was there then': async ({ open }) => {
    const store = await open();
    const states: { revision: number; entries: unknown[] }[] = [];
    const note = async (): Promise<void> => {
      const { revision, entries } = await store.list({ prefix: pods });
      states.push({ revision, entries: entries.map(shown) });
    };
    const keys = ['/pods/a/x', '/pods/a/y', '/pods/b/x'];
    await note();
    for (let i = 0; i < 30; i++) {
      const key = keys[(i * 7) % 3]!;
      await commit(store, i % 5 === 4 && (await store.get(key)) ? remove(key) : put(key, { text: `t${i}` }));
      if (i % 4 === 0) await commit(store, put('/nodes//n1'));
      await note();
    }
    for (const { revision, entries } of states) {
      const page = await store.list({ prefix: pods }, { at: revision });
      expect(page.revision).toBe(revision);
      expect(page.entries.map(shown)).toEqual(entries);
      const inA = (await store.list({ prefix: '/pods/a/' }, { at: revision })).entries.map(shown);
      expect(inA).toEqual(entries.filter((entry) => (entry as Entry).key.startsWith('/pods/a/')));
    }
  },

  'a revision that is not reached is in the future': async ({ open }) => {
    const store = await open();
    await commit(store, put('/pods/a/x'));
    const revision = await store.revision(pods);
    await failure(store.list({ prefix: pods }, { at: revision + 1 }), 'future');
    await failure(store.compact(pods, revision + 1), 'future');
    await store.list({ prefix: pods }, { at: revision });
  },

  'revisions from before the store began are compacted': async ({ open }) => {
    const store = await open();
    await failure(store.list({ prefix: pods }, { at: 1 }), 'compacted');
    await commit(store, put('/pods/a/x'));
    await failure(store.list({ prefix: pods }, { at: 1 }), 'compacted');
    await failure(store.list({ prefix: nodes }, { at: 12_345 }), 'compacted');
  },

  'compaction forgets older states of one type and keeps the rest': async ({ open }) => {
    const store = await open();
    const first = await commit(store, put('/pods/a/x', { text: 'one' }));
    const node = await commit(store, put('/nodes//n1', { text: 'one' }));
    const second = await commit(store, put('/pods/a/x', { text: 'two' }));
    const third = await commit(store, put('/pods/a/x', { text: 'three' }));
    await commit(store, put('/nodes//n1', { text: 'two' }));
    await store.list({ prefix: pods }, { at: first.revision });
    await store.compact(pods, second.revision);
    await failure(store.list({ prefix: pods }, { at: first.revision }), 'compacted');
    await failure(store.list({ prefix: pods }, { at: second.revision - 1 }), 'compacted');
    expect((await store.list({ prefix: pods }, { at: second.revision })).entries.map(textOf)).toEqual(['two']);
    expect((await store.list({ prefix: pods }, { at: third.revision })).entries.map(textOf)).toEqual(['three']);
    expect((await store.list({ prefix: nodes }, { at: node.revision })).entries.map(textOf)).toEqual(['one']);
    await store.compact(pods, first.revision);
    await failure(store.list({ prefix: pods }, { at: first.revision }), 'compacted');
    expect(textOf((await store.get('/pods/a/x'))!)).toBe('three');
  },

  'history is kept for its time and then expires': async ({ open, clock, historyMs }) => {
    const store = await open();
    const first = await commit(store, put('/pods/a/x', { text: 'one' }));
    await clock.advance(historyMs * 3);
    const second = await commit(store, put('/pods/a/x', { text: 'two' }));
    await clock.advance(historyMs - 1);
    expect((await store.list({ prefix: pods }, { at: first.revision })).entries.map(textOf)).toEqual(['one']);
    await clock.advance(historyMs + 1);
    await failure(store.list({ prefix: pods }, { at: first.revision }), 'compacted');
    // What is still current does not age.
    expect((await store.list({ prefix: pods }, { at: second.revision })).entries.map(textOf)).toEqual(['two']);
  },
};
