/** Credentials and region as the AWS command line finds them: environment, profile, SSO, instance. */
import type { AwsCredentials } from '@nodeless/client/iam-token';
import { explained, noRegion } from './errors.ts';

export interface AwsOptions {
  readonly region?: string;
  readonly profile?: string;
}

/** The SDK is loaded only where the environment does not hold the keys: kubectl asks for a token at each of its starts. */
export async function findCredentials({ profile }: AwsOptions, environment = process.env): Promise<AwsCredentials> {
  const {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
  } = environment;
  if (!profile && accessKeyId && secretAccessKey)
    return { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) };
  const { defaultProvider } = await import('@aws-sdk/credential-provider-node');
  return await explained({ profile }, async () => await defaultProvider(profile ? { profile } : {})());
}

/** Throws AwsProblem when none is named anywhere. */
export async function findRegion({ region, profile }: AwsOptions, environment = process.env): Promise<string> {
  const named = region ?? environment['AWS_REGION'] ?? environment['AWS_DEFAULT_REGION'];
  if (named) return named;
  const fromFile = await regionOfProfile(profile ?? environment['AWS_PROFILE'] ?? 'default', environment);
  if (!fromFile) throw noRegion();
  return fromFile;
}

async function regionOfProfile(profile: string, environment: NodeJS.ProcessEnv): Promise<string | undefined> {
  const { readFile } = await import('node:fs/promises');
  const { homedir } = await import('node:os');
  const { join } = await import('node:path');
  const path = environment['AWS_CONFIG_FILE'] ?? join(homedir(), '.aws', 'config');
  const text = await readFile(path, 'utf8').catch(() => '');
  let section = '';
  for (const line of text.split(/\r?\n/)) {
    section = /^\s*\[\s*(?:profile\s+)?([^\]]+?)\s*\]/.exec(line)?.[1] ?? section;
    const value = /^\s*region\s*=\s*(\S+)/.exec(line)?.[1];
    if (value && section === profile) return value;
  }
  return undefined;
}

/** Temporary credentials of a role. */
export async function assumeRole(
  credentials: AwsCredentials,
  region: string,
  RoleArn: string,
): Promise<AwsCredentials> {
  const { STSClient, AssumeRoleCommand } = await import('@aws-sdk/client-sts');
  const sts = new STSClient({ region, credentials, maxAttempts: 3 });
  return await explained({ region }, async () => {
    const { Credentials: found } = await sts.send(new AssumeRoleCommand({ RoleArn, RoleSessionName: 'nodeless' }));
    return {
      accessKeyId: found?.AccessKeyId as string,
      secretAccessKey: found?.SecretAccessKey as string,
      sessionToken: found?.SessionToken,
    };
  });
}
