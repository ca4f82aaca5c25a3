import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { essenceOf } from 'nodeless/aws/cdk';
import { findCredentials, findRegion } from 'nodeless/aws/credentials';
import { isDeployed, isSettled, planDeploy } from 'nodeless/aws/deploy-plan';
import { AwsProblem } from 'nodeless/aws/errors';
import { examine } from 'nodeless/aws/examine';
import { mergeSettings, parseSet } from 'nodeless/aws/options';
import { createProgress, readableName, remedyFor } from 'nodeless/aws/progress';
import { checkQuotas, judgeQuota, quotaRules } from 'nodeless/aws/quotas';
import { describe, expect, it } from 'vitest';
import { createFakeCloud } from './fake-cloud.ts';

describe('--set', () => {
  it('reads JSON values and leaves the rest as text', () => {
    expect(
      parseSet(['network.egress=ipv6', 'network.zones=3', 'waf=true', 'admins=["arn:a"]', 'tags.team=a=b']),
    ).toEqual({
      network: { egress: 'ipv6', zones: 3 },
      waf: true,
      admins: ['arn:a'],
      tags: { team: 'a=b' },
    });
  });
  for (const wrong of ['waf', '=1', '.a=1', 'a.=1', '__proto__.x=1', 'constructor.x=1', 'a b=1'])
    it(`refuses ${wrong}`, () => expect(() => parseSet([wrong])).toThrow('must be <setting>=<value>'));
  it('refuses a setting below a value', () => expect(() => parseSet(['a=1', 'a.b=2'])).toThrow('a has been set'));
});

