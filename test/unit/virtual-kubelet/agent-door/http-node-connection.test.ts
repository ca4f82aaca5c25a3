import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { ApiError } from '@nodeless/apimachinery/status';
import { createHttpNodeConnection } from '@nodeless/client/http-node-connection';
import type { LogOptions, NodeConnection } from '@nodeless/client/node-connection';
import { createManualClock, type ManualClock } from '@nodeless/component-base/manual-clock';
import { systemClock } from '@nodeless/component-base/clock';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type AgentCluster,
  createAgentCluster,
  type DoorServer,
  namespace,
  nodeName,
  serveDoor,
} from '../../../builders/agent-door.ts';

let cluster: AgentCluster;
let clock: ManualClock;
let connection: NodeConnection;
let pod: Pod;
let output: (options: LogOptions) => Readable;

beforeEach(async () => {
  clock = createManualClock();
  output = () => Readable.from([Buffer.from('one\n'), Buffer.from('two\n')]);
  cluster = await createAgentCluster({ clock, logs: (options) => output(options) });
  pod = await cluster.startPod('p', {});
  connection = createHttpNodeConnection({
    url: () => Promise.resolve('https://kubelet.example'),
    token: cluster.kubeletToken,
    fetch: cluster.door,
  });
});
afterEach(() => cluster.close());

const ref = () => ({ namespace, name: 'p', uid: pod.metadata?.uid ?? '' });
const plain: LogOptions = { container: 'app', follow: false, previous: false, timestamps: false };
const problem = async (call: Promise<unknown>): Promise<{ code: number; message: string }> => {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ApiError);
  const { code, message } = error as ApiError;
  return { code, message };
};

describe('logs over HTTP', () => {
  it('come as they are', async () => {
    expect(await text(await connection.logs(nodeName, ref(), plain))).toBe('one\ntwo\n');
  });

  it('are asked for with every option', async () => {
    const asked: LogOptions = {
      container: 'app',
      follow: true,
      previous: false,
      timestamps: true,
      tailLines: 0,
      sinceSeconds: 5,
      limitBytes: 100,
      sinceTime: new Date('2030-01-01T00:00:00.500Z'),
      stream: 'Stderr',
    };
    await text(await connection.logs(nodeName, ref(), asked));
    expect(cluster.logRequests).toEqual([{ ref: ref(), options: asked }]);
  });

  it('are followed as they come, and let go when the reader goes', async () => {
    const source = new Readable({ read() {} });
    const closed = new Promise((resolve) => source.once('close', resolve));
    output = () => source;
    const log = await connection.logs(nodeName, ref(), { ...plain, follow: true });
    source.push('first\n');
    const first = await new Promise<Buffer>((resolve) => log.once('data', resolve));
    expect(Buffer.from(first).toString()).toBe('first\n');
    log.destroy();
    await closed;
  });

  it('of a container that has none yet are refused in the kubelet’s words', async () => {
    await cluster.startPod('new', {}, { waiting: true });
    expect(await problem(connection.logs(nodeName, { namespace, name: 'new', uid: '' }, plain))).toEqual({
      code: 400,
      message: 'container "app" in pod "new" is not available',
    });
    const previous = connection.logs(nodeName, ref(), { ...plain, previous: true });
    expect(await problem(previous)).toMatchObject({
      message: 'previous terminated container "app" in pod "p" not found',
    });
  });

  it('of a pod that is not there, is another, or on another node, are not found', async () => {
    const message = (name: string) => `pod "${name}" cannot be found - no logs available`;
    for (const [node, asked] of [
      [nodeName, { namespace, name: 'nobody', uid: '' }],
      [nodeName, { ...ref(), uid: 'other' }],
      ['other-node', ref()],
    ] as const)
      expect(await problem(connection.logs(node, asked, plain))).toEqual({ code: 404, message: message(asked.name) });
    expect(cluster.logRequests).toEqual([]);
  });

  it('of names that could be paths ask for nothing else', async () => {
    const asked = { namespace: '../..', name: 'a/b?x=1#y', uid: '' };
    expect(await problem(connection.logs(nodeName, asked, { ...plain, container: '..' }))).toMatchObject({ code: 404 });
    expect(await problem(connection.logs('../../agent/v1/boot?', asked, plain))).toMatchObject({ code: 404 });
  });
});

