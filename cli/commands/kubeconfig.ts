import { existsSync, readFileSync } from 'node:fs';
import { dataDirPaths, defaultDataDir } from '@nodeless/local/data-dir';
import { type Output, UserError } from '../output.ts';
import { type AwsCommandOptions, withAws } from './aws-options.ts';
import type { AddCommand } from './command.ts';

interface KubeconfigOptions extends AwsCommandOptions {
  dataDir?: string;
  path?: boolean;
  cluster?: string;
  kubeconfig?: string;
  print?: boolean;
  role?: string;
  contextName?: string;
  tokensBy?: string;
  hub?: boolean;
}

export const addKubeconfig: AddCommand = (program, output) => {
  withAws(
    program
      .command('kubeconfig')
      .description("print the local cluster's kubeconfig, or its path; with --cluster: write a context for one in AWS")
      .option('--data-dir <folder>', 'folder of the local cluster (default: .nodeless)')
      .option('--path', 'only the path: export KUBECONFIG=$(nodeless kubeconfig --path)')
      .option('--cluster <name>', 'name of a cluster in AWS'),
  )
    .option('--role <arn>', 'with --cluster: a role to assume for it')
    .option('--kubeconfig <file>', 'with --cluster: where to write (default: as kubectl: $KUBECONFIG, ~/.kube/config)')
    .option('--print', 'with --cluster: print the kubeconfig instead of writing it')
    .option('--context-name <name>', 'with --cluster: name of the context (default: nodeless-<cluster>)')
    .option('--hub', 'with --cluster: go to its hub, where it has one, instead of the function')
    .option(
      '--tokens-by <program>',
      'with --cluster: who makes tokens: nodeless or aws (aws eks get-token)',
      'nodeless',
    )
    .action(async (options: KubeconfigOptions) => {
      if (options.cluster !== undefined) return await inAws(options, options.cluster, output);
      const path = dataDirPaths(options.dataDir ?? defaultDataDir).kubeconfig;
      if (!existsSync(path))
        throw new UserError(
          `there is no cluster here: ${path} does not exist (start one with "npm start", or name one in AWS with --cluster)`,
        );
      if (options.path) output.line(path);
      else output.line(readFileSync(path, 'utf8').trimEnd());
    });
};

async function inAws(options: KubeconfigOptions, cluster: string, output: Output): Promise<void> {
  const { tokensBy } = options;
  if (tokensBy !== 'nodeless' && tokensBy !== 'aws') throw new UserError('--tokens-by must be nodeless or aws');
  const { createCloud } = await import('../aws/sdk-cloud.ts');
  const { findCluster } = await import('../aws/find-cluster.ts');
  const { clusterContext, kubeconfigPath } = await import('../aws/kubeconfig-file.ts');
  const { withContext, writeContext } = await import('../aws/exec-kubeconfig.ts');
  const found = await findCluster(await createCloud(options), cluster);
  if (options.hub && !found.hub)
    throw new UserError(
      `the cluster ${JSON.stringify(cluster)} has no hub that answers; "nodeless deploy --cluster ${cluster} --region ${found.region} --set hub.enabled=true" adds one`,
    );
  const role = options.role ?? found.role;
  const context = clusterContext({
    ...found,
    hub: options.hub ? found.hub : undefined,
    role,
    profile: options.profile,
    contextName: options.contextName,
    tokensBy,
  });
  if (options.print) return output.line(withContext('', context, true).trimEnd());
  const path = kubeconfigPath(options.kubeconfig);
  writeContext(path, context, true);
  if (role && !options.role) output.note(`You have no access entry of your own: ${role} is assumed.`);
  output.line(`kubectl has the context ${context.name} now (in ${path}).`);
}
