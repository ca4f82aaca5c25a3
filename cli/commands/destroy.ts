import { createInterface } from 'node:readline/promises';
import { systemClock } from '@nodeless/component-base/clock';
import { outputFormat, UserError } from '../output.ts';
import { type AwsCommandOptions, withAws } from './aws-options.ts';
import type { AddCommand } from './command.ts';

interface DestroyOptions extends AwsCommandOptions {
  cluster: string;
  yes?: boolean;
  purge?: boolean;
  output?: string;
}

export const addDestroy: AddCommand = (program, output) => {
  withAws(
    program
      .command('destroy')
      .description('remove a cluster from AWS: pods, load balancers and all; its table stays until --purge'),
  )
    .requiredOption('--cluster <name>', 'name of the cluster')
    .option('-y, --yes', 'do not ask')
    .option('--purge', 'also remove the table, with every object in it')
    .option('-o, --output <format>', 'json: print what is left')
    .action(async (options: DestroyOptions) => {
      outputFormat(options.output, ['json']);
      const { createCloud } = await import('../aws/sdk-cloud.ts');
      const { destroyCluster } = await import('../aws/destroy-cluster.ts');
      const cloud = await createCloud(options);
      const { cluster, purge } = options;
      const { tables } = await destroyCluster(
        { cluster, purge },
        {
          cloud,
          clock: systemClock,
          output,
          confirm: async (text) => options.yes === true || (await askForName(text, cluster)),
        },
      );
      if (options.output === 'json') return output.json({ cluster, tables });
      output.line(`The cluster ${cluster} is gone.`);
      for (const table of tables) {
        output.line(`Its table ${table} is left, with all its objects:`);
        output.line(`  nodeless deploy --cluster ${cluster} --region ${cloud.region} --table ${table}   takes it over`);
        output.line(`  nodeless destroy --cluster ${cluster} --region ${cloud.region} --purge   removes it`);
      }
    });
};

/** The name must be typed: a y is typed too fast. */
async function askForName(text: string, cluster: string): Promise<boolean> {
  if (!process.stdin.isTTY) throw new UserError('nobody is here to be asked: --yes removes it without a question');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await terminal.question(`${text}\nType its name to go on: `)).trim() === cluster;
  } finally {
    terminal.close();
  }
}
