import { type Document, discoveryOf } from '@nodeless/apiserver/discovery';
import { type ResourceTable, type ServedResource, createResourceTable } from '@nodeless/registry/resource-table';
import { kinds } from '@nodeless/registry/resources/index';
import { beforeEach, describe, expect, it } from 'vitest';

const read = (document: Document | undefined): unknown =>
  document && JSON.parse(Buffer.from(document.bytes).toString('utf8'));

function custom(version: string, storage = 'v1'): ServedResource {
  const names = { singular: 'widget', kind: 'Widget', listKind: 'WidgetList', shortNames: ['wd'], categories: [] };
  const apiVersion = `example.com/${version}`;
  const scale = { name: 'scale', group: 'autoscaling', version: 'v1', apiVersion: 'autoscaling/v1', kind: 'Scale' };
  return {
    ...{ group: 'example.com', version, apiVersion, resource: 'widgets', namespaced: true, ...names },
    verbs: ['get', 'list'],
    subresources: new Map([['scale', { ...scale, model: '', verbs: ['get'] }]]),
    storage: {
      ...{ group: 'example.com', resource: 'widgets', version: storage, apiVersion: `example.com/${storage}` },
      ...{ model: '', prefix: 'example.com/widgets/' },
    },
    model: '',
    definition: {} as never,
    custom: {} as never,
  };
}

let table: ResourceTable;
beforeEach(() => {
  table = createResourceTable({ kinds });
});

describe('discovery', () => {
  it('knows what a built-in group has', () => {
    const discovery = discoveryOf(table)();
    expect(read(discovery.group('apps'))).toEqual({
      kind: 'APIGroup',
      apiVersion: 'v1',
      name: 'apps',
      versions: [{ groupVersion: 'apps/v1', version: 'v1' }],
      preferredVersion: { groupVersion: 'apps/v1', version: 'v1' },
    });
    const { resources } = read(discovery.resourceList('apps', 'v1')) as { resources: { name: string }[] };
    expect(resources.find(({ name }) => name === 'deployments')).toEqual({
      name: 'deployments',
      singularName: 'deployment',
      namespaced: true,
      kind: 'Deployment',
      verbs: ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'],
      shortNames: ['deploy'],
      categories: ['all'],
      storageVersionHash: '8aSe+NMegvE=',
    });
  });
  it('has nothing of groups and versions that are not served', () => {
    const discovery = discoveryOf(table)();
    for (const found of [
      discovery.group('example.com'),
      discovery.group(''),
      discovery.resourceList('apps', 'v2'),
      discovery.resourceList('', 'v2'),
    ])
      expect(found).toBeUndefined();
  });
  it('is the same until something changes, and then has the change', () => {
    const current = discoveryOf(table);
    const before = current();
    expect(current()).toBe(before);
    expect(before.groupList()).toBe(before.groupList());
    table.add(custom('v1'));
    expect(current().groups.has('example.com')).toBe(true);
    expect(current().groupList().etag).not.toBe(before.groupList().etag);
    table.remove('example.com', 'v1', 'widgets');
    expect(current().groups.has('example.com')).toBe(false);
    expect(current().groupList().etag).toBe(before.groupList().etag);
  });
  it('puts the most mature version of a custom group first', () => {
    for (const version of ['foo', 'v1alpha1', 'v2beta1', 'v1', 'bar', 'v10', 'v1beta2']) table.add(custom(version));
    const { versions } = read(discoveryOf(table)().group('example.com')) as { versions: { version: string }[] };
    expect(versions.map(({ version }) => version)).toEqual([
      'v10',
      'v1',
      'v2beta1',
      'v1beta2',
      'v1alpha1',
      'bar',
      'foo',
    ]);
  });
  it('tells the storage version of custom resources', () => {
    table.add(custom('v1'));
    table.add(custom('v2'));
    const discovery = discoveryOf(table)();
    for (const version of ['v1', 'v2']) {
      const list = read(discovery.resourceList('example.com', version)) as { resources: object[] };
      expect(list.resources).toMatchObject([
        { name: 'widgets', storageVersionHash: 'gIwvi5rymmg=' },
        { name: 'widgets/scale', group: 'autoscaling', version: 'v1', kind: 'Scale' },
      ]);
    }
  });
  it('tells all at once', () => {
    table.add(custom('v1'));
    const discovery = discoveryOf(table)();
    const { items } = read(discovery.aggregated('apis', 'v2')) as { items: { metadata: { name: string } }[] };
    expect(items.at(-1)).toEqual({
      metadata: { name: 'example.com' },
      versions: [
        {
          version: 'v1',
          freshness: 'Current',
          resources: [
            {
              resource: 'widgets',
              responseKind: { group: 'example.com', version: 'v1', kind: 'Widget' },
              scope: 'Namespaced',
              singularResource: 'widget',
              verbs: ['get', 'list'],
              shortNames: ['wd'],
              subresources: [
                {
                  subresource: 'scale',
                  responseKind: { group: 'autoscaling', version: 'v1', kind: 'Scale' },
                  verbs: ['get'],
                },
              ],
            },
          ],
        },
      ],
    });
    expect(read(discovery.aggregated('api', 'v2beta1'))).toMatchObject({
      apiVersion: 'apidiscovery.k8s.io/v2beta1',
      items: [{ metadata: {} }],
    });
  });
  it('lists its paths', () => {
    const paths = discoveryOf(table)().paths();
    expect(paths).toEqual(expect.arrayContaining(['/api', '/api/v1', '/apis', '/apis/apps', '/apis/apps/v1']));
  });
});
