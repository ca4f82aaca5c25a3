import { expect } from 'vitest';
import { type ClientCases, configMap, configMaps, namespace, record } from './client-harness.ts';

export const watchCases: ClientCases = {
  async 'what exists comes first, then changes, in order'({ client }) {
    const made = await client.create(configMaps, configMap('a'));
    const { heard, events, watch } = record(client, configMaps, { namespace });
    expect(await heard(1)).toEqual(['ADDED a']);
    await client.update(configMaps, { ...made, data: { x: 'y' } });
    await client.create(configMaps, configMap('b'));
    await client.delete(configMaps, { namespace, name: 'a' });
    expect(await heard(4)).toEqual(['ADDED a', 'MODIFIED a', 'ADDED b', 'DELETED a']);
    const objects = events.flatMap((e) => (e.type === 'BOOKMARK' ? [] : [e.object]));
    expect(objects.every((o) => Object.isFrozen(o))).toBe(true);
    const revisions = objects.map((o) => Number(o.metadata?.resourceVersion));
    expect(revisions).toEqual(revisions.toSorted((x, y) => x - y));
    expect(new Set(revisions).size).toBe(4);
    watch.stop();
  },
  async 'a watch resumes after the revision of a list without gap or repeat'({ client }) {
    await client.create(configMaps, configMap('a'));
    const { metadata } = await client.list(configMaps, { namespace });
    await client.create(configMaps, configMap('b'));
    const { heard, watch } = record(client, configMaps, { namespace, resourceVersion: metadata.resourceVersion });
    await client.create(configMaps, configMap('c'));
    expect(await heard(2)).toEqual(['ADDED b', 'ADDED c']);
    watch.stop();
  },
  async 'objects come and go as they match'({ client }) {
    const made = await client.create(configMaps, configMap('a', { metadata: { labels: { w: '1' } } }));
    const { heard, watch } = record(client, configMaps, { namespace, labelSelector: 'w=1' });
    expect(await heard(1)).toEqual(['ADDED a']);
    const left = await client.update(configMaps, { ...made, metadata: { ...made.metadata, labels: { w: '2' } } });
    await client.update(configMaps, { ...left, metadata: { ...left.metadata, labels: { w: '1' } } });
    expect(await heard(3)).toEqual(['ADDED a', 'DELETED a', 'ADDED a']);
    watch.stop();
  },
  async 'by field'({ client }) {
    const { heard, watch } = record(client, configMaps, { namespace, fieldSelector: 'metadata.name=b' });
    await client.create(configMaps, configMap('a'));
    await client.create(configMaps, configMap('b'));
    expect(await heard(1)).toEqual(['ADDED b']);
    watch.stop();
  },
  async 'nothing is delivered after stop'({ client }) {
    const { heard, events, watch, ended } = record(client, configMaps, { namespace });
    await client.create(configMaps, configMap('a'));
    await heard(1);
    watch.stop();
    watch.stop();
    await client.create(configMaps, configMap('b'));
    const second = record(client, configMaps, { namespace });
    await second.heard(2);
    second.watch.stop();
    expect(events.filter((e) => e.type !== 'BOOKMARK')).toHaveLength(1);
    const state = await Promise.race([ended.then(() => 'ended'), Promise.resolve('silent')]);
    expect(state).toBe('silent');
  },
  async 'who has no rights is told at the end of the watch'({ nobody }) {
    const { ended } = record(nobody, configMaps, { namespace });
    expect(await ended).toMatchObject({ code: 403, reason: 'Forbidden' });
  },
  async 'a revision that is far too old ends with Gone'({ client }) {
    const { ended } = record(client, configMaps, { namespace, resourceVersion: '1' });
    expect(await ended).toMatchObject({ code: 410 });
  },
};
