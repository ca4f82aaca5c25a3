import type { Ingress, IngressSpec } from '@nodeless/apimachinery/generated/types/networking/v1';
import { isPodReady } from '@nodeless/apimachinery/pod-conditions';
import { deployments, events, ingresses, pods, services } from '@nodeless/client/resource-types';
import { createIngressController } from '@nodeless/controllers/ingress/ingress';
import { awsObjects } from '@nodeless/registry/bootstrap/aws-objects';
import { afterEach, describe, expect, it } from 'vitest';
import { newDeployment } from '../builders/cluster-objects.ts';
import { type BalancedCluster, startBalancedCluster } from './balanced-cluster.ts';
import { ask } from './http-ask.ts';

const running: BalancedCluster[] = [];
afterEach(async () => {
  for (const one of running.splice(0)) await one.stop();
});

const arn = 'arn:aws:acm:us-east-1:123456789012:certificate/shop';
const key = (name: string) => ({ namespace: 'default', name });

async function start() {
  const certificates = new Map<string, string>();
  const balanced = await startBalancedCluster({
    rig: { provisionMs: 20_000, certificates: [arn] },
    more: (elbv2) => [
      createIngressController({
        elbv2,
        certificates: {
          find: async (hosts) =>
            new Map(hosts.flatMap((h) => (certificates.has(h) ? [[h, certificates.get(h) as string]] : []))),
        },
      }),
    ],
  });
  running.push(balanced);
  const { cluster, elb, step } = balanced;
  for (const { type, object } of awsObjects) await cluster.client.create(type, object);
  const app = async (name: string): Promise<void> => {
    await cluster.client.create(services, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace: 'default' },
      spec: { selector: { app: name }, ports: [{ name: 'http', port: 80, targetPort: 8080 as never }] },
    });
    await cluster.client.create(deployments, newDeployment(name, { replicas: 2 }));
  };
  const put = (name: string, spec: IngressSpec, annotations: Record<string, string> = {}): Promise<Ingress> =>
    cluster.client.create(ingresses, {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: {
        ...key(name),
        annotations: Object.fromEntries(
          Object.entries(annotations).map(([k, v]) => [`alb.ingress.kubernetes.io/${k}`, v]),
        ),
      },
      spec: { ingressClassName: 'alb', ...spec },
    });
  const upTo = async (what: string, probe: () => Promise<boolean> | boolean, withinMs = 180_000): Promise<void> => {
    for (let waited = 0; !(await probe()); waited += 500) {
      if (waited > withinMs) throw new Error(`did not happen: ${what}\n${cluster.logged.slice(-3).join('\n')}`);
      await step(500);
    }
  };
  const hostname = async (name: string): Promise<string | undefined> =>
    (await cluster.find(ingresses, key(name)))?.status?.loadBalancer?.ingress?.[0]?.hostname;
  const port = async (listener: number): Promise<number> => {
    const [lb] = [...elb.state.loadBalancers.values()];
    return (await elb.addressOf(lb?.arn ?? '', listener)).port;
  };
  const told = async (): Promise<string[]> =>
    (await cluster.client.list(events, { namespace: 'default' })).items
      .filter(({ involvedObject }) => involvedObject.kind === 'Ingress')
      .map(({ reason, message }) => `${reason} ${message}`);
  return { ...balanced, certificates, app, put, upTo, hostname, port, told };
}

const to = (name: string) => ({ service: { name, port: { number: 80 } } });

