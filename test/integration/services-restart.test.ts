import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHttpClient } from '@nodeless/client/http-client';
import type { Client } from '@nodeless/client/client';
import { deployments, services } from '@nodeless/client/resource-types';
import { systemClock } from '@nodeless/component-base/clock';
import { createLogger } from '@nodeless/component-base/logger';
import { engineProblem, findEngine } from '@nodeless/virtual-kubelet/providers/docker/engine';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { removeClusterContainers } from '../../local/clean-up.ts';
import { type Cluster, startCluster } from '../../local/main.ts';
import { serviceAddresses } from '../../local/services/service-addresses.ts';
import { ensureEchoImage } from '../builders/echo-image.ts';

// Many processes, one after another, on a machine that may be busy.
vi.setConfig({ testTimeout: 90_000 });

const found = findEngine();
const problem = await engineProblem(found);
const namespace = 'default';
const suite = `Services over a restart${problem ? ` (skipped: ${problem})` : ''}`;

describe.skipIf(problem !== undefined)(suite, () => {
  let dataDir: string;
  let cluster: Cluster;
  let client: Client;

  const start = async (): Promise<void> => {
    cluster = await startCluster({
      dataDir,
      port: 0,
      provider: 'docker',
      nodes: 1,
      log: createLogger({ level: 'error' }),
    });
    client = createHttpClient({
      server: cluster.url,
      ca: await readFile(cluster.ca, 'utf8'),
      token: () => cluster.token,
      clock: systemClock,
    });
  };
  const until = async <T>(what: string, probe: () => Promise<T | undefined | false>): Promise<T> => {
    const end = Date.now() + 60_000;
    for (;;) {
      const result = await probe();
      if (result) return result;
      if (Date.now() > end) throw new Error(`not within a minute: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const place = (): Promise<string> =>
    until('an address', async () => serviceAddresses(await client.get(services, { namespace, name: 'front' }))[0]);

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'nodeless-services-'));
    await start();
    const image = await ensureEchoImage(found.engine);
    const labels = { app: 'echo' };
    const container = { name: 'echo', image, imagePullPolicy: 'Never', env: [{ name: 'POD_NAME', value: 'echo' }] };
    await client.create(deployments, {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { namespace, name: 'echo' },
      spec: {
        replicas: 1,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { terminationGracePeriodSeconds: 0, containers: [container] } },
      },
    });
    await client.create(services, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace, name: 'front' },
      spec: { type: 'LoadBalancer', selector: labels, ports: [{ port: 8090, targetPort: 8080 }] },
    });
  }, 120_000);

  afterAll(async () => {
    await cluster?.close();
    await removeClusterContainers(dataDir);
    await rm(dataDir, { recursive: true, force: true });
  }, 60_000);

  it('keep their address, and the pods behind it', async () => {
    const before = await place();
    const answer = await until('an answer', async () => (await ask(before)).startsWith('echo') && before);
    await cluster.close();
    expect(await ask(before)).toBe('ECONNREFUSED');
    await start();
    expect(await place()).toBe(answer);
    await until('an answer', async () => (await ask(before)).startsWith('echo'));
    // The ClusterIP too, through rules that were written anew.
    const { clusterIP = '' } = (await client.get(services, { namespace, name: 'front' })).spec ?? {};
    await until('an answer at the ClusterIP', async () => (await ask(`${clusterIP}:8090`)).startsWith('echo'));
  }, 120_000);
});

function ask(at: string): Promise<string> {
  const [host = '', port] = at.split(':');
  return new Promise((resolve) => {
    let text = '';
    const socket = connect({ host, port: Number(port) });
    socket.setTimeout(2000, () => {
      socket.destroy();
      resolve('timeout');
    });
    socket.on('data', (data) => (text += data.toString()));
    socket.on('end', () => resolve(text));
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
  });
}
