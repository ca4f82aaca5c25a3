import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Docker from 'dockerode';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { ObservedPod, PodRef, ResolvedPod } from '@nodeless/virtual-kubelet/providers/provider';
import { label } from '@nodeless/virtual-kubelet/providers/docker/labels';
import { removeCluster } from '@nodeless/virtual-kubelet/providers/docker/teardown';
import { createTestCluster, dockerProblem, image, type TestCluster } from './docker-engine.ts';

// Many processes, one after another, on a machine that may be busy.
vi.setConfig({ testTimeout: 90_000 });

const problem = await dockerProblem();
const forever = 'trap "exit 0" TERM; while :; do sleep 0.1; done';

/** A socket in front of the engine's that can be taken away and given back, as an engine that stops and returns. */
function createSwitch(): { path: string; off(): Promise<void>; on(): Promise<void>; dispose(): Promise<void> } {
  const folder = mkdtempSync(join(tmpdir(), 'nodeless-'));
  const path = join(folder, 'docker.sock');
  const open = new Set<Socket>();
  let server: Server | undefined;
  const off = async (): Promise<void> => {
    for (const socket of open) socket.destroy();
    const closing = server;
    server = undefined;
    if (closing) await new Promise((resolve) => closing.close(resolve));
    rmSync(path, { force: true });
  };
  return {
    path,
    off,
    async on() {
      server = createServer({ allowHalfOpen: true }, (near) => {
        const far = connect({ path: '/var/run/docker.sock', allowHalfOpen: true });
        for (const socket of [near, far]) {
          open.add(socket);
          socket.on('close', () => open.delete(socket));
          socket.on('error', () => {
            near.destroy();
            far.destroy();
          });
        }
        near.pipe(far);
        far.pipe(near);
      });
      await new Promise<void>((resolve) => server?.listen(path, resolve));
    },
    async dispose() {
      await off();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function aPod(n: number, script = forever): ResolvedPod {
  const container = { name: 'app', image, imagePullPolicy: 'IfNotPresent', command: ['sh', '-c', script] };
  return {
    pod: {
      metadata: {
        namespace: 'it',
        name: `pod-${n}`,
        uid: `20000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
        generation: 1,
      },
      spec: { nodeName: n % 2 ? 'node-1' : 'node-2', terminationGracePeriodSeconds: 1, containers: [container] },
    },
    containers: { app: { name: 'app', env: [], command: container.command, args: undefined } },
    volumes: [],
    dns: { nameservers: [], searches: [], options: [] },
    hostname: `pod-${n}`,
    hostAliases: [],
    pullSecrets: [],
    nodeAddresses: [],
  };
}
const refOf = (pod: ResolvedPod): PodRef => ({
  namespace: 'it',
  name: pod.pod.metadata?.name ?? '',
  uid: pod.pod.metadata?.uid ?? '',
});
const app = (pod: ObservedPod | undefined) => pod?.containers.find((c) => c.name === 'app');

describe.skipIf(problem !== undefined)(`an engine that comes and goes${problem ? ` (${problem})` : ''}`, () => {
  let cluster: TestCluster;
  let power: ReturnType<typeof createSwitch>;
  beforeEach(async () => {
    power = createSwitch();
    await power.on();
    cluster = await createTestCluster({ engine: new Docker({ socketPath: power.path }) });
  }, 60_000);
  afterEach(async () => {
    await cluster?.dispose();
    await power.dispose();
  }, 60_000);

  async function until(pod: ResolvedPod, what: (pod: ObservedPod | undefined) => boolean): Promise<ObservedPod> {
    const end = Date.now() + 20_000;
    for (;;) {
      const seen = await cluster.provider.observePod(refOf(pod));
      if (what(seen)) return seen as ObservedPod;
      if (Date.now() > end) throw new Error(`did not become so: ${JSON.stringify(seen)}`);
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  }
  const running = (pod: ObservedPod | undefined): boolean => app(pod)?.state.running !== undefined;

  test('while it is away the provider says so, and afterwards pods are as they were', async () => {
    const first = aPod(1);
    const second = aPod(2);
    await cluster.provider.createPod(first);
    const before = await until(first, running);
    await power.off();
    await expect(cluster.provider.nodes()).rejects.toMatchObject({ name: 'ProviderError', code: 'unavailable' });
    // Wishes may still be uttered; they are fulfilled when the engine is back.
    await cluster.provider.createPod(second);
    await new Promise((resolve) => setTimeout(resolve, 300));
    await power.on();
    await until(second, running);
    const after = await until(first, running);
    expect(app(after)?.containerId).toBe(app(before)?.containerId);
    expect((await cluster.provider.nodes()).size).toBe(2);
  }, 60_000);

  test('what ended while it was away is seen to have ended, and runs again', async () => {
    const pod = aPod(3);
    await cluster.provider.createPod(pod);
    const before = await until(pod, running);
    await power.off();
    await new Docker().getContainer(app(before)?.containerId.slice('docker://'.length) ?? '').kill();
    await power.on();
    const after = await until(pod, (p) => app(p)?.restartCount === 1 && running(p));
    expect(app(after)?.lastState?.terminated).toMatchObject({ exitCode: 137, reason: 'Error' });
  }, 60_000);

  test('after the engine itself was restarted, pods get a new sandbox', async () => {
    const pod = aPod(5);
    const changes: string[] = [];
    cluster.provider.subscribe?.(
      () => {},
      (event) => void changes.push(event.reason),
    );
    await cluster.provider.createPod(pod);
    await until(pod, running);
    await power.off();
    // A restarted engine has stopped every container, helpers too.
    const docker = new Docker();
    const all = await docker.listContainers({ filters: { label: [`${label.cluster}=${cluster.cluster}`] } });
    await Promise.all(
      all.map((c) =>
        docker
          .getContainer(c.Id)
          .kill()
          .catch(() => {}),
      ),
    );
    await power.on();
    await until(pod, (p) => app(p)?.restartCount === 1 && running(p));
    expect(changes).toContain('SandboxChanged');
    const { output } = await (await cluster.provider.helper('node-1')).exec(['hostname']);
    expect(output.trim()).toBe('node-1');
  }, 60_000);

  test('a node that ends beneath its pods is made again', async () => {
    const before = await cluster.provider.helper('node-1');
    await new Docker().getContainer(before.containerId).remove({ force: true });
    const end = Date.now() + 10_000;
    let after = await cluster.provider.helper('node-1');
    while (after.containerId === before.containerId && Date.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 30));
      after = await cluster.provider.helper('node-1');
    }
    expect(after.containerId).not.toBe(before.containerId);
    expect(after.address).toBe(before.address);
    const pod = aPod(9);
    await cluster.provider.createPod(pod);
    await until(pod, running);
  }, 60_000);

  test('twenty pods at once, each with its own address', async () => {
    const pods = Array.from({ length: 20 }, (_, i) => aPod(100 + i));
    await Promise.all(pods.map((p) => cluster.provider.createPod(p)));
    const seen = await Promise.all(pods.map((p) => until(p, running)));
    expect(new Set(seen.map((p) => p.podIp)).size).toBe(20);
    await Promise.all(pods.map((p) => cluster.provider.deletePod(refOf(p), 1)));
    expect(await cluster.provider.listPods()).toEqual([]);
  }, 90_000);

  test("down removes what is the cluster's and nothing else", async () => {
    const docker = new Docker();
    const foreign = await docker.createContainer({
      Image: image,
      Cmd: ['true'],
      Labels: { 'nodeless.dev/cluster': 'somebody-else' },
    });
    try {
      await cluster.provider.nodes();
      const pod = aPod(7);
      await cluster.provider.createPod({ ...pod, volumes: [{ name: 'm', kind: 'emptyDir', medium: 'Memory' }] });
      await until(pod, running);
      await cluster.provider.close();
      const removed = await removeCluster(docker, cluster.cluster);
      expect(removed).toEqual({ containers: 4, volumes: 3, networks: 1, left: [] });
      expect(await removeCluster(docker, cluster.cluster)).toEqual({
        containers: 0,
        volumes: 0,
        networks: 0,
        left: [],
      });
      expect((await foreign.inspect()).Id).toBe(foreign.id);
    } finally {
      await foreign.remove({ force: true });
    }
  }, 60_000);
});