describe('ingresses', () => {
  it('lead hosts and paths to Services, share a load balancer, and go without a trace', async () => {
    const { app, put, upTo, hostname, port, cluster, elb, ec2, told, validations } = await start();
    for (const name of ['shop', 'api', 'other']) await app(name);
    await put(
      'one',
      {
        rules: [
          {
            host: 'shop.example.com',
            http: {
              paths: [
                { path: '/', pathType: 'Prefix', backend: to('shop') },
                { path: '/api', pathType: 'Prefix', backend: to('api') },
                { path: '/missing', pathType: 'Exact', backend: to('nobody') },
              ],
            },
          },
        ],
      },
      { 'group.name': 'all', scheme: 'internet-facing' },
    );
    await put('two', { defaultBackend: to('other') }, { 'group.name': 'all', 'wafv2-acl-arn': 'x' });
    await upTo(
      'both have an address',
      async () => (await hostname('one')) !== undefined && (await hostname('two')) !== undefined,
    );
    expect(await hostname('one')).toBe(await hostname('two'));
    expect([...elb.state.loadBalancers.values()]).toMatchObject([{ type: 'application', scheme: 'internet-facing' }]);
    await upTo('it answers', async () => (await ask(await port(80), '/')).status === 200);
    const body = async (path: string, host: string): Promise<string> => {
      const { status, body: text } = await ask(await port(80), path, host);
      return `${status} ${text.split('-')[0]}`;
    };
    expect(await body('/', 'shop.example.com')).toBe('200 shop');
    expect(await body('/apix', 'shop.example.com')).toBe('200 shop');
    expect(await body('/api', 'shop.example.com')).toBe('200 api');
    expect(await body('/api/v1', 'SHOP.example.com')).toBe('200 api');
    expect(await body('/missing', 'shop.example.com')).toBe('503 no such Service');
    expect(await body('/', 'elsewhere.example.com')).toBe('200 other');
    expect(await told()).toEqual(
      expect.arrayContaining([
        'BackendNotFound there is no Service nobody',
        'UnsupportedAnnotation alb.ingress.kubernetes.io/wafv2-acl-arn: attach the web ACL to the load balancer yourself',
      ]),
    );

    // One leaves; the other stays as it is.
    await cluster.client.delete(ingresses, key('two'));
    await upTo('two is gone', async () => (await cluster.find(ingresses, key('two'))) === undefined);
    expect(await body('/', 'elsewhere.example.com')).toBe('404 ');
    expect(await body('/', 'shop.example.com')).toBe('200 shop');
    await cluster.client.delete(ingresses, key('one'));
    await upTo('one is gone', async () => (await cluster.find(ingresses, key('one'))) === undefined);
    expect([elb.state.loadBalancers.size, elb.state.targetGroups.size, elb.state.rules.size]).toEqual([0, 0, 0]);
    expect([...ec2.groups.keys()]).toEqual(['sg-backend']);
    for (const { violations } of validations) expect(violations).toEqual([]);
    expect(cluster.logged).toEqual([]);
  }, 60_000);

  it('take certificates by host, tell where there is none, and go on when it comes', async () => {
    const { app, put, upTo, hostname, port, certificates, elb, told, cluster } = await start();
    await app('shop');
    await put(
      'tls',
      {
        tls: [{ hosts: ['shop.example.com'] }],
        rules: [
          { host: 'shop.example.com', http: { paths: [{ path: '/', pathType: 'Prefix', backend: to('shop') }] } },
        ],
      },
      { 'listen-ports': '[{"HTTP": 80}, {"HTTPS": 443}]', 'ssl-redirect': '443' },
    );
    await upTo('an address', async () => (await hostname('tls')) !== undefined);
    expect((await told()).find((line) => line.startsWith('CertificateNotFound'))).toMatch(/shop\.example\.com/);
    expect([...elb.state.listeners.values()].map((l) => l.port)).toEqual([80]);
    certificates.set('shop.example.com', arn);
    await cluster.edit(ingresses, key('tls'), (i) => (i.metadata = { ...i.metadata, labels: { again: 'please' } }));
    await upTo('HTTPS', () => [...elb.state.listeners.values()].some((l) => l.port === 443 && l.certificate === arn));
    expect(await ask(await port(80), '/x', 'shop.example.com')).toMatchObject({
      status: 301,
      location: 'https://shop.example.com:443/x',
    });
    await upTo('it answers', async () => (await ask(await port(443), '/', 'shop.example.com')).status === 200);
  }, 60_000);

  it('leave one group for another', async () => {
    const { app, put, upTo, hostname, elb, cluster } = await start();
    await app('shop');
    await put('one', { defaultBackend: to('shop') }, { 'group.name': 'first' });
    await upTo('an address', async () => (await hostname('one')) !== undefined);
    const before = await hostname('one');
    await cluster.edit(ingresses, key('one'), (i) => {
      i.metadata = { ...i.metadata, annotations: { 'alb.ingress.kubernetes.io/group.name': 'second' } };
    });
    await upTo('another address', async () => {
      const now = await hostname('one');
      return now !== undefined && now !== before && elb.state.loadBalancers.size === 1;
    });
    await upTo('the finalizer of the new group alone', async () => {
      const { metadata } = await cluster.client.get(ingresses, key('one'));
      return metadata?.finalizers?.join() === 'group.ingress.k8s.aws/second';
    });
  }, 60_000);

  it('contradicting each other are told so, and keep what they have', async () => {
    const { app, put, upTo, hostname, elb, told } = await start();
    await app('shop');
    await put('one', { defaultBackend: to('shop') }, { 'group.name': 'g' });
    await upTo('an address', async () => (await hostname('one')) !== undefined);
    await put('two', { defaultBackend: to('shop') }, { 'group.name': 'g', scheme: 'internet-facing' });
    await put('three', { defaultBackend: to('shop') }, { 'group.name': 'g', scheme: 'internal' });
    await upTo('an event', async () => (await told()).some((line) => line.startsWith('ConflictingAnnotations')));
    expect(elb.state.loadBalancers.size).toBe(1);
  }, 60_000);

  it('of other classes are left alone', async () => {
    const { app, put, step, cluster, elb } = await start();
    await app('shop');
    await put('one', { ingressClassName: 'nginx', defaultBackend: to('shop') });
    await step(5000);
    expect((await cluster.client.get(ingresses, key('one'))).metadata?.finalizers).toBeUndefined();
    expect(elb.faults.calls.filter((name) => !name.startsWith('Describe'))).toEqual([]);
  });

  it('drop no request while their pods are replaced', async () => {
    const { app, put, upTo, hostname, port, cluster, step } = await start();
    await put('one', { defaultBackend: to('shop') });
    await app('shop');
    await upTo('an address', async () => (await hostname('one')) !== undefined);
    const at = await port(80);
    await upTo('it answers', async () => (await ask(at, '/')).status === 200);
    await cluster.edit(deployments, 'shop', (d) => {
      if (d.spec?.template.spec?.containers[0]) d.spec.template.spec.containers[0].image = 'next';
    });
    const names = new Set<string>();
    const failed: string[] = [];
    for (let quiet = 0, i = 0; quiet < 40 && i < 1500; i++) {
      const { status, body } = await ask(at, '/');
      if (status === 200) names.add(body);
      else failed.push(`${i}: ${status}`);
      await step(500);
      const all = (await cluster.client.list(pods, { namespace: 'default' })).items;
      const done = all.length === 2 && all.every((p) => p.spec?.containers[0]?.image === 'next' && isPodReady(p));
      quiet = done ? quiet + 1 : 0;
    }
    expect(failed).toEqual([]);
    expect(names.size).toBe(4);
  }, 60_000);
});
