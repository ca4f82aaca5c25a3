import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import type { Pod, PodSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import { pods } from '@nodeless/client/resource-types';
import { systemClock } from '@nodeless/component-base/clock';
import { silentLogger } from '@nodeless/component-base/logger';
import { type Agent, createAgent } from '@nodeless/virtual-kubelet/agent/agent';
import { agentState } from '@nodeless/virtual-kubelet/agent/apply-report';
import { createDoorClient, DoorError } from '@nodeless/virtual-kubelet/agent/door-client';
import type { TaskView } from '@nodeless/virtual-kubelet/agent/task-metadata';
import { createVolumeWriter } from '@nodeless/virtual-kubelet/agent/volume-writer';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type AgentCluster,
  createAgentCluster,
  type DoorServer,
  namespace,
  serveDoor,
} from '../../../builders/agent-door.ts';

let cluster: AgentCluster;
let server: DoorServer;
let folder: string;
let task: TaskView;
const agents: { agent: Agent; over: Promise<number> }[] = [];

beforeEach(async () => {
  cluster = await createAgentCluster({
    clock: systemClock,
    timing: {
      gather: 5,
      volumes: { min: 20, max: 40 },
      metadata: { starting: 5, running: 10 },
      services: { min: 20, max: 40 },
    },
  });
  server = await serveDoor(cluster.door);
  folder = await mkdtemp(join(tmpdir(), 'nodeless-agent-'));
  show('running');
});
afterEach(async () => {
  for (const { agent } of agents) agent.terminate();
  await Promise.all(agents.splice(0).map(({ over }) => over));
  await server.close();
  await cluster.close();
  await rm(folder, { recursive: true, force: true });
});

const show = (state: 'running' | 'ended'): void => {
  const startedAt = '2030-01-01T00:00:00Z';
  task = { podIp: '10.0.0.7', stopping: false, containers: new Map([['app', { id: 'run-app', state, startedAt }]]) };
};
const readyFile = (): string => join(folder, 'ready');
const until = (check: () => unknown) =>
  vi.waitFor(async () => expect(await check()).toBeTruthy(), { timeout: 5_000, interval: 5 });
const isReady = async (): Promise<boolean> =>
  (await cluster.readPod('p')).status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ?? false;

async function start(
  spec: Partial<PodSpec> = {},
  token?: string,
): Promise<{ pod: Pod; over: Promise<number>; agent: Agent }> {
  const pod = await cluster.startPod('p', spec);
  const agent = createAgent({
    door: createDoorClient({
      v: 1,
      url: `http://127.0.0.1:${server.port}`,
      token: token ?? (await cluster.agentToken(pod)),
    }),
    dial: () => Promise.resolve(new PassThrough()),
    clock: systemClock,
    log: silentLogger,
    version: 'test',
    writer: createVolumeWriter(join(folder, 'volumes')),
    markReady: (ready) => (ready ? writeFile(readyFile(), '') : rm(readyFile(), { force: true })),
    readTask: () => Promise.resolve(task),
  });
  const over = agent.run();
  agents.push({ agent, over });
  return { pod, over, agent };
}

describe('an agent', () => {
  it('writes the volumes, says that they stand, and reports', async () => {
    await start({
      containers: [{ name: 'app', image: 'i', readinessProbe: { tcpSocket: { port: 1 } } }],
      volumes: [{ name: 'scratch', emptyDir: {} }],
    });
    await until(() => existsSync(readyFile()));
    const access = (await cluster.readPod('p')).spec?.volumes?.find((v) => v.projected)?.name ?? '';
    expect(await readFile(join(folder, 'volumes', access, 'namespace'), 'utf8')).toBe(namespace);
    expect(existsSync(join(folder, 'volumes/scratch'))).toBe(true);
    await until(isReady);
    expect(agentState(await cluster.readPod('p'))).toMatchObject({
      version: 'test',
      containers: { app: { ready: true } },
    });
  });

  it('starts once the door is there', async () => {
    await server.goAway();
    await start();
    await new Promise((resolve) => setImmediate(resolve));
    expect(existsSync(readyFile())).toBe(false);
    await server.comeBack();
    await until(isReady);
  });

  it('ends on being told, with a last report and without its file', async () => {
    const { over, agent } = await start();
    await until(isReady);
    show('ended');
    agent.terminate();
    expect(await over).toBe(0);
    expect(existsSync(readyFile())).toBe(false);
    expect(agentState(await cluster.readPod('p'))?.containers['app']?.state).toBe('ended');
  });

  it('that is told to end while it waits for its boot document ends without an error', async () => {
    await server.goAway();
    const { over, agent } = await start();
    agent.terminate();
    expect(await over).toBe(0);
  });

  it('does not start for a pod that is gone, or with a token that is refused', async () => {
    const { pod, agent, over } = await start();
    await until(isReady);
    agent.terminate();
    await over;
    const token = await cluster.agentToken(pod);
    await cluster.admin.delete(pods, { namespace, name: 'p' }, { gracePeriodSeconds: 0 });
    const again = await start({}, token);
    expect(await again.over).toBe(1);
    expect(existsSync(readyFile())).toBe(false);
  });

  it('takes a token of its own in place of the one it was started with', async () => {
    const asked: string[] = [];
    cluster.shortenTokens((audience) => void asked.push(audience));
    await start();
    await until(() => asked.filter((a) => a === 'nodeless-agent').length >= 2);
  });
});

describe('the door’s client', () => {
  it('tells what was answered, how long to wait, and that nobody answered', async () => {
    const pod = await cluster.startPod('p', {});
    const url = `http://127.0.0.1:${server.port}`;
    const client = createDoorClient({ v: 1, url, token: await cluster.agentToken(pod) });
    const refused = client.token({ audience: 'other', expirationSeconds: 600 });
    await expect(refused).rejects.toMatchObject({
      status: 403,
      message: expect.stringContaining('audience "other"') as string,
    });
    expect((await client.boot()).pod.name).toBe('p');
    await server.goAway();
    await expect(client.boot()).rejects.toBeInstanceOf(DoorError);
    await expect(client.boot()).rejects.toMatchObject({ status: 0 });
    await server.comeBack();
    expect((await client.boot()).pod.name).toBe('p');
    client.close();
  });

  it('tries the token it was started with where the newer one is refused, and the other way round', async () => {
    const pod = await cluster.startPod('p', {});
    const url = `http://127.0.0.1:${server.port}`;
    const good = await cluster.agentToken(pod);
    const client = createDoorClient({ v: 1, url, token: good });
    client.useToken('refused');
    expect((await client.boot()).pod.name).toBe('p');
    const other = createDoorClient({ v: 1, url, token: 'refused' });
    await expect(other.boot()).rejects.toMatchObject({ status: 401 });
    other.useToken(good);
    expect((await other.boot()).pod.name).toBe('p');
    client.close();
    other.close();
  });
});
