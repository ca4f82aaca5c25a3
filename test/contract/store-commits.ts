import { isStoreError, type Operation } from '@nodeless/store/store';
import { expect } from 'vitest';
import type { StoreCases } from './store.ts';
import {
  attributes,
  check,
  commit,
  failure,
  nodes,
  pages,
  plain,
  pods,
  put,
  remove,
  settle,
  shown,
  textOf,
  watch,
} from './store-harness.ts';

const a = '/pods/default/a';
const b = '/pods/default/b';
const c = '/pods/other/c';

export const commitCases: StoreCases = {
  'a put makes an entry that is read back': async ({ open }) => {
    const store = await open();
    const of = attributes({
      labels: { app: 'web' },
      fields: { 'status.phase': 'Running' },
      owners: ['u1', 'u2'],
      trigger: 'n1',
    });
    const made = await commit(store, put(a, { expected: 'absent', text: 'one', attributes: of }));
    expect(textOf(made)).toBe('one');
    expect(shown(await store.get(a))).toEqual(shown(made));
    expect(shown(made)).toMatchObject({ key: a, ...of });
    expect(await store.get(b)).toBeUndefined();
  },

  'the decoded object is handed to readers as it was given': async ({ open }) => {
    const store = await open();
    const decoded = Object.freeze({ kind: 'Pod' });
    await store.commit([
      {
        type: 'put',
        key: a,
        expected: 'absent',
        attributes: plain,
        value: () => ({ bytes: Buffer.from('x'), decoded }),
      },
    ]);
    expect((await store.get(a))!.value.decoded).toBe(decoded);
  },

  'revisions start at the time and grow with every change': async ({ open, clock }) => {
    const store = await open();
    const start = await store.revision(pods);
    expect(start).toBeGreaterThanOrEqual(Math.floor(clock.now() / 1000) * 2 ** 20);
    expect(Number.isSafeInteger(start)).toBe(true);
    expect(String(start).length).toBe(16);
    const first = await commit(store, put(a));
    const second = await commit(store, put(a));
    const deleted = await commit(store, remove(a));
    const again = await commit(store, put(a, { expected: 'absent' }));
    const order = [start, first.revision, second.revision, deleted.revision, again.revision];
    expect(order).toEqual([...order].sort((x, y) => x - y));
    expect(new Set(order).size).toBe(5);
    expect(await store.revision(pods)).toBe(again.revision);
  },

  'the revision of a type outlives its last object': async ({ open }) => {
    const store = await open();
    await commit(store, put(a));
    const { revision } = await commit(store, remove(a));
    expect(await store.revision(pods)).toBe(revision);
    expect((await store.list({ prefix: pods })).revision).toBe(revision);
    expect((await commit(store, put(a))).revision).toBeGreaterThan(revision);
  },

  'a type that was never written has a revision': async ({ open }) => {
    const store = await open();
    const revision = await store.revision('example.com/widgets/');
    expect(revision).toBeGreaterThan(2 ** 20);
    expect((await store.list({ prefix: 'example.com/widgets/' })).revision).toBe(revision);
  },

  'the value function is called once, with the revision of the entry, and only when the commit goes through': async ({
    open,
  }) => {
    const store = await open();
    const calls: number[] = [];
    const counted = (expected: 'absent' | 'any'): Operation => ({
      type: 'put',
      key: a,
      expected,
      attributes: plain,
      value: (revision) => {
        calls.push(revision);
        return { bytes: Buffer.from('x') };
      },
    });
    const made = await commit(store, counted('absent'));
    expect(calls).toEqual([made.revision]);
    await failure(store.commit([counted('absent')]), 'exists');
    expect(calls).toEqual([made.revision]);
  },

  'a value function that throws fails the commit and changes nothing': async ({ open }) => {
    const store = await open();
    const before = await commit(store, put(b, { text: 'before' }));
    const bad: Operation = {
      type: 'put',
      key: a,
      expected: 'any',
      attributes: plain,
      value: () => {
        throw new Error('cannot encode');
      },
    };
    await expect(store.commit([put(b, { text: 'after' }), bad])).rejects.toThrow('cannot encode');
    expect(shown(await store.get(b))).toEqual(shown(before));
    expect(await store.get(a)).toBeUndefined();
    expect(textOf(await commit(store, put(b, { expected: before.revision, text: 'next' })))).toBe('next');
  },

  'preconditions of a put': async ({ open }) => {
    const store = await open();
    const missing = await failure(store.commit([put(a, { expected: 7 })]), 'missing');
    expect(missing.key).toBe(a);
    const first = await commit(store, put(a, { expected: 'absent' }));
    const exists = await failure(store.commit([put(a, { expected: 'absent' })]), 'exists');
    expect([exists.key, exists.current?.revision]).toEqual([a, first.revision]);
    const second = await commit(store, put(a, { expected: first.revision }));
    const conflict = await failure(store.commit([put(a, { expected: first.revision })]), 'conflict');
    expect([conflict.key, conflict.current?.revision]).toEqual([a, second.revision]);
    expect(shown(await store.get(a))).toEqual(shown(second));
    await commit(store, put(a, { expected: 'any' }));
  },

  'preconditions of a delete': async ({ open }) => {
    const store = await open();
    await failure(store.commit([remove(a)]), 'missing');
    await failure(store.commit([remove(a, { expected: 7 })]), 'missing');
    const first = await commit(store, put(a));
    const second = await commit(store, put(a));
    await failure(store.commit([remove(a, { expected: first.revision })]), 'conflict');
    const deleted = await commit(store, remove(a, { expected: second.revision, text: 'last words' }));
    expect(textOf(deleted)).toBe('last words');
    expect(deleted.revision).toBeGreaterThan(second.revision);
    expect(await store.get(a)).toBeUndefined();
    await failure(store.commit([remove(a)]), 'missing');
  },

  'preconditions of a check': async ({ open }) => {
    const store = await open();
    expect(await store.commit([check(a, 'absent')])).toEqual([undefined]);
    await failure(store.commit([check(a, 'present')]), 'missing');
    await failure(store.commit([check(a, 5)]), 'missing');
    const first = await commit(store, put(a));
    const revision = await store.revision(pods);
    expect(await store.commit([check(a, 'present'), check(b, 'absent')])).toEqual([undefined, undefined]);
    await store.commit([check(a, first.revision)]);
    await failure(store.commit([check(a, 'absent')]), 'exists');
    await failure(store.commit([check(a, first.revision + 1)]), 'conflict');
    expect(await store.revision(pods)).toBe(revision);
  },

  'several operations are all done, each with its own revision, in their order': async ({ open }) => {
    const store = await open();
    const gone = await commit(store, put(c));
    const watched = watch(store, { prefix: pods }, await store.revision(pods));
    const [first, second, third, fourth] = await store.commit([
      put(b, { expected: 'absent', text: 'b' }),
      check('/nodes//n1', 'absent'),
      put(a, { expected: 'absent', text: 'a' }),
      remove(c, { expected: gone.revision }),
    ]);
    expect(second).toBeUndefined();
    expect(first!.revision).toBeLessThan(third!.revision);
    expect(third!.revision).toBeLessThan(fourth!.revision);
    expect(watched.events.map(({ type, key, revision }) => [type, key, revision])).toEqual([
      ['put', b, first!.revision],
      ['put', a, third!.revision],
      ['delete', c, fourth!.revision],
    ]);
    expect(await store.revision(pods)).toBe(fourth!.revision);
  },

  'several operations on different types go together': async ({ open }) => {
    const store = await open();
    await store.commit([
      put('/services/default/web', { expected: 'absent' }),
      put('networking.k8s.io/ipaddresses//10.0.0.1', { expected: 'absent' }),
    ]);
    await failure(
      store.commit([
        put('/services/default/api', { expected: 'absent' }),
        put('networking.k8s.io/ipaddresses//10.0.0.1', { expected: 'absent' }),
      ]),
      'exists',
    );
    expect(await store.get('/services/default/api')).toBeUndefined();
    expect(await store.get('/services/default/web')).toBeDefined();
  },

  'when one precondition of several fails, nothing is done': async ({ open }) => {
    const store = await open();
    const made = await commit(store, put(b));
    const revision = await store.revision(pods);
    const watched = watch(store, { prefix: pods }, revision);
    const error = await failure(store.commit([put(a), remove(b), put(c, { expected: 12 })]), 'missing');
    expect(error.key).toBe(c);
    await failure(store.commit([put(a), check(b, 'absent')]), 'exists');
    await settle();
    expect(watched.events).toEqual([]);
    expect((await pages(store, { prefix: pods }, 10)).map(shown)).toEqual([shown(made)]);
    expect(await store.revision(pods)).toBe(revision);
  },

  'a key may stand in a commit only once': async ({ open }) => {
    const store = await open();
    await expect(store.commit([put(a), check(a, 'present')])).rejects.toThrow(/more than one operation/);
    expect(await store.get(a)).toBeUndefined();
  },

  'a commit of nothing succeeds': async ({ open }) => {
    const store = await open();
    const revision = await store.revision(pods);
    expect(await store.commit([])).toEqual([]);
    expect(await store.revision(pods)).toBe(revision);
  },

  'preconditions see commits that are still in flight': async ({ open }) => {
    const store = await open();
    const outcomes = await Promise.allSettled([
      store.commit([put(a, { expected: 'absent', text: 'first' })]),
      store.commit([put(a, { expected: 'absent', text: 'second' })]),
      store.commit([check(a, 'present')]),
      store.commit([remove(a, { expected: 'any' })]),
      store.commit([remove(a, { expected: 'any' })]),
      store.commit([put(a, { expected: 'absent', text: 'third' })]),
      store.commit([put(a, { expected: 7 })]),
    ]);
    expect(
      outcomes.map((outcome) => (outcome.status === 'fulfilled' ? 'done' : (outcome.reason as { code: string }).code)),
    ).toEqual(['done', 'exists', 'done', 'done', 'missing', 'done', 'conflict']);
    expect(textOf((await store.get(a))!)).toBe('third');
  },

  'of many who update from one revision, one wins': async ({ open }) => {
    const store = await open();
    const { revision } = await commit(store, put(a));
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) => store.commit([put(a, { expected: revision, text: `w${i}` })])),
    );
    const won = outcomes.filter((outcome) => outcome.status === 'fulfilled');
    expect(won).toHaveLength(1);
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') expect(isStoreError(outcome.reason, 'conflict')).toBe(true);
    expect(shown(await store.get(a))).toEqual(shown(won[0]!.value[0]));
  },

  'a counter that many increment loses nothing': async ({ open }) => {
    const store = await open();
    await commit(store, put(a, { text: '0' }));
    const increment = async (): Promise<void> => {
      for (;;) {
        const entry = (await store.get(a))!;
        try {
          await store.commit([put(a, { expected: entry.revision, text: String(Number(textOf(entry)) + 1) })]);
          return;
        } catch (error) {
          if (!isStoreError(error, 'conflict')) throw error;
        }
      }
    };
    await Promise.all(Array.from({ length: 30 }, increment));
    expect(textOf((await store.get(a))!)).toBe('30');
  },

  'a commit is visible to every reader when it resolves': async ({ open }) => {
    const store = await open();
    const made = await commit(store, put(a, { attributes: attributes({ trigger: 'n1' }) }));
    const [got, listed, byTrigger, revision] = await Promise.all([
      store.get(a),
      store.list({ prefix: '/pods/default/' }),
      store.list({ prefix: pods, trigger: 'n1' }),
      store.revision(pods),
    ]);
    expect(shown(got)).toEqual(shown(made));
    expect(listed.entries.map(shown)).toEqual([shown(made)]);
    expect(byTrigger.entries.map(shown)).toEqual([shown(made)]);
    expect(revision).toBe(made.revision);
  },

  'keys and attributes of any spelling are only data': async ({ open }) => {
    const store = await open();
    const strange = ['__proto__', 'constructor', 'a%2Fb', 'ünï-cödé', 'emoji-🐙', ' spaces ', 'UPPER'];
    const labels = Object.fromEntries(strange.map((name) => [name, `${name}=`]));
    Object.defineProperty(labels, '__proto__', { value: 'own', enumerable: true });
    for (const name of strange)
      await commit(
        store,
        put(`/pods/${name}/${name}`, { text: name, attributes: attributes({ labels, trigger: name }) }),
      );
    for (const name of strange) {
      const entry = (await store.get(`/pods/${name}/${name}`))!;
      expect(textOf(entry)).toBe(name);
      expect(Object.hasOwn(entry.attributes.labels!, '__proto__')).toBe(true);
      expect((await store.list({ prefix: pods, trigger: name })).entries.map(({ key }) => key)).toEqual([
        `/pods/${name}/${name}`,
      ]);
    }
    expect((await store.list({ prefix: pods })).entries).toHaveLength(strange.length);
    expect(({} as Record<string, unknown>)['own']).toBeUndefined();
  },

  'types do not see each other': async ({ open }) => {
    const store = await open();
    await commit(store, put('/pods/default/a'));
    await commit(store, put('/podtemplates/default/a'));
    await commit(store, put('apps/pods/default/a'));
    await commit(store, put('/nodes//a'));
    expect((await store.list({ prefix: pods })).entries.map(({ key }) => key)).toEqual(['/pods/default/a']);
    expect((await store.list({ prefix: nodes })).entries.map(({ key }) => key)).toEqual(['/nodes//a']);
    expect((await store.list({ prefix: 'apps/pods/' })).entries.map(({ key }) => key)).toEqual(['apps/pods/default/a']);
  },

  'close is idempotent, ends watches, and refuses everything after': async ({ open }) => {
    const store = await open();
    const watched = watch(store, { prefix: pods }, await store.revision(pods));
    const inFlight = store.commit([put(a)]);
    await Promise.all([store.close(), store.close()]);
    expect((await inFlight)[0]?.key).toBe(a);
    expect(watched.events.map(({ key }) => key)).toEqual([a]);
    expect(watched.ended()).toEqual({ error: undefined });
    await failure(store.commit([put(a)]), 'unavailable');
    await failure(store.get(a), 'unavailable');
    await failure(store.list({ prefix: pods }), 'unavailable');
    await failure(store.revision(pods), 'unavailable');
    await failure(store.compact(pods, 1), 'unavailable');
    const late = watch(store, { prefix: pods }, 1);
    await settle();
    expect(late.ended()?.error?.code).toBe('unavailable');
    await store.close();
  },
};
