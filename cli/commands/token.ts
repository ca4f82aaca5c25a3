import type { TokenRequest } from '@nodeless/apimachinery/generated/types/authentication/v1';
import { resourceType } from '@nodeless/client/client';
import { connect, type ConnectionOptions } from '../connection.ts';
import { outputFormat, UserError } from '../output.ts';
import { type AddCommand, withConnection } from './command.ts';

const tokenRequests = resourceType<TokenRequest>('', 'v1', 'serviceaccounts', 'TokenRequest');

interface TokenOptions extends ConnectionOptions {
  namespace?: string;
  duration?: string;
  audience?: string[];
  output?: string;
}

export const addToken: AddCommand = (program, output) => {
  withConnection(
    program
      .command('token')
      .description('make a token for a ServiceAccount')
      .argument('[service-account]', 'name of the ServiceAccount', 'default'),
  )
    .option('-n, --namespace <name>', 'namespace of the ServiceAccount')
    .option('--duration <seconds>', 'how long it is good for')
    .option('--audience <name...>', 'who is to accept it')
    .option('-o, --output <format>', 'json: the whole answer')
    .action(async (account: string, options: TokenOptions) => {
      outputFormat(options.output, ['json']);
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
