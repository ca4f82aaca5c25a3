import { isNotFound } from '@nodeless/apimachinery/status';
import { connect, type ConnectionOptions } from '../connection.ts';
import { readManifests } from '../manifests.ts';
import { UserError } from '../output.ts';
import { discover, displayName } from '../resource-names.ts';
import { type AddCommand, withConnection } from './command.ts';

interface DeleteOptions extends ConnectionOptions {
  filename?: string[];
  namespace?: string;
  gracePeriod?: string;
  ignoreNotFound?: boolean;
}

export const addDelete: AddCommand = (program, output) => {
  withConnection(
    program
      .command('delete')
      .description('delete objects')
      .argument('[resource]', 'pods, deploy, …, or resource/name')
      .argument('[name...]', 'names'),
  )
    .option('-f, --filename <path...>', 'delete what these manifests name; - reads standard input')
    .option('-n, --namespace <name>', 'namespace')
    .option('--grace-period <seconds>', 'seconds that pods get to end')
    .option('--ignore-not-found', 'what is not there is no error')
    .action(async (resource: string | undefined, given: string[], options: DeleteOptions) => {
      const { client, namespace: contextNamespace } = connect(options);
      const namespace = options.namespace ?? contextNamespace;
      const gracePeriodSeconds = options.gracePeriod === undefined ? undefined : Number(options.gracePeriod);
      if (gracePeriodSeconds !== undefined && !Number.isInteger(gracePeriodSeconds))
        throw new UserError('--grace-period must be a whole number of seconds');
      try {
        const names = await discover(client.transport);
        const [kind = '', slashName] = (resource ?? '').split('/');
        const targets = options.filename
          ? readManifests(options.filename).map(({ object, source }) => {
              const type = names.ofKind(object.apiVersion ?? '', object.kind ?? '');
              if (!type)
                throw new UserError(
                  `${source}: no matches for kind ${JSON.stringify(object.kind)} in version ${JSON.stringify(object.apiVersion)}`,
                );
              return { type, name: object.metadata?.name ?? '', namespace: object.metadata?.namespace ?? namespace };
            })
          : names
              .find(kind)
              .flatMap((type) =>
                (slashName ? [slashName, ...given] : given).map((name) => ({ type, name, namespace })),
              );
        if (targets.length === 0)
          throw new UserError('name what to delete: nodeless delete <resource> <name>, or -f <file>');
        for (const target of targets) {
          try {
            await client.delete(
              target.type,
              { namespace: target.type.namespaced ? target.namespace : undefined, name: target.name },
              { gracePeriodSeconds, propagationPolicy: 'Background' },
            );
            output.line(`${displayName(target.type, target.name)} deleted`);
          } catch (error) {
            if (!options.ignoreNotFound || !isNotFound(error)) throw error;
          }
        }
      } finally {
        client.close();
      }
    });
};
