/** Load balancers and names as functions give them: through stream, queues and delays, with functions that die on the way. */
import { type Server, connect, createServer } from 'node:net';
import { Route53Client } from '@aws-sdk/client-route-53';
import { awsDataPaths } from '@nodeless/apimachinery/service-data-path';
import { isPodReady, podCondition } from '@nodeless/apimachinery/pod-conditions';
import { drainedCondition } from '@nodeless/apimachinery/target-health';
import { deployments, pods, services } from '@nodeless/client/resource-types';
import { createAwsControllers } from '@nodeless/controllers/load-balancers/aws-controllers';
import { createZoneWriter } from '@nodeless/controllers/load-balancers/dns/zone-writer';
import { awsAdmission } from '@nodeless/registry/admission/aws-admission';
import { afterEach, describe, expect, it } from 'vitest';
import { type Elbv2Set, createElbv2Set } from '../aws/elbv2-rig-set.ts';
import { clientSettings } from '../aws/rigs/request-handler.ts';
import { type Route53Rig, createRoute53Rig } from '../aws/rigs/route53.ts';
import { newDeployment } from '../builders/cluster-objects.ts';
import { type FunctionsCluster, createFunctionsCluster } from '../builders/functions-cluster.ts';

let cluster: FunctionsCluster;
let set: Elbv2Set;
let zone: Route53Rig;
let server: Server;
afterEach(async () => {
  await cluster?.stop();
  await set?.elb.close();
  server?.close();
});

const minute = 60_000;
const web = { namespace: 'default', name: 'web' };

async function start(dies?: Parameters<typeof createFunctionsCluster>[0]): Promise<void> {
  server = createServer((socket) => socket.on('error', () => {}));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as { port: number };
  let made = false;
  cluster = await createFunctionsCluster({
    ...dies,
    life: (pod) => (pod.spec?.readinessGates?.length ? { stopsAfter: drainedCondition } : {}),
    admission: awsAdmission,
    balancers(clock) {
      if (!made) {
        set = createElbv2Set({ clock, provisionMs: 30_000, dial: () => connect({ host: '127.0.0.1', port }) });
        zone = createRoute53Rig({ clock });
        made = true;
      }
      const client = new Route53Client({ ...clientSettings, requestHandler: zone.requestHandler });
      return createAwsControllers({
        elbv2: set.fresh().elbv2,
        certificates: { find: async () => new Map() },
        zone: createZoneWriter({ client, zoneId: 'Z1', domain: 'cluster.local', clock }),
        dataPaths: awsDataPaths,
        serviceSubnets: [],
        domain: 'cluster.local',
      });
    },
  });
}

async function life(): Promise<void> {
  await cluster.client.create(services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: web,
    spec: { type: 'LoadBalancer', selector: { app: 'web' }, ports: [{ port: 80, targetPort: 80 as never }] },
  });
  await cluster.client.create(deployments, newDeployment('web', { replicas: 2 }));
  const hostname = async () => (await cluster.find(services, 'web'))?.status?.loadBalancer?.ingress?.[0]?.hostname;
  await cluster.until('a name', async () => (await hostname()) !== undefined, 10 * minute);
  const ready = async (): Promise<string[]> =>
    (await cluster.client.list(pods, { namespace: 'default' })).items
      .filter((pod) => isPodReady(pod) && !pod.metadata?.deletionTimestamp)
      .map((pod) => pod.status?.podIP ?? '')
      .toSorted();
  const targets = (): string[] =>
    [...set.elb.state.targetGroups.values()]
      .flatMap((group) => [...group.targets.values()].filter((t) => t.state !== 'draining').map(({ id }) => id))
      .toSorted();
  const behind = async (count: number): Promise<boolean> =>
    (await ready()).length === count && targets().join() === (await ready()).join();
  await cluster.until('targets', () => behind(2), 10 * minute);
  await cluster.until(
    'a name in the zone',
    async () => zone.records.get('web.default.svc.cluster.local. A')?.values.join() === (await ready()).join(),
    10 * minute,
  );

  await cluster.edit(deployments, 'web', ({ spec }) => {
    if (spec?.template.spec?.containers[0]) spec.template.spec.containers[0].image = 'next';
  });
  const rolled = async (): Promise<boolean> => {
    const all = (await cluster.client.list(pods, { namespace: 'default' })).items;
    return all.length === 2 && all.every((pod) => pod.spec?.containers[0]?.image === 'next');
  };
  await cluster.until('the new pods', async () => (await rolled()) && (await behind(2)), 20 * minute);
  const [one] = (await cluster.client.list(pods, { namespace: 'default' })).items;
  expect(one && podCondition(one, 'target-health.nodeless.dev/web')).toMatchObject({
    status: 'True',
    reason: 'Healthy',
  });

  await cluster.client.delete(services, web);
  await cluster.until(
    'the Service is gone',
    async () => (await cluster.find(services, 'web')) === undefined,
    20 * minute,
  );
  expect(set.leftovers()).toEqual([]);
  await cluster.until('its name too', async () => !zone.records.has('web.default.svc.cluster.local. A'), 10 * minute);
  for (const { violations } of set.validations) expect(violations).toEqual([]);
}

describe('load balancers as functions give them', () => {
  it('follow Services and pods from the first to the last', async () => {
    await start();
    await life();
    expect(cluster.queues.dead.bodies()).toEqual([]);
    expect(cluster.logged.filter((line) => !line.includes('conflict'))).toEqual([]);
  }, 120_000);

  it('do so where the controllers die again and again', async () => {
    let steps = 0;
    await start({ dies: ({ function: name }) => name === 'controllers' && ++steps % 150 === 0 });
    await life();
    expect(steps).toBeGreaterThan(300);
  }, 120_000);
});
