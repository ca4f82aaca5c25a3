import { describe, expect, test } from 'vitest';
import type { KindDefinition } from '@nodeless/registry/resource';
import {
  type TableOptions,
  encodePartialMetadata,
  encodePartialMetadataList,
  encodeTable,
} from '@nodeless/registry/table-encoder';
import { configMap, createHarness, scope, wire } from './harness.ts';

const kind: KindDefinition = {
  group: '',
  resource: 'configmaps',
  strategy: {},
  table: {
    columns: [
      { name: 'Name', type: 'string', format: 'name', description: 'the name', priority: 0 },
      { name: 'Age', type: 'string', format: '', description: '', priority: 1 },
    ],
    print: ({ metadata }, now) => ({
      cells: [metadata?.name, `${(now - Date.parse(metadata?.creationTimestamp ?? '')) / 1000}s`],
    }),
  },
};
const asked: TableOptions = {
  includeObject: 'Metadata',
  version: 'v1',
  columns: true,
  now: Date.UTC(2030, 0, 1, 0, 0, 7),
};

async function listed(kinds: readonly KindDefinition[] = [kind]) {
  const { registry } = createHarness({ kinds });
  const tricky = { metadata: { labels: { l: '1' }, annotations: { quote: 'a "}" \\ {' } } };
  for (const name of ['a', 'b']) await registry.create(scope('configmaps'), wire(configMap(name, tricky)));
  const list = await registry.list(scope('configmaps'));
  const served = registry.resources.find('', 'v1', 'configmaps')!;
  return {
    list,
    table: (options: Partial<TableOptions> = {}) =>
      JSON.parse(encodeTable(served, list.items, list.metadata, { ...asked, ...options }).toString()) as Record<
        string,
        unknown
      >,
  };
}

describe('tables', () => {
  test('have columns and a row an object, with its metadata', async () => {
    const { list, table } = await listed();
    expect(table()).toEqual({
      kind: 'Table',
      apiVersion: 'meta.k8s.io/v1',
      metadata: { resourceVersion: list.metadata.resourceVersion },
      columnDefinitions: [
        { name: 'Name', type: 'string', format: 'name', description: 'the name', priority: 0 },
        { name: 'Age', type: 'string', format: '', description: '', priority: 1 },
      ],
      rows: list.items.map((item) => ({
        cells: [item.object().metadata?.name, '7s'],
        object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: item.object().metadata },
      })),
    });
  });

  test('carry whole objects or none', async () => {
    const { list, table } = await listed();
    expect(table({ includeObject: 'Object' }).rows).toMatchObject(
      list.items.map((item) => ({ object: item.object() })),
    );
    expect(table({ includeObject: 'None' }).rows).toMatchObject([{ object: null }, { object: null }]);
  });

  test('do not repeat their columns in a watch', async () => {
    const { table } = await listed();
    expect(table({ columns: false }).columnDefinitions).toBeNull();
  });

  test('of a kind without columns show name and creation', async () => {
    const { table } = await listed([]);
    expect(table()).toMatchObject({
      columnDefinitions: [{ name: 'Name' }, { name: 'Created At', type: 'date' }],
      rows: [{ cells: ['a', '2030-01-01T00:00:00Z'] }, {}],
    });
  });
});

describe('partial metadata', () => {
  test('is cut out of the bytes, whatever they contain', async () => {
    const { list } = await listed();
    const [first] = list.items;
    expect(JSON.parse(encodePartialMetadata(first!, 'v1').toString())).toEqual({
      kind: 'PartialObjectMetadata',
      apiVersion: 'meta.k8s.io/v1',
      metadata: first!.object().metadata,
    });
    const all = JSON.parse(encodePartialMetadataList(list.items, list.metadata, 'v1').toString()) as {
      items: object[];
    };
    expect(all).toMatchObject({
      kind: 'PartialObjectMetadataList',
      apiVersion: 'meta.k8s.io/v1',
      metadata: list.metadata,
    });
    expect(all.items).toHaveLength(2);
  });
});
