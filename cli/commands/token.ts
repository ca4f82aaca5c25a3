import type { TokenRequest } from '@nodeless/apimachinery/generated/types/authentication/v1';
import { resourceType } from '@nodeless/client/client';
import { systemClock } from '@nodeless/component-base/clock';
import { connect, type ConnectionOptions } from '../connection.ts';
import { outputFormat, UserError } from '../output.ts';
import { type AwsCommandOptions, withAws } from './aws-options.ts';
import { type AddCommand, withConnection } from './command.ts';

const tokenRequests = resourceType<TokenRequest>('', 'v1', 'serviceaccounts', 'TokenRequest');

interface TokenOptions extends ConnectionOptions, AwsCommandOptions {
  cluster?: string;
  role?: string;
  namespace?: string;
  duration?: string;
  audience?: string[];
  output?: string;
}

export const addToken: AddCommand = (program, output) => {
  withAws(
    withConnection(
      program
        .command('token')
        .description(
          "make a token for a ServiceAccount; with --cluster: for a cluster in AWS, as kubectl's exec plugin",
        )
        .argument('[service-account]', 'name of the ServiceAccount', 'default'),
    ).option('--cluster <id>', 'id (or name) of a cluster in AWS: prints an ExecCredential for your IAM identity'),
  )
    .option('--role <arn>', 'with --cluster: a role to assume before')
    .option('-n, --namespace <name>', 'namespace of the ServiceAccount')
    .option('--duration <seconds>', 'how long it is good for')
    .option('--audience <name...>', 'who is to accept it')
    .option('-o, --output <format>', 'json: the whole answer')
    .action(async (account: string, options: TokenOptions) => {
      outputFormat(options.output, ['json']);
      if (options.cluster !== undefined) return output.json(await iamToken(options.cluster, options));
      const expirationSeconds = options.duration === undefined ? undefined : Number(options.duration);
      if (expirationSeconds !== undefined && !Number.isInteger(expirationSeconds))
        throw new UserError('--duration must be a whole number of seconds');
      const { client, namespace } = connect(options);
      try {
        const request: TokenRequest = {
          apiVersion: 'authentication.k8s.io/v1',
          kind: 'TokenRequest',
          metadata: { name: account, namespace: options.namespace ?? namespace },
          spec: {
            audiences: options.audience ?? [],
            ...(expirationSeconds === undefined ? {} : { expirationSeconds }),
          },
        };
        const answer = await client.create(tokenRequests, request, { subresource: 'token' });
        if (options.output === 'json') output.json(answer);
        else output.line(answer.status?.token ?? '');
      } finally {
        client.close();
      }
    });
};

/** An ExecCredential of whoever asks. Nothing is asked of AWS where the keys stand in the environment and the id is given. */
async function iamToken(given: string, options: TokenOptions): Promise<object> {
  const { assumeRole, findCredentials, findRegion } = await import('../aws/credentials.ts');
  const { execCredential, makeIamToken } = await import('@nodeless/client/iam-token');
  const region = await findRegion(options);
  const cluster = isClusterId(given) ? given : await idOf(given, options);
  let credentials = await findCredentials(options);
  if (options.role) credentials = await assumeRole(credentials, region, options.role);
  return execCredential(makeIamToken({ credentials, region, cluster, now: systemClock.now() }));
}

/** `main-0f0e1d2c`: a name and something that no other cluster has. */
const isClusterId = (text: string): boolean => /-[0-9a-f]{8}$/.test(text);

async function idOf(cluster: string, options: AwsCommandOptions): Promise<string> {
  const { createCloud } = await import('../aws/sdk-cloud.ts');
  const { findCluster } = await import('../aws/find-cluster.ts');
  return (await findCluster(await createCloud(options), cluster)).clusterId;
}
