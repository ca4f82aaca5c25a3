import { type TokenCheck, createDoorkeeper, originSecretHeader } from '@nodeless/apiserver/doorkeeper';
import { toApiRequest } from '@nodeless/apiserver/function-url-door';
import { checkSignature, checkWith } from '@nodeless/apiserver/token-checks';
import { AuthenticationUnavailable } from '@nodeless/apiserver/authentication/authenticator';
import { versionInfo } from '@nodeless/apiserver/version';
import { createManualClock } from '@nodeless/component-base/manual-clock';
import { createTokenIssuer, loadServiceAccountKeys } from '@nodeless/registry/subresources/token-issuer';
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';

const oidc = { issuer: 'https://x', jwksUri: 'https://x/openid/v1/jwks', algorithms: ['RS256'], jwks: { keys: [] } };
const request = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  toApiRequest({
    rawPath: path,
    rawQueryString: '',
    headers,
    requestContext: { http: { method, sourceIp: '203.0.113.10' } },
    body: 'must not be read',
  });
const bearer = { authorization: 'Bearer token' };
const never: TokenCheck = () => Promise.reject(new Error('must not be asked'));
const keeper = (checks: readonly TokenCheck[], originSecret?: string) =>
  createDoorkeeper({ checks, version: versionInfo, oidc: () => Promise.resolve(oidc), originSecret });

describe('createDoorkeeper', () => {
  it.each([
    ['/livez', 200],
    ['/livez/', 200],
    ['/livez/ping', 200],
    ['/version', 200],
    ['/version/', 200],
    ['/.well-known/openid-configuration', 200],
    ['/openid/v1/jwks', 200],
    ['/readyz', undefined],
    ['/', 401],
    ['/healthz', 401],
    ['/readyz/etcd', 401],
    ['/livezz', 401],
    ['//livez', 401],
    ['/metrics', 401],
    ['/api', 401],
    ['/apis', 401],
    ['/openapi/v3', 401],
    ['/api/v1/pods', 401],
  ])('answers who shows nothing: %s with %s', async (path, status) => {
    expect((await keeper([never]).answer(request(path)))?.status).toBe(status);
  });
  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('lets nobody %s /livez', async (method) => {
    expect((await keeper([never]).answer(request('/livez', {}, method)))?.status).toBe(401);
  });
  it('refuses with kube-apiserver’s words', async () => {
    const answer = await keeper([never]).answer(request('/api/v1/pods'));
    expect(JSON.parse(Buffer.from(answer?.body as Uint8Array).toString())).toMatchObject({
      kind: 'Status',
      status: 'Failure',
      message: 'Unauthorized',
      reason: 'Unauthorized',
      code: 401,
    });
  });
  it.each([
    ['Basic dXNlcjpwYXNz', 401],
    ['Bearer ', 401],
    ['Bearer', 401],
  ])('takes %s for no credential', async (authorization, status) => {
    expect((await keeper([never]).answer(request('/api/v1/pods', { authorization })))?.status).toBe(status);
  });

  const says =
    (verdict: Awaited<ReturnType<TokenCheck>>): TokenCheck =>
    () =>
      Promise.resolve(verdict);
  it.each<[string, TokenCheck[], number | undefined]>([
    ['one that knows it', [says('unknown'), says('good')], undefined],
    ['the first that knows it', [says('good'), never], undefined],
    ['nobody who knows it', [says('unknown'), says('unknown')], 401],
    ['one that refuses it', [says('bad'), never], 401],
    ['one that cannot tell now', [says('later'), never], 503],
    ['nobody at all', [], 401],
  ])('a token and %s', async (_, checks, status) => {
    const answer = await keeper(checks).answer(request('/api/v1/pods', bearer));
    expect(answer?.status).toBe(status);
    if (status === 503) expect(answer?.headers).toEqual(expect.arrayContaining(['Retry-After', '1']));
  });
  it('does not answer /livez itself to who shows something', async () => {
    expect(await keeper([says('good')]).answer(request('/livez', bearer))).toBeUndefined();
    expect((await keeper([says('bad')]).answer(request('/livez', bearer)))?.status).toBe(401);
  });

  it.each([
    [undefined, 403],
    ['wrong', 403],
    ['secreT', 403],
    ['secret', 200],
  ])('behind an edge, %s in its header is %s', async (value, status) => {
    const headers: Record<string, string> = value === undefined ? {} : { [originSecretHeader]: value };
    expect((await keeper([never], 'secret').answer(request('/livez', headers)))?.status).toBe(status);
  });
});

describe('checkSignature', () => {
  const pem = (): string =>
    generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const issuer = 'https://cluster';
  const setUp = async () => {
    const clock = createManualClock();
    const keys = await loadServiceAccountKeys(pem());
    const issue = async (by = keys, as = issuer): Promise<string> => {
      const { issue: make } = createTokenIssuer({ keys: by, issuer: as, audiences: [as], clock });
      const { token } = await make({
        namespace: 'default',
        serviceAccount: { name: 'a', uid: '1' },
        audiences: [],
        expirationSeconds: 600,
        boundTo: undefined,
        node: undefined,
      } as unknown as Parameters<typeof make>[0]);
      return token;
    };
    return { clock, issue, check: checkSignature({ issuer, keys: keys.verify, clock }) };
  };

  it('takes what our key has signed, in its time', async () => {
    const { clock, issue, check } = await setUp();
    const token = await issue();
    expect(await check(token)).toBe('good');
    expect(await check(token)).toBe('good');
    await clock.advance(600_000);
    expect(await check(token)).toBe('bad');
  });
  it('refuses another’s key, another issuer and what was changed', async () => {
    const { issue, check } = await setUp();
    expect(await check(await issue(await loadServiceAccountKeys(pem())))).toBe('bad');
    expect(await check(await issue(undefined, 'https://another'))).toBe('bad');
    const [head, , signature] = (await issue()).split('.');
    expect(await check(`${head}.${Buffer.from('{"iss":"https://cluster"}').toString('base64url')}.${signature}`)).toBe(
      'bad',
    );
    const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.e30.`;
    expect(await check(none)).toBe('bad');
  });
  it.each(['', 'x', 'a.b', `${'a'.repeat(20_000)}.b.c`])('does not know %s', async (token) => {
    const { check } = await setUp();
    expect(await check(token)).toBe('unknown');
  });
});

describe('checkWith', () => {
  const check = (answer: () => unknown) =>
    checkWith({ authenticateToken: () => answer() as never }, ['https://cluster'])('token');
  it.each<[string, () => unknown, string]>([
    ['a user', () => ({ user: { name: 'a', groups: [] } }), 'good'],
    ['nobody', () => undefined, 'unknown'],
    ['a refusal', () => Promise.reject(new Error('bad')), 'bad'],
    [
      'a refusal at once',
      () => {
        throw new Error('bad');
      },
      'bad',
    ],
    ['a failure', () => Promise.reject(new AuthenticationUnavailable('later')), 'later'],
  ])('%s', async (_, answer, verdict) => {
    expect(await check(answer)).toBe(verdict);
  });
});
