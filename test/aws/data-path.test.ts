import { isPodReady, podCondition } from '@nodeless/apimachinery/pod-conditions';
import { deployments, events, pods, services } from '@nodeless/client/resource-types';
import { createDataPathController, subnetFor } from '@nodeless/controllers/load-balancers/data-path';
import { afterEach, describe, expect, it } from 'vitest';
import { newDeployment } from '../builders/cluster-objects.ts';
import { type BalancedCluster, startBalancedCluster } from './balanced-cluster.ts';
import { exchange } from './rigs/tcp-exchange.ts';

const running: BalancedCluster[] = [];
afterEach(async () => {
  for (const one of running.splice(0)) await one.stop();
});
const serviceSubnets = [{ id: 'subnet-a', cidr: '10.96.0.0/17' }];

async function start() {
  const balanced = await startBalancedCluster({
    rig: { provisionMs: 20_000 },
    more: (elbv2) => [
      createDataPathController({
        elbv2,
        dataPaths: { byDefault: 'auto', agents: false, loadBalancers: true },
        serviceSubnets,
      }),
    ],
  });
  running.push(balanced);
  const { cluster, step } = balanced;
  const upTo = async (what: string, probe: () => Promise<boolean> | boolean, withinMs = 120_000): Promise<void> => {
    for (let waited = 0; !(await probe()); waited += 500) {
      if (waited > withinMs) throw new Error(`did not happen: ${what}\n${cluster.logged.slice(-3).join('\n')}`);
      await step(500);
    }
  };
  const told = async (): Promise<string[]> =>
    (await cluster.client.list(events, { namespace: 'default' })).items
      .filter(({ involvedObject }) => involvedObject.kind === 'Service')
      .map(({ reason, message }) => `${reason} ${message}`);
  const put = (clusterIP: string, annotations: Record<string, string> = {}) =>
    cluster.client.create(services, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web', namespace: 'default', annotations },
      spec: { clusterIP, selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 as never }] },
    });
  return { ...balanced, upTo, told, put };
}

describe('a load balancer at a ClusterIP', () => {
  it('comes when it is asked for, with its price, and goes with the annotation', async () => {
    const { cluster, elb, ec2, put, upTo, told, validations } = await start();
    await cluster.client.create(deployments, newDeployment('web', { replicas: 2 }));
    await put('10.96.1.5', { 'nodeless.dev/data-path': 'nlb' });
    await upTo('a load balancer', () => [...elb.state.loadBalancers.values()][0]?.state === 'active');
    const [lb] = [...elb.state.loadBalancers.values()];
    expect(lb).toMatchObject({ scheme: 'internal', subnets: [{ id: 'subnet-a', address: '10.96.1.5' }] });
    const { port } = await elb.addressOf(lb?.arn ?? '', 80);
    await upTo('it answers', () => exchange(port, 'hello').then(Boolean, () => false));
    expect(await told()).toContain(
      'DataPathPrice the ClusterIP gets a load balancer: a network load balancer costs about 16 dollars a month and its traffic',
    );
    // Pods that come now wait for it.
    await upTo('the mark that it takes traffic', async () => {
      const { metadata } = await cluster.client.get(services, { namespace: 'default', name: 'web' });
      return metadata?.annotations?.['nodeless.dev/data-path-ready'] === 'true';
    });
    await cluster.edit(deployments, 'web', (d) => d.spec && (d.spec.replicas = 3));
    await upTo('the third pod was found healthy', async () =>
      (await cluster.client.list(pods, { namespace: 'default' })).items.some(
        (pod) => podCondition(pod, 'target-health.nodeless.dev/web')?.reason === 'Healthy' && isPodReady(pod),
      ),
    );
    await cluster.edit(services, 'web', (service) => {
      service.metadata = { ...service.metadata, annotations: {} };
    });
    await upTo(
      'everything is gone',
      () => elb.state.loadBalancers.size + elb.state.targetGroups.size + ec2.groups.size === 1,
    );
    await upTo(
      'the finalizer too',
      async () =>
        !(await cluster.client.get(services, { namespace: 'default', name: 'web' })).metadata?.finalizers?.length,
    );
    expect((await told()).find((line) => line.startsWith('PortNotTranslated'))).toMatch(/port 80 leads to port 8080/);
    for (const { violations } of validations) expect(violations).toEqual([]);
  });

  it('goes with its Service', async () => {
    const { cluster, elb, put, upTo } = await start();
    await put('10.96.1.5', { 'nodeless.dev/data-path': 'nlb' });
    await upTo('a load balancer', () => elb.state.loadBalancers.size === 1);
    await cluster.client.delete(services, { namespace: 'default', name: 'web' });
    await upTo('it is gone', async () => (await cluster.find(services, 'web')) === undefined);
    expect(elb.state.loadBalancers.size + elb.state.targetGroups.size).toBe(0);
  });

  it('is not made where the address cannot be had, and the user is told', async () => {
    const { elb, put, upTo, told } = await start();
    await put('10.96.200.5', { 'nodeless.dev/data-path': 'nlb' });
    await upTo('an event', async () =>
      (await told()).includes('DataPathUnavailable 10.96.200.5 lies in no subnet of the service range'),
    );
    expect(elb.state.loadBalancers.size).toBe(0);
  });

  it.each(['10.96.0.0', '10.96.0.3', '10.96.127.255'])('cannot have %s, which AWS keeps', (address) => {
    expect(subnetFor(address, serviceSubnets)).toMatch(/AWS keeps for itself/);
  });

  it('is never made unasked', async () => {
    const { elb, put, step } = await start();
    await put('10.96.1.5');
    await step(5000);
    expect(elb.faults.calls.filter((name) => !name.startsWith('Describe'))).toEqual([]);
  });
});
