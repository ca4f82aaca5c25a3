/** Real helm at the built bundle: its releases are Secrets near a megabyte, its waiting is a watch. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findTool, lacking, type Ran, runTool } from '../builders/kubectl.ts';
import { type FunctionCluster, startFunctionCluster, whyNoFunctionCluster } from './function-cluster.ts';

const why = whyNoFunctionCluster() ?? lacking('helm') ?? lacking('kubectl');

describe.skipIf(why !== undefined)(`helm at the function${why ? ` (skipped: ${why})` : ''}`, () => {
  let cluster: FunctionCluster;
  beforeAll(async () => {
    cluster = await startFunctionCluster();
    await helm('create demo');
  }, 60_000);
  afterAll(() => cluster?.stop());

  const run = (words: string): Promise<Ran> =>
    runTool(findTool('helm') as string, words.split(' '), {
      cwd: cluster.folder,
      env: {
        KUBECONFIG: cluster.kubeconfig,
        HELM_CACHE_HOME: join(cluster.folder, 'cache'),
        HELM_CONFIG_HOME: join(cluster.folder, 'config'),
        HELM_DATA_HOME: join(cluster.folder, 'data'),
      },
    });
  const helm = async (words: string): Promise<string> => {
    const ran = await run(words);
    if (ran.code !== 0) throw new Error(`helm ${words}: exit ${ran.code}\n${ran.stdout}${ran.stderr}`);
    return ran.stdout;
  };
  it('installs, upgrades, rolls back and uninstalls a release', { timeout: 120_000 }, async () => {
    expect(await helm('install demo ./demo')).toMatch(/^NAME: demo\n[^]*STATUS: deployed\nREVISION: 1\n/);
    expect(await helm('upgrade demo ./demo --set replicaCount=3')).toMatch(/^Release "demo" has been upgraded/);
    expect(await cluster.kubectl.ok('get deployment demo -o jsonpath={.spec.replicas}')).toBe('3');
    expect(await helm('rollback demo 1')).toBe('Rollback was a success! Happy Helming!\n');
    expect(await helm('get manifest demo')).toContain('kind: Deployment\n');
    expect(await cluster.kubectl.ok('get secrets --field-selector type=helm.sh/release.v1 -o name')).toBe(
      'secret/sh.helm.release.v1.demo.v1\nsecret/sh.helm.release.v1.demo.v2\nsecret/sh.helm.release.v1.demo.v3\n',
    );
    expect(await helm('uninstall demo')).toBe('release "demo" uninstalled\n');
    expect(
      await cluster.kubectl.ok(
        'get deployments,services,serviceaccounts,secrets -l app.kubernetes.io/instance=demo -o name',
      ),
    ).toBe('');
  });
});
