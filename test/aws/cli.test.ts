/** The command line as people run it, against an AWS. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DeleteParametersCommand, PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { useAws } from './harness.ts';

const main = join(import.meta.dirname, '..', '..', 'cli', 'main.ts');
const cluster = 'clitest';
const values = {
  endpoint: 'https://abc.lambda-url.us-east-1.on.aws',
  'cluster-id': `${cluster}-0f0e1d2c`,
  access: JSON.stringify([
    { principalArn: 'arn:aws:iam::000000000000:role/nodeless-clitest-us-east-1-admin', groups: ['system:masters'] },
  ]),
};

describe('nodeless against AWS', () => {
  const aws = useAws();
  let ssm: SSMClient;
  const names = Object.keys(values).map((name) => `/nodeless/${cluster}/${name}`);

  beforeAll(async () => {
    if (!aws()) return;
    ssm = new SSMClient(aws().settings);
    for (const [name, Value] of Object.entries(values))
      await ssm.send(
        new PutParameterCommand({ Name: `/nodeless/${cluster}/${name}`, Value, Type: 'String', Overwrite: true }),
      );
  }, 60_000);
  afterAll(async () => {
    if (aws()) await ssm.send(new DeleteParametersCommand({ Names: names }));
  });

  const run = (...args: string[]): { status: number | null; stdout: string; stderr: string; kubeconfig: string } => {
    const kubeconfig = join(aws().folder, 'kubeconfig');
    const result = spawnSync(process.execPath, [main, ...args, '--region', aws().engine.region], {
      encoding: 'utf8',
      timeout: 60_000,
      env: { PATH: process.env['PATH'], HOME: aws().folder, ...aws().env, KUBECONFIG: kubeconfig },
    });
    return { status: result.status, stdout: result.stdout, stderr: result.stderr, kubeconfig };
  };

  it('writes a context whose exec plugin makes tokens for this cluster alone', () => {
    const { status, stdout, stderr, kubeconfig } = run('kubeconfig', '--cluster', cluster);
    expect(status, stderr).toBe(0);
    expect(stdout).toContain(`kubectl has the context nodeless-${cluster} now`);
    expect(existsSync(kubeconfig)).toBe(true);
    const { clusters, users } = parse(readFileSync(kubeconfig, 'utf8')) as {
      clusters: { cluster: { server: string } }[];
      users: { user: { exec: { args: string[] } } }[];
    };
    expect(clusters[0]?.cluster.server).toBe(values.endpoint);
    const { args } = users[0]!.user.exec;
    expect(args.slice(0, 3)).toEqual(['token', '--cluster', `${cluster}-0f0e1d2c`]);
    // What the plugin would print. No role is assumed here, because no engine has it.
    const token = run(...args.slice(0, 3));
    expect(JSON.parse(token.stdout)).toMatchObject({ kind: 'ExecCredential' });
    const text = (JSON.parse(token.stdout) as { status: { token: string } }).status.token.replace('k8s-aws-v1.', '');
    expect(Buffer.from(text, 'base64url').toString()).toContain('Action=GetCallerIdentity');
    rmSync(kubeconfig);
  }, 60_000);

  it('finds the id of a cluster by its name', () => {
    const { status, stdout } = run('token', '--cluster', cluster);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ kind: 'ExecCredential' });
  }, 60_000);

  it('names the clusters that there are when one is not', () => {
    const { status, stderr } = run('kubeconfig', '--cluster', 'nope');
    expect(status).toBe(1);
    expect(stderr).toContain(`there is no cluster "nope" in ${aws().engine.region}`);
    expect(stderr).toContain(cluster);
    expect(stderr).not.toContain('at ');
  }, 60_000);

  it('examines the account', () => {
    const { stdout } = run('doctor', '-o', 'json');
    const findings = JSON.parse(stdout) as { check: string; status: string }[];
    expect(findings.find(({ check }) => check === 'Credentials')?.status).toBe('ok');
    expect(findings.map(({ check }) => check)).toEqual(
      expect.arrayContaining(['CDK', 'Fargate vCPUs', 'Lambda concurrency']),
    );
  }, 60_000);
});
