/** Who comes in at the built bundle, and what it costs to be sent away. */
import { makeIamToken } from '@nodeless/client/iam-token';
import { request } from 'node:https';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKubectl, lacking } from '../builders/kubectl.ts';
import {
  type FunctionCluster,
  kubeconfigText,
  startFunctionCluster,
  whyNoFunctionCluster,
} from './function-cluster.ts';

const why = whyNoFunctionCluster() ?? lacking('kubectl');

describe.skipIf(why !== undefined)(`access to the function${why ? ` (skipped: ${why})` : ''}`, () => {
  let cluster: FunctionCluster;
  beforeAll(async () => {
    cluster = await startFunctionCluster();
  }, 60_000);
  afterAll(() => cluster?.stop());

  const ask = (
    path: string,
    headers: Record<string, string> = {},
    method = 'GET',
    body?: string,
  ): Promise<{ status: number; text: string; headers: Record<string, unknown> }> =>
    new Promise((resolve, reject) => {
      const sent = request(`${cluster.host.url}${path}`, { ca: cluster.host.ca, method, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            text: Buffer.concat(chunks).toString(),
            headers: response.headers,
          }),
        );
      });
      sent.on('error', reject).end(body);
    });
  const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });
  const kubectlAs = (name: string, token: string) => {
    const folder = join(cluster.folder, name);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'kubeconfig'), kubeconfigText(cluster.host, token));
    return createKubectl(join(folder, 'kubeconfig'), folder);
  };

  it('sends away who shows nothing, without asking the store or STS', async () => {
    // A cold one would read more, if it read anything.
    await cluster.host.recycle();
    const asked = cluster.sts.calls();
    cluster.database.take();
    for (const path of ['/api/v1/namespaces', '/apis', '/metrics', '/healthz']) {
      const answer = await ask(path);
      expect(answer.status, path).toBe(401);
      expect(JSON.parse(answer.text)).toMatchObject({ kind: 'Status', reason: 'Unauthorized', code: 401 });
    }
    expect((await ask('/api/v1/namespaces', {}, 'POST', '{}')).status).toBe(401);
    expect((await ask('/api/v1/namespaces', bearer('k8s-aws-v1.x'))).status).toBe(401);
    expect((await ask('/livez')).status).toBe(200);
    expect(cluster.sts.calls()).toBe(asked);
    expect(cluster.database.take()).toEqual({});
  });
  it('answers everybody that it lives, what it is, and who its issuer is', async () => {
    expect((await ask('/livez')).text).toBe('ok');
    expect((await ask('/readyz')).text).toBe('ok');
    expect(JSON.parse((await ask('/version')).text)).toMatchObject({ major: '1', minor: '36' });
    const configuration = JSON.parse((await ask('/.well-known/openid-configuration')).text) as { jwks_uri: string };
    expect(configuration).toMatchObject({
      issuer: cluster.host.url,
      id_token_signing_alg_values_supported: ['RS256'],
    });
    const { keys } = JSON.parse((await ask(new URL(configuration.jwks_uri).pathname)).text) as { keys: object[] };
    expect(keys).toEqual([expect.objectContaining({ kty: 'RSA', alg: 'RS256', use: 'sig' })]);
  });

  it('asks STS once for a token, and never for what cannot be one', async () => {
    const token = cluster.token('bob');
    const before = cluster.sts.calls();
    for (let i = 0; i < 3; i++) expect((await ask('/api', bearer(token))).status).toBe(200);
    const afterGood = cluster.sts.calls();
    // Once for each environment that was asked.
    expect(afterGood - before).toBeLessThanOrEqual(cluster.host.figures().coldStarts);
    const url = Buffer.from(token.slice('k8s-aws-v1.'.length), 'base64url').toString();
    for (const bad of [
      'k8s-aws-v1.x',
      'nothing',
      `k8s-aws-v1.${Buffer.from(url.replace('GetCallerIdentity', 'GetSessionToken')).toString('base64url')}`,
      `k8s-aws-v1.${Buffer.from(url.replace('sts.us-east-1', 'sts.eu-west-1')).toString('base64url')}`,
    ])
      expect((await ask('/api', bearer(bad))).status, bad).toBe(401);
    expect(cluster.sts.calls()).toBe(afterGood);
  });
  it('refuses tokens for another cluster, of unknown keys, and of principals without an entry', async () => {
    const forged = makeIamToken({
      credentials: { accessKeyId: 'AKIAANNXXXXXXXXXXXXX', secretAccessKey: 'guessed' },
      region: 'us-east-1',
      cluster: cluster.clusterId,
      now: Date.now(),
    }).token;
    for (const token of [cluster.token('ann', 'another'), forged, cluster.token('eve')])
      expect((await ask('/api/v1/namespaces', bearer(token))).status).toBe(401);
  });
  it('lets in who is given an entry', async () => {
    const name = `/nodeless/${cluster.clusterId}/access`;
    const before = cluster.parameters.values.get(name) as { value: string; type: string };
    const entries = JSON.parse(before.value) as object[];
    const eve = { principalArn: 'arn:aws:iam::123456789012:user/eve', username: 'eve', groups: [] };
    cluster.parameters.values.set(name, { ...before, value: JSON.stringify([...entries, eve]) });
    // Unknown ones are looked for again, though not all the time.
    await expect
      .poll(async () => (await ask('/api', bearer(cluster.token('eve')))).status, { timeout: 25_000, interval: 1_000 })
      .toBe(200);
  }, 30_000);

  it('lets groups of an entry do what RBAC says', async () => {
    const bob = kubectlAs('bob', cluster.token('bob'));
    expect(await bob.fails('get configmaps')).toContain(
      'User "bob" cannot list resource "configmaps" in API group "" in the namespace "default"',
    );
    await cluster.kubectl.ok('create clusterrole reader --verb=list --resource=configmaps');
    await cluster.kubectl.ok('create clusterrolebinding viewers --clusterrole=reader --group=viewers');
    // Another environment sees it within a second.
    await expect.poll(async () => (await bob.run('get configmaps')).code, { timeout: 5_000, interval: 300 }).toBe(0);
    expect(await bob.fails('create configmap x')).toContain('cannot create resource "configmaps"');
  });
  it('takes ServiceAccount tokens as long as their account exists', async () => {
    await cluster.kubectl.ok('create serviceaccount robot');
    const token = (await cluster.kubectl.ok('create token robot')).trim();
    const robot = kubectlAs('robot', token);
    expect(await robot.ok('auth whoami -o jsonpath={.status.userInfo.username}')).toBe(
      'system:serviceaccount:default:robot',
    );
    const [head, body] = token.split('.');
    expect((await ask('/api', bearer(`${head}.${body}.${'A'.repeat(342)}`))).status).toBe(401);
    await cluster.kubectl.ok('delete serviceaccount robot');
    await expect
      .poll(async () => (await ask('/api', bearer(token))).status, { timeout: 15_000, interval: 500 })
      .toBe(401);
  }, 30_000);

  it('writes down who changed what and who looked at secrets, and nothing else', async () => {
    const ann = bearer(cluster.token('ann'));
    await ask('/api/v1/namespaces/default/configmaps/audited', ann);
    await ask('/api/v1/namespaces/default/secrets/audited', ann);
    await ask(
      '/api/v1/namespaces/default/configmaps',
      { ...ann, 'content-type': 'application/json' },
      'POST',
      '{"metadata":{"name":"audited"}}',
    );
    const events = (): string[] =>
      cluster.host
        .log()
        .split('\n')
        .filter((line) => line.includes('audit.k8s.io') && line.includes('audited'))
        .map((line) => {
          const { verb, user, objectRef } = JSON.parse(line) as {
            verb: string;
            user: { username: string };
            objectRef: { resource: string };
          };
          return `${user.username.split('/').at(-1)} ${verb} ${objectRef.resource}`;
        });
    await expect.poll(events, { timeout: 3_000 }).toEqual(['ann get secrets']);
    const made = cluster.host
      .log()
      .split('\n')
      .filter((line) => line.includes('"verb":"create"') && line.includes('"resource":"configmaps"'));
    expect(made.length).toBeGreaterThan(0);
  });

  it('works with an exec plugin', async () => {
    const kubectl = createKubectl(cluster.execKubeconfig, join(cluster.folder, 'exec'));
    expect(await kubectl.ok('auth whoami -o jsonpath={.status.userInfo.username}')).toBe(
      'arn:aws:iam::123456789012:user/ann',
    );
  });

  it('refuses to take connections over, in words', async () => {
    const answer = await ask(
      '/api/v1/namespaces/default/pods/none/exec?command=ls',
      bearer(cluster.token('ann')),
      'POST',
    );
    expect(answer.status).toBe(404);
  });
});
