import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ExecContext, withContext, writeContext } from 'nodeless/aws/exec-kubeconfig';
import { findCluster } from 'nodeless/aws/find-cluster';
import { clusterContext, kubeconfigPath, roleToAssume } from 'nodeless/aws/kubeconfig-file';
import { principalOf } from 'nodeless/aws/principals';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { createFakeCloud } from './fake-cloud.ts';

interface Kubeconfig {
  'current-context': string;
  clusters: { name: string; cluster: { server: string; 'certificate-authority-data'?: string } }[];
  contexts: { name: string; context: { cluster: string; user: string } }[];
  users: { name: string; user: { token?: string; exec?: Record<string, unknown> } }[];
}
const read = (text: string): Kubeconfig => parse(text) as Kubeconfig;

const context: ExecContext = {
  name: 'nodeless-main',
  server: 'https://x.on.aws',
  exec: { command: 'nodeless', args: ['token', '--cluster', 'main-0f0e1d2c'], env: { AWS_PROFILE: 'work' } },
};
const others = `# mine
apiVersion: v1
kind: Config
current-context: k3s
clusters:
  - name: k3s
    cluster: {server: https://127.0.0.1:6443, certificate-authority-data: Zm9v}
contexts:
  - name: k3s
    context: {cluster: k3s, user: k3s}
users:
  - name: k3s
    user: {token: secret}
preferences: {}
`;

describe('a context in a kubeconfig', () => {
  it('makes a kubeconfig out of nothing', () => {
    const made = read(withContext('', context, true));
    expect(made).toMatchObject({ apiVersion: 'v1', kind: 'Config', 'current-context': 'nodeless-main' });
    expect(made.clusters).toEqual([{ name: 'nodeless-main', cluster: { server: 'https://x.on.aws' } }]);
    expect(made.contexts).toEqual([
      { name: 'nodeless-main', context: { cluster: 'nodeless-main', user: 'nodeless-main' } },
    ]);
    expect(made.users[0]?.user.exec).toEqual({
      apiVersion: 'client.authentication.k8s.io/v1',
      command: 'nodeless',
      args: ['token', '--cluster', 'main-0f0e1d2c'],
      env: [{ name: 'AWS_PROFILE', value: 'work' }],
      interactiveMode: 'IfAvailable',
      provideClusterInfo: false,
    });
  });

  it('stands beside what is there', () => {
    const text = withContext(others, context, false);
    expect(text).toContain('# mine');
    const both = read(text);
    expect(both['current-context']).toBe('k3s');
    expect(both.clusters.map(({ name }) => name)).toEqual(['k3s', 'nodeless-main']);
    expect(both.users[0]).toEqual({ name: 'k3s', user: { token: 'secret' } });
  });

  it('takes the place of the one that was there', () => {
    const again = read(
      withContext(withContext(others, context, true), { ...context, server: 'https://y.on.aws' }, true),
    );
    expect(again.clusters).toHaveLength(2);
    expect(again.clusters[1]?.cluster.server).toBe('https://y.on.aws');
    expect(again.users).toHaveLength(2);
  });

  describe('written to a file', () => {
    let folder = '';
    beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'nodeless-kubeconfig-'))));
    afterEach(() => rmSync(folder, { recursive: true, force: true }));

    it('is for its owner only, in folders that are made', () => {
      const path = join(folder, 'a', 'b', 'config');
      writeContext(path, context, true);
      expect(statSync(path).mode & 0o777).toBe(0o600);
      expect(read(readFileSync(path, 'utf8'))['current-context']).toBe('nodeless-main');
    });

    it('leaves a file alone that is no kubeconfig', () => {
      const path = join(folder, 'config');
      for (const text of ['a: [', '- 1\n']) {
        writeFileSync(path, text);
        expect(() => writeContext(path, context, true)).toThrow(`${path} cannot be added to`);
        expect(readFileSync(path, 'utf8')).toBe(text);
      }
    });
  });

  it('is looked for where kubectl looks', () => {
    expect(kubeconfigPath('/x', {})).toBe('/x');
    expect(kubeconfigPath(undefined, { KUBECONFIG: '/a:/b' })).toBe('/a');
    expect(kubeconfigPath(undefined, {})).toMatch(/\.kube\/config$/);
  });
});

