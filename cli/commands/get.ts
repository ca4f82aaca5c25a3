import type { UnknownObject } from '@nodeless/apimachinery/object';
import type { ResourceType } from '@nodeless/client/client';
import { collectionPath, type HttpClient } from '@nodeless/client/http-client';
import { connect, type ConnectionOptions } from '../connection.ts';
import { alignColumns, outputFormat, UserError } from '../output.ts';
import { discover, displayName } from '../resource-names.ts';
import { type AddCommand, withConnection } from './command.ts';

interface Table {
  columnDefinitions: { name: string; priority: number }[];
  rows?: { cells: unknown[]; object?: { metadata?: { namespace?: string } } }[];
}
interface GetOptions extends ConnectionOptions {
  namespace?: string;
  allNamespaces?: boolean;
  selector?: string;
  output?: string;
}

const tableType = 'application/json;as=Table;v=v1;g=meta.k8s.io';

export const addGet: AddCommand = (program, output) => {
  withConnection(
    program
      .command('get')
      .description('show objects')
      .argument('<resource>', 'pods, deploy, services, …, or resource/name')
      .argument('[name...]', 'names'),
  )
    .option('-n, --namespace <name>', 'namespace')
    .option('-A, --all-namespaces', 'objects of all namespaces')
    .option('-l, --selector <selector>', 'label selector')
    .option('-o, --output <format>', 'wide, json, yaml or name')
    .action(async (resource: string, given: string[], options: GetOptions) => {
      outputFormat(options.output, ['wide', 'json', 'yaml', 'name']);
      const [kind = '', slashName] = resource.split('/');
      const names = slashName ? [slashName, ...given] : given;
      const connection = connect(options);
      const { client } = connection;
      try {
        const types = (await discover(client.transport)).find(kind);
        const namespace = options.allNamespaces ? undefined : (options.namespace ?? connection.namespace);
        if (options.output === 'json' || options.output === 'yaml' || options.output === 'name') {
          const found = (
            await Promise.all(
              types.map(async (type) =>
                (await objects(client, type, namespace, names, options.selector)).map((item) => ({ type, item })),
              ),
            )
          ).flat();
          const items = found.map(({ item }) => item);
          const value = names.length === 1 && items.length === 1 ? items[0] : { apiVersion: 'v1', kind: 'List', items };
          if (options.output === 'json') output.json(value);
          else if (options.output === 'yaml') output.line((await import('yaml')).stringify(value).trimEnd());
          else for (const { type, item } of found) output.line(displayName(type, item.metadata?.name ?? ''));
          return;
        }
        let printed = 0;
        for (const type of types) {
          const lines = await tableLines(client, type, namespace, names, options, types.length > 1);
          if (lines.length > 1) {
            if (printed > 0) output.line();
            for (const line of lines) output.line(line);
            printed += 1;
          }
        }
        if (printed === 0)
          output.note(namespace ? `No resources found in ${namespace} namespace.` : 'No resources found');
      } finally {
        client.close();
      }
    });
};

async function objects(
  client: HttpClient,
  type: ResourceType<UnknownObject>,
  namespace: string | undefined,
  names: readonly string[],
  labelSelector: string | undefined,
): Promise<readonly UnknownObject[]> {
  const scope = type.namespaced ? namespace : undefined;
  if (names.length > 0) return Promise.all(names.map((name) => client.get(type, { namespace: scope, name })));
  return (await client.list(type, { namespace: scope, labelSelector })).items;
}

async function tableLines(
  client: HttpClient,
  type: ResourceType<UnknownObject>,
  namespace: string | undefined,
  names: readonly string[],
  options: GetOptions,
  withKind: boolean,
): Promise<string[]> {
  const base = collectionPath(type, type.namespaced ? namespace : undefined);
  const query = options.selector ? `?labelSelector=${encodeURIComponent(options.selector)}` : '';
  if (names.length > 0 && type.namespaced && !namespace)
    throw new UserError('a resource cannot be retrieved by name across all namespaces');
  const paths = names.length > 0 ? names.map((name) => `${base}/${encodeURIComponent(name)}`) : [base + query];
  const tables = (await Promise.all(
    paths.map((path) => client.transport.json({ method: 'GET', path, headers: { accept: tableType } })),
  )) as Table[];
  const columns = tables[0]?.columnDefinitions ?? [];
  const shown = columns
    .map((column, i) => ({ column, i }))
    .filter(({ column }) => column.priority === 0 || options.output === 'wide');
  const withNamespace = type.namespaced && options.allNamespaces;
  const header = [...(withNamespace ? ['NAMESPACE'] : []), ...shown.map(({ column }) => column.name.toUpperCase())];
  const rows = tables
    .flatMap((table) => table.rows ?? [])
    .map(({ cells, object }) => [
      ...(withNamespace ? [object?.metadata?.namespace ?? ''] : []),
      // The first cell is the name.
      ...shown.map(({ i }) =>
        withKind && i === 0
          ? displayName(type, String(cells[i]))
          : cells[i] === null || cells[i] === undefined
            ? '<none>'
            : String(cells[i]),
      ),
    ]);
  return alignColumns([header, ...rows]);
}
