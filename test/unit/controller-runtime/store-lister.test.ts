import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import type { Client, WatchHandler } from '@nodeless/client/client';
import { pods } from '@nodeless/client/resource-types';
import { createManualClock } from '@nodeless/component-base/manual-clock';
import { createSharedInformers } from '@nodeless/controller-runtime/informer-lister';
import { createStoreLister } from '@nodeless/controller-runtime/store-lister';
import { describe, expect, it } from 'vitest';

/** A cluster of pods whose watches tell what is written when they are told to, or when a list is asked for, or not at all. */
function setUp({ tells = 'before lists' }: { tells?: 'before lists' | 'never' } = {}) {
  const clock = createManualClock();
  const objects = new Map<string, Pod>();
  const untold: Pod[] = [];
  const handlers = new Set<WatchHandler<Pod>>();
  const lists: (number | undefined)[] = [];
  let revision = 1_000_000_000_000_000;
  let broken = false;
  const tell = (): void => {
    for (const object of untold.splice(0))
      for (const handler of handlers) handler.onEvent({ type: 'MODIFIED', object });
  };
  const client = {
    async list(_type: unknown, query: { limit?: number }) {
      lists.push(query.limit);
      await Promise.resolve();
      if (broken) throw new Error('no answer');
      if (tells === 'before lists') tell();
      const items = [...objects.values()].slice(0, query.limit);
      return { items, metadata: { resourceVersion: String(revision) } };
    },
    watch(_type: unknown, _query: unknown, handler: WatchHandler<Pod>) {
      handlers.add(handler);
      return { stop: () => handlers.delete(handler) };
    },
  } as unknown as Client;
  const put = (name: string, owner?: string, nodeName?: string): void => {
    revision += 1;
    const object: Pod = {
      metadata: {
        name,
        namespace: 'default',
        uid: name,
        resourceVersion: String(revision),
        ...(owner && { ownerReferences: [{ apiVersion: 'v1', kind: 'X', name: owner, uid: owner }] }),
      },
      spec: { containers: [], ...(nodeName && { nodeName }) },
    };
    objects.set(name, object);
    untold.push(object);
  };
  const lister = createStoreLister(createSharedInformers(client, { clock }));
  return {
    clock,
    lister,
    lists,
    put,
    /** A number of the log that stands for no change. */
    tombstone: () => (revision += 1),
    fail: (now: boolean) => (broken = now),
  };
}

const namesOf = (found: readonly Pod[]): string[] => found.map(({ metadata }) => metadata?.name ?? '').toSorted();

describe('a lister of functions', () => {
  it.each(['before lists', 'never'] as const)(
    'sees in an invocation what was written before it (watches tell: %s)',
    async (tells) => {
      const { lister, put } = setUp({ tells });
      put('a', 'owner', 'n1');
      expect(namesOf(await lister.begin().list(pods))).toEqual(['a']);
      put('b', 'owner', 'n2');
      const second = lister.begin();
      expect(namesOf(await second.ownedBy(pods, 'owner'))).toEqual(['a', 'b']);
      expect(namesOf(await second.onNode(pods, 'n2'))).toEqual(['b']);
      expect((await second.get(pods, { namespace: 'default', name: 'b' }))?.metadata?.uid).toBe('b');
      put('a', undefined, 'n2');
      const third = lister.begin();
      expect(namesOf(await third.ownedBy(pods, 'owner'))).toEqual(['b']);
      expect(namesOf(await third.ownedBy(pods, ''))).toEqual(['a']);
    },
  );

  it('asks once an invocation, and then answers at once', async () => {
    const { lister, lists, put } = setUp();
    await lister.begin().list(pods);
    const cache = lister.begin();
    const before = lists.length;
    await Promise.all([cache.list(pods), cache.get(pods, { namespace: 'default', name: 'x' })]);
    expect(cache.list(pods)).not.toBeInstanceOf(Promise);
    put('a');
    expect(cache.list(pods)).toEqual([]);
    expect(lists.slice(before)).toEqual([1]);
    cache.renew();
    expect(namesOf(await cache.list(pods))).toEqual(['a']);
  });

  it('lists as a whole only when it is behind', async () => {
    const { lister, lists, tombstone } = setUp();
    await lister.begin().list(pods);
    tombstone();
    const before = lists.length;
    await lister.begin().list(pods);
    await lister.begin().list(pods);
    expect(lists.slice(before)).toEqual([1, undefined, 1]);
  });

  it('fails when the store does not answer, and asks again', async () => {
    const { lister, fail, put } = setUp();
    await lister.begin().list(pods);
    put('a');
    fail(true);
    const cache = lister.begin();
    await expect(async () => cache.list(pods)).rejects.toThrow('no answer');
    fail(false);
    expect(namesOf(await cache.list(pods))).toEqual(['a']);
  });
});
