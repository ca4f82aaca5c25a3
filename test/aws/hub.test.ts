/** The hub as a process of its own beside the function, over the same table: real kubectl, a certificate of the cluster's authority. */
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Kubectl, createKubectl, lacking } from '../builders/kubectl.ts';
import { repository } from '../builders/running-cluster.ts';
import {
  type FunctionCluster,
  kubeconfigText,
  startFunctionCluster,
  whyNoFunctionCluster,
} from './function-cluster.ts';

const why = whyNoFunctionCluster() ?? lacking('kubectl');

describe.skipIf(why !== undefined)(`the hub${why ? ` (skipped: ${why})` : ''}`, () => {
  let cluster: FunctionCluster;
  let hub: HubProcess;
  let kubectl: Kubectl;
  beforeAll(async () => {
    cluster = await startFunctionCluster();
    hub = await startHubProcess(cluster.environment);
    kubectl = kubectlAt(cluster, 'ann');
  }, 60_000);
  afterAll(async () => {
    await hub?.stop();
    await cluster?.stop();
  });

  /** As a person finds it: by the parameters. */
  const kubectlAt = (of: FunctionCluster, who: 'ann' | 'bob' | 'eve'): Kubectl => {
    const [url, ca] = ['hub-endpoint', 'hub-ca'].map(
      (name) => of.parameters.values.get(`/nodeless/${of.clusterId}/${name}`)?.value ?? '',
    ) as [string, string];
    const path = join(of.folder, `hub-${who}`);
    writeFileSync(path, kubeconfigText({ url, ca }, of.token(who)));
    return createKubectl(path, join(of.folder, `hub-cache-${who}`));
  };

  it('shows what was written at the function, and the function what was written here', async () => {
    await cluster.kubectl.ok('create configmap there --from-literal=a=1');
    expect(await kubectl.ok('get configmap there -o jsonpath={.data.a}')).toBe('1');
    await kubectl.ok('create configmap here --from-literal=b=2');
    expect(await cluster.kubectl.ok('get configmap here -o jsonpath={.data.b}')).toBe('2');
  });

  it('holds a watch through which the writes of others come', async () => {
    const { file, args, env } = kubectl.command('get configmaps -w -o name');
    const watch = spawn(file, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      const seen = new Promise<void>((resolve) => {
        let printed = '';
        watch.stdout.on('data', (chunk: Buffer) => {
          printed += chunk.toString();
          if (printed.includes('configmap/watched')) resolve();
        });
      });
      await cluster.kubectl.ok('create configmap watched');
      await seen;
    } finally {
      watch.kill('SIGKILL');
    }
  });

  it('knows IAM identities, and lets nobody else in', async () => {
    expect(await kubectl.ok('auth whoami -o jsonpath={.status.userInfo.username}')).toBe(
      'arn:aws:iam::123456789012:user/ann',
    );
    expect(await kubectlAt(cluster, 'eve').fails('get configmaps')).toContain('You must be logged in to the server');
    expect(await kubectlAt(cluster, 'bob').fails('get secrets')).toContain('User "bob" cannot list resource "secrets"');
  });

  it('is found under the same certificate after a restart', async () => {
    const ca = cluster.parameters.values.get(`/nodeless/${cluster.clusterId}/hub-ca`)?.value;
    expect(await hub.stop()).toBe(0);
    hub = await startHubProcess(cluster.environment);
    expect(cluster.parameters.values.get(`/nodeless/${cluster.clusterId}/hub-ca`)?.value).toBe(ca);
    kubectl = kubectlAt(cluster, 'ann');
    expect(await kubectl.ok('get configmap here -o name')).toBe('configmap/here\n');
    expect(cluster.parameters.values.get(`/nodeless/${cluster.clusterId}/hub-authority`)?.type).toBe('SecureString');
  });
});

interface HubProcess {
  stop(): Promise<number | null>;
}

function startHubProcess(environment: Readonly<Record<string, string>>): Promise<HubProcess> {
  const child: ChildProcess = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', join(repository, 'local', 'hub.ts')],
    {
      env: {
        PATH: process.env['PATH'],
        AWS_REGION: 'us-east-1',
        ...environment,
        NODELESS_HUB_ADDRESS: '127.0.0.1',
        NODELESS_HUB_PORT: '0',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  return new Promise((resolve, reject) => {
    let printed = '';
    const ended = new Promise<number | null>((done) => child.once('exit', (code) => done(code)));
    void ended.then((code) => reject(new Error(`the hub ended with ${code}:\n${printed}`)));
    const listen = (chunk: Buffer): void => {
      printed += chunk.toString();
      if (printed.includes('the hub answers'))
        resolve({
          stop() {
            child.kill('SIGTERM');
            return ended;
          },
        });
    };
    child.stdout?.on('data', listen);
    child.stderr?.on('data', listen);
  });
}
