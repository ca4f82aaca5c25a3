import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createManualClock } from '@nodeless/component-base/manual-clock';
import { silentLogger } from '@nodeless/component-base/logger';
import { createRegistry } from '@nodeless/registry/create-registry';
import type { Registry } from '@nodeless/registry/registry';
import { createResourceTable } from '@nodeless/registry/resource-table';
import { kinds } from '@nodeless/registry/resources/index';
import { openLevelDbStore } from '@nodeless/store/leveldb/leveldb-store';
import type { Store } from '@nodeless/store/store';
import { allowAll, configMap, json, scope, wire } from './harness.ts';

describe('after a restart', () => {
  const clock = createManualClock();
  let folder: string;
  let store: Store;
  let registry: Registry;

  const open = async (): Promise<void> => {
    store = await openLevelDbStore({ path: folder, clock, log: silentLogger });
    registry = createRegistry({
      store,
      resources: createResourceTable({ kinds }),
      clock,
      admission: [],
      authorizer: allowAll,
    });
  };
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'registry-'));
    await open();
  });
  afterEach(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });
  const restart = async (): Promise<void> => {
    registry.close();
    await store.close();
    await open();
  };

  test('objects are what they were, byte for byte', async () => {
    const before = (
      await registry.create(scope('configmaps'), wire(configMap('a', { metadata: { labels: { l: '1' } } })))
    ).result;
    const bytes = Buffer.from(before.bytes()).toString();
    await restart();
    const after = await registry.get(scope('configmaps', 'a'));
    expect(Buffer.from(after.bytes()).toString()).toBe(bytes);
    expect(after.object()).toEqual(before.object());
    expect(json(after)).toEqual(after.object());
  });

  test('writes go on from there: no change is none, a patch is one', async () => {
    const before = (await registry.create(scope('configmaps'), wire(configMap('a')))).result.object();
    await restart();
    const same = await registry.update(scope('configmaps', 'a'), wire(before));
    expect(same.result.object().metadata?.resourceVersion).toBe(before.metadata?.resourceVersion);
    const patched = await registry.patch(scope('configmaps', 'a'), wire({ data: { x: 'y' } }), { type: 'merge' });
    expect(patched.result.object()).toMatchObject({
      data: { a: 'b', x: 'y' },
      metadata: { uid: before.metadata?.uid },
    });
    await registry.delete(scope('configmaps', 'a'));
    expect((await registry.list(scope('configmaps'))).items).toEqual([]);
  });

  test('selectors and watches know what was stored before', async () => {
    const { metadata } = await registry.list(scope('configmaps'));
    await registry.create(scope('configmaps'), wire(configMap('a', { metadata: { labels: { w: '1' } } })));
    await restart();
    expect((await registry.list(scope('configmaps'), { labelSelector: 'w=1' })).items).toHaveLength(1);
    const heard: string[] = [];
    await registry.watch(
      scope('configmaps'),
      { labelSelector: 'w=1', resourceVersion: metadata.resourceVersion },
      {
        onEvents: (events) => void heard.push(...events.map((e) => `${e.type} ${e.object.object().metadata?.name}`)),
        onEnd: () => {},
      },
    );
    await registry.update(scope('configmaps', 'a'), wire(configMap('a', { metadata: { labels: { w: '2' } } })));
    expect(heard).toEqual(['ADDED a', 'DELETED a']);
  });
});
