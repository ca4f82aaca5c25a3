import { connect } from 'node:net';
import type { Service } from '@nodeless/apimachinery/generated/types/core/v1';
import { isPodReady } from '@nodeless/apimachinery/pod-conditions';
import { deployments, pods, services } from '@nodeless/client/resource-types';
import { afterEach, describe, expect, it } from 'vitest';
import { newDeployment } from '../builders/cluster-objects.ts';
import { type BalancedCluster, type BalancedOptions, startBalancedCluster } from './balanced-cluster.ts';
import { injectFaults } from './rigs/faults.ts';
import { exchange } from './rigs/tcp-exchange.ts';

const running: BalancedCluster[] = [];
afterEach(async () => {
  for (const one of running.splice(0)) await one.stop();
});

const web: Service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: {
    name: 'web',
    namespace: 'default',
    annotations: {
      'service.beta.kubernetes.io/aws-load-balancer-healthcheck-interval': '5',
      'service.beta.kubernetes.io/aws-load-balancer-healthcheck-healthy-threshold': '2',
    },
  },
  spec: { type: 'LoadBalancer', selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 as never }] },
};

async function start(options: BalancedOptions = {}) {
  const balanced = await startBalancedCluster({ ...options, rig: { provisionMs: 20_000, ...options.rig } });
  running.push(balanced);
  const { cluster, elb, step } = balanced;
  await cluster.client.create(services, web);
  await cluster.client.create(deployments, newDeployment('web', { replicas: 3 }));
  const upTo = async (what: string, probe: () => Promise<boolean>, withinMs = 120_000): Promise<void> => {
    for (let waited = 0; !(await probe()); waited += 500) {
      if (waited > withinMs) throw new Error(`did not happen: ${what}\n${cluster.logged.slice(-3).join('\n')}`);
      await step(500);
    }
  };
  const address = async (): Promise<string | undefined> =>
    (await cluster.client.get(services, { namespace: 'default', name: 'web' })).status?.loadBalancer?.ingress?.[0]
      ?.hostname;
  await upTo('the load balancer has a name', async () => (await address()) !== undefined);
  const [lb] = [...elb.state.loadBalancers.values()];
  const { port } = await elb.addressOf(lb?.arn ?? '', 80);
  await upTo('it answers', async () => exchange(port, 'hello').then(Boolean, () => false));
  return { ...balanced, port, upTo };
}

/** Asks all the time while `work` is done; what went wrong. Some connections are slow: they say something long after they began. */
async function askAllTheTime(
  { cluster, step, port, elb }: Awaited<ReturnType<typeof start>>,
  done: () => Promise<boolean>,
): Promise<{ answered: Set<string>; failed: string[]; asked: number }> {
  const answered = new Set<string>();
  const failed: string[] = [];
  const slow: { at: number; ask: () => Promise<string> }[] = [];
  let asked = 0;
  const open = (): (() => Promise<string>) => {
    const socket = connect({ host: '127.0.0.1', port });
    const answer = new Promise<string>((resolve, reject) => {
      socket.on('data', (chunk: Buffer) => resolve(chunk.toString()));
      socket.on('error', reject);
      socket.on('close', () => reject(new Error('closed without an answer')));
    });
    answer.catch(() => {});
    return () => {
      if (!socket.destroyed) socket.write('late');
      return answer;
    };
  };
  const ask = async (work: Promise<string>): Promise<void> => {
    asked += 1;
    try {
      answered.add(await work);
    } catch (error) {
      const states = [...elb.state.targetGroups.values()].flatMap((g) =>
        [...g.targets.values()].map((t) => `${t.id} ${t.state}`),
      );
      failed.push(`${new Date(cluster.clock.now()).toISOString()} ${(error as Error).message} ${states.join(', ')}`);
    }
  };
  for (let quiet = 0, i = 0; quiet < 60 && i < 2000; i++) {
    if (i % 10 === 0) slow.push({ at: cluster.clock.now() + 8000, ask: open() });
    await ask(exchange(port, 'hello'));
    for (const one of slow.splice(0))
      if (one.at <= cluster.clock.now()) await ask(one.ask());
      else slow.push(one);
    await step(500);
    quiet = (await done()) ? quiet + 1 : 0;
  }
  return { answered, failed, asked };
}

const rolledOut =
  ({ cluster }: Awaited<ReturnType<typeof start>>, image: string) =>
  async (): Promise<boolean> => {
    const all = (await cluster.client.list(pods, { namespace: 'default' })).items;
    return all.length === 3 && all.every((pod) => pod.spec?.containers[0]?.image === image && isPodReady(pod));
  };

describe('pods that are not ready', () => {
  it('get no connections, also where each operation of AWS fails a few times', async () => {
    const set = await start();
    const { cluster, step, port, clients } = set;
    const planned = ['throttle', 'unanswered', 'server-error', 'lost'] as const;
    const plan = ({ calls }: { calls: number }) => planned[calls];
    const faults = clients.map((client) => injectFaults(client, { plan }));
    const [one] = (await cluster.client.list(pods, { namespace: 'default' })).items;
    const name = one?.metadata?.name ?? '';
    const met = async (seconds: number): Promise<Set<string>> => {
      const answers = new Set<string>();
      for (let i = 0; i < seconds * 2; i++) {
        answers.add(await exchange(port, 'hello'));
        await step(500);
      }
      return answers;
    };
    expect(await met(5)).toContain(name);
    await cluster.kubelet.setReady('default', name, false);
    // Calls that failed are tried again.
    await met(60);
    const answers = await met(20);
    expect(answers).not.toContain(name);
    expect(answers.size).toBe(2);
    await cluster.kubelet.setReady('default', name, true);
    await met(60);
    expect(await met(10)).toContain(name);
    expect(faults.flatMap(({ log }) => log).length).toBeGreaterThan(3);
    for (const fault of faults) fault.enabled = false;
  }, 60_000);
});

describe('a rolling update', () => {
  it('drops no request', async () => {
    const set = await start();
    const before = new Set((await set.cluster.client.list(pods)).items.map((pod) => pod.metadata?.name));
    await set.cluster.edit(deployments, 'web', (d) => {
      if (d.spec?.template.spec?.containers[0]) d.spec.template.spec.containers[0].image = 'next';
    });
    const { answered, failed, asked } = await askAllTheTime(set, rolledOut(set, 'next'));
    expect(failed).toEqual([]);
    expect(asked).toBeGreaterThan(100);
    expect(answered.size, 'old and new pods').toBe(6);
    expect([...answered].filter((name) => before.has(name))).toHaveLength(3);
    expect(await rolledOut(set, 'next')()).toBe(true);
    for (const { violations } of set.validations) expect(violations).toEqual([]);
  }, 60_000);

  it.each<[string, BalancedOptions]>([
    ['without gates, whose old pods go before new ones are healthy,', { gates: false }],
    ['whose pods do not wait until they are drained', { drains: false }],
  ])(
    '%s drops some: the test sees it',
    async (_name, options) => {
      const set = await start(options);
      await set.cluster.edit(deployments, 'web', (d) => {
        if (d.spec?.template.spec?.containers[0]) d.spec.template.spec.containers[0].image = 'next';
      });
      const { failed } = await askAllTheTime(set, rolledOut(set, 'next'));
      expect(failed.length).toBeGreaterThan(0);
    },
    60_000,
  );
});