describe('what a function cannot carry', () => {
  const io = {} as Parameters<NodeConnection['exec']>[4];
  const cases: [string, () => Promise<unknown>, RegExp][] = [
    ['exec', () => connection.exec(nodeName, ref(), 'app', ['sh'], io), /kubectl run/],
    ['attach', () => connection.attach(nodeName, ref(), 'app', io), /kubectl logs --follow/],
    ['port-forward', () => connection.portForward(nodeName, ref(), 80), /LoadBalancer, or an Ingress/],
  ];
  for (const [what, call, alternative] of cases) {
    it(`${what} is refused with what to do instead`, async () => {
      const { code, message } = await problem(call());
      expect(code).toBe(501);
      expect(message).toContain(`${what} is not supported on node "${nodeName}"`);
      expect(message).toMatch(alternative);
    });
  }
});

describe('the kubelet’s other endpoints', () => {
  const get = async (path: string, node = nodeName) => {
    const answer = await connection.proxy(node, { method: 'GET', path, headers: {}, body: undefined });
    return { status: answer.status, body: await text(answer.body) };
  };

  it('are there: health, pods', async () => {
    expect(await get('/healthz')).toEqual({ status: 200, body: 'ok' });
    const { items } = JSON.parse((await get('/pods')).body) as { items: Pod[] };
    expect(items.map((p) => p.metadata?.name)).toEqual(['p']);
    expect((await get('/nothing')).status).toBe(404);
  });

  it('show the pods of the node that is asked for', async () => {
    expect(JSON.parse((await get('/pods', 'other-node')).body)).toMatchObject({ items: [] });
  });
});

describe('a kubelet that does not answer as it should', () => {
  const over = (fetch: (request: Request) => Promise<Response>) =>
    createHttpNodeConnection({ url: () => Promise.resolve('https://k'), token: () => Promise.resolve('t'), fetch });

  it('cannot be reached: 503 with the node’s name', async () => {
    const broken = over(() => Promise.reject(new TypeError('fetch failed', { cause: new Error('ECONNREFUSED') })));
    expect(await problem(broken.logs(nodeName, ref(), plain))).toEqual({
      code: 503,
      message: `node "${nodeName}" is not reachable: ECONNREFUSED`,
    });
  });

  it('does not know us: that is our fault and not the user’s', async () => {
    const stranger = createHttpNodeConnection({
      url: () => Promise.resolve('https://k'),
      token: () => Promise.resolve('wrong'),
      fetch: cluster.door,
    });
    expect(await problem(stranger.logs(nodeName, ref(), plain))).toMatchObject({ code: 500 });
  });

  it('answers with something else: its beginning is shown', async () => {
    const page = over(() => Promise.resolve(new Response('<html>Bad gateway', { status: 502 })));
    expect(await problem(page.logs(nodeName, ref(), plain))).toEqual({
      code: 500,
      message: 'the kubelet answered 502: <html>Bad gateway',
    });
  });
});

describe('the API server’s token', () => {
  it('is renewed before it runs out, and refused after', async () => {
    const first = await cluster.kubeletToken();
    const ask = async (token: string) =>
      (await cluster.door(new Request('https://k/healthz', { headers: { authorization: `Bearer ${token}` } }))).status;
    expect(await cluster.kubeletToken()).toBe(first);
    await clock.advance(301_000);
    expect(await cluster.kubeletToken()).not.toBe(first);
    expect(await ask(first)).toBe(200);
    await clock.advance(310_000);
    expect(await ask(first)).toBe(401);
    expect(await ask(await cluster.kubeletToken())).toBe(200);
  });
});

describe('over real HTTP', () => {
  let server: DoorServer;
  afterEach(() => server?.close());

  it('a follower that goes away ends the source', async () => {
    await cluster.close();
    const source = new Readable({ read() {} });
    const closed = new Promise((resolve) => source.on('close', resolve));
    cluster = await createAgentCluster({ clock: systemClock, logs: () => source });
    pod = await cluster.startPod('p', {});
    server = await serveDoor(cluster.door);
    const http = createHttpNodeConnection({
      url: () => Promise.resolve(`http://127.0.0.1:${server.port}`),
      token: cluster.kubeletToken,
    });
    source.push('line\n');
    const log = await http.logs(nodeName, ref(), { ...plain, follow: true });
    const first = await new Promise<Buffer>((resolve) => log.once('data', resolve));
    expect(Buffer.from(first).toString()).toBe('line\n');
    log.destroy();
    await closed;
  });
});
