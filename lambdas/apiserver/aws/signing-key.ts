/** The key that signs ServiceAccount tokens, where it lies in SSM: made once and kept. */
import { PutParameterCommand, type SSMClient } from '@aws-sdk/client-ssm';
import { generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';
import type { ClusterParameters } from '@nodeless/component-base/aws/cluster-parameters';

export interface SigningKeyDeps {
  readonly client: Pick<SSMClient, 'send'>;
  readonly parameters: ClusterParameters;
  readonly path: string;
  readonly cluster: string;
}

export const signingKeyParameter = 'service-account-key';

export async function ensureSigningKey({ client, parameters, path, cluster }: SigningKeyDeps): Promise<void> {
  if (await parameters.get(signingKeyParameter, 0)) return;
  // RSA: what IAM's OIDC providers take for sure.
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
  const command = new PutParameterCommand({
    Name: `${path}/${signingKeyParameter}`,
    Description: 'Signs the ServiceAccount tokens of this nodeless cluster',
    Type: 'SecureString',
    Value: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    Overwrite: false,
    Tags: [{ Key: 'nodeless.dev/cluster', Value: cluster }],
  });
  try {
    await client.send(command);
  } catch (error) {
    // Somebody was faster; his is as good.
    if (!(error instanceof Error && error.name === 'ParameterAlreadyExists')) throw error;
  }
}
