import { isConflict, isNotFound } from '@nodeless/apimachinery/status';
import { expect } from 'vitest';
import {
  type ClientCases,
  configMap,
  configMaps,
  deployment,
  deployments,
  namespace,
  pod,
  pods,
  refused,
} from './client-harness.ts';

export const writeCases: ClientCases = {
  async 'create answers with the stored object, complete and frozen'({ client }) {
    const sent = configMap('a');
    const made = await client.create(configMaps, sent);
    expect(made).toMatchObject({
      kind: 'ConfigMap',
      apiVersion: 'v1',
      metadata: { name: 'a', namespace },
      data: { a: 'b' },
    });
    expect(made.metadata?.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(made.metadata?.resourceVersion).toMatch(/^\d+$/);
    expect(Object.isFrozen(made) && Object.isFrozen(made.data)).toBe(true);
    expect(sent).toEqual(configMap('a'));
    expect(await client.get(configMaps, { namespace, name: 'a' })).toEqual(made);
  },
  async 'a frozen object can be sent back changed'({ client }) {
    const made = await client.create(configMaps, configMap('a'));
    const changed = await client.update(configMaps, { ...made, data: { ...made.data, c: 'd' } });
    expect(changed.data).toEqual({ a: 'b', c: 'd' });
    expect(changed.metadata?.uid).toBe(made.metadata?.uid);
  },
  async 'create of what exists is AlreadyExists'({ client }) {
    await client.create(configMaps, configMap('a'));
    const error = await refused(client.create(configMaps, configMap('a')), 409, 'AlreadyExists');
    expect(error.message).toBe('configmaps "a" already exists');
  },
  async 'get, update and delete of what is not there are NotFound'({ client }) {
    const key = { namespace, name: 'a' };
    expect((await refused(client.get(configMaps, key), 404, 'NotFound')).message).toBe('configmaps "a" not found');
    await refused(client.update(configMaps, configMap('a')), 404, 'NotFound');
    expect(isNotFound(await refused(client.delete(configMaps, key), 404, 'NotFound'))).toBe(true);
  },
  async 'update of an old state conflicts and changes nothing'({ client }) {
    const first = await client.create(configMaps, configMap('a'));
    const second = await client.update(configMaps, { ...first, data: { x: '1' } });
    const error = await refused(client.update(configMaps, { ...first, data: { x: '2' } }), 409, 'Conflict');
    expect(isConflict(error)).toBe(true);
    expect(error.message).toContain(
      'the object has been modified; please apply your changes to the latest version and try again',
    );
    expect(await client.get(configMaps, { namespace, name: 'a' })).toEqual(second);
  },
  async 'an update that changes nothing keeps the revision'({ client }) {
    const made = await client.create(configMaps, configMap('a'));
    const same = await client.update(configMaps, made);
    expect(same.metadata?.resourceVersion).toBe(made.metadata?.resourceVersion);
  },
  async 'what is invalid names its fields'({ client }) {
    const error = await refused(client.create(configMaps, configMap('Bad_Name')), 422, 'Invalid');
    expect(error.status.details?.causes?.[0]).toMatchObject({ field: 'metadata.name', reason: 'FieldValueInvalid' });
  },
  async 'names are generated'({ client }) {
    const made = await client.create(configMaps, { metadata: { generateName: 'g-', namespace } });
    expect(made.metadata?.name).toMatch(/^g-[a-z0-9]{5}$/);
  },
  async 'a dry run stores nothing'({ client }) {
    await client.create(configMaps, configMap('a'), { dryRun: true });
    await refused(client.get(configMaps, { namespace, name: 'a' }), 404, 'NotFound');
    const made = await client.create(configMaps, configMap('a'));
    await client.update(configMaps, { ...made, data: {} }, { dryRun: true });
    await client.delete(configMaps, { namespace, name: 'a' }, { dryRun: true });
    expect(await client.get(configMaps, { namespace, name: 'a' })).toEqual(made);
  },
  async 'the status is written through its own door'({ client }) {
    const made = await client.create(deployments, deployment('d'));
    const updated = await client.update(
      deployments,
      { ...made, spec: { ...made.spec!, replicas: 9 }, status: { observedGeneration: 1, replicas: 3 } },
      { subresource: 'status' },
    );
    expect(updated).toMatchObject({ spec: { replicas: 1 }, status: { replicas: 3 } });
    const replaced = await client.update(deployments, {
      ...updated,
      spec: { ...updated.spec!, replicas: 2 },
      status: {},
    });
    expect(replaced).toMatchObject({ spec: { replicas: 2 }, status: { replicas: 3 } });
  },
  async 'a binding gives a pod its node once'({ client }) {
    await client.create(pods, pod('p'));
    const binding = { metadata: { name: 'p', namespace }, target: { kind: 'Node', name: 'n1' } };
    await client.create(pods, binding as never, { subresource: 'binding' });
    const bound = await client.get(pods, { namespace, name: 'p' });
    expect(bound.spec?.nodeName).toBe('n1');
    expect(bound.status?.conditions).toContainEqual(expect.objectContaining({ type: 'PodScheduled', status: 'True' }));
    const error = await refused(client.create(pods, binding as never, { subresource: 'binding' }), 409, 'Conflict');
    expect(error.message).toBe(
      'Operation cannot be fulfilled on pods/binding "p": pod p is already assigned to node "n1"',
    );
  },
  async 'finalizers delay a delete'({ client }) {
    await client.create(configMaps, configMap('a', { metadata: { finalizers: ['a.b/c'] } }));
    await client.delete(configMaps, { namespace, name: 'a' });
    const waiting = await client.get(configMaps, { namespace, name: 'a' });
    expect(waiting.metadata?.deletionTimestamp).toBeDefined();
    await client.update(configMaps, { ...waiting, metadata: { ...waiting.metadata, finalizers: [] } });
    await refused(client.get(configMaps, { namespace, name: 'a' }), 404, 'NotFound');
  },
  async 'a delete holds its preconditions'({ client }) {
    const made = await client.create(configMaps, configMap('a'));
    const key = { namespace, name: 'a' };
    await refused(client.delete(configMaps, key, { preconditions: { uid: 'other' } }), 409, 'Conflict');
    await client.delete(configMaps, key, {
      preconditions: { uid: made.metadata?.uid, resourceVersion: made.metadata?.resourceVersion },
    });
    await refused(client.get(configMaps, key), 404, 'NotFound');
  },
  async 'propagation is a finalizer'({ client }) {
    await client.create(configMaps, configMap('a'));
    await client.delete(configMaps, { namespace, name: 'a' }, { propagationPolicy: 'Foreground' });
    expect((await client.get(configMaps, { namespace, name: 'a' })).metadata?.finalizers).toEqual([
      'foregroundDeletion',
    ]);
  },
  async 'deleteCollection takes what is selected'({ client }) {
    for (const [name, g] of [
      ['a', '1'],
      ['b', '2'],
      ['c', '1'],
    ] as const)
      await client.create(configMaps, configMap(name, { metadata: { labels: { g } } }));
    await client.deleteCollection(configMaps, { namespace, labelSelector: 'g=1' });
    const { items } = await client.list(configMaps, { namespace, labelSelector: 'g' });
    expect(items.map((item) => item.metadata?.name)).toEqual(['b']);
  },
  async 'who has no rights is Forbidden'({ client, nobody }) {
    await client.create(configMaps, configMap('a'));
    const error = await refused(nobody.get(configMaps, { namespace, name: 'a' }), 403, 'Forbidden');
    expect(error.message).toMatch(
      /^configmaps "a" is forbidden: User ".*" cannot get resource "configmaps" in API group "" in the namespace "default"$/,
    );
    await refused(nobody.create(configMaps, configMap('b')), 403, 'Forbidden');
    await refused(nobody.list(configMaps, { namespace }), 403, 'Forbidden');
    await refused(nobody.delete(configMaps, { namespace, name: 'a' }), 403, 'Forbidden');
  },
};
