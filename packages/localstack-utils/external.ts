import type { AwsEngine } from './engine.ts';
import { emulatorHealth } from './health.ts';

/** What AWS_ENDPOINT_URL names, or the account of the environment's credentials; nothing is started, nothing is ended. */
export async function useExternal(env: NodeJS.ProcessEnv = process.env): Promise<AwsEngine> {
  const endpoint = env['AWS_ENDPOINT_URL'] || undefined;
  const health = endpoint === undefined ? undefined : await emulatorHealth(endpoint).catch(() => undefined);
  const account = env['NODELESS_AWS_ACCOUNT'];
  return {
    engine: 'external',
    version: health ? `${health.engine} ${health.version}` : endpoint ? `at ${endpoint}` : `AWS account ${account}`,
    endpoint,
    region: env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION'] ?? 'us-east-1',
    // An emulator wants some; a real account has its own.
    credentials:
      endpoint !== undefined && !env['AWS_ACCESS_KEY_ID'] && !env['AWS_PROFILE']
        ? { accessKeyId: 'test', secretAccessKey: 'test' }
        : undefined,
    log: () => '',
    stop: () => Promise.resolve(),
  };
}
