import type { AccessEntry } from '@nodeless/apiserver/authentication/iam/access-entries';
import type { CallerIdentity } from '@nodeless/apiserver/authentication/iam/caller-identity';
import { createStsCaller } from '@nodeless/apiserver/authentication/iam/caller-identity';
import { createIamAuthenticator } from '@nodeless/apiserver/authentication/iam/iam-authenticator';
import { makeIamToken } from '@nodeless/client/iam-token';
import { createManualClock } from '@nodeless/component-base/manual-clock';
import { describe, expect, it } from 'vitest';

const region = 'us-east-1';
const audiences = ['https://cluster'];
const start = Date.parse('2026-11-23T09:15:00Z');
const minute = 60_000;
const ann: CallerIdentity = { account: '123456789012', arn: 'arn:aws:iam::123456789012:user/ann', userId: 'AIDAANN' };
const entry: AccessEntry = { principalArn: ann.arn, username: 'ann', groups: ['admins'] };

function setUp(options: { budget?: { burst: number; perSecond: number } } = {}) {
  const clock = createManualClock(start);
  const state = {
    asked: [] as string[],
    answer: (): Promise<CallerIdentity | undefined> => Promise.resolve(ann),
    entries: [entry] as readonly AccessEntry[],
    ages: [] as number[],
  };
  const authenticator = createIamAuthenticator({
    region,
    hosts: ['sts.us-east-1.amazonaws.com'],
    ask: (target) => {
      state.asked.push(target);
      return state.answer();
    },
    entries: (age) => {
      state.ages.push(age);
      return Promise.resolve(state.entries);
    },
    audiences,
    clock,
    ...options,
  });
  const token = (accessKeyId = 'AKIAIOSFODNN7EXAMPLE'): string =>
    makeIamToken({ credentials: { accessKeyId, secretAccessKey: 's' }, region, cluster: 'main', now: clock.now() })
      .token;
  const ask = async (of: string, wanted: readonly string[] = audiences) =>
    await authenticator.authenticateToken(of, wanted);
  return { clock, state, authenticator, token, ask };
}

describe('createIamAuthenticator', () => {
  it('names the user, from STS once and then from memory', async () => {
    const { state, token, ask, clock } = setUp();
    const one = token();
    const first = await ask(one);
    expect(first?.user).toEqual({
      name: 'ann',
      uid: 'aws-iam-authenticator:123456789012:AIDAANN',
      groups: ['admins', 'system:authenticated'],
      extra: {
        accessKeyId: ['AKIAIOSFODNN7EXAMPLE'],
        arn: [ann.arn],
        canonicalArn: [ann.arn],
        principalId: ['AIDAANN'],
      },
    });
    await clock.advance(13 * minute);
    // The same object, so that what is worked out for a user can be remembered by it.
    expect((await ask(one))?.user).toBe(first?.user);
    expect(state.asked).toHaveLength(1);
    expect(state.asked[0]).toMatch(/^\/\?Action=GetCallerIdentity&/);
  });
  it('forgets a token when STS would not take it any more', async () => {
    const { token, ask, clock } = setUp();
    const one = token();
    await ask(one);
    await clock.advance(14 * minute);
    expect((await ask(one))?.user.name).toBe('ann');
    await clock.advance(minute);
    await expect(ask(one)).rejects.toThrow('token has expired');
  });
  it('asks once for one token at a time', async () => {
    const { state, token, ask } = setUp();
    const one = token();
    const gate = Promise.withResolvers<CallerIdentity>();
    state.answer = () => gate.promise;
    const both = Promise.all([ask(one), ask(one)]);
    gate.resolve(ann);
    expect((await both).map((found) => found?.user.name)).toEqual(['ann', 'ann']);
    expect(state.asked).toHaveLength(1);
  });
  it('does not ask again soon for what was refused', async () => {
    const { state, token, ask, clock } = setUp();
    const one = token();
    state.answer = () => Promise.resolve(undefined);
    for (let i = 0; i < 3; i++) await expect(ask(one)).rejects.toThrow('STS does not know this token');
    expect(state.asked).toHaveLength(1);
    await clock.advance(minute);
    state.answer = () => Promise.resolve(ann);
    expect((await ask(one))?.user.name).toBe('ann');
  });
  it('does not take a failure of STS for a refusal', async () => {
    const { state, token, ask } = setUp();
    const one = token();
    state.answer = () => Promise.reject(new Error('timeout'));
    await expect(ask(one)).rejects.toMatchObject({ name: 'AuthenticationUnavailable' });
    state.answer = () => Promise.resolve(ann);
    expect((await ask(one))?.user.name).toBe('ann');
  });
  it('asks no more often than its budget allows, and only for what may be good', async () => {
    const { state, token, ask, clock } = setUp({ budget: { burst: 2, perSecond: 1 } });
    for (let i = 0; i < 5; i++) await expect(ask('k8s-aws-v1.x')).rejects.toThrow('token holds no presigned request');
    const tokens = ['A', 'B', 'C', 'D'].map((letter) => token(`AKIAIOSFODNN7EXAMPL${letter}`));
    await ask(tokens[0] as string);
    await ask(tokens[1] as string);
    await expect(ask(tokens[2] as string)).rejects.toMatchObject({ name: 'AuthenticationUnavailable' });
    // Known ones cost nothing.
    await ask(tokens[0] as string);
    await clock.advance(1_000);
    await ask(tokens[2] as string);
    await expect(ask(tokens[3] as string)).rejects.toMatchObject({ name: 'AuthenticationUnavailable' });
    expect(state.asked).toHaveLength(3);
  });
  it('looks again at the entries for someone unknown, and follows what changes', async () => {
    const { state, token, ask } = setUp();
    const one = token();
    state.entries = [];
    await expect(ask(one)).rejects.toThrow('there is no access entry for arn:aws:iam::123456789012:user/ann');
    expect(state.ages).toEqual([5 * minute, 15_000]);
    state.entries = [entry];
    expect((await ask(one))?.user.groups).toEqual(['admins', 'system:authenticated']);
    state.entries = [{ ...entry, groups: ['viewers'] }];
    expect((await ask(one))?.user.groups).toEqual(['viewers', 'system:authenticated']);
    expect(state.asked).toHaveLength(1);
  });
  it('is for the API server, and for nobody else’s tokens', async () => {
    const { authenticator, token, ask } = setUp();
    expect(await ask(token(), ['https://another'])).toBeUndefined();
    expect((await ask(token(), ['https://another', ...audiences]))?.audiences).toEqual(audiences);
    expect(authenticator.authenticateToken('eyJhbGciOi.x.y', audiences)).toBeUndefined();
  });
});

