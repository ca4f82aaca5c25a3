import { readFileSync } from 'node:fs';
import { systemClock } from '@nodeless/component-base/clock';
import { outputFormat, type Output, UserError } from '../output.ts';
import { type AwsCommandOptions, defaultCluster, withAws } from './aws-options.ts';
import type { AddCommand } from './command.ts';

interface DeployOptions extends AwsCommandOptions {
  cluster: string;
  set?: string[];
  settings?: string;
  reset?: boolean;
  table?: string;
  skipChecks?: boolean;
  kubeconfig?: string;
  output?: string;
}

export const addDeploy: AddCommand = (program, output) => {
  withAws(program.command('deploy').description('make or change a cluster in AWS; ends with a context for kubectl'))
    .option('--cluster <name>', 'name of the cluster', defaultCluster)
    .option('--set <setting=value...>', 'a setting, like network.egress=ipv6 or monitoring.killSwitch=true')
    .option('--settings <file>', 'settings as JSON')
    .option('--reset', 'forget the settings of the last deploy')
    .option('--table <name>', 'take over the table that an earlier cluster left')
    .option('--skip-checks', 'do not look at the quotas of the account')
    .option('--kubeconfig <file>', 'where to write the context (default: as kubectl: $KUBECONFIG, ~/.kube/config)')
    .option('-o, --output <format>', 'json: print what was deployed')
    .addHelpText(
      'after',
      `
A deploy that stopped half way goes on where it stopped, with the same command. Settings are kept from one deploy to the
next; infra/settings.ts says what there are. An idle cluster costs under two dollars a month.

Examples:
  nodeless deploy --region eu-central-1
  nodeless deploy --cluster test --set network.egress=ipv6 --set state.removal=destroy`,
    )
    .action(async (options: DeployOptions) => await deploy(options, output));
};

async function deploy(options: DeployOptions, output: Output): Promise<void> {
  outputFormat(options.output, ['json']);
  const { mergeSettings, parseSet } = await import('../aws/options.ts');
  const settings = mergeSettings(readSettings(options.settings), parseSet(options.set ?? []));
  const { createCloud } = await import('../aws/sdk-cloud.ts');
  const { deployCluster, waitUntilReady } = await import('../aws/deploy-cluster.ts');
  const { runCdk } = await import('../aws/cdk.ts');
  const { writeContext } = await import('../aws/exec-kubeconfig.ts');
  const { clusterContext, kubeconfigPath } = await import('../aws/kubeconfig-file.ts');
  const cloud = await createCloud(options);
  const { cluster, reset, table, skipChecks } = options;
  const deployed = await deployCluster(
    { cluster, settings, reset, table, skipChecks },
    { cloud, runCdk, clock: systemClock, output },
  );
  const context = clusterContext({ ...deployed, profile: options.profile });
  const path = kubeconfigPath(options.kubeconfig);
  writeContext(path, context, true);
  const ready = await waitUntilReady(deployed.endpoint, systemClock);
  if (options.output === 'json') output.json({ ...deployed, ready, kubeconfig: path, context: context.name });
  else {
    output.line(
      `The cluster ${cluster} is ${ready ? 'ready' : 'made, but its API does not answer yet'}: ${deployed.endpoint}`,
    );
    output.line(`kubectl has the context ${context.name} now (in ${path}):`);
    output.line('  kubectl get nodes');
    output.line(`  nodeless destroy --cluster ${cluster} --region ${deployed.region}   removes it again`);
  }
  if (!ready) process.exitCode = 1;
}

function readSettings(path: string | undefined): Record<string, unknown> | undefined {
  if (path === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new UserError(`--settings ${path}: ${(error as Error).message}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new UserError(`--settings ${path}: an object is expected`);
  return value as Record<string, unknown>;
}
