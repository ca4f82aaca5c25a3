import { describe, expect, test } from 'vitest';
import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { ListOptions, Registry, WatchEvent } from '@nodeless/registry/registry';
import type { KindDefinition } from '@nodeless/registry/resource';
import { type TestScope, configMap, createHarness, refusal, scope, wire } from './harness.ts';

/** Everything a watcher hears, as `ADDED a`. */
async function watching(registry: Registry, watchScope: TestScope, options: ListOptions = {}) {
  const events: WatchEvent[] = [];
  const ends: unknown[] = [];
  const session = await registry.watch(watchScope, options, {
    onEvents: (batch) => void events.push(...batch),
    onEnd: (error) => void ends.push(error),
  });
  return {
    session,
    events,
    ends,
    heard: () => events.map(({ type, object }) => `${type} ${object.object().metadata?.name ?? ''}`.trim()),
  };
}

const labelled = (name: string, w: string, more = {}): UnknownObject =>
  configMap(name, { metadata: { labels: { w } }, ...more });

async function prepared(options = {}) {
  const harness = createHarness(options);
  const { registry } = harness;
  const create = (object: UnknownObject) => registry.create(scope('configmaps'), wire(object));
  const replace = (object: UnknownObject) => registry.update(scope('configmaps', object.metadata?.name), wire(object));
  const remove = (name: string) => registry.delete(scope('configmaps', name));
  const revision = async () => (await registry.list(scope('configmaps'))).metadata.resourceVersion;
  return { ...harness, create, replace, remove, revision };
}

