import { createManualClock } from '@nodeless/component-base/manual-clock';
import { createMemoryStore } from '@nodeless/store/memory/memory-store';
import type { Entry, Store, Value } from '@nodeless/store/store';
import { describe, expect, it } from 'vitest';

const attributes = { labels: undefined, fields: undefined, owners: undefined, trigger: undefined };

async function put(store: Store, key: string, size = 10): Promise<Entry> {
  const value = (revision: number): Value => ({ bytes: new Uint8Array(size), decoded: { revision } });
  const [entry] = await store.commit([{ type: 'put', key, expected: 'any', value, attributes }]);
  return entry!;
}

describe('memory', () => {
  it('decoded objects of replaced states go after seconds, the current one stays', async () => {
    const clock = createManualClock();
    const store = createMemoryStore({ clock });
    const first = await put(store, '/pods/a/x');
    const second = await put(store, '/pods/a/x');
    await clock.advance(5000);
    expect(first.value.decoded).toEqual({ revision: first.revision });
    await clock.advance(10_000);
    expect(first.value.decoded).toBeUndefined();
    expect((await store.get('/pods/a/x'))!.value.decoded).toEqual({ revision: second.revision });
  });

  it('a flood of large bodies shortens the history instead of filling the memory', async () => {
    const clock = createManualClock();
    const store = createMemoryStore({ clock });
    const first = await put(store, '/pods/a/x', 1_000_000);
    let last = first;
    for (let i = 0; i < 400; i++) {
      last = await put(store, '/pods/a/x', 1_000_000);
      await clock.advance(200);
    }
    await expect(store.list({ prefix: '/pods/' }, { at: first.revision })).rejects.toMatchObject({ code: 'compacted' });
    // What fits the limit is still there.
    expect((await store.list({ prefix: '/pods/' }, { at: last.revision - 200 })).entries).toHaveLength(1);
  });

  it('an idle store has no timer', async () => {
    const clock = createManualClock();
    const store = createMemoryStore({ clock });
    expect(clock.pending()).toBe(0);
    await put(store, '/pods/a/x');
    expect(clock.pending()).toBe(1);
    await clock.advance(3_600_000);
    expect(clock.pending()).toBe(0);
    await put(store, '/pods/a/x');
    await store.close();
    expect(clock.pending()).toBe(0);
  });
});

describe('cost', () => {
  it('an event does not look at watchers that do not want it', async () => {
    const store = createMemoryStore({ clock: createManualClock() });
    const after = await store.revision('/pods/');
    let reads = 0;
    // A listener that counts every look at it, by whatever means.
    const watched = new Proxy(
      { onEvents: () => {}, onEnd: () => {} },
      { get: (target, name, receiver) => (reads++, Reflect.get(target, name, receiver) as unknown) },
    );
    for (let i = 0; i < 1000; i++) {
      store.watch({ prefix: `/pods/ns${i}/` }, after, watched);
      store.watch({ prefix: `/pods/ns${i}/p` }, after, watched);
      store.watch({ prefix: '/pods/', trigger: `n${i}` }, after, watched);
      store.watch({ prefix: '/nodes/' }, after, watched);
    }
    await put(store, '/pods/other/p');
    expect(reads).toBe(0);
    await put(store, '/pods/ns7/p');
    expect(reads).toBe(2);
  });
});
