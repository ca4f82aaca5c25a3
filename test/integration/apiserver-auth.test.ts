/** Who may do what: certificates, tokens, roles and reviews, as clients meet them. */
import { createManualClock } from '@nodeless/component-base/manual-clock';
import { issueClientCertificate, createCertificateAuthority } from '@nodeless/local/certificates';
import { decodeJwt, jwtVerify, createLocalJWKSet, type JSONWebKeySet } from 'jose';
import { request as httpsRequest } from 'node:https';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestApiServer, issuerUrl, startApiServer } from '../builders/api-server.ts';

const clock = createManualClock(Date.parse('2026-06-01T00:00:00Z'));
let server: TestApiServer;
beforeAll(async () => {
  server = await startApiServer({ clock, tokens: [{ token: 'bob-token', user: 'bob', groups: ['devs'] }] });
  await post('/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'robot' } });
});
afterAll(() => server.close());

interface Answer {
  readonly status: number;
  readonly json: Record<string, unknown> & { message?: string; status?: Record<string, unknown> };
}

function ask(
  path: string,
  options: { method?: string; body?: unknown; token?: string | null; cert?: string; key?: string } = {},
): Promise<Answer> {
  const { method = 'GET', body, token = server.adminToken, cert, key } = options;
  return new Promise((resolve, reject) => {
    const request = httpsRequest(server.url + path, {
      method,
      ca: server.ca.certificate,
      cert,
      key,
      agent: false,
      headers: token === null ? {} : { authorization: `Bearer ${token}` },
    });
    request.on('error', reject);
    request.on('response', (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          json: text.startsWith('{') ? (JSON.parse(text) as Answer['json']) : {},
        }),
      );
    });
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
const post = (path: string, body: unknown, token?: string): Promise<Answer> =>
  ask(path, { method: 'POST', body, token });
const tokenPath = '/api/v1/namespaces/default/serviceaccounts/robot/token';
const configMaps = '/api/v1/namespaces/default/configmaps';
const rbac = '/apis/rbac.authorization.k8s.io/v1';
const review = (kind: string) => `/apis/authorization.k8s.io/v1/${kind}`;

describe('client certificates', () => {
  it('name a user and groups', async () => {
    const pair = await issueClientCertificate(server.ca, 'carol', ['system:masters', 'ops'], Date.now());
    const answer = await ask('/apis/authentication.k8s.io/v1/selfsubjectreviews', {
      method: 'POST',
      body: {},
      token: null,
      cert: pair.certificate,
      key: pair.key,
    });
    expect(answer.json.status).toEqual({
      userInfo: {
        username: 'carol',
        groups: ['system:masters', 'ops', 'system:authenticated'],
        extra: { 'authentication.kubernetes.io/credential-id': [expect.stringMatching(/^X509SHA256=[0-9a-f]{64}$/)] },
      },
    });
  });
  it('of another authority are refused, and with a token beside them forgiven', async () => {
    const other = await createCertificateAuthority('other', Date.now());
    const pair = await issueClientCertificate(other, 'carol', ['system:masters'], Date.now());
    expect((await ask(configMaps, { token: null, cert: pair.certificate, key: pair.key })).status).toBe(401);
    expect((await ask(configMaps, { cert: pair.certificate, key: pair.key })).status).toBe(200);
  });
});

describe('ServiceAccount tokens', () => {
  const issue = async (spec: object = {}): Promise<string> =>
    (await post(tokenPath, { spec })).json.status?.token as string;

  it('are signed for their account and can be checked by anyone', async () => {
    const answer = await post(tokenPath, { spec: { expirationSeconds: 600 } });
    expect(answer).toMatchObject({
      status: 201,
      json: {
        kind: 'TokenRequest',
        spec: { audiences: [issuerUrl], expirationSeconds: 600 },
        status: { expirationTimestamp: '2026-06-01T00:10:00Z' },
      },
    });
    const token = answer.json.status?.token as string;
    const keys = (await ask('/openid/v1/jwks')).json as unknown as JSONWebKeySet;
    const { payload } = await jwtVerify(token, createLocalJWKSet(keys), {
      issuer: issuerUrl,
      currentDate: new Date(clock.now()),
    });
    expect(payload).toMatchObject({
      aud: [issuerUrl],
      sub: 'system:serviceaccount:default:robot',
      'kubernetes.io': { namespace: 'default', serviceaccount: { name: 'robot' } },
    });
    expect((await ask('/.well-known/openid-configuration')).json).toMatchObject({
      issuer: issuerUrl,
      id_token_signing_alg_values_supported: ['ES256'],
    });
  });

  it('let in as the account', async () => {
    const token = await issue();
    const { json } = await post('/apis/authentication.k8s.io/v1/selfsubjectreviews', {}, token);
    expect(json.status).toMatchObject({
      userInfo: {
        username: 'system:serviceaccount:default:robot',
        groups: ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'],
        extra: { 'authentication.kubernetes.io/credential-id': [`JTI=${decodeJwt(token).jti}`] },
      },
    });
    expect((await ask(configMaps, { token })).json.message).toBe(
      'configmaps is forbidden: User "system:serviceaccount:default:robot" cannot list resource "configmaps" in API group "" in the namespace "default"',
    );
  });

  it('expire', async () => {
    const token = await issue({ expirationSeconds: 600 });
    expect((await ask('/api', { token })).status).toBe(200);
    await clock.advance(601_000);
    expect((await ask('/api', { token })).status).toBe(401);
  });

  it('die with what they are bound to', async () => {
    await post('/api/v1/namespaces/default/pods', {
      metadata: { name: 'p' },
      spec: { serviceAccountName: 'robot', containers: [{ name: 'c', image: 'i' }] },
    });
    const token = await issue({ boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'p' } });
    expect((await ask('/api', { token })).status).toBe(200);
    await ask('/api/v1/namespaces/default/pods/p?gracePeriodSeconds=0', { method: 'DELETE' });
    await clock.advance(11_000);
    expect((await ask('/api', { token })).status).toBe(401);
  });

  it('are for their audiences', async () => {
    const token = await issue({ audiences: ['vault'] });
    expect((await ask('/api', { token })).status).toBe(401);
    const reviewed = async (audiences?: string[]) =>
      (await post('/apis/authentication.k8s.io/v1/tokenreviews', { spec: { token, audiences } })).json.status;
    expect(await reviewed(['vault', 'other'])).toMatchObject({
      authenticated: true,
      user: { username: 'system:serviceaccount:default:robot' },
      audiences: ['vault'],
    });
    expect(await reviewed()).toEqual({
      user: {},
      error: `[invalid bearer token, token audiences ["vault"] is invalid for the target audiences ["${issuerUrl}"]]`,
    });
  });

  it('of other makers are nobody', async () => {
    const reviewed = (await post('/apis/authentication.k8s.io/v1/tokenreviews', { spec: { token: 'nonsense' } })).json
      .status;
    expect(reviewed).toEqual({ user: {}, error: 'invalid bearer token' });
    const [head, , signature] = (await issue()).split('.');
    const forged = Buffer.from(
      JSON.stringify({ iss: issuerUrl, sub: 'system:serviceaccount:kube-system:admin', exp: 9e9 }),
    ).toString('base64url');
    expect((await ask('/api', { token: `${head}.${forged}.${signature}` })).status).toBe(401);
    const none = Buffer.from('{"alg":"none"}').toString('base64url');
    expect((await ask('/api', { token: `${none}.${forged}.` })).status).toBe(401);
  });
});