describe('events', () => {
  test('without a revision what exists comes first, then changes', async () => {
    const { registry, create, replace, remove } = await prepared();
    await create(labelled('a', '1'));
    const { heard } = await watching(registry, scope('configmaps'));
    expect(heard()).toEqual(['ADDED a']);
    await create(labelled('b', '1'));
    await replace(labelled('b', '2'));
    await remove('a');
    expect(heard()).toEqual(['ADDED a', 'ADDED b', 'MODIFIED b', 'DELETED a']);
  });

  test('after a revision only what happened since', async () => {
    const { registry, create, revision } = await prepared();
    await create(labelled('a', '1'));
    const after = await revision();
    await create(labelled('b', '1'));
    const { heard } = await watching(registry, scope('configmaps'), { resourceVersion: after });
    await create(labelled('c', '1'));
    expect(heard()).toEqual(['ADDED b', 'ADDED c']);
  });

  test('an object is added and deleted as it starts and stops to match', async () => {
    const { registry, create, replace, remove, revision } = await prepared();
    const { heard, events } = await watching(registry, scope('configmaps'), {
      labelSelector: 'w=1',
      resourceVersion: await revision(),
    });
    await create(labelled('a', '1'));
    await replace(labelled('a', '2', { data: { now: 'other' } }));
    await replace(labelled('a', '2'));
    await replace(labelled('a', '1'));
    await replace(labelled('a', '1', { data: { x: 'y' } }));
    await create(labelled('b', '2'));
    await remove('b');
    await remove('a');
    expect(heard()).toEqual(['ADDED a', 'DELETED a', 'ADDED a', 'MODIFIED a', 'DELETED a']);
    const gone = events[1]!.object.object();
    // as it was when it still matched, at the revision at which it stopped
    expect(gone).toMatchObject({ metadata: { labels: { w: '1' } }, data: { a: 'b' } });
    expect(Number(gone.metadata?.resourceVersion)).toBeGreaterThan(
      Number(events[0]!.object.object().metadata?.resourceVersion),
    );
    expect(JSON.parse(Buffer.from(events[1]!.object.bytes()).toString())).toEqual(gone);
  });

  test('revisions only grow, and a delete has its own', async () => {
    const { registry, create, replace, remove } = await prepared();
    const { events } = await watching(registry, scope('configmaps'));
    await create(labelled('a', '1'));
    await replace(labelled('a', '2'));
    await remove('a');
    const revisions = events.map((e) => Number(e.object.object().metadata?.resourceVersion));
    expect(revisions).toEqual(revisions.toSorted((x, y) => x - y));
    expect(new Set(revisions).size).toBe(3);
  });

  test('a write that changes nothing is not heard of', async () => {
    const { registry, create, replace } = await prepared();
    await create(labelled('a', '1'));
    const { heard } = await watching(registry, scope('configmaps'));
    await replace(labelled('a', '1'));
    expect(heard()).toEqual(['ADDED a']);
  });

  test('one name or one namespace', async () => {
    const { registry, create } = await prepared();
    const byName = await watching(registry, scope('configmaps', 'b'));
    const byField = await watching(registry, scope('configmaps'), { fieldSelector: 'metadata.name=b' });
    const elsewhere = await watching(registry, scope('configmaps', '', { namespace: 'other' }));
    const everywhere = await watching(registry, scope('configmaps', '', { namespace: '' }));
    await create(labelled('a', '1'));
    await create(labelled('b', '1'));
    expect([byName, byField, elsewhere, everywhere].map((w) => w.heard())).toEqual([
      ['ADDED b'],
      ['ADDED b'],
      [],
      ['ADDED a', 'ADDED b'],
    ]);
  });

  test('a watch by the trigger field sees objects come and go', async () => {
    const kind: KindDefinition = {
      group: '',
      resource: 'configmaps',
      strategy: {
        fieldNames: ['data.node'],
        selectableFields: (object) => ({ 'data.node': (object.data as Record<string, string>).node ?? '' }),
        trigger: { field: 'data.node', of: (object) => (object.data as Record<string, string>).node ?? '' },
      },
    };
    const { registry, create, replace } = await prepared({ kinds: [kind] });
    const unplaced = await watching(registry, scope('configmaps'), { fieldSelector: 'data.node=' });
    const n1 = await watching(registry, scope('configmaps', '', { namespace: '' }), { fieldSelector: 'data.node=n1' });
    await create(configMap('a'));
    await replace(configMap('a', { data: { node: 'n1' } }));
    await replace(configMap('a', { data: { node: 'n1', x: 'y' } }));
    expect(unplaced.heard()).toEqual(['ADDED a', 'DELETED a']);
    expect(n1.heard()).toEqual(['ADDED a', 'MODIFIED a']);
  });

  test('watchers of a version share the event and its bytes', async () => {
    const { registry, create } = await prepared();
    const one = await watching(registry, scope('configmaps'));
    const two = await watching(registry, scope('configmaps', '', { namespace: '' }), { labelSelector: 'w' });
    await create(labelled('a', '1'));
    expect(one.events[0]).toBe(two.events[0]);
    expect(one.events[0]!.frame()).toBe(two.events[0]!.frame());
    const text = Buffer.from(one.events[0]!.frame()).toString();
    expect(text).toBe(`{"type":"ADDED","object":${Buffer.from(one.events[0]!.object.bytes()).toString()}}\n`);
  });

  test('nothing comes after stop', async () => {
    const { registry, create } = await prepared();
    const { session, heard, ends } = await watching(registry, scope('configmaps'));
    session.stop();
    session.stop();
    await create(labelled('a', '1'));
    expect(heard()).toEqual([]);
    expect(ends).toEqual([]);
  });
});

