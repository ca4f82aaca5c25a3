import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findEngine } from '@nodeless/virtual-kubelet/providers/docker/engine';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { ask } from '../builders/https.ts';
import { runTool } from '../builders/kubectl.ts';
import { nodeless, type RunningCluster, startRunningCluster, temporaryFolder } from '../builders/running-cluster.ts';
import { dockerProblem, ensureTestImage, image } from './docker-engine.ts';

// Many processes, one after another, on a machine that may be busy.
vi.setConfig({ testTimeout: 90_000 });

/** `up` with real containers: an address that answers, pods that outlive the process and are taken over, nothing left after --purge. */
const unable = await dockerProblem();
const { engine } = findEngine();
let folder: string;
let cluster: RunningCluster;
let clusterId: string;
const data = (): string => join(folder, 'data');
const manifest = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: web
          image: ${image}
          command: [sh, -c, 'trap exit TERM; while true; do printf "HTTP/1.0 200 OK\\r\\nContent-Length: 6\\r\\n\\r\\nhello\\n" | nc -l -p 8080; done']
          ports: [{name: http, containerPort: 8080}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: LoadBalancer
  selector: {app: web}
  ports: [{port: 80, targetPort: http}]
`;

beforeAll(async () => {
  if (unable) return;
  folder = await temporaryFolder('docker');
  await ensureTestImage(engine);
  writeFileSync(join(folder, 'web.yaml'), manifest);
  cluster = await startRunningCluster({
    dataDir: data(),
    provider: 'docker',
    nodes: 2,
    args: ['-f', join(folder, 'web.yaml')],
  });
  clusterId = (await runTool('cat', [join(data(), 'cluster-id')])).stdout.trim();
}, 180_000);
afterAll(async () => {
  if (!folder) return;
  await cluster?.stop('SIGKILL');
  await nodeless(['down', '--purge', '--data-dir', data()]);
  rmSync(folder, { recursive: true, force: true });
}, 60_000);
beforeEach((context) => context.skip(unable !== undefined, unable));

interface Status {
  readonly metadata: { readonly name: string; readonly uid: string };
  readonly status: {
    readonly podIP: string;
    readonly containerStatuses: readonly {
      readonly containerID: string;
      readonly restartCount: number;
      readonly ready: boolean;
    }[];
    readonly conditions: readonly { readonly type: string; readonly lastTransitionTime: string }[];
  };
}
/** One line for each: what it is, its containers, and since when it has been as ready as it is. */
const pods = async (): Promise<string[]> => {
  const { items } = (await ask(cluster, { path: '/api/v1/namespaces/default/pods' })).json() as { items: Status[] };
  return items
    .map(({ metadata, status }) =>
      [
        metadata.name,
        metadata.uid,
        status.podIP,
        status.conditions.find(({ type }) => type === 'Ready')?.lastTransitionTime,
        ...status.containerStatuses.map((c) => `${c.containerID} ${c.restartCount} ${c.ready}`),
      ].join(' '),
    )
    .toSorted();
};
/** When the kubelet of each node last told that it lives. */
const renewals = async (): Promise<string[]> => {
  const path = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
  const { items } = (await ask(cluster, { path })).json() as { items: { spec: { renewTime: string } }[] };
  return items.map(({ spec }) => spec.renewTime);
};
const running = async (): Promise<number> =>
  (await engine.listContainers()).filter(({ Names, Labels }) =>
    [...Names, ...Object.values(Labels)].some((text) => text.includes(clusterId)),
  ).length;
const address = (): string => /web answers at (http:\/\/\S+)/.exec(cluster.output().stdout)?.[1] ?? '';

describe('up with Docker', () => {
  it('prints where the Service answers, and it does', async () => {
    expect(cluster.output().stdout).toMatch(/pod\/web-\S+ Ready\n[^]*web answers at http:\/\/\S+\n/);
    // Each copy serves one connection after the other: a refused one is tried again.
    await expect
      .poll(() => fetch(address(), { headers: { connection: 'close' } }).then((response) => response.text(), String), {
        timeout: 20_000,
      })
      .toBe('hello\n');
  });

  it.each(['SIGINT', 'SIGKILL'] as const)(
    'takes over the pods that ran on after %s',
    { timeout: 90_000 },
    async (signal) => {
      const before = await pods();
      expect(before).toHaveLength(2);
      const containers = await running();
      const { port } = cluster;
      const exit = await cluster.stop(signal);
      if (signal === 'SIGINT')
        expect(exit.stderr).toMatch(
          /\nStopped\. Pods go on running; "npm start" takes them over again, "nodeless down --purge" removes everything\.\n$/,
        );
      expect(await running()).toBe(containers);
      const began = new Date().toISOString();
      cluster = await startRunningCluster({ dataDir: data(), port, provider: 'docker', nodes: 2 });
      // The same pods in the same containers, none of them started anew or out of service for a moment.
      await expect
        .poll(renewals, { timeout: 30_000 })
        .toSatisfy((times: string[]) => times.length === 2 && times.every((time) => time > began));
      await expect.poll(pods, { timeout: 30_000 }).toEqual(before);
      expect(await running()).toBe(containers);
    },
  );

  it('mends what happened to pods while it was away', { timeout: 90_000 }, async () => {
    const { port } = cluster;
    const [victim] = await pods();
    const id = /docker:\/\/(\w+)/.exec(victim ?? '')?.[1] ?? '';
    await cluster.stop('SIGKILL');
    await engine.getContainer(id).kill();
    cluster = await startRunningCluster({ dataDir: data(), port, provider: 'docker', nodes: 2 });
    await expect
      .poll(async () => (await pods()).map((pod) => / (\d+) (true|false)$/.exec(pod)?.slice(1).join(' ')).toSorted(), {
        timeout: 60_000,
      })
      .toEqual(['0 true', '1 true']);
  });

  it('leaves nothing after down --purge', { timeout: 90_000 }, async () => {
    const down = await nodeless(['down', '--purge', '--data-dir', data()]);
    expect(down).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^The cluster has stopped\.\nRemoved \S+ and \d+ containers\.\n$/),
    });
    expect(await running()).toBe(0);
    expect((await engine.listNetworks()).filter(({ Name }) => Name.includes(clusterId))).toEqual([]);
    expect(((await engine.listVolumes()).Volumes ?? []).filter(({ Name }) => Name.includes(clusterId))).toEqual([]);
    expect(existsSync(data())).toBe(false);
  });
});
