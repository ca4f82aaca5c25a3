import { AuthenticationUnavailable } from '@nodeless/apiserver/authentication/authenticator';
import { createOidcTokens, type OidcSettings, parseOidcSettings } from '@nodeless/apiserver/authentication/oidc-token';
import { createManualClock } from '@nodeless/component-base/manual-clock';
import { exportJWK, SignJWT } from 'jose';
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';

const issuerUrl = 'https://login.example.com/tenant';
const settings: OidcSettings = { issuerUrl, clientId: 'kubernetes' };
const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const audiences = ['https://cluster'];

async function setUp(more: Partial<OidcSettings> = {}) {
  const clock = createManualClock(Date.now());
  const jwk = { ...(await exportJWK(pair.publicKey)), kid: 'one', alg: 'ES256' };
  const state = { asked: [] as string[], failing: false, issuer: issuerUrl };
  const tokens = createOidcTokens({
    settings: { ...settings, ...more },
    audiences,
    clock,
    fetch: (url) => {
      state.asked.push(String(url));
      if (state.failing) return Promise.reject(new TypeError('fetch failed'));
      const configuration = { issuer: state.issuer, jwks_uri: 'https://login.example.com/keys' };
      return Promise.resolve(Response.json(String(url).endsWith('/keys') ? { keys: [jwk] } : configuration));
    },
  });
  const make = async (claims: Record<string, unknown> = {}, key = pair.privateKey): Promise<string> =>
    await new SignJWT({
      sub: 'ann',
      iss: issuerUrl,
      aud: 'kubernetes',
      exp: Math.floor(clock.now() / 1000) + 600,
      ...claims,
    })
      .setProtectedHeader({ alg: 'ES256', kid: 'one' })
      .sign(key);
  const ask = async (token: string) => await tokens.authenticateToken(token, audiences);
  return { clock, state, tokens, make, ask };
}

describe('createOidcTokens', () => {
  it.each<[string, Partial<OidcSettings>, Record<string, unknown>, string, string[]]>([
    ['by default', {}, {}, `${issuerUrl}#ann`, []],
    ['without a prefix', { usernamePrefix: '-' }, {}, 'ann', []],
    [
      'with prefixes',
      { usernamePrefix: 'oidc:', groupsClaim: 'groups', groupsPrefix: 'oidc:' },
      { groups: ['a', 'b'] },
      'oidc:ann',
      ['oidc:a', 'oidc:b'],
    ],
    ['one group', { usernamePrefix: '-', groupsClaim: 'roles' }, { roles: 'a' }, 'ann', ['a']],
    ['no groups claim in the token', { usernamePrefix: '-', groupsClaim: 'roles' }, {}, 'ann', []],
    [
      'by e-mail',
      { usernameClaim: 'email' },
      { email: 'ann@example.com', email_verified: true },
      'ann@example.com',
      [],
    ],
    [
      'a required claim',
      { usernamePrefix: '-', requiredClaims: { hd: 'example.com' } },
      { hd: 'example.com' },
      'ann',
      [],
    ],
  ])('names the user: %s', async (_, more, claims, name, groups) => {
    const { make, ask } = await setUp(more);
    expect((await ask(await make(claims)))?.user).toMatchObject({ name, groups: [...groups, 'system:authenticated'] });
  });
  it('remembers, with the same user, until the token is over', async () => {
    const { clock, state, make, ask } = await setUp();
    const token = await make();
    const first = await ask(token);
    expect((await ask(token))?.user).toBe(first?.user);
    expect(state.asked).toEqual([`${issuerUrl}/.well-known/openid-configuration`, 'https://login.example.com/keys']);
    await clock.advance(600_000);
    await expect(ask(token)).rejects.toThrow('exp');
  });

  it.each<[string, Partial<OidcSettings>, Record<string, unknown>, string]>([
    ['another audience', {}, { aud: 'another' }, 'aud'],
    ['expired', {}, { exp: 1 }, 'exp'],
    ['no expiry', {}, { exp: undefined }, 'exp'],
    ['not yet', {}, { nbf: Math.floor(Date.now() / 1000) + 3600 }, 'nbf'],
    ['no name', { usernameClaim: 'email' }, {}, 'the claim email is missing'],
    [
      'an e-mail that is not verified',
      { usernameClaim: 'email' },
      { email: 'a@b', email_verified: false },
      'email not verified',
    ],
    ['groups that are none', { groupsClaim: 'groups' }, { groups: [1] }, 'is no list of strings'],
    ['a required claim that differs', { requiredClaims: { hd: 'x' } }, { hd: 'y' }, 'is not as required'],
    ['a claim of every object', { usernameClaim: 'constructor' }, {}, 'the claim constructor is missing'],
  ])('refuses %s', async (_, more, claims, message) => {
    const { make, ask } = await setUp(more);
    await expect(ask(await make(claims))).rejects.toThrow(message);
  });
  it('refuses what another key has signed', async () => {
    const { make, ask } = await setUp();
    await expect(ask(await make({}, other.privateKey))).rejects.toThrow('signature verification failed');
  });
  it('leaves tokens of others alone, and asks nobody about them', async () => {
    const { state, make, ask } = await setUp();
    for (const token of [await make({ iss: 'https://another' }), 'x', 'a.b.c', `${'a'.repeat(20_000)}.b.c`])
      expect(await ask(token)).toBeUndefined();
    expect(state.asked).toEqual([]);
  });
  it('does not take an issuer that cannot be asked for a refusal', async () => {
    const { state, make, ask } = await setUp();
    state.failing = true;
    await expect(ask(await make())).rejects.toBeInstanceOf(AuthenticationUnavailable);
    state.failing = false;
    expect((await ask(await make()))?.user.name).toBe(`${issuerUrl}#ann`);
  });
  it('believes no configuration of another issuer', async () => {
    const { state, make, ask } = await setUp();
    state.issuer = 'https://another';
    await expect(ask(await make())).rejects.toBeInstanceOf(AuthenticationUnavailable);
  });
});

describe('parseOidcSettings', () => {
  it('reads them', () => {
    expect(parseOidcSettings(JSON.stringify(settings))).toEqual(settings);
  });
  it.each([
    ['null', 'issuerUrl'],
    ['{"issuerUrl":"http://x","clientId":"a"}', 'issuerUrl'],
    ['{"issuerUrl":"https://x"}', 'clientId'],
  ])('refuses %s', (text, message) => {
    expect(() => parseOidcSettings(text)).toThrow(message);
  });
});
