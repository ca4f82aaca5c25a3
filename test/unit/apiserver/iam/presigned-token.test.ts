import { checkPresignedToken } from '@nodeless/apiserver/authentication/iam/presigned-token';
import { iamTokenPrefix, presignCallerIdentity } from '@nodeless/client/iam-token';
import { describe, expect, it } from 'vitest';

const now = Date.parse('2026-11-23T09:15:00Z');
const minute = 60_000;
const region = 'eu-central-1';
const rules = { region, hosts: ['sts.eu-central-1.amazonaws.com'] };
const made = (at = now): string =>
  presignCallerIdentity({
    credentials: { accessKeyId: 'ASIAIOSFODNN7EXAMPLE', secretAccessKey: 's', sessionToken: 'a+b/c=' },
    region,
    cluster: 'main-1',
    now: at,
  });
const token = (url: string): string => iamTokenPrefix + Buffer.from(url).toString('base64url');
const check = (url: string, at = now) => checkPresignedToken(token(url), rules, at);

describe('checkPresignedToken', () => {
  it('takes a token that is good', () => {
    expect(check(made())).toEqual({
      target: made().slice('https://sts.eu-central-1.amazonaws.com'.length),
      expires: now + 15 * minute,
      accessKeyId: 'ASIAIOSFODNN7EXAMPLE',
    });
  });
  it('takes what botocore signs for `aws eks get-token`', () => {
    const target =
      '/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=ASIAIOSFODNN7EXAMPLE%2F20261123%2Fus-east-1%2Fsts%2Faws4_request&X-Amz-Date=20261123T102150Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id&X-Amz-Security-Token=tok%2B%2F%3Den&X-Amz-Signature=0d63d7d3b30ea68f76498f5a14573f7e3a28fcce7a04a09e1b500ad88058db2b';
    const made = Date.parse('2026-11-23T10:21:50Z');
    const usEast = { region: 'us-east-1', hosts: ['sts.us-east-1.amazonaws.com'] };
    expect(checkPresignedToken(token(`https://sts.us-east-1.amazonaws.com${target}`), usEast, made)).toEqual({
      target,
      expires: made + 15 * minute,
      accessKeyId: 'ASIAIOSFODNN7EXAMPLE',
    });
  });
  it('takes padded base64 and a clock that is a little ahead', () => {
    expect(checkPresignedToken(`${token(made())}==`, rules, now).expires).toBe(now + 15 * minute);
    expect(check(made(now + 4 * minute)).expires).toBe(now + 19 * minute);
  });

  const changed = (from: string | RegExp, to: string): string => {
    const url = made().replace(from, to);
    if (url === made()) throw new Error('nothing was changed');
    return url;
  };
  it.each<[string, string, string]>([
    ['http', changed('https', 'http'), 'holds no presigned request'],
    ['another host', changed('sts.eu-central-1', 'evil.eu-central-1'), 'another host'],
    ['another region’s host', changed('sts.eu-central-1', 'sts.us-east-1'), 'another host'],
    ['the global host', changed('sts.eu-central-1.', 'sts.'), 'another host'],
    ['a host that begins alike', changed('amazonaws.com', 'amazonaws.com.evil.example'), 'another host'],
    ['user information', changed('https://', 'https://sts.eu-central-1.amazonaws.com@'), 'holds no presigned request'],
    ['a port', changed('amazonaws.com/', 'amazonaws.com:8443/'), 'holds no presigned request'],
    ['a path', changed('amazonaws.com/', 'amazonaws.com/x'), 'holds no presigned request'],
    ['a fragment', `${made()}#x`, 'holds no presigned request'],
    ['a backslash', changed('amazonaws.com/?', 'amazonaws.com/?\\'), 'holds no presigned request'],
    ['a line break', `${made()}\r\nHost: x`, 'holds no presigned request'],
    ['upper case in the host', changed('sts.eu', 'STS.eu'), 'holds no presigned request'],
    ['another action', changed('GetCallerIdentity', 'AssumeRole'), 'something else'],
    ['another version', changed('2011-06-15', '2010-01-01'), 'something else'],
    ['an action twice', `${made()}&Action=GetCallerIdentity`, 'a parameter twice'],
    ['an action twice in other case', `${made()}&action=AssumeRole`, 'a parameter twice'],
    ['an encoded name', `${made()}&%41ction=AssumeRole`, 'must not have'],
    ['a parameter more', `${made()}&RoleArn=x`, 'must not have'],
    ['an empty parameter', `${made()}&`, 'must not have'],
    ['no signature', changed(/&X-Amz-Signature=.*/, ''), 'lacks x-amz-signature'],
    ['a wrong signature', changed(/(&X-Amz-Signature=).*/, '$1xyz'), 'no signature'],
    ['an algorithm more', changed('AWS4-HMAC-SHA256', 'AWS4-ECDSA-P256-SHA256'), 'in another way'],
    ['no signed cluster id', changed('host%3Bx-k8s-aws-id', 'host'), 'must have signed'],
    ['more signed headers', changed('host%3Bx-k8s-aws-id', 'host%3Bx-a%3Bx-k8s-aws-id'), 'must have signed'],
    ['too long a life', changed('X-Amz-Expires=60', 'X-Amz-Expires=901'), 'wrong X-Amz-Expires'],
    ['a negative life', changed('X-Amz-Expires=60', 'X-Amz-Expires=-1'), 'wrong X-Amz-Expires'],
    ['another service', changed('%2Fsts%2F', '%2Fs3%2F'), 'another service, region or day'],
    ['another region', changed('%2Feu-central-1%2F', '%2Fus-east-1%2F'), 'another service, region or day'],
    ['a day that is not the date’s', changed('%2F20261123%2F', '%2F20261122%2F'), 'another service, region or day'],
    ['no date', changed('20261123T091500Z', 'yesterday'), 'no date'],
    ['a date that is none', changed('T091500Z', 'T991500Z'), 'no date'],
    ['what cannot be decoded', changed('X-Amz-Expires=60', 'X-Amz-Expires=%zz'), 'not encoded'],
    ['what is no URL', 'x', 'holds no presigned request'],
  ])('refuses %s', (_, url, message) => {
    expect(() => check(url)).toThrow(message);
  });

  it.each([
    ['one that has expired', now + 15 * minute, 'token has expired'],
    ['one of the future', now - 6 * minute, 'of a time to come'],
  ])('refuses %s', (_, at, message) => {
    expect(() => check(made(), at)).toThrow(message);
  });
  it('refuses what is too large or no base64url', () => {
    expect(() => checkPresignedToken(iamTokenPrefix + 'A'.repeat(9000), rules, now)).toThrow('too large');
    expect(() => checkPresignedToken(`${iamTokenPrefix}a b`, rules, now)).toThrow('not base64url');
    expect(() => checkPresignedToken(iamTokenPrefix, rules, now)).toThrow('not base64url');
  });
});
