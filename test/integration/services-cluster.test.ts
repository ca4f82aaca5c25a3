import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { Writable } from 'node:stream';
import type { Deployment } from '@nodeless/apimachinery/generated/types/apps/v1';
import type { Endpoints, Event, Pod, Service, ServiceSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import type { KubernetesObject } from '@nodeless/apimachinery/object';
import type { ResourceType } from '@nodeless/client/client';
import { deployments, endpoints, endpointSlices, events, pods, services } from '@nodeless/client/resource-types';
import { engineProblem, findEngine } from '@nodeless/virtual-kubelet/providers/docker/engine';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { serviceAddresses } from '../../local/services/service-addresses.ts';
import { ensureEchoImage } from '../builders/echo-image.ts';
import { type ServiceCluster, startServiceCluster } from '../builders/service-cluster.ts';

// Many processes, one after another, on a machine that may be busy.
vi.setConfig({ testTimeout: 90_000 });

const { engine, ...address } = findEngine();
const problem = await engineProblem({ engine, ...address });

describe.skipIf(problem !== undefined)(`Services of a cluster${problem ? ` (skipped: ${problem})` : ''}`, () => {
  let cluster: ServiceCluster;
  let clientPod: Pod;

  const create = async <T extends KubernetesObject>(
    type: ResourceType<T>,
    name: string,
    body: Omit<T, 'metadata'>,
  ): Promise<T> =>
    cluster.client.create(type, {
      apiVersion: type.group ? `${type.group}/${type.version}` : type.version,
      kind: type.kind,
      ...body,
      metadata: { namespace: 'default', name },
    } as unknown as T);
  const serve = (name: string, spec: ServiceSpec): Promise<Service> => create(services, name, { spec });

  const until = async <T>(what: string, probe: () => Promise<T | undefined | false>): Promise<T> => {
    const end = Date.now() + 60_000;
    for (;;) {
      const found = await probe();
      if (found) return found;
      if (Date.now() > end) throw new Error(`not within a minute: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const running = (name: string): Promise<Pod> =>
    until(`${name} ready`, async () => {
      const pod = await cluster.client.get(pods, { namespace: 'default', name });
      return pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True')
        ? pod
        : undefined;
    });
  /** JavaScript in the client's pod: what it prints. */
  const inPod = async (script: string, pod = clientPod): Promise<string> => {
    const { name = '', namespace = '', uid = '' } = pod.metadata ?? {};
    const chunks: Buffer[] = [];
    const collect = new Writable({
      write(chunk: Buffer, _encoding, done) {
        chunks.push(chunk);
        done();
      },
    });
    await cluster.provider.exec({ name, namespace, uid }, 'echo', ['/bin/node', '-e', script], {
      stdin: undefined,
      stdout: collect,
      stderr: collect,
      tty: false,
      onResize: () => {},
      signal: AbortSignal.timeout(30_000),
    });
    return Buffer.concat(chunks).toString('utf8').trim();
  };
  const askFromPod = (host: string, port: number, count = 1): Promise<string[]> =>
    inPod(`
      (async () => {
        for (let i = 0; i < ${count}; i++) console.log(await new Promise((done) => {
          const socket = require('node:net').connect({ host: '${host}', port: ${port} });
          socket.setTimeout(3000, () => done('timeout'));
          let text = '';
          socket.on('data', (data) => (text += data));
          socket.on('end', () => done(text.trim().split(' ')[0]));
          socket.on('error', (error) => done(error.code));
        }));
      })();`).then((text) => text.split('\n'));

  beforeAll(async () => {
    const image = await ensureEchoImage(engine);
    cluster = await startServiceCluster(engine);
    const template = (app: string) => ({
      metadata: { labels: { app } },
      spec: {
        terminationGracePeriodSeconds: 0,
        containers: [
          {
            name: 'echo',
            image,
            imagePullPolicy: 'Never',
            env: [{ name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
            ports: [
              { name: 'web', containerPort: 8080 },
              { name: 'dgram', containerPort: 5353, protocol: 'UDP' },
            ],
          },
        ],
      },
    });
    const labels = (app: string) => ({ selector: { matchLabels: { app } }, template: template(app) });
    await create<Deployment>(deployments, 'echo', { spec: { replicas: 2, ...labels('echo') } });
    await until('the default ServiceAccount', async () =>
      create(pods, 'client', template('client')).catch((error: Error) => {
        if (/serviceaccount/i.test(error.message)) return undefined;
        throw error;
      }),
    );
    clientPod = await running('client');
    await until(
      'both replicas',
      async () =>
        (await cluster.client.get(deployments, { namespace: 'default', name: 'echo' })).status?.readyReplicas === 2,
    );
  }, 120_000);

  afterAll(async () => {
    await cluster?.stop();
  }, 60_000);

  const echoNames = async (): Promise<string[]> =>
    (await cluster.client.list(pods, { namespace: 'default', labelSelector: 'app=echo' })).items
      .map(({ metadata }) => metadata?.name ?? '')
      .sort();
  const spread = async (ask: () => Promise<string[]>): Promise<string[]> => {
    const expected = await echoNames();
    return until('answers of both', async () => {
      const names = [...new Set(await ask())].sort();
      return names.join() === expected.join() ? names : undefined;
    });
  };

  it('has no problems to tell on this machine', () => {
    expect(cluster.services.problems()).toEqual([]);
  });

  it('reaches the API from inside a pod with the mounted token, by environment and by name', async () => {
    const script = (host: string): string => `
      const fs = require('node:fs');
      const dir = '/var/run/secrets/kubernetes.io/serviceaccount/';
      const host = ${host};
      require('node:https').get({ host, port: process.env.KUBERNETES_SERVICE_PORT ?? 443, path: '/version', ca: fs.readFileSync(dir + 'ca.crt'), headers: { authorization: 'Bearer ' + fs.readFileSync(dir + 'token', 'utf8') } },
        (response) => { let text = ''; response.on('data', (d) => (text += d)); response.on('end', () => console.log(host, response.statusCode, JSON.parse(text).major)); }).on('error', (e) => console.log(host, e.message));`;
    // A pod that was made before its Service's environment was known has only the name.
    expect(await inPod(script("process.env.KUBERNETES_SERVICE_HOST ?? '10.96.0.1'"))).toBe('10.96.0.1 200 1');
    expect(await inPod(script("'kubernetes.default'"))).toBe('kubernetes.default 200 1');
    expect(await inPod(script("'kubernetes.default.svc.cluster.local'"))).toBe(
      'kubernetes.default.svc.cluster.local 200 1',
    );
  });

  it('spreads over the replicas by ClusterIP and by name, with a named target port', async () => {
    await serve('web', { selector: { app: 'echo' }, clusterIP: '10.96.2.1', ports: [{ port: 80, targetPort: 'web' }] });
    await spread(() => askFromPod('10.96.2.1', 80, 16));
    await spread(() => askFromPod('web', 80, 16));
    await spread(() => askFromPod('web.default.svc', 80, 16));
  });

  it('answers UDP by name', async () => {
    await serve('datagrams', {
      selector: { app: 'echo' },
      clusterIP: '10.96.2.2',
      ports: [{ port: 53, targetPort: 'dgram', protocol: 'UDP' }],
    });
    const answer = await until('an answer', async () => {
      const text = await inPod(`
        const socket = require('node:dgram').createSocket('udp4');
        socket.on('message', (data) => { console.log(String(data)); process.exit(); });
        socket.on('error', (error) => { console.log(error.code); process.exit(); });
        setTimeout(() => process.exit(), 2000);
        socket.send('x', 53, 'datagrams.default', (error) => { if (error) { console.log(error.code); process.exit(); } });`);
      return text.startsWith('echo-') ? text : undefined;
    });
    expect(answer.split(' ')[1]).toBe(clientPod.status?.podIP);
  });

  it('resolves a headless Service to its pods', async () => {
    await serve('headless', { selector: { app: 'echo' }, clusterIP: 'None', ports: [{ name: 'web', port: 8080 }] });
    const ips = (await cluster.client.list(pods, { namespace: 'default', labelSelector: 'app=echo' })).items
      .map(({ status }) => status?.podIP ?? '')
      .sort();
    const found = await until('both addresses', async () => {
      const text = await inPod(
        `require('node:dns').lookup('headless', { all: true, family: 4 }, (error, all) => console.log(error ? error.code : all.map((one) => one.address).sort().join()));`,
      );
      return text === ips.join() ? text : undefined;
    });
    expect(found.split(',')).toHaveLength(2);
  });

  it('follows endpoints that somebody wrote for a Service without a selector', async () => {
    const ip =
      (await cluster.client.list(pods, { namespace: 'default', labelSelector: 'app=echo' })).items[0]?.status?.podIP ??
      '';
    await serve('own', { clusterIP: '10.96.2.4', ports: [{ name: 'web', port: 80, targetPort: 9 }] });
    await create<Endpoints>(endpoints, 'own', {
      subsets: [{ addresses: [{ ip }], ports: [{ name: 'web', port: 8080 }] }],
    });
    await until('an answer', async () => (await askFromPod('own', 80))[0]?.startsWith('echo-'));
  });

  it('takes a pod out when it is not ready any more', async () => {
    await serve('shrinking', {
      selector: { app: 'echo' },
      clusterIP: '10.96.2.5',
      ports: [{ port: 80, targetPort: 8080 }],
    });
    await spread(() => askFromPod('10.96.2.5', 80, 16));
    await cluster.client.patch(deployments, { namespace: 'default', name: 'echo' }, 'merge', { spec: { replicas: 0 } });
    await until('refusals', async () =>
      (await askFromPod('10.96.2.5', 80, 3)).every((answer) => answer === 'ECONNREFUSED'),
    );
    await cluster.client.patch(deployments, { namespace: 'default', name: 'echo' }, 'merge', { spec: { replicas: 2 } });
    await until(
      'both replicas',
      async () =>
        (await cluster.client.get(deployments, { namespace: 'default', name: 'echo' })).status?.readyReplicas === 2,
    );
    await spread(() => askFromPod('10.96.2.5', 80, 16));
  });

  it('answers on this machine at the address of a LoadBalancer, TCP and UDP, and at its ClusterIP', async () => {
    await serve('front', {
      type: 'LoadBalancer',
      selector: { app: 'echo' },
      clusterIP: '10.96.2.6',
      ports: [
        { name: 'web', port: 8081, targetPort: 'web' },
        { name: 'dgram', port: 8081, targetPort: 'dgram', protocol: 'UDP' },
      ],
    });
    const service = await until('an address', async () => {
      const found = await cluster.client.get(services, { namespace: 'default', name: 'front' });
      return found.status?.loadBalancer?.ingress?.length ? found : undefined;
    });
    expect(service.metadata?.finalizers).toContain('service.kubernetes.io/load-balancer-cleanup');
    expect(service.status?.loadBalancer?.ingress).toEqual([{ ip: expect.stringMatching(/^127\./), ipMode: 'Proxy' }]);
    const [tcp = '', udp = ''] = serviceAddresses(service).map((place) => place.split(':')[0] as string);
    await spread(async () => Promise.all(Array.from({ length: 16 }, () => askFromHere(tcp, 8081))));
    expect(await datagramFromHere(udp, 8081)).toMatch(/^echo-/);
    // Through the route into the cluster.
    await spread(async () => Promise.all(Array.from({ length: 16 }, () => askFromHere('10.96.2.6', 8081))));
    expect(await datagramFromHere('10.96.2.6', 8081)).toMatch(/^echo-/);
    const reasons = await until('events', async () => {
      const { items } = await cluster.client.list<Event>(events, {
        namespace: 'default',
        fieldSelector: 'involvedObject.name=front',
      });
      const found = items.map(({ reason }) => reason);
      return found.includes('EnsuredLoadBalancer') ? found : undefined;
    });
    expect(reasons).toContain('EnsuringLoadBalancer');

    await cluster.client.delete(services, { namespace: 'default', name: 'front' });
    await until('its end', async () =>
      cluster.client.get(services, { namespace: 'default', name: 'front' }).then(
        () => false,
        () => true,
      ),
    );
    expect(await askFromHere(tcp, 8081)).toBe('ECONNREFUSED');
  });

  it('connects to Services for the API server', async () => {
    const answer = await new Promise<string>((resolve, reject) => {
      cluster.services.dialer
        .connect('10.96.2.1', 80)
        .then((stream) => stream.on('data', (data: Buffer) => resolve(data.toString())).on('error', reject), reject);
    });
    expect(answer).toMatch(/^echo-/);
    await expect(cluster.services.dialer.connect('10.96.2.4', 81)).rejects.toMatchObject({
      code: expect.stringMatching(/ECONN|EHOST|ETIMEDOUT/),
    });
  });

  it('says which ports it does not serve', async () => {
    await serve('signalling', { clusterIP: '10.96.2.9', ports: [{ port: 38_412, protocol: 'SCTP' }] });
    const { items } = await until('an event', async () => {
      const found = await cluster.client.list<Event>(events, {
        namespace: 'default',
        fieldSelector: 'involvedObject.name=signalling',
      });
      return found.items.length > 0 ? found : undefined;
    });
    expect(items.map(({ type, reason, message }) => [type, reason, message])).toEqual([
      ['Warning', 'UnsupportedProtocol', 'port 38412: SCTP is not supported by the local data path; use TCP or UDP'],
    ]);
  });

  it('mends its own Services', async () => {
    await cluster.client.delete(endpointSlices, { namespace: 'default', name: 'kubernetes' });
    await until('the slice again', async () =>
      cluster.client.get(endpointSlices, { namespace: 'default', name: 'kubernetes' }).then(
        () => true,
        () => false,
      ),
    );
  });
});

function askFromHere(host: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect({ host, port });
    socket.setTimeout(3000, () => resolve('timeout'));
    socket.on('data', (data) => (text += data.toString()));
    socket.on('end', () => resolve(text.trim().split(' ')[0] as string));
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
  });
}

function datagramFromHere(host: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    const done = (text: string): void => {
      clearTimeout(timer);
      socket.close();
      resolve(text);
    };
    const timer = setTimeout(() => done('timeout'), 3000);
    socket.on('message', (data) => done(data.toString()));
    socket.send('x', port, host);
  });
}
