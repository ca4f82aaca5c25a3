import type { Command } from 'commander';

/** Options of every command that asks AWS. */
export function withAws(command: Command): Command {
  return command
    .option('--region <name>', 'AWS region (default: AWS_REGION, or that of the AWS profile)')
    .option('--profile <name>', 'AWS profile (default: AWS_PROFILE)');
}

export interface AwsCommandOptions {
  readonly region?: string;
  readonly profile?: string;
}

export const defaultCluster = 'main';
