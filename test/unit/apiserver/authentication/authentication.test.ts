import { createRequestAuthenticator } from '@nodeless/apiserver/authentication/request-authenticator';
import { createStaticTokens, parseTokenFile } from '@nodeless/apiserver/authentication/static-token';
import { AuthenticationUnavailable, type TokenAuthenticator } from '@nodeless/apiserver/authentication/authenticator';
import type { ApiRequest, ClientCertificate } from '@nodeless/apiserver/exchange';
import { describe, expect, it } from 'vitest';

const audiences = ['api'];
const tokens = createStaticTokens([{ token: 't', user: 'alice', uid: '7', groups: ['devs'] }], audiences);
const request = (headers: Record<string, string>, certificate?: ClientCertificate): ApiRequest =>
  ({ header: (name: string) => headers[name], clientCertificate: () => certificate }) as unknown as ApiRequest;
const alice = { name: 'alice', uid: '7', groups: ['devs', 'system:authenticated'] };
const anonymous = { name: 'system:anonymous', groups: ['system:unauthenticated'] };
const certificate = { trusted: true, commonName: 'carol', organizations: ['ops'], fingerprint: 'ab' };

describe('requests', () => {
  const authenticator = createRequestAuthenticator({ tokens: [tokens], audiences, anonymous: true });
  const who = async (headers: Record<string, string>, cert?: ClientCertificate) =>
    authenticator.authenticate(request(headers, cert));

  it.each([
    ['a token', { authorization: 'Bearer t' }, alice],
    ['any case', { authorization: 'bearer t' }, alice],
    ['spaces', { authorization: 'Bearer   t ' }, alice],
    ['another token', { authorization: 'Bearer x' }, undefined],
    ['nothing', {}, anonymous],
    ['an empty token', { authorization: 'Bearer ' }, anonymous],
    ['another scheme', { authorization: 'Basic t' }, anonymous],
    [
      'a token among subprotocols',
      {
        'sec-websocket-protocol': `v4.channel.k8s.io, base64url.bearer.authorization.k8s.io.${Buffer.from('t').toString('base64url')}`,
      },
      alice,
    ],
    ['a bad one there', { 'sec-websocket-protocol': 'base64url.bearer.authorization.k8s.io.eHh4' }, undefined],
  ])('with %s', async (_, headers, user) => expect(await who(headers as Record<string, string>)).toEqual(user));

  it('with certificates', async () => {
    expect(await who({}, certificate)).toMatchObject({ name: 'carol', groups: ['ops', 'system:authenticated'] });
    expect(await who({ authorization: 'Bearer x' }, certificate)).toMatchObject({ name: 'carol' });
    expect(await who({}, { ...certificate, trusted: false })).toBeUndefined();
    expect(await who({ authorization: 'Bearer t' }, { ...certificate, trusted: false })).toEqual(alice);
    expect(await who({}, { ...certificate, commonName: '' })).toEqual(anonymous);
  });

  it('gives the same user for the same credential', async () => {
    expect(await who({ authorization: 'Bearer t' })).toBe(await who({ authorization: 'Bearer t' }));
    expect(await who({}, certificate)).toBe(await who({}, certificate));
  });

  it('knows nobody where nobody may come', () => {
    const closed = createRequestAuthenticator({ tokens: [tokens], audiences, anonymous: false });
    expect(closed.authenticate(request({}))).toBeUndefined();
  });

  it('asks further when one authenticator fails', async () => {
    const failing: TokenAuthenticator = { authenticateToken: () => Promise.reject(new Error('expired')) };
    const throwing: TokenAuthenticator = {
      authenticateToken() {
        throw new Error('bad');
      },
    };
    const many = createRequestAuthenticator({ tokens: [throwing, failing, tokens], audiences, anonymous: true });
    expect(await many.authenticate(request({ authorization: 'Bearer t' }))).toEqual(alice);
    expect(await many.authenticate(request({ authorization: 'Bearer x' }))).toBeUndefined();
  });

  it('says so when it cannot be told now', async () => {
    const later: TokenAuthenticator = {
      authenticateToken: () => Promise.reject(new AuthenticationUnavailable('timeout')),
    };
    const many = createRequestAuthenticator({ tokens: [later, tokens], audiences, anonymous: true });
    expect(await many.authenticate(request({ authorization: 'Bearer t' }))).toEqual(alice);
    await expect(many.authenticate(request({ authorization: 'Bearer x' }))).rejects.toMatchObject({
      code: 503,
      reason: 'ServiceUnavailable',
    });
  });
});

describe('static tokens', () => {
  it('are good for the API server and nobody else', () => {
    expect(tokens.authenticateToken('t', ['api', 'other'])).toMatchObject({ audiences: ['api'] });
    expect(tokens.authenticateToken('t', ['other'])).toBeUndefined();
  });
  it('are read from a file', () => {
    expect(parseTokenFile('tok,admin,1,"system:masters,ops"\n\nother,bob,2\nbroken\n')).toEqual([
      { token: 'tok', user: 'admin', uid: '1', groups: ['system:masters', 'ops'] },
      { token: 'other', user: 'bob', uid: '2', groups: [] },
    ]);
  });
});
