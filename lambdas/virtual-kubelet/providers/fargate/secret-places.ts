/** Where the values go that ECS reads by name: parameters for environments, Secrets Manager for registries. */
import { randomBytes } from 'node:crypto';
import {
  CreateSecretCommand,
  ResourceExistsException,
  type SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { GetParameterCommand, ParameterAlreadyExists, PutParameterCommand, type SSMClient } from '@aws-sdk/client-ssm';
import type { SecretPlace, SecretPlaces } from './secret-keeper.ts';

export interface SecretPlacesDeps {
  readonly ssm: Pick<SSMClient, 'send'>;
  readonly secretsManager: Pick<SecretsManagerClient, 'send'>;
  readonly cluster: string;
  /** Of the cluster's parameters, without a slash at its end. Values stand below it, at `<path>/values/…`. */
  readonly path: string;
}

/** Standard parameters hold 4 KB and cost nothing. */
const standardBytes = 4096;

export function createSecretPlaces({ ssm, secretsManager, cluster, path }: SecretPlacesDeps): SecretPlaces {
  const place = path;
  const tags = [{ Key: 'nodeless.dev/cluster', Value: cluster }];
  const parameter = async (name: string, value: string): Promise<boolean> => {
    try {
      await ssm.send(
        new PutParameterCommand({
          Name: name,
          Value: value,
          Type: 'SecureString',
          Tier: Buffer.byteLength(value) > standardBytes ? 'Advanced' : 'Standard',
          Tags: tags,
        }),
      );
      return true;
    } catch (error) {
      if (error instanceof ParameterAlreadyExists) return false;
      throw error;
    }
  };
  const credentials: SecretPlace = {
    async put(name, value) {
      try {
        await secretsManager.send(new CreateSecretCommand({ Name: name, SecretString: value, Tags: tags }));
      } catch (error) {
        // The name is made of the value: it is there already.
        if (!(error instanceof ResourceExistsException)) throw error;
      }
    },
  };
  return {
    path: place,
    cluster,
    credentials,
    values: { put: async (name, value) => void (await parameter(name, value)) },
    async key() {
      const name = `${place}/values/key`;
      const read = async (): Promise<Uint8Array> => {
        const { Parameter } = await ssm.send(new GetParameterCommand({ Name: name, WithDecryption: true }));
        return Buffer.from(Parameter?.Value ?? '', 'base64');
      };
      try {
        return await read();
      } catch (error) {
        if ((error as { name?: string }).name !== 'ParameterNotFound') throw error;
      }
      // Of several that make one at a time, the first counts.
      await parameter(name, randomBytes(32).toString('base64'));
      return read();
    },
  };
}