describe('start and end', () => {
  test('initial events end with a marked bookmark when asked for', async () => {
    const { registry, create } = await prepared();
    await create(labelled('a', '1'));
    const { events, heard } = await watching(registry, scope('configmaps'), {
      sendInitialEvents: true,
      resourceVersionMatch: 'NotOlderThan',
      allowWatchBookmarks: true,
    });
    expect(heard()).toEqual(['ADDED a', 'BOOKMARK']);
    const { object } = JSON.parse(Buffer.from(events[1]!.frame()).toString()) as { object: UnknownObject };
    expect(object).toMatchObject({
      kind: 'ConfigMap',
      apiVersion: 'v1',
      metadata: { annotations: { 'k8s.io/initial-events-end': 'true' } },
    });
    expect(object.metadata?.resourceVersion).toMatch(/^\d{16}$/);
  });

  test('without initial events a watch may begin at the present', async () => {
    const { registry, create } = await prepared();
    await create(labelled('a', '1'));
    const { heard } = await watching(registry, scope('configmaps'), {
      sendInitialEvents: false,
      resourceVersionMatch: 'NotOlderThan',
    });
    await create(labelled('b', '1'));
    expect(heard()).toEqual(['ADDED b']);
  });

  test('timeoutSeconds ends it, with a bookmark before', async () => {
    const { registry, clock, create, revision } = await prepared();
    const { heard, ends, events } = await watching(registry, scope('configmaps'), {
      timeoutSeconds: 5,
      allowWatchBookmarks: true,
      resourceVersion: await revision(),
    });
    await create(labelled('a', '1'));
    await clock.advance(5000);
    expect(heard()).toEqual(['ADDED a', 'BOOKMARK']);
    expect(events[1]!.object.object().metadata?.resourceVersion).toBe(await revision());
    expect(ends).toEqual([undefined]);
  });

  test('bookmarks come about once a minute when something happened', async () => {
    const { registry, clock, create } = await prepared();
    const { heard } = await watching(registry, scope('configmaps'), {
      labelSelector: 'w=9',
      allowWatchBookmarks: true,
    });
    await clock.advance(61_000);
    expect(heard()).toEqual([]);
    await create(labelled('a', '1'));
    await clock.advance(61_000);
    expect(heard()).toEqual(['BOOKMARK']);
    await clock.advance(61_000);
    expect(heard()).toEqual(['BOOKMARK']);
  });

  test('a revision that is no longer kept is Expired', async () => {
    const { registry, clock, create, revision } = await prepared({ historyMs: 60_000 });
    const after = await revision();
    await create(labelled('a', '1'));
    await clock.advance(120_000);
    await create(labelled('b', '1'));
    const { ends } = await watching(registry, scope('configmaps'), { resourceVersion: after });
    await clock.advance(0);
    expect(ends).toHaveLength(1);
    expect(ends[0]).toMatchObject({ code: 410, reason: 'Expired' });
  });

  test('a revision that is not reached yet is waited for', async () => {
    const { registry, clock, create, revision } = await prepared();
    const now = Number(await revision());
    const { heard, ends } = await watching(registry, scope('configmaps'), { resourceVersion: String(now + 2) });
    await clock.advance(0);
    for (const name of ['a', 'b', 'c']) await create(labelled(name, '1'));
    expect(heard()).toEqual(['ADDED c']);
    expect(ends).toEqual([]);
  });

  test('closing the registry ends all', async () => {
    const { registry } = await prepared();
    const { ends } = await watching(registry, scope('configmaps'));
    registry.close();
    expect(ends).toEqual([undefined]);
  });

  const refused: [ListOptions, object][] = [
    [
      { resourceVersion: 'x' },
      { code: 500, message: 'resourceVersion: Invalid value: "x": strconv.ParseUint: parsing "x": invalid syntax' },
    ],
    [{ labelSelector: 'a b' }, { code: 400 }],
    [{ fieldSelector: 'zig=1' }, { code: 400 }],
    [
      { sendInitialEvents: true },
      {
        code: 422,
        message:
          'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
      },
    ],
    [
      { resourceVersionMatch: 'NotOlderThan' },
      {
        code: 422,
        message:
          'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
      },
    ],
    [
      { continue: 'x' },
      {
        code: 422,
        message:
          'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue is provided',
      },
    ],
  ];
  test.each(refused)('refuses %o', async (options, status) => {
    const { registry } = await prepared();
    expect(await refusal(watching(registry, scope('configmaps'), options))).toMatchObject(status);
  });
});
