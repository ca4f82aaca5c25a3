import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SSMClient } from '@aws-sdk/client-ssm';
import { describe, expect, test } from 'vitest';
import { createSecretKeeping } from '@nodeless/virtual-kubelet/providers/fargate/secret-keeper';
import { createSecretPlaces } from '@nodeless/virtual-kubelet/providers/fargate/secret-places';
import type { ResolvedPod } from '@nodeless/virtual-kubelet/providers/provider';
import { createJsonService, ServiceFault } from '../../../aws/rigs/json-service.ts';
import { resolved } from '../../../builders/fargate.ts';

function places() {
  const parameters = new Map<string, { value: string; tier: string }>();
  const secrets = new Map<string, string>();
  const ssm = createJsonService({
    PutParameter({ Name, Value, Tier }) {
      if (parameters.has(String(Name))) throw new ServiceFault('ParameterAlreadyExists', 'it exists');
      parameters.set(String(Name), { value: String(Value), tier: String(Tier) });
      return { Version: 1 };
    },
    GetParameter({ Name }) {
      const found = parameters.get(String(Name));
      if (!found) throw new ServiceFault('ParameterNotFound', 'it does not exist');
      return { Parameter: { Name, Value: found.value } };
    },
  });
  const secretsManager = createJsonService({
    CreateSecret({ Name, SecretString }) {
      if (secrets.has(String(Name))) throw new ServiceFault('ResourceExistsException', 'it exists');
      secrets.set(String(Name), String(SecretString));
      return { Name };
    },
  });
  const config = { region: 'us-east-1', credentials: { accessKeyId: 't', secretAccessKey: 't' }, maxAttempts: 1 };
  const make = () =>
    createSecretKeeping(
      createSecretPlaces({
        ssm: new SSMClient({ ...config, requestHandler: ssm.requestHandler }),
        secretsManager: new SecretsManagerClient({ ...config, requestHandler: secretsManager.requestHandler }),
        cluster: 'test',
        path: '/nodeless/test',
      }),
    );
  return { parameters, secrets, ssm, secretsManager, make };
}
const container = { name: 'app', env: [], command: undefined, args: undefined };
const withSecret: ResolvedPod = resolved(
  { metadata: { name: 'p' } },
  { containers: { app: { ...container, particular: { secret: ['A'], own: [], commandLine: false } } } },
);

describe('values of Secrets', () => {
  test('stand in encrypted parameters named by their content, written once', async () => {
    const { parameters, ssm, make } = places();
    const keeping = make();
    const keeper = await keeping.forPod(withSecret);
    const name = keeper.secretFor('s3cret');
    expect(name).toMatch(/^\/nodeless\/test\/values\/[0-9a-f]{40}$/);
    expect(keeper.secretFor('s3cret')).toBe(name);
    expect(keeper.secretFor('other')).not.toBe(name);
    await keeper.keep();
    expect(parameters.get(name)).toEqual({ value: 's3cret', tier: 'Standard' });
    const before = ssm.calls.get('PutParameter');
    const again = await keeping.forPod(withSecret);
    again.secretFor('s3cret');
    await again.keep();
    expect(ssm.calls.get('PutParameter')).toBe(before);
    // Another process comes to the same name, and finds it there.
    const other = await make().forPod(withSecret);
    expect(other.secretFor('s3cret')).toBe(name);
    await other.keep();
  });

  test('have names that tell nothing without the cluster’s key', async () => {
    const [a, b] = [places(), places()];
    const one = (await a.make().forPod(withSecret)).secretFor('s3cret');
    expect((await b.make().forPod(withSecret)).secretFor('s3cret')).not.toBe(one);
  });

  test('of more than 4 KB take a larger parameter', async () => {
    const { parameters, make } = places();
    const keeper = await make().forPod(withSecret);
    const name = keeper.secretFor('x'.repeat(5_000));
    await keeper.keep();
    expect(parameters.get(name)?.tier).toBe('Advanced');
  });

  test('cost nothing where there are none', async () => {
    const { ssm, make } = places();
    await (await make().forPod(resolved({ metadata: { name: 'p' } }))).keep();
    expect(ssm.calls.size).toBe(0);
  });
});

test('credentials of a registry go to Secrets Manager, for images of that registry', async () => {
  const { secrets, make } = places();
  const pullSecrets = [{ registry: 'ghcr.io', username: 'me', password: 'pw' }];
  const keeper = await make().forPod(resolved({ metadata: { name: 'p' } }, { pullSecrets }));
  expect(keeper.credentialsFor('docker.io/library/nginx')).toBeUndefined();
  const name = keeper.credentialsFor('ghcr.io/me/app:1') ?? '';
  expect(name).toMatch(/^nodeless-test-registry-[0-9a-f]{40}$/);
  await keeper.keep();
  expect(JSON.parse(secrets.get(name) ?? '')).toEqual({ username: 'me', password: 'pw' });
});
