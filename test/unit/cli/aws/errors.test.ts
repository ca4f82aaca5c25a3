import { AwsProblem, explainAwsError, explained, noCluster } from 'nodeless/aws/errors';
import { describeError } from 'nodeless/output';
import { describe, expect, it } from 'vitest';

const named = (name: string, message = name, more: object = {}): Error =>
  Object.assign(new Error(message), { name, ...more });
const context = { region: 'eu-north-9', profile: 'work' };

describe('what AWS answers', () => {
  const cases: [string, Error, AwsProblem['code'], string][] = [
    [
      'an expired token',
      named('ExpiredTokenException', 'The security token included in the request is expired'),
      'expired-credentials',
      'aws sso login --profile work',
    ],
    [
      'an SSO session that is over',
      named(
        'CredentialsProviderError',
        'The SSO session associated with this profile has expired. To refresh run aws sso login',
      ),
      'expired-credentials',
      'aws sso login --profile work',
    ],
    [
      'a profile that there is not',
      named('CredentialsProviderError', 'Could not resolve credentials using profile: [work]'),
      'no-credentials',
      'aws configure list-profiles',
    ],
    [
      'keys that nobody knows',
      named('InvalidClientTokenId', 'The security token included in the request is invalid.'),
      'unknown-credentials',
      'aws account enable-region --region-name eu-north-9',
    ],
    [
      'a missing permission',
      named(
        'AccessDeniedException',
        'User: arn:aws:iam::1:user/x is not authorized to perform: ssm:GetParametersByPath on resource: y',
      ),
      'no-permission',
      'Ask whoever manages the account for ssm:GetParametersByPath',
    ],
    [
      'a missing permission of EC2',
      named('UnauthorizedOperation', 'You are not authorized to perform this operation.'),
      'no-permission',
      'use another profile',
    ],
    [
      'a region that there is not',
      named('Error', 'getaddrinfo ENOTFOUND sts.eu-north-9.amazonaws.com', { code: 'ENOTFOUND' }),
      'wrong-region',
      "is the region's name right",
    ],
    ['a region that is not enabled', named('OptInRequired'), 'wrong-region', 'enable-region'],
    ['no region', named('Error', 'Region is missing'), 'no-region', '--region'],
    ['too many requests', named('ThrottlingException', 'Rate exceeded'), 'throttled', 'try again in a minute'],
    [
      'nobody there',
      named('TypeError', 'fetch failed', { cause: { code: 'ECONNREFUSED' } }),
      'unreachable',
      'AWS_ENDPOINT_URL',
    ],
    [
      'anything else of a service',
      named('WeirdException', 'No.', { $metadata: {} }),
      'other',
      'AWS answers WeirdException: No',
    ],
  ];
  for (const [name, error, code, words] of cases)
    it(`is told with its remedy: ${name}`, () => {
      const problem = explainAwsError(error, context);
      expect(problem?.code).toBe(code);
      expect(problem?.message).toContain(words);
      expect(problem?.cause).toBe(error);
      // One line, without a stack.
      expect(describeError(problem)).toBe(`nodeless: ${problem?.message}`);
      expect(problem?.message).not.toContain('\n');
    });

  it('without a profile names the ways to credentials', () => {
    expect(
      explainAwsError(named('CredentialsProviderError', 'Could not load credentials from any providers'), {})?.message,
    ).toContain('AWS_ACCESS_KEY_ID');
  });

  it('is left alone when it is a mistake of ours', async () => {
    const mistake = new TypeError('x is not a function');
    expect(explainAwsError(mistake)).toBeUndefined();
    await expect(explained({}, () => Promise.reject(mistake))).rejects.toBe(mistake);
    await expect(explained({}, () => Promise.reject(named('AccessDenied')))).rejects.toBeInstanceOf(AwsProblem);
  });

  it('is explained once', () => {
    const problem = noCluster('a', 'r', '1', []);
    expect(explainAwsError(problem)).toBe(problem);
  });
});

describe('no cluster of that name', () => {
  it('names those that there are, or how one is made', () => {
    expect(noCluster('a', 'eu-west-1', '12', ['b', 'c']).message).toBe(
      'there is no cluster "a" in eu-west-1 of account 12; there are b, c',
    );
    expect(noCluster('a', 'eu-west-1', '12', []).message).toContain('nodeless deploy --cluster a --region eu-west-1');
  });
});