describe('roles', () => {
  it('count from the moment they are there until they are gone', async () => {
    expect((await ask(configMaps, { token: 'bob-token' })).status).toBe(403);
    await post(`${rbac}/namespaces/default/roles`, {
      metadata: { name: 'reader' },
      rules: [{ verbs: ['get', 'list'], apiGroups: [''], resources: ['configmaps'] }],
    });
    await post(`${rbac}/namespaces/default/rolebindings`, {
      metadata: { name: 'bob' },
      subjects: [{ kind: 'User', name: 'bob' }],
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reader' },
    });
    expect((await ask(configMaps, { token: 'bob-token' })).status).toBe(200);
    expect((await ask('/api/v1/configmaps', { token: 'bob-token' })).json.message).toBe(
      'configmaps is forbidden: User "bob" cannot list resource "configmaps" in API group "" at the cluster scope',
    );
    expect((await post(configMaps, { metadata: { name: 'x' } }, 'bob-token')).status).toBe(403);
    await ask(`${rbac}/namespaces/default/rolebindings/bob`, { method: 'DELETE' });
    expect((await ask(configMaps, { token: 'bob-token' })).status).toBe(403);
  });

  it('cannot be grown by those who hold less', async () => {
    await post(`${rbac}/clusterroles`, {
      metadata: { name: 'role-maker' },
      rules: [{ verbs: ['create'], apiGroups: ['rbac.authorization.k8s.io'], resources: ['roles', 'rolebindings'] }],
    });
    await post(`${rbac}/clusterrolebindings`, {
      metadata: { name: 'maker' },
      subjects: [{ kind: 'User', name: 'bob' }],
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'role-maker' },
    });
    const grown = await post(
      `${rbac}/namespaces/default/roles`,
      { metadata: { name: 'grown' }, rules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }] },
      'bob-token',
    );
    expect(grown).toMatchObject({
      status: 403,
      json: {
        message:
          'roles.rbac.authorization.k8s.io "grown" is forbidden: user "bob" (groups=["devs" "system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:["*"], Resources:["*"], Verbs:["*"]}',
      },
    });
    const bound = await post(
      `${rbac}/namespaces/default/rolebindings`,
      {
        metadata: { name: 'b' },
        subjects: [{ kind: 'User', name: 'bob' }],
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
      },
      'bob-token',
    );
    expect(bound.status).toBe(403);
  });
});

