import { appendFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { findTool, type Kubectl, lacking, type Ran, runTool } from '../builders/kubectl.ts';
import { type RunningCluster, startRunningCluster, temporaryFolder } from '../builders/running-cluster.ts';
import { rows } from '../builders/tables.ts';

// Many processes, one after another, on a machine that may be busy.
vi.setConfig({ testTimeout: 90_000 });

/** The real helm with the chart that `helm create` writes: install, upgrade, rollback, uninstall. */
const unable = lacking('helm') ?? lacking('kubectl');
let cluster: RunningCluster;
let k: Kubectl;
let folder: string;
beforeAll(async () => {
  if (unable) return;
  folder = await temporaryFolder('helm');
  cluster = await startRunningCluster({ nodes: 2 });
  k = cluster.kubectl();
  await helm('create demo');
}, 90_000);
afterAll(async () => {
  await cluster?.stop();
  if (folder) rmSync(folder, { recursive: true, force: true });
});
beforeEach((context) => context.skip(unable !== undefined, unable));

const run = (words: string): Promise<Ran> =>
  runTool(findTool('helm') as string, words.split(' '), {
    cwd: folder,
    env: {
      KUBECONFIG: cluster.kubeconfig,
      HELM_CACHE_HOME: join(folder, 'cache'),
      HELM_CONFIG_HOME: join(folder, 'config'),
      HELM_DATA_HOME: join(folder, 'data'),
    },
  });
async function helm(words: string): Promise<string> {
  const ran = await run(words);
  if (ran.code !== 0) throw new Error(`helm ${words}: exit ${ran.code}\n${ran.stdout}${ran.stderr}`);
  return ran.stdout;
}
const wait = '--wait --timeout 60s';
const history = async (name: string): Promise<unknown> =>
  (JSON.parse(await helm(`history ${name} -o json`)) as { revision: number; status: string }[]).map(
    ({ revision, status }) => `${revision} ${status}`,
  );

describe('helm', () => {
  it('installs, upgrades, rolls back and uninstalls a release', { timeout: 120_000 }, async () => {
    expect(await helm(`install demo ./demo ${wait}`)).toMatch(/^NAME: demo\n[^]*STATUS: deployed\nREVISION: 1\n/);
    expect(rows(await k.ok('get deployment demo'))).toMatchObject([{ READY: '1/1' }]);
    expect(JSON.parse(await helm('list -o json'))).toMatchObject([
      { name: 'demo', revision: '1', status: 'deployed', chart: 'demo-0.1.0' },
    ]);
    expect(await helm(`upgrade demo ./demo --set replicaCount=3 --set image.tag=2 ${wait}`)).toMatch(
      /^Release "demo" has been upgraded\. Happy Helming!\n/,
    );
    expect(rows(await k.ok('get deployment demo -o wide'))).toMatchObject([{ READY: '3/3', IMAGES: 'nginx:2' }]);
    expect(await helm(`rollback demo 1 ${wait}`)).toBe('Rollback was a success! Happy Helming!\n');
    expect(rows(await k.ok('get deployment demo'))).toMatchObject([{ READY: '1/1' }]);
    expect(await history('demo')).toEqual(['1 superseded', '2 superseded', '3 deployed']);
    expect(await helm('get values demo --all -o json')).toContain('"replicaCount":1');
    expect(await helm('get manifest demo')).toContain('kind: Deployment\n');
    // Releases are Secrets of a type of their own, with the chart in them.
    expect(await k.ok('get secrets --field-selector type=helm.sh/release.v1 -o name')).toBe(
      'secret/sh.helm.release.v1.demo.v1\nsecret/sh.helm.release.v1.demo.v2\nsecret/sh.helm.release.v1.demo.v3\n',
    );
    expect(await helm(`uninstall demo ${wait}`)).toBe('release "demo" uninstalled\n');
    await k.ok('wait pods -l app.kubernetes.io/name=demo --for=delete --timeout=30s');
    expect(await k.ok('get all,secrets,serviceaccounts -l app.kubernetes.io/instance=demo -o name')).toBe('');
  });

  it('goes back by itself when an upgrade does not become ready', { timeout: 120_000 }, async () => {
    await helm(`upgrade --install safe ./demo --create-namespace -n safe ${wait}`);
    appendFileSync(join(folder, 'broken.yaml'), 'podAnnotations:\n  simulated.nodeless.dev/fail: ImagePullBackOff\n');
    const failed = await run(`upgrade safe ./demo -n safe -f ${join(folder, 'broken.yaml')} --atomic --timeout 3s`);
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain('has been rolled back due to atomic being set');
    expect(rows(await k.ok('get deployment safe-demo -n safe'))).toMatchObject([{ READY: '1/1' }]);
    await helm(`uninstall safe -n safe ${wait}`);
  });

  it('says what is wrong', async () => {
    expect((await run('install demo ./nowhere')).code).toBe(1);
    expect((await run('install bad ./demo --set service.port=zero')).stderr).toContain('Error: INSTALLATION FAILED');
    expect((await run('status nope')).stderr).toBe('Error: release: not found\n');
    expect(await helm('install dry ./demo --dry-run=server')).toContain('STATUS: pending-install');
    expect((await run('install -n nowhere demo ./demo')).stderr).toMatch(/namespaces "nowhere" not found/);
  });
});