describe('createStsCaller', () => {
  const answering = (status: number, text: string) => {
    const seen: { url: string; init: RequestInit | undefined }[] = [];
    const ask = createStsCaller({
      endpoint: 'https://sts.us-east-1.amazonaws.com',
      cluster: 'main-1',
      fetch: (url, init) => {
        seen.push({ url: url as string, init });
        return Promise.resolve(new Response(text, { status }));
      },
    });
    return { ask, seen };
  };
  const result = { Account: '123456789012', Arn: ann.arn, UserId: 'AIDAANN' };

  it('sends the signed request with the cluster’s id', async () => {
    const { ask, seen } = answering(
      200,
      JSON.stringify({ GetCallerIdentityResponse: { GetCallerIdentityResult: result } }),
    );
    expect(await ask('/?Action=GetCallerIdentity&X-Amz-Signature=0')).toEqual(ann);
    expect(seen[0]?.url).toBe('https://sts.us-east-1.amazonaws.com/?Action=GetCallerIdentity&X-Amz-Signature=0');
    expect(seen[0]?.init?.headers).toEqual({ accept: 'application/json', 'x-k8s-aws-id': 'main-1' });
    expect(seen[0]?.init?.redirect).toBe('error');
    expect(seen[0]?.init?.signal).toBeInstanceOf(AbortSignal);
  });
  it('asks again when a connection was broken, but not after a timeout', async () => {
    const failing = (errors: Error[]) => {
      let calls = 0;
      const ask = createStsCaller({
        endpoint: 'https://sts',
        cluster: 'main',
        fetch: () => {
          calls++;
          const error = errors.shift();
          return error ? Promise.reject(error) : Promise.resolve(new Response('{}', { status: 403 }));
        },
      });
      return { ask, calls: () => calls };
    };
    const once = failing([new TypeError('fetch failed')]);
    expect(await once.ask('/?')).toBeUndefined();
    expect(once.calls()).toBe(2);
    const slow = failing([new DOMException('too long', 'TimeoutError')]);
    await expect(slow.ask('/?')).rejects.toThrow('too long');
    expect(slow.calls()).toBe(1);
    const gone = failing([new TypeError('one'), new TypeError('two')]);
    await expect(gone.ask('/?')).rejects.toThrow('two');
  });
  it('understands XML', async () => {
    const xml = `<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>${ann.arn}</Arn><UserId>AIDAANN</UserId><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`;
    expect(await answering(200, xml).ask('/?')).toEqual(ann);
  });
  it.each([400, 401, 403])('%d is a refusal', async (status) => {
    expect(await answering(status, '{}').ask('/?')).toBeUndefined();
  });
  it.each([
    [500, '{}', 'STS answers 500'],
    [429, '{}', 'STS answers 429'],
    [200, '{}', 'names no identity'],
    [200, '<x/>', 'names no identity'],
    [200, ' '.repeat(70_000), 'too large'],
  ])('%d %s is a failure', async (status, text, message) => {
    await expect(answering(status, text).ask('/?')).rejects.toThrow(message);
  });
});
