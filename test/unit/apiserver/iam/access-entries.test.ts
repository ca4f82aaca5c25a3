import {
  canonicalArn,
  findAccessEntry,
  parseAccessEntries,
  usernameOf,
} from '@nodeless/apiserver/authentication/iam/access-entries';
import { describe, expect, it } from 'vitest';

const role = 'arn:aws:iam::123456789012:role/deployer';
const session = 'arn:aws:sts::123456789012:assumed-role/deployer/ann@example.com';

describe('canonicalArn', () => {
  it.each([
    [session, role],
    [role, role],
    ['arn:aws:iam::123456789012:role/team/x/deployer', role],
    ['arn:aws:iam::123456789012:user/team/ann', 'arn:aws:iam::123456789012:user/team/ann'],
    ['arn:aws:iam::123456789012:root', 'arn:aws:iam::123456789012:root'],
    ['arn:aws-cn:sts::123456789012:assumed-role/r/s', 'arn:aws-cn:iam::123456789012:role/r'],
    ['arn:aws:sts::123456789012:federated-user/ann', 'arn:aws:sts::123456789012:federated-user/ann'],
    ['arn:aws:sts::123456789012:assumed-role/deployer', undefined],
    ['arn:aws:sts::123456789012:assumed-role/team/deployer/ann', undefined],
    ['arn:aws:iam::123456789012:group/admins', undefined],
    ['arn:aws:iam::123456789012:role/', undefined],
    ['arn:aws:iam::12345:role/deployer', undefined],
    ['deployer', undefined],
  ])('%s is %s', (arn, canonical) => {
    expect(canonicalArn(arn)).toBe(canonical);
  });
});

describe('findAccessEntry', () => {
  const entries = [
    { principalArn: 'arn:aws:iam::123456789012:role/team/deployer', groups: ['deployers'] },
    { principalArn: 'arn:aws:iam::123456789012:user/ann', groups: ['system:masters'] },
  ];
  it.each([
    [session, 'deployers'],
    ['arn:aws:iam::123456789012:user/ann', 'system:masters'],
    ['arn:aws:iam::123456789012:user/Ann', undefined],
    ['arn:aws:iam::123456789012:user/team/ann', undefined],
    ['arn:aws:iam::999999999999:user/ann', undefined],
    ['arn:aws-cn:iam::123456789012:user/ann', undefined],
    ['arn:aws:sts::123456789012:assumed-role/deployer2/s', undefined],
    ['arn:aws:iam::123456789012:role/ann', undefined],
  ])('%s is in %s', (arn, group) => {
    expect(findAccessEntry(entries, arn)?.groups[0]).toBe(group);
  });
});

describe('usernameOf', () => {
  const identity = { account: '123456789012', arn: session, userId: 'AROA:ann@example.com' };
  it.each([
    [undefined, session],
    ['admin', 'admin'],
    ['{{SessionName}}', 'ann-example.com'],
    ['aws:{{AccountID}}:{{SessionNameRaw}}', 'aws:123456789012:ann@example.com'],
  ])('%s', (username, name) => {
    expect(usernameOf({ principalArn: role, ...(username ? { username } : {}), groups: [] }, identity)).toBe(name);
  });
});

describe('parseAccessEntries', () => {
  it('reads what is right', () => {
    expect(parseAccessEntries(JSON.stringify([{ principalArn: role }]))).toEqual([{ principalArn: role, groups: [] }]);
  });
  it.each([
    ['{', 'are not JSON'],
    ['{}', 'are no list'],
    ['[null]', 'access entry 0'],
    ['[{"principalArn":"x","groups":[]}]', 'access entry 0'],
    [
      JSON.stringify([
        { principalArn: role, groups: ['a'] },
        { principalArn: role, groups: 'a' },
      ]),
      'access entry 1',
    ],
    [JSON.stringify([{ principalArn: role, username: '', groups: [] }]), 'access entry 0'],
  ])('says what is wrong with %s', (text, message) => {
    expect(() => parseAccessEntries(text)).toThrow(message);
  });
});
