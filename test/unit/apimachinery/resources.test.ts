import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  findGroup,
  findResource,
  findResourceOfKind,
  findSubresource,
  findVersion,
  groups,
} from '@nodeless/apimachinery/resources';
import { typeOf } from '@nodeless/apimachinery/schema';

const all = groups.flatMap((g) =>
  g.versions.flatMap((v) => v.resources.map((r) => ({ group: g.name, version: v.version, ...r }))),
);

describe('resources', () => {
  it('names types that exist, of the kind it says', () => {
    expect(all.length).toBeGreaterThan(80);
    for (const r of all) {
      expect(typeOf(r.model).gvk).toEqual({ group: r.group, version: r.version, kind: r.kind });
      if (r.listModel)
        expect(typeOf(r.listModel).field('items')?.type).toEqual({
          kind: 'list',
          items: { kind: 'ref', name: r.model },
        });
      for (const s of r.subresources ?? []) expect(typeOf(s.model).gvk?.kind).toBe(s.kind);
      expect(r.verbs).toEqual([...r.verbs].sort());
    }
  });

  it('hashes the stored kind', () => {
    for (const r of all.filter((x) => x.storage)) {
      const gv = r.storage!.includes('/') ? r.storage : `/${r.storage}`;
      const hash = createHash('sha256').update(`${gv}/${r.kind}`).digest().subarray(0, 8).toString('base64');
      expect(r.storageVersionHash, r.name).toBe(hash);
    }
  });

  it.each([
    ['', 'v1', 'pods', 'v1', 'xPOwRZ+Yhw8='],
    ['', 'v1', 'configmaps', 'v1', 'qFsyl6wFWjQ='],
    ['autoscaling', 'v1', 'horizontalpodautoscalers', 'autoscaling/v2', 'qwQve8ut294='],
    ['events.k8s.io', 'v1', 'events', 'v1', 'r2yiGXH7wu8='],
    ['authorization.k8s.io', 'v1', 'subjectaccessreviews', undefined, undefined],
    [
      'admissionregistration.k8s.io',
      'v1',
      'mutatingadmissionpolicies',
      'admissionregistration.k8s.io/v1beta1',
      expect.any(String),
    ],
  ])('%s %s %s is stored in %s', (group, version, name, storage, hash) => {
    const resource = findResource(group, version, name);
    expect([resource?.storage, resource?.storageVersionHash]).toEqual([storage, hash]);
  });

  it('serves stable versions only by default', () => {
    expect(groups.flatMap((g) => g.versions.filter((v) => v.default).map((v) => `${g.name}/${v.version}`))).toEqual([
      '/v1',
      'apiregistration.k8s.io/v1',
      'apps/v1',
      'events.k8s.io/v1',
      'authentication.k8s.io/v1',
      'authorization.k8s.io/v1',
      'autoscaling/v2',
      'autoscaling/v1',
      'batch/v1',
      'certificates.k8s.io/v1',
      'networking.k8s.io/v1',
      'policy/v1',
      'rbac.authorization.k8s.io/v1',
      'storage.k8s.io/v1',
      'admissionregistration.k8s.io/v1',
      'apiextensions.k8s.io/v1',
      'scheduling.k8s.io/v1',
      'coordination.k8s.io/v1',
      'node.k8s.io/v1',
      'discovery.k8s.io/v1',
      'flowcontrol.apiserver.k8s.io/v1',
      'resource.k8s.io/v1',
    ]);
    expect(findVersion('certificates.k8s.io', 'v1beta1')?.default).toBe(false);
    expect(findVersion('extensions', 'v1beta1')).toBeUndefined();
  });

  it('has subresources with kinds of other groups', () => {
    const pods = findResource('', 'v1', 'pods')!;
    expect(pods.subresources?.map((s) => s.name)).toEqual([
      'attach',
      'binding',
      'ephemeralcontainers',
      'eviction',
      'exec',
      'log',
      'portforward',
      'proxy',
      'resize',
      'status',
    ]);
    expect(findSubresource(pods, 'eviction')).toMatchObject({
      group: 'policy',
      version: 'v1',
      kind: 'Eviction',
      verbs: ['create'],
    });
    expect(findSubresource(findResource('apps', 'v1', 'deployments')!, 'scale')).toMatchObject({
      model: 'io.k8s.api.autoscaling.v1.Scale',
    });
    expect(findSubresource(pods, 'nope')).toBeUndefined();
  });

  it('finds nothing for names of nothing', () => {
    expect(findResource('', 'v1', '__proto__')).toBeUndefined();
    expect(findResourceOfKind('apps', 'v1', 'Deployment')?.name).toBe('deployments');
    expect(findGroup('nope')).toBeUndefined();
  });
});
