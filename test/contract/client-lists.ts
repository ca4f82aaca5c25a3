import { expect } from 'vitest';
import { type ClientCases, configMap, configMaps, namespace, record, refused } from './client-harness.ts';

export const listCases: ClientCases = {
  async 'a list is ordered by namespace and name and has a revision'({ client }) {
    for (const name of ['b', 'a', 'c']) await client.create(configMaps, configMap(name));
    await client.create(configMaps, configMap('z', { metadata: { namespace: 'other' } }));
    const list = await client.list(configMaps, { namespace });
    expect(list.items.map((item) => item.metadata?.name)).toEqual(['a', 'b', 'c']);
    expect(list.items[0]).toEqual(await client.get(configMaps, { namespace, name: 'a' }));
    expect(list.metadata.resourceVersion).toMatch(/^\d+$/);
    expect((await client.list(configMaps)).items.map((item) => item.metadata?.name)).toEqual(['a', 'b', 'c', 'z']);
  },
  async 'an empty list has a revision to watch from'({ client }) {
    const { items, metadata } = await client.list(configMaps, { namespace });
    expect(items).toEqual([]);
    expect(metadata.resourceVersion).not.toBe('0');
    const { heard, watch } = record(client, configMaps, { namespace, resourceVersion: metadata.resourceVersion });
    await client.create(configMaps, configMap('a'));
    expect(await heard(1)).toEqual(['ADDED a']);
    watch.stop();
  },
  async selectors({ client }) {
    for (const [name, g] of [
      ['a', '1'],
      ['b', '2'],
    ] as const)
      await client.create(configMaps, configMap(name, { metadata: { labels: { g } } }));
    const names = async (query: object) =>
      (await client.list(configMaps, { namespace, ...query })).items.map((item) => item.metadata?.name);
    expect(await names({ labelSelector: 'g=1' })).toEqual(['a']);
    expect(await names({ labelSelector: 'g!=1' })).toEqual(['b']);
    expect(await names({ fieldSelector: 'metadata.name=b' })).toEqual(['b']);
    await refused(client.list(configMaps, { namespace, labelSelector: 'a b' }), 400, 'BadRequest');
  },
  async 'pages are of one revision'({ client }) {
    for (const name of ['a', 'b', 'c', 'd']) await client.create(configMaps, configMap(name));
    const first = await client.list(configMaps, { namespace, limit: 2 });
    expect(first.metadata.remainingItemCount).toBe(2);
    await client.delete(configMaps, { namespace, name: 'd' });
    const second = await client.list(configMaps, { namespace, limit: 2, continue: first.metadata.continue });
    expect([...first.items, ...second.items].map((item) => item.metadata?.name)).toEqual(['a', 'b', 'c', 'd']);
    expect(second.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
    expect(second.metadata.continue ?? '').toBe('');
  },
};
