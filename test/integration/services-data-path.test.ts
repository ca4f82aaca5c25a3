import { randomBytes } from 'node:crypto';
import type { Service, ServiceSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import type { Endpoint, EndpointSlice } from '@nodeless/apimachinery/generated/types/discovery/v1';
import { systemClock } from '@nodeless/component-base/clock';
import { createLogger } from '@nodeless/component-base/logger';
import { createDockerProvider } from '@nodeless/virtual-kubelet/providers/docker/docker-provider';
import { engineProblem, findEngine } from '@nodeless/virtual-kubelet/providers/docker/engine';
import { removeCluster } from '@nodeless/virtual-kubelet/providers/docker/teardown';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createRuleProgrammer } from '../../local/services/nft/programmer.ts';
import { createServiceDataPath } from '../../local/services/service-data-path.ts';
import { createServiceIndex } from '../../local/services/service-index.ts';
import { type EchoPod, startEchoPod } from '../builders/echo-pods.ts';
import { createObjectSource } from '../builders/sources.ts';

// Many processes, one after another, on a machine that may be busy.
vi.setConfig({ testTimeout: 90_000 });

const address = findEngine();
const problem = await engineProblem(address);
const { engine } = address;
const cluster = `t${randomBytes(3).toString('hex')}`;
const log = createLogger({ level: 'warn' });
const clock = systemClock;

const services = createObjectSource<Service>();
const slices = createObjectSource<EndpointSlice>();

function serve(
  name: string,
  clusterIP: string,
  endpoints: readonly (EchoPod | Endpoint)[],
  spec: Partial<ServiceSpec> = {},
): void {
  const ports = spec.ports ?? [
    { name: 'web', port: 80, targetPort: 'http', protocol: 'TCP' },
    { name: 'dns', port: 53, protocol: 'UDP' },
  ];
  services.put({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default' },
    spec: { type: 'ClusterIP', clusterIP, ports, ...spec },
  });
  slices.put({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `${name}-1`, namespace: 'default', labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    ports: [
      { name: 'web', port: 8080, protocol: 'TCP' },
      { name: 'dns', port: 5353, protocol: 'UDP' },
    ],
    endpoints: endpoints.map((one) =>
      'ref' in one ? { addresses: [one.ip], conditions: { ready: true }, nodeName: one.nodeName } : one,
    ),
  });
}

const names = (answers: readonly string[]): string[] =>
  [...new Set(answers.map((answer) => answer.split(' ')[0] as string))].sort();
const clients = (answers: readonly string[]): string[] =>
  [...new Set(answers.map((answer) => answer.split(' ')[1] as string))].sort();

