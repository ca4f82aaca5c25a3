import { createManualClock } from '@nodeless/component-base/manual-clock';
import { createMemoryStore } from '@nodeless/store/memory/memory-store';
import { type Entry, type Operation, type Precondition, type Store, StoreError } from '@nodeless/store/store';
import { guaranteedUpdate } from '@nodeless/store/update';
import { describe, expect, it } from 'vitest';

const key = '/pods/default/a';
const attributes = { labels: undefined, fields: undefined, owners: undefined, trigger: undefined };
const put = (text: string, expected: Precondition, of = key): Operation => ({
  type: 'put',
  key: of,
  expected,
  attributes,
  value: () => ({ bytes: Buffer.from(text) }),
});
const text = (entry: Entry | undefined): string | undefined => entry && Buffer.from(entry.value.bytes).toString();
const append = (letter: string) => (current: Entry | undefined) => [
  put((text(current) ?? '') + letter, current?.revision ?? 'absent'),
];

const newStore = (): Store => createMemoryStore({ clock: createManualClock() });

/** A store on which somebody else is faster the first few times. */
function contended(times: number): { store: Store; reads: () => number } {
  const store = newStore();
  let reads = 0;
  let left = times;
  return {
    reads: () => reads,
    store: {
      ...store,
      get: (wanted) => {
        reads++;
        return store.get(wanted);
      },
      commit: async (operations) => {
        if (left-- > 0) await store.commit([put(`${text(await store.get(key)) ?? ''}!`, 'any')]);
        return store.commit(operations);
      },
    },
  };
}

describe('guaranteedUpdate', () => {
  it('creates, updates and returns what was committed', async () => {
    const store = newStore();
    expect(text(await guaranteedUpdate(store, key, append('a')))).toBe('a');
    const updated = await guaranteedUpdate(store, key, append('b'));
    expect(text(updated)).toBe('ab');
    expect((await store.get(key))?.revision).toBe(updated?.revision);
  });

  it('runs again on what the winner left', async () => {
    const { store } = contended(3);
    expect(text(await guaranteedUpdate(store, key, append('a')))).toBe('!!!a');
  });

  it('takes the entry out of the error instead of reading again', async () => {
    const { store, reads } = contended(3);
    await guaranteedUpdate(store, key, append('a'));
    expect(reads()).toBe(1);
  });

  it('gives up with the last error once the retries are used up', async () => {
    const { store } = contended(100);
    await expect(guaranteedUpdate(store, key, append('a'), { retries: 2 })).rejects.toMatchObject({
      name: 'StoreError',
      code: 'conflict',
    });
    expect(text(await store.get(key))).toBe('!!!');
  });

  it.each([undefined, []])('%j changes nothing and returns what is there', async (nothing) => {
    const store = newStore();
    const made = await guaranteedUpdate(store, key, append('a'));
    const revision = await store.revision('/pods/');
    expect(await guaranteedUpdate(store, key, () => nothing)).toBe(made);
    expect(await store.revision('/pods/')).toBe(revision);
    expect(await guaranteedUpdate(store, '/pods/default/none', () => nothing)).toBeUndefined();
  });

  it('throws what the decision throws', async () => {
    await expect(
      guaranteedUpdate(newStore(), key, () => {
        throw new Error('invalid');
      }),
    ).rejects.toThrow('invalid');
  });

  it('runs again when another key of the commit was taken', async () => {
    const store = newStore();
    const address = (n: number): string => `/addresses//10.0.0.${n}`;
    await store.commit([put('taken', 'absent', address(1))]);
    let next = 1;
    const service = await guaranteedUpdate(store, key, (current) => [
      put(`service ${next}`, current?.revision ?? 'absent'),
      put('mine', 'absent', address(next++)),
    ]);
    expect(text(service)).toBe('service 2');
    expect(text(await store.get(address(1)))).toBe('taken');
  });

  it('does not run again for what will not change by it', async () => {
    let calls = 0;
    const failing = guaranteedUpdate(newStore(), key, (current) => {
      calls++;
      return [
        put('x', current?.revision ?? 'absent'),
        { type: 'check', key: '/namespaces//default', expected: 'present' },
      ];
    });
    await expect(failing).rejects.toMatchObject({ code: 'missing', key: '/namespaces//default' });
    expect(calls).toBe(1);
  });

  it('passes other errors on at once', async () => {
    const store = { ...newStore(), commit: () => Promise.reject(new StoreError('unavailable', 'disk')) };
    await expect(guaranteedUpdate(store, key, append('a'))).rejects.toMatchObject({ code: 'unavailable' });
  });

  describe('with a cached entry', () => {
    it('needs no read when it is current', async () => {
      const { store, reads } = contended(0);
      const cached = await guaranteedUpdate(store, key, append('a'));
      const before = reads();
      expect(text(await guaranteedUpdate(store, key, append('b'), { cached }))).toBe('ab');
      expect(reads()).toBe(before);
    });

    it('believes neither an error nor a no-op of a stale one', async () => {
      const store = newStore();
      const cached = await guaranteedUpdate(store, key, append('a'));
      await guaranteedUpdate(store, key, append('b'));
      const picky = (current: Entry | undefined) => {
        if (text(current) === 'a') throw new Error('stale');
        return append('c')(current);
      };
      expect(text(await guaranteedUpdate(store, key, picky, { cached }))).toBe('abc');
      const lazy = (current: Entry | undefined) => (text(current) === 'a' ? undefined : append('d')(current));
      expect(text(await guaranteedUpdate(store, key, lazy, { cached }))).toBe('abcd');
    });
  });

  it('spreads late retries out with a clock', async () => {
    const clock = createManualClock();
    const { store } = contended(6);
    let done = false;
    const result = guaranteedUpdate(store, key, append('a'), { clock }).finally(() => (done = true));
    await clock.advance(0);
    expect(done).toBe(false);
    await clock.advance(1000);
    expect(text(await result)).toBe('!!!!!!a');
  });
});