describe('reviews', () => {
  it('answer for oneself and for others', async () => {
    const resourceAttributes = { verb: 'list', resource: 'configmaps', namespace: 'default' };
    expect((await post(review('selfsubjectaccessreviews'), { spec: { resourceAttributes } })).json.status).toEqual({
      allowed: true,
    });
    expect(
      (await post(review('selfsubjectaccessreviews'), { spec: { resourceAttributes } }, 'bob-token')).json.status,
    ).toEqual({ allowed: false });
    expect(
      (
        await post(review('subjectaccessreviews'), {
          spec: {
            user: 'x',
            groups: ['system:authenticated'],
            nonResourceAttributes: { verb: 'get', path: '/version' },
          },
        })
      ).json.status,
    ).toEqual({
      allowed: true,
      reason: expect.stringMatching(
        /^RBAC: allowed by ClusterRoleBinding "system:(?:discovery|public-info-viewer)" of ClusterRole/,
      ) as string,
    });
    expect(
      (
        await post('/apis/authorization.k8s.io/v1/namespaces/default/localsubjectaccessreviews', {
          metadata: { namespace: 'default' },
          spec: { user: 'x', resourceAttributes },
        })
      ).json.status,
    ).toEqual({ allowed: false });
  });
  it('list rules', async () => {
    const { json } = await post(review('selfsubjectrulesreviews'), { spec: { namespace: 'default' } }, 'bob-token');
    expect(json.status?.resourceRules).toContainEqual({
      verbs: ['create'],
      apiGroups: ['authorization.k8s.io'],
      resources: ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'],
    });
    expect(json.status).toMatchObject({ incomplete: false });
  });
  it('say what is wrong with the question', async () => {
    expect((await post(review('selfsubjectaccessreviews'), { spec: {} })).json.message).toBe(
      '.authorization.k8s.io "" is invalid: spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified',
    );
    expect(
      (await post(review('subjectaccessreviews'), { spec: { nonResourceAttributes: { path: '/', verb: 'get' } } })).json
        .message,
    ).toContain('spec.user: Invalid value: "": at least one of user or group must be specified');
  });
});