describe('settings', () => {
  it('are merged, later ones win, lists are replaced', () => {
    expect(mergeSettings({ a: { x: 1, y: [1] }, b: 1 }, undefined, { a: { y: [2], z: 3 } })).toEqual({
      a: { x: 1, y: [2], z: 3 },
      b: 1,
    });
  });
  it('do not reach prototypes', () => {
    mergeSettings({}, JSON.parse('{"__proto__":{"polluted":true}}') as Record<string, unknown>);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});

describe('a deploy', () => {
  const cases: [string | undefined, string, boolean][] = [
    [undefined, 'create', false],
    ['REVIEW_IN_PROGRESS', 'create', false],
    ['ROLLBACK_COMPLETE', 'create', false],
    ['CREATE_FAILED', 'update', false],
    ['UPDATE_FAILED', 'update', false],
    ['CREATE_COMPLETE', 'update', true],
    ['UPDATE_COMPLETE', 'update', true],
    ['IMPORT_COMPLETE', 'update', true],
    ['UPDATE_ROLLBACK_COMPLETE', 'update', true],
    ['UPDATE_ROLLBACK_FAILED', 'continue-rollback', true],
    ['CREATE_IN_PROGRESS', 'wait', true],
    ['DELETE_IN_PROGRESS', 'wait', true],
    ['UPDATE_COMPLETE_CLEANUP_IN_PROGRESS', 'wait', true],
    ['DELETE_FAILED', 'refuse', true],
  ];
  for (const [status, action, rollback] of cases)
    it(`of a stack that is ${status ?? 'not there'} is to ${action}`, () =>
      expect(planDeploy(status === undefined ? undefined : { status })).toMatchObject({ action, rollback }));
  it('knows when a stack is at rest, and when it is where it should be', () => {
    expect([undefined, 'CREATE_COMPLETE', 'REVIEW_IN_PROGRESS', 'DELETE_IN_PROGRESS'].map(isSettled)).toEqual([
      true,
      true,
      true,
      false,
    ]);
    expect(['CREATE_COMPLETE', 'UPDATE_COMPLETE', 'UPDATE_ROLLBACK_COMPLETE', undefined].map(isDeployed)).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});

describe('progress', () => {
  const event = {
    id: '',
    time: 0,
    type: 'AWS::SQS::Queue',
    ofStack: false,
    logicalId: 'ClusterQueuesDeadFifo6D5C9883',
    status: '',
  };
  it('names what people know', () => {
    expect(
      ['ClusterQueuesDeadFifo6D5C9883', 'ClusterNetworkVpcC6C4EC94', 'NodelessStack', 'Cluster'].map(readableName),
    ).toEqual(['Queues Dead Fifo', 'Network Vpc', 'Nodeless Stack', 'Cluster']);
  });
  it('tells what ended, with its time, and not what only began', () => {
    const line = createProgress();
    expect(line({ ...event, status: 'CREATE_IN_PROGRESS', time: 1_000 })).toBeUndefined();
    expect(
      line({ ...event, status: 'CREATE_IN_PROGRESS', time: 2_000, reason: 'Resource creation Initiated' }),
    ).toBeUndefined();
    expect(line({ ...event, status: 'CREATE_COMPLETE', time: 31_000 })).toEqual({
      kind: 'done',
      text: 'Queues Dead Fifo (AWS::SQS::Queue) made (30 s)',
    });
    expect(line({ ...event, status: 'DELETE_SKIPPED', time: 31_000 })?.text).toContain('left');
    expect(line({ ...event, status: 'CREATE_FAILED', reason: 'no' })).toEqual({
      kind: 'failed',
      text: 'Queues Dead Fifo (AWS::SQS::Queue): no',
    });
    expect(line({ ...event, status: 'CREATE_FAILED', reason: 'Resource creation cancelled' })).toBeUndefined();
    expect(line({ ...event, status: 'CREATE_COMPLETE', ofStack: true })).toBeUndefined();
  });
  it('knows no remedy for what nobody foresaw', () => expect(remedyFor('the moon is full')).toBeUndefined());
});

describe('quotas', () => {
  it('are told with what they mean', () => {
    expect(judgeQuota(quotaRules.fargateVcpu, { limit: 100 }, 'r')).toMatchObject({
      status: 'ok',
      message: '100 vCPUs in r: 400 pods of a quarter vCPU at once',
    });
    expect(judgeQuota(quotaRules.fargateVcpu, { limit: 6 }, 'r')).toMatchObject({
      status: 'warning',
      message: expect.stringContaining('--desired-value 64 --region r') as string,
    });
    expect(judgeQuota(quotaRules.fargateVcpu, { limit: 0 }, 'r').status).toBe('problem');
    expect(judgeQuota(quotaRules.lambdaConcurrency, { limit: 10 }, 'r').status).toBe('warning');
    expect(judgeQuota(quotaRules.networkLoadBalancers, { limit: 50, used: 49 }, 'r')).toMatchObject({
      status: 'warning',
      message: expect.stringContaining('50 load balancers, 49 taken') as string,
    });
    expect(judgeQuota(quotaRules.vpcs, { limit: 5, used: 5 }, 'r').status).toBe('problem');
    expect(judgeQuota(quotaRules.vpcs, { problem: 'may not be asked' }, 'r')).toEqual({
      check: 'VPCs',
      status: 'warning',
      message: 'could not be told: may not be asked',
    });
  });
  it('of what is made only once are not asked again', async () => {
    const checks = async (existing: boolean): Promise<string[]> =>
      (await checkQuotas(createFakeCloud(), existing)).map(({ check }) => check);
    expect(await checks(false)).toContain('VPCs');
    expect(await checks(true)).not.toContain('VPCs');
  });
});

describe('nodeless doctor --region', () => {
  it('finds an account in order', async () => {
    const cloud = createFakeCloud();
    cloud.happen('nodeless-main', 'CREATE_COMPLETE');
    const findings = await examine(cloud, 'main');
    expect(findings.map(({ status }) => status)).toEqual(findings.map(() => 'ok'));
    expect(findings[0]?.message).toContain('assumed-role/Ops/ann in eu-central-1 of account 123456789012');
  });
  it('tells of a stack that is not well', async () => {
    const cloud = createFakeCloud();
    cloud.happen('nodeless-main', 'DELETE_FAILED');
    expect((await examine(cloud, 'main')).find(({ check }) => check === 'Cluster main')?.status).toBe('problem');
  });
  it('tells how an API is started again that the bill guard stopped', async () => {
    const asked: string[] = [];
    const cloud = createFakeCloud({ reservedConcurrency: (name) => (asked.push(name), Promise.resolve(0)) });
    cloud.happen('nodeless-main', 'CREATE_COMPLETE');
    const finding = (await examine(cloud, 'main')).find(({ check }) => check === 'API');
    expect(asked).toEqual(['nodeless-main-apiserver']);
    expect(finding).toMatchObject({
      status: 'problem',
      message: expect.stringContaining('delete-function-concurrency --function-name nodeless-main-apiserver') as string,
    });
  });
  it('ends with credentials that do not work', async () => {
    const cloud = createFakeCloud({
      identity: () => Promise.reject(new AwsProblem('expired-credentials', 'sign in again')),
    });
    expect(await examine(cloud)).toEqual([{ check: 'Credentials', status: 'problem', message: 'sign in again' }]);
  });
  it('does not hide a mistake of ours', async () => {
    await expect(examine(createFakeCloud({ identity: () => Promise.reject(new TypeError('x')) }))).rejects.toThrow(
      TypeError,
    );
  });
});

describe('credentials and region', () => {
  it('stand in the environment', async () => {
    const environment = { AWS_ACCESS_KEY_ID: 'A', AWS_SECRET_ACCESS_KEY: 'S', AWS_SESSION_TOKEN: 'T' };
    expect(await findCredentials({}, environment)).toEqual({
      accessKeyId: 'A',
      secretAccessKey: 'S',
      sessionToken: 'T',
    });
  });
  it('are named, or stand in the profile', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nodeless-aws-'));
    const AWS_CONFIG_FILE = join(folder, 'config');
    writeFileSync(
      AWS_CONFIG_FILE,
      '[default]\nregion = eu-west-1\n[profile work]\noutput=json\nregion=eu-north-1\n[profile bare]\noutput = json\n',
    );
    try {
      expect(await findRegion({ region: 'us-east-2' }, { AWS_REGION: 'x', AWS_CONFIG_FILE })).toBe('us-east-2');
      expect(await findRegion({}, { AWS_REGION: 'ap-east-1', AWS_CONFIG_FILE })).toBe('ap-east-1');
      expect(await findRegion({}, { AWS_CONFIG_FILE })).toBe('eu-west-1');
      expect(await findRegion({ profile: 'work' }, { AWS_CONFIG_FILE })).toBe('eu-north-1');
      await expect(findRegion({ profile: 'bare' }, { AWS_CONFIG_FILE })).rejects.toMatchObject({ code: 'no-region' });
      await expect(findRegion({}, { AWS_CONFIG_FILE: join(folder, 'none') })).rejects.toMatchObject({
        code: 'no-region',
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('what the CDK says', () => {
  it('is cut to what matters', () => {
    expect(essenceOf('a\nb\nError: no room\n    at x (y.js)\n')).toBe('Error: no room');
    expect(essenceOf('one\ntwo\n')).toBe('one\ntwo');
  });
});
