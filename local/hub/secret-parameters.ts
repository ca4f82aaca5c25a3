/** The cluster's parameters in SSM, to be written too. */
import { PutParameterCommand, type SSMClient } from '@aws-sdk/client-ssm';
import { createClusterParameters } from '@nodeless/component-base/aws/cluster-parameters';
import type { Clock } from '@nodeless/component-base/clock';
import type { SecretParameters } from './authority.ts';

export function createSecretParameters(deps: {
  readonly client: Pick<SSMClient, 'send'>;
  /** Without a slash at its end. */
  readonly path: string;
  readonly clock: Clock;
}): SecretParameters {
  const { client, path } = deps;
  return {
    ...createClusterParameters(deps),
    async put(name, value) {
      await client.send(
        new PutParameterCommand({ Name: `${path}/${name}`, Value: value, Type: 'String', Overwrite: true }),
      );
    },
    async putSecret(name, value) {
      try {
        await client.send(
          new PutParameterCommand({ Name: `${path}/${name}`, Value: value, Type: 'SecureString', Overwrite: false }),
        );
        return true;
      } catch (error) {
        if (error instanceof Error && error.name === 'ParameterAlreadyExists') return false;
        throw error;
      }
    },
  };
}
