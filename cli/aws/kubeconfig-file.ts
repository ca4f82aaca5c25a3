import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isOnPath } from '../on-path.ts';
import type { Identity } from './cloud.ts';
import type { ExecContext } from './exec-kubeconfig.ts';
import { accessEntries, hasEntry } from './principals.ts';

/** Where kubectl would look first. */
export function kubeconfigPath(given: string | undefined, environment = process.env): string {
  return given ?? environment['KUBECONFIG']?.split(delimiter).find(Boolean) ?? join(homedir(), '.kube', 'config');
}

export interface ClusterContext {
  readonly cluster: string;
  readonly clusterId: string;
  readonly endpoint: string;
  readonly region: string;
  /** Go to the hub instead of the function. */
  readonly hub?: { readonly endpoint: string; readonly ca: string };
  readonly profile?: string;
  /** Assumed before a token is made. */
  readonly role?: string;
  readonly namespace?: string;
  readonly contextName?: string;
  /** `aws`: the AWS command line makes the tokens. */
  readonly tokensBy?: 'nodeless' | 'aws';
}

/** The context of a cluster in AWS. */
export function clusterContext(options: ClusterContext): ExecContext {
  const {
    cluster,
    clusterId,
    endpoint,
    region,
    hub,
    profile,
    role,
    namespace,
    contextName,
    tokensBy = 'nodeless',
  } = options;
  const command = tokensBy === 'aws' ? 'aws' : ownCommand();
  const args =
    tokensBy === 'aws'
      ? [
          'eks',
          'get-token',
          '--cluster-name',
          clusterId,
          '--region',
          region,
          '--output',
          'json',
          ...(role ? ['--role-arn', role] : []),
        ]
      : ['token', '--cluster', clusterId, '--region', region, ...(role ? ['--role', role] : [])];
  return {
    name: contextName ?? `nodeless-${cluster}${hub ? '-hub' : ''}`,
    server: hub?.endpoint ?? endpoint,
    ca: hub?.ca,
    namespace,
    exec: { command, args, env: profile ? { AWS_PROFILE: profile } : {} },
  };
}

/** By its name where the user could call it so; a checkout is called by its path. */
function ownCommand(): string {
  return isOnPath('nodeless') ? 'nodeless' : fileURLToPath(new URL('../bin/nodeless.mjs', import.meta.url));
}

/** A role to assume, for who has no entry of their own: the cluster's administrators' role, where there is one. */
export function roleToAssume(
  access: string | undefined,
  { arn, account }: Identity,
  { cluster, region }: { readonly cluster: string; readonly region: string },
): string | undefined {
  const entries = accessEntries(access);
  if (hasEntry(entries, arn)) return undefined;
  return entries.find(({ principalArn }) =>
    principalArn.endsWith(`:${account}:role/nodeless-${cluster}-${region}-admin`),
  )?.principalArn;
}
