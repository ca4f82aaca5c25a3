import { connect, type ConnectionOptions } from '../connection.ts';
import { readManifests } from '../manifests.ts';
import { discover, displayName } from '../resource-names.ts';
import { submit } from '../submit.ts';
import { outputFormat } from '../output.ts';
import { type AddCommand, withConnection } from './command.ts';

export const addApply: AddCommand = (program, output) => {
  withConnection(
    program.command('apply').description('submit manifests (YAML or JSON, one or many objects) by server-side apply'),
  )
    .requiredOption('-f, --filename <path...>', 'files or folders; - reads standard input')
    .option('-n, --namespace <name>', 'namespace for objects that name none')
    .option('--force-conflicts', 'take over fields that another manager owns')
    .option('-o, --output <format>', 'json: print the objects as they are now')
    .action(
      async (
        options: ConnectionOptions & {
          filename: string[];
          namespace?: string;
          forceConflicts?: boolean;
          output?: string;
        },
      ) => {
        outputFormat(options.output, ['json']);
        const manifests = readManifests(options.filename);
        const { client, namespace } = connect(options);
        try {
          const submitted = await submit(
            client,
            await discover(client.transport),
            manifests,
            options.namespace ?? namespace,
            options.forceConflicts === true,
          );
          if (options.output === 'json')
            output.json({ apiVersion: 'v1', kind: 'List', items: submitted.map((s) => s.object) });
          else
            for (const { type, object, outcome } of submitted)
              output.line(`${displayName(type, object.metadata?.name ?? '')} ${outcome}`);
        } finally {
          client.close();
        }
      },
    );
};