describe.skipIf(problem !== undefined)(`Services in the kernel${problem ? ` (skipped: ${problem})` : ''}`, () => {
  const index = createServiceIndex({ services, slices });
  const provider = createDockerProvider({
    engine,
    cluster,
    clock,
    log,
    onSandbox: ({ ref, nodeName, namespace }) => programmer.addPod(ref.uid, nodeName, namespace),
  });
  const programmer = createRuleProgrammer({
    open: async (node, command) => (await provider.helper(node)).open(command),
    clock,
    log,
  });
  const dataPath = createServiceDataPath({
    index,
    serviceCidr: '10.96.0.0/16',
    clock,
  });
  let a: EchoPod;
  let b: EchoPod;
  let client: EchoPod;
  let host: EchoPod;
  /** Rules of everything put so far are in place. */
  const settled = async (): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, 30));
    await programmer.settled();
  };

  beforeAll(async () => {
    const nodes = await Promise.all(
      ['node-1', 'node-2'].map(async (name) => ({ name, addresses: [(await provider.helper(name)).address] })),
    );
    for (const { name } of nodes) void programmer.addNode(name);
    dataPath.start(nodes, (renderer) => programmer.want(renderer));
    [a, b, client, host] = await Promise.all([
      startEchoPod(engine, provider, 'a', { nodeName: 'node-1' }),
      startEchoPod(engine, provider, 'b', { nodeName: 'node-2' }),
      startEchoPod(engine, provider, 'client', { nodeName: 'node-1' }),
      startEchoPod(engine, provider, 'host', { nodeName: 'node-2', hostNetwork: true }),
    ]);
  }, 120_000);

  afterAll(async () => {
    dataPath.stop();
    programmer.stop();
    await provider.close();
    await removeCluster(engine, cluster);
  }, 60_000);

  it('spreads connections over the ready endpoints and keeps the source address', async () => {
    serve('spread', '10.96.1.1', [a, b]);
    await settled();
    const answers = await client.tcp('10.96.1.1', 80, 20);
    expect(names(answers)).toEqual(['a', 'b']);
    expect(clients(answers)).toEqual([client.ip]);
    expect(names(await host.tcp('10.96.1.1', 80, 20))).toEqual(['a', 'b']);
  });

  it('leads a pod back to itself', async () => {
    serve('self', '10.96.1.2', [a]);
    await settled();
    expect(await a.tcp('10.96.1.2', 80)).toEqual([`a ${a.ip}`]);
    expect(await a.udp('10.96.1.2', 53)).toEqual([`a ${a.ip}`]);
  });

  it('gives traffic to ready endpoints only, and to draining ones when there is no other', async () => {
    const draining = {
      addresses: [b.ip],
      nodeName: b.nodeName,
      conditions: { ready: false, serving: true, terminating: true },
    };
    serve('drain', '10.96.1.3', [a, draining]);
    await settled();
    expect(names(await client.tcp('10.96.1.3', 80, 10))).toEqual(['a']);
    serve('drain', '10.96.1.3', [draining]);
    await settled();
    expect(names(await client.tcp('10.96.1.3', 80, 5))).toEqual(['b']);
    serve('drain', '10.96.1.3', [{ ...draining, conditions: { ready: false } }]);
    await settled();
    expect(await client.tcp('10.96.1.3', 80)).toEqual(['ECONNREFUSED']);
  });

  it('refuses connections to ports without endpoints and to ports that a Service does not have', async () => {
    serve('none', '10.96.1.4', []);
    await settled();
    expect(await client.tcp('10.96.1.4', 80)).toEqual(['ECONNREFUSED']);
    expect(await client.tcp('10.96.1.4', 81)).toEqual(['ECONNREFUSED']);
    expect(await host.tcp('10.96.1.4', 80)).toEqual(['ECONNREFUSED']);
  });

  it('keeps a client with its target where affinity is asked for', async () => {
    const affinity: Partial<ServiceSpec> = {
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 3600 } },
    };
    serve('sticky', '10.96.1.5', [a, b], affinity);
    await settled();
    const first = names(await client.tcp('10.96.1.5', 80, 12));
    expect(first).toHaveLength(1);
    // An endpoint that comes does not move it, the end of its own does.
    const [own, other] = first[0] === 'a' ? [a, b] : [b, a];
    serve('sticky', '10.96.1.5', [a, b, { addresses: ['10.244.9.9'], conditions: { ready: true } }], affinity);
    await settled();
    expect(names(await client.tcp('10.96.1.5', 80, 6))).toEqual([own.ref.name]);
    serve('sticky', '10.96.1.5', [other], affinity);
    await settled();
    expect(names(await client.tcp('10.96.1.5', 80, 3))).toEqual([other.ref.name]);
  });

  it('moves a UDP client at once when its endpoint goes', async () => {
    serve('datagrams', '10.96.1.6', [a]);
    await settled();
    const script = `
      const socket = require('node:dgram').createSocket('udp4');
      const timer = setInterval(() => socket.send('x', 53, '10.96.1.6'), 50);
      socket.on('message', (data) => console.log(String(data).split(' ')[0]));
      setTimeout(() => process.exit(0), 1500);`;
    const answers = client.run(script);
    await new Promise((resolve) => setTimeout(resolve, 900));
    serve('datagrams', '10.96.1.6', [b]);
    const seen = (await answers).split('\n');
    expect(names(seen)).toEqual(['a', 'b']);
    expect(seen.at(-1)).toBe('b');
    expect(seen.lastIndexOf('a')).toBeLessThan(seen.indexOf('b'));
  });

  it('answers on node ports of every node, from pods, host-network pods and this machine', async () => {
    serve('node-port', '10.96.1.7', [a], {
      type: 'NodePort',
      externalTrafficPolicy: 'Cluster',
      ports: [{ name: 'web', port: 80, protocol: 'TCP', nodePort: 30_080 }],
    });
    await settled();
    const addresses = await Promise.all(
      ['node-1', 'node-2'].map(async (node) => (await provider.helper(node)).address),
    );
    for (const node of addresses) {
      expect(await client.tcp(node, 30_080)).toEqual([`a ${client.ip}`]);
      expect(names(await host.tcp(node, 30_080))).toEqual(['a']);
      if (await provider.isReachable()) expect(await fetchText(node, 30_080)).toMatch(/^a /);
    }
    expect(names(await host.tcp('127.0.0.1', 30_080))).toEqual(['a']);
  });

  it('keeps traffic on its node where the policies say so', async () => {
    serve('local', '10.96.1.8', [a, b], {
      type: 'NodePort',
      internalTrafficPolicy: 'Local',
      externalTrafficPolicy: 'Local',
      ports: [{ name: 'web', port: 80, protocol: 'TCP', nodePort: 30_081 }],
    });
    await settled();
    expect(names(await client.tcp('10.96.1.8', 80, 10))).toEqual(['a']);
    expect(names(await host.tcp('10.96.1.8', 80, 10))).toEqual(['b']);
    const second = (await provider.helper('node-2')).address;
    expect(names(await client.tcp(second, 30_081, 6))).toEqual(['b']);
    serve('local', '10.96.1.8', [b], { internalTrafficPolicy: 'Local' });
    await settled();
    expect(await client.tcp('10.96.1.8', 80)).toEqual(['timeout']);
  });

  it("has a pod's rules in place before its containers start, also those of Services that came earlier", async () => {
    serve('early', '10.96.1.9', [a]);
    const late = await startEchoPod(engine, provider, 'late', { nodeName: 'node-2' });
    expect(await late.tcp('10.96.1.9', 80)).toEqual([`a ${late.ip}`]);
    await provider.deletePod(late.ref, 0);
  });

  it('takes a Service away', async () => {
    serve('short', '10.96.1.10', [a]);
    await settled();
    expect(names(await client.tcp('10.96.1.10', 80))).toEqual(['a']);
    services.remove({ metadata: { name: 'short', namespace: 'default' } });
    await settled();
    expect(await client.tcp('10.96.1.10', 80)).toEqual(['timeout']);
  });

  it('programs a change in a moment', async () => {
    const times: number[] = [];
    for (let i = 0; i < 10; i++) {
      const start = performance.now();
      serve('quick', '10.96.1.11', i % 2 ? [a] : [a, b]);
      await settled();
      times.push(performance.now() - start);
    }
    // 30 ms of it are the test's own; the rest is a batch's delay and nft in six namespaces.
    expect(times.sort((x, y) => x - y)[5]).toBeLessThan(500);
  });
});

async function fetchText(host: string, port: number): Promise<string> {
  const { connect } = await import('node:net');
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect({ host, port });
    socket.on('data', (data) => (text += data.toString()));
    socket.on('end', () => resolve(text.trim()));
    socket.on('error', reject);
  });
}
