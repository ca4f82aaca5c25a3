import { expect } from 'vitest';
import {
  type ClientCases,
  configMap,
  configMaps,
  deployment,
  deployments,
  namespace,
  refused,
} from './client-harness.ts';

const key = { namespace, name: 'a' };

export const patchCases: ClientCases = {
  async 'a merge patch sets and removes'({ client }) {
    await client.create(configMaps, configMap('a', { data: { a: '1', b: '2' } }));
    const patched = await client.patch(configMaps, key, 'merge', { data: { a: null, c: '3' } });
    expect(patched.data).toEqual({ b: '2', c: '3' });
  },
  async 'a JSON patch does what it says, or nothing'({ client }) {
    const made = await client.create(configMaps, configMap('a'));
    const patched = await client.patch(configMaps, key, 'json', [
      { op: 'test', path: '/data/a', value: 'b' },
      { op: 'add', path: '/data/c', value: 'd' },
    ]);
    expect(patched.data).toEqual({ a: 'b', c: 'd' });
    await refused(client.patch(configMaps, key, 'json', [{ op: 'test', path: '/data/a', value: 'x' }]), 422, 'Invalid');
    expect(made.data).toEqual({ a: 'b' });
  },
  async 'a strategic merge patch merges lists by their keys'({ client }) {
    await client.create(deployments, deployment('a'));
    const patch = { spec: { template: { spec: { containers: [{ name: 'side', image: 's' }] } } } };
    const patched = await client.patch(deployments, key, 'strategic', patch);
    expect(patched.spec?.template.spec?.containers.map((c) => c.name).toSorted()).toEqual(['c', 'side']);
  },
  async 'patches without a revision never conflict'({ client }) {
    await client.create(configMaps, configMap('a'));
    await Promise.all(
      Array.from({ length: 20 }, (_, i) => client.patch(configMaps, key, 'merge', { data: { [`k${i}`]: 'x' } })),
    );
    expect(Object.keys((await client.get(configMaps, key)).data ?? {})).toHaveLength(21);
  },
  async 'a patch with an old revision conflicts'({ client }) {
    await client.create(configMaps, configMap('a'));
    await refused(
      client.patch(configMaps, key, 'merge', { metadata: { resourceVersion: '1' }, data: {} }),
      409,
      'Conflict',
    );
  },
  async 'a patch that changes nothing keeps the revision'({ client }) {
    const made = await client.create(configMaps, configMap('a'));
    const same = await client.patch(configMaps, key, 'merge', { data: { a: 'b' } });
    expect(same.metadata?.resourceVersion).toBe(made.metadata?.resourceVersion);
  },
  async 'apply creates, owns and conflicts'({ client }) {
    const applied = await client.apply(configMaps, configMap('a', { data: { a: '1' } }), { fieldManager: 'one' });
    expect(applied).toMatchObject({
      data: { a: '1' },
      metadata: { managedFields: [{ manager: 'one', operation: 'Apply' }] },
    });
    const error = await refused(
      client.apply(configMaps, configMap('a', { data: { a: '2' } }), { fieldManager: 'two' }),
      409,
      'Conflict',
    );
    expect(error.message).toBe('Apply failed with 1 conflict: conflict with "one": .data.a');
    const forced = await client.apply(configMaps, configMap('a', { data: { a: '2' } }), {
      fieldManager: 'two',
      force: true,
    });
    expect(forced.data).toEqual({ a: '2' });
    const dropped = await client.apply(configMaps, { metadata: { name: 'a', namespace } }, { fieldManager: 'two' });
    expect(dropped.data ?? {}).toEqual({});
  },
  async 'writes are recorded under the field manager'({ client }) {
    await client.create(configMaps, configMap('a'), { fieldManager: 'maker' });
    const patched = await client.patch(configMaps, key, 'merge', { data: { x: 'y' } }, { fieldManager: 'changer' });
    expect(patched.metadata?.managedFields?.map((m) => m.manager).toSorted()).toEqual(['changer', 'maker']);
  },
  async 'scale is one shape for all'({ client }) {
    await client.create(deployments, deployment('a'));
    const scale = (await client.get(deployments, key, { subresource: 'scale' })) as {
      spec?: { replicas?: number };
      kind?: string;
    };
    expect(scale).toMatchObject({
      kind: 'Scale',
      apiVersion: 'autoscaling/v1',
      spec: { replicas: 1 },
      status: { selector: 'app=a' },
    });
    await client.patch(deployments, key, 'merge', { spec: { replicas: 4 } }, { subresource: 'scale' });
    expect((await client.get(deployments, key)).spec?.replicas).toBe(4);
  },
};
