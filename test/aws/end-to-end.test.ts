import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lacking } from '../builders/kubectl.ts';
import { type DeployedCluster, deployCluster } from './end-to-end/deployed-cluster.ts';
import { whyNoDeployment } from './end-to-end/deployment.ts';
import { useAws } from './harness.ts';

const why = whyNoDeployment() ?? lacking('kubectl');

describe.skipIf(why !== undefined)(`a deployed cluster${why ? ` (${why})` : ''}`, () => {
  const aws = useAws();
  let cluster: DeployedCluster;

  beforeAll(async () => {
    if (aws()) cluster = await deployCluster(aws(), { cluster: 'e2e' });
  }, 300_000);
  afterAll(() => cluster?.stop());

  it('is asked by kubectl', async () => {
    const { kubectl } = cluster;
    expect(await kubectl.ok('auth whoami -o jsonpath={.status.userInfo.username}')).toContain(':user/e2e-admin');
    expect(await kubectl.ok('get namespaces -o name')).toContain('namespace/kube-system');
  });

  it('turns a Deployment into pods', async () => {
    const { kubectl } = cluster;
    await kubectl.ok('create deployment web --image=busybox --replicas=2');
    for (let n = 0; n < 60; n++) {
      const pods = await kubectl.ok('get pods -o name');
      if (pods.trim().split('\n').length === 2) return;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    console.log(aws().engine.log());
    throw new Error('no pods');
  }, 60_000);
});