describe('the context of a cluster', () => {
  const options = { cluster: 'main', clusterId: 'main-0f0e1d2c', endpoint: 'https://x.on.aws', region: 'eu-west-1' };

  it('has nodeless make the tokens', () => {
    const made = clusterContext({ ...options, role: 'arn:r', profile: 'work' });
    expect(made).toMatchObject({
      name: 'nodeless-main',
      server: 'https://x.on.aws',
      exec: { env: { AWS_PROFILE: 'work' } },
    });
    expect(made.exec.args).toEqual(['token', '--cluster', 'main-0f0e1d2c', '--region', 'eu-west-1', '--role', 'arn:r']);
    expect(made.exec.command).toMatch(/nodeless(\.mjs)?$/);
  });

  it("or the AWS command line, with an id that tokens for other clusters don't have", () => {
    const made = clusterContext({ ...options, tokensBy: 'aws', role: 'arn:r', contextName: 'mine' });
    expect(made.name).toBe('mine');
    expect([made.exec.command, ...made.exec.args].join(' ')).toBe(
      'aws eks get-token --cluster-name main-0f0e1d2c --region eu-west-1 --output json --role-arn arn:r',
    );
  });
});

describe('who someone is', () => {
  const cases: [string, string | undefined][] = [
    ['arn:aws:sts::123456789012:assumed-role/Ops/ann', 'arn:aws:iam::123456789012:role/Ops'],
    ['arn:aws:iam::123456789012:role/path/to/Ops', 'arn:aws:iam::123456789012:role/Ops'],
    ['arn:aws:iam::123456789012:user/team/ann', 'arn:aws:iam::123456789012:user/team/ann'],
    ['arn:aws:iam::123456789012:root', 'arn:aws:iam::123456789012:root'],
    ['arn:aws-cn:sts::123456789012:assumed-role/Ops/a', 'arn:aws-cn:iam::123456789012:role/Ops'],
    ['arn:aws:sts::123456789012:federated-user/ann', undefined],
    ['arn:aws:iam::123456789012:group/g', undefined],
    ['arn:aws:s3:::bucket', undefined],
    ['', undefined],
  ];
  for (const [arn, expected] of cases)
    it(`of ${arn || 'nothing'} is ${expected}`, () => expect(principalOf(arn)).toBe(expected));
});

describe('the role to assume', () => {
  const admin = 'arn:aws:iam::123456789012:role/nodeless-main-eu-west-1-admin';
  const access = (...arns: string[]): string =>
    JSON.stringify(arns.map((principalArn) => ({ principalArn, groups: [] })));
  const ann = { account: '123456789012', arn: 'arn:aws:sts::123456789012:assumed-role/Ops/ann' };

  it('is none for who has an entry', () =>
    expect(
      roleToAssume(access('arn:aws:iam::123456789012:role/x/Ops', admin), ann, {
        cluster: 'main',
        region: 'eu-west-1',
      }),
    ).toBeUndefined());
  it('is that of the administrators for others', () =>
    expect(roleToAssume(access(admin), ann, { cluster: 'main', region: 'eu-west-1' })).toBe(admin));
  it('is none where there is none', () => {
    for (const text of [
      undefined,
      '[]',
      'no JSON',
      '{}',
      access('arn:aws:iam::123456789012:role/nodeless-main-us-east-1-admin'),
    ])
      expect(roleToAssume(text, ann, { cluster: 'main', region: 'eu-west-1' })).toBeUndefined();
  });
});

describe('a cluster by its name', () => {
  it('is found by its parameters', async () => {
    const cloud = createFakeCloud();
    cloud.parametersOf.set(
      'main',
      new Map([
        ['endpoint', 'https://x'],
        ['cluster-id', 'main-0f0e1d2c'],
      ]),
    );
    expect(await findCluster(cloud, 'main')).toEqual({
      cluster: 'main',
      clusterId: 'main-0f0e1d2c',
      endpoint: 'https://x',
      region: 'eu-central-1',
      account: '123456789012',
      role: undefined,
    });
  });
  it('has a hub where there are its parameters, whose authority stands in the context', async () => {
    const cloud = createFakeCloud();
    cloud.parametersOf.set(
      'main',
      new Map([
        ['endpoint', 'https://x'],
        ['hub-endpoint', 'https://203.0.113.7:443'],
        ['hub-ca', 'PEM'],
      ]),
    );
    const found = await findCluster(cloud, 'main');
    const made = read(withContext('', clusterContext(found), true));
    expect(made.clusters).toEqual([
      {
        name: 'nodeless-main-hub',
        cluster: {
          server: 'https://203.0.113.7:443',
          'certificate-authority-data': Buffer.from('PEM').toString('base64'),
        },
      },
    ]);
  });
  it('is said to be unfinished when only its stack is there', async () => {
    const cloud = createFakeCloud();
    cloud.happen('nodeless-main', 'CREATE_FAILED');
    await expect(findCluster(cloud, 'main')).rejects.toThrow('not made to its end (its stack is CREATE_FAILED)');
  });
  it('is said not to be there', async () => {
    await expect(findCluster(createFakeCloud(), 'main')).rejects.toThrow('there is no cluster "main"');
  });
});
