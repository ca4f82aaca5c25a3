/** Logs, exec, attach and port-forward through real clients: kubectl where there is one, @kubernetes/client-node everywhere. */
import { Exec, KubeConfig } from '@kubernetes/client-node';
import type { Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import { ApiError } from '@nodeless/apimachinery/status';
import type { Client } from '@nodeless/client/client';
import type { NodeConnection } from '@nodeless/client/node-connection';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { type Server, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestApiServer, startApiServer } from '../builders/api-server.ts';

let server: TestApiServer;
let echo: Server;
let folder: string;
const calls: string[] = [];

/** A node whose containers run a few made-up commands. */
const nodes: NodeConnection = {
  logs: (_node, pod, options) =>
    Promise.resolve(
      options.follow
        ? Readable.from(['one\n', 'two\n', 'three\n'].map((line) => Buffer.from(line)))
        : Readable.from([Buffer.from(`logs of ${pod.name}/${options.container} tail ${options.tailLines}\n`)]),
    ),
  async exec(_node, _pod, container, command, io) {
    calls.push(`${container}: ${command.join(' ')}`);
    if (container === 'broken')
      throw new ApiError({ code: 404, reason: 'NotFound', message: 'container not found ("broken")' });
    switch (command[0]) {
      case 'cat': {
        if (!io.stdin || !io.stdout) throw new Error('cat needs both');
        const { stdout } = io;
        io.stdin.on('data', (chunk: Buffer) => stdout.write(chunk));
        await once(io.stdin, 'end');
        return { exitCode: 0 };
      }
      case 'size': {
        const size = await new Promise<{ width: number; height: number }>((resolve) => io.onResize(resolve));
        io.stdout?.write(`${size.width}x${size.height} tty=${io.tty} stderr=${io.stderr !== undefined}\n`);
        return { exitCode: 0 };
      }
      case 'big':
        for (let i = 0; i < 200; i++)
          if (io.stdout && !io.stdout.write(Buffer.alloc(16 * 1024, 'x'))) await once(io.stdout, 'drain');
        return { exitCode: 0 };
      case 'sleep':
        await new Promise((resolve) => io.signal.addEventListener('abort', resolve));
        calls.push('aborted');
        return { exitCode: 137 };
      default:
        io.stdout?.write('to stdout\n');
        io.stderr?.write('to stderr\n');
        return { exitCode: Number(command[1] ?? 0) };
    }
  },
  attach(_node, _pod, container, io) {
    io.stdout?.write(`attached to ${container}\n`);
    return Promise.resolve({ exitCode: 0 });
  },
  async portForward(_node, _pod, port) {
    if (port !== 80) throw new Error(`connection refused on ${port}`);
    const socket = connect((echo.address() as { port: number }).port, '127.0.0.1');
    await once(socket, 'connect');
    return socket;
  },
  proxy: (node, request) =>
    Promise.resolve({
      status: 200,
      headers: { 'content-type': 'text/plain' },
      body: Readable.from([Buffer.from(`${node} ${request.method} ${request.path}`)]),
    }),
};

const pods = { group: '', version: 'v1', resource: 'pods', kind: 'Pod', namespaced: true };

async function makePod(client: Client, name: string, containers: string[], nodeName: string): Promise<void> {
  const pod: Pod = {
    metadata: { name, namespace: 'default' },
    spec: { nodeName, containers: containers.map((c) => ({ name: c, image: 'i' })), tolerations: [] },
  };
  await client.create(pods, pod);
  if (nodeName === '') return;
  const containerStatuses = containers.map((c) => ({
    name: c,
    ready: true,
    restartCount: 0,
    image: 'i',
    imageID: '',
    state: { running: { startedAt: '2026-01-01T00:00:00Z' } },
  }));
  await client.patch(
    pods,
    { namespace: 'default', name },
    'merge',
    { status: { phase: 'Running', containerStatuses } },
    { subresource: 'status' },
  );
}

beforeAll(async () => {
  echo = createServer((socket) => socket.on('data', (data: Buffer) => void socket.end(`echo ${data.toString()}`)));
  echo.listen(0, '127.0.0.1');
  server = await startApiServer({ nodes });
  const client = server.inlineClient();
  await client.create(
    { ...pods, resource: 'serviceaccounts', kind: 'ServiceAccount' },
    { metadata: { name: 'default', namespace: 'default' } },
  );
  await makePod(client, 'web', ['main'], 'n1');
  await makePod(client, 'two', ['main', 'broken'], 'n1');
  await makePod(client, 'pending', ['main'], '');
  folder = mkdtempSync(join(tmpdir(), 'nodeless-streams-'));
  writeFileSync(join(folder, 'config'), config().exportConfig());
});
afterAll(async () => {
  await server.close();
  echo.close();
  rmSync(folder, { recursive: true });
});

function config(): KubeConfig {
  const config = new KubeConfig();
  config.loadFromOptions({
    clusters: [{ name: 'c', server: server.url, caData: Buffer.from(server.ca.certificate).toString('base64') }],
    users: [{ name: 'u', token: server.adminToken }],
    contexts: [{ name: 'x', cluster: 'c', user: 'u' }],
    currentContext: 'x',
  });
  return config;
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

function get(path: string, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest(server.url + path, {
      ca: server.ca.certificate,
      headers: { authorization: `Bearer ${server.adminToken}`, ...headers },
    });
    request.on(
      'response',
      (response) => void text(response).then((body) => resolve({ status: response.statusCode ?? 0, body })),
    );
    request.on('upgrade', (response, socket) => {
      socket.destroy();
      resolve({ status: response.statusCode ?? 0, body: '' });
    });
    request.on('error', reject);
    request.end();
  });
}
const message = ({ body }: Answer): string => (JSON.parse(body) as { message: string }).message;
const upgrade = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
};

describe('logs', () => {
  it('come as text', async () => {
    expect(await get('/api/v1/namespaces/default/pods/web/log?tailLines=5')).toEqual({
      status: 200,
      body: 'logs of web/main tail 5\n',
    });
    expect((await get('/api/v1/namespaces/default/pods/web/log?follow=true')).body).toBe('one\ntwo\nthree\n');
  });
  it('say what is wrong', async () => {
    expect(message(await get('/api/v1/namespaces/default/pods/two/log'))).toBe(
      'a container name must be specified for pod two, choose one of: [main broken]',
    );
    expect(message(await get('/api/v1/namespaces/default/pods/web/log?container=zig'))).toBe(
      'container zig is not valid for pod web',
    );
    expect(message(await get('/api/v1/namespaces/default/pods/web/log?tailLines=-1'))).toBe(
      'PodLogOptions "web" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0',
    );
    expect(message(await get('/api/v1/namespaces/default/pods/nope/log'))).toBe('pods "nope" not found');
    expect((await get('/api/v1/namespaces/default/pods/pending/log')).status).toBe(204);
  });
});

describe('exec over a WebSocket', () => {
  const exec = async (
    pod: string,
    command: string[],
    stdin?: Readable,
    tty = false,
  ): Promise<{ out: string; err: string; status: unknown }> => {
    const [out, err] = [new PassThrough(), new PassThrough()];
    const status = await new Promise<unknown>((resolve, reject) => {
      new Exec(config())
        .exec('default', pod, 'main', command, out, tty ? null : err, stdin ?? null, tty, resolve)
        .catch(reject);
    });
    out.end();
    err.end();
    return { out: await text(out), err: await text(err), status };
  };

  it('separates output and errors, and tells the exit code', async () => {
    expect(await exec('web', ['say'])).toEqual({
      out: 'to stdout\n',
      err: 'to stderr\n',
      status: { metadata: {}, status: 'Success' },
    });
    expect((await exec('web', ['say', '3'])).status).toMatchObject({
      status: 'Failure',
      reason: 'NonZeroExitCode',
      details: { causes: [{ reason: 'ExitCode', message: '3' }] },
    });
  });
  it('loses nothing of much output', async () => {
    expect((await exec('web', ['big'])).out.length).toBe(200 * 16 * 1024);
  });
  it('refuses before the upgrade what cannot be', async () => {
    const path = (pod: string, query: string): string =>
      `/api/v1/namespaces/default/pods/${pod}/exec?stdout=1&command=say${query}`;
    expect(message(await get(path('two', '&container=broken'), upgrade))).toBe('container not found ("broken")');
    expect(message(await get(path('pending', ''), upgrade))).toBe('pod pending does not have a host assigned');
    expect(message(await get(path('web', '')))).toBe('Upgrade request required');
    expect(message(await get(path('nope', ''), upgrade))).toBe('pods "nope" not found');
    expect((await get(path('web', ''), { ...upgrade, 'sec-websocket-protocol': 'zig' })).status).toBe(400);
    expect((await get(path('web', ''), { ...upgrade, authorization: 'Bearer bad' })).status).toBe(401);
    expect((await get(path('web', ''), { ...upgrade, 'sec-websocket-protocol': 'v5.channel.k8s.io' })).status).toBe(
      101,
    );
  });
  it('stops the command when the client goes', async () => {
    calls.length = 0;
    const request = httpsRequest(`${server.url}/api/v1/namespaces/default/pods/web/exec?stdout=1&command=sleep`, {
      ca: server.ca.certificate,
      headers: { authorization: `Bearer ${server.adminToken}`, ...upgrade },
    });
    request.end();
    const [, socket] = (await once(request, 'upgrade')) as [unknown, { destroy(): void }];
    socket.destroy();
    await expect.poll(() => calls).toEqual(['main: sleep', 'aborted']);
  });
});

describe('port-forward over WebSocket channels', () => {
  it('is refused: clients fall back', async () => {
    const path = '/api/v1/namespaces/default/pods/web/portforward?ports=80';
    expect((await get(path, { ...upgrade, 'sec-websocket-protocol': 'v4.channel.k8s.io' })).status).toBe(400);
    expect((await get(path, { ...upgrade, 'sec-websocket-protocol': 'SPDY/3.1+portforward.k8s.io' })).status).toBe(101);
  });
});

const hasKubectl = spawnSync('kubectl', ['version', '--client']).status === 0;

describe.runIf(hasKubectl)('kubectl', () => {
  const run = async (
    args: string[],
    options: { stdin?: string; env?: Record<string, string> } = {},
  ): Promise<{ out: string; err: string; code: number | null }> => {
    const child = spawn('kubectl', args, {
      env: { ...process.env, KUBECONFIG: join(folder, 'config'), ...options.env },
    });
    child.stdin.end(options.stdin ?? '');
    const [out, err, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close') as Promise<[number | null]>,
    ]);
    return { out, err, code };
  };

  describe.each([
    ['WebSocket', 'true'],
    ['SPDY', 'false'],
  ])('over %s', (_, webSockets) => {
    const env = { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: webSockets, KUBECTL_PORT_FORWARD_WEBSOCKETS: webSockets };

    it('executes, with its exit code', async () => {
      expect(await run(['exec', 'web', '--', 'say'], { env })).toEqual({
        out: 'to stdout\n',
        err: 'to stderr\n',
        code: 0,
      });
      const failed = await run(['exec', 'web', '--', 'say', '7'], { env });
      expect(failed).toMatchObject({ out: 'to stdout\n', code: 7 });
      expect(failed.err).toContain('command terminated with exit code 7');
    });
    it('pipes input through', async () => {
      const input = 'line\n'.repeat(20_000);
      expect(await run(['exec', '-i', 'web', '--', 'cat'], { env, stdin: input })).toMatchObject({
        out: input,
        code: 0,
      });
    });
    it('attaches', async () => {
      expect((await run(['attach', 'web'], { env })).out).toContain('attached to main');
    });
    it('forwards ports', async () => {
      const child = spawn('kubectl', ['port-forward', 'pod/web', ':80'], {
        env: { ...process.env, KUBECONFIG: join(folder, 'config'), ...env },
      });
      try {
        let output = '';
        child.stdout.on('data', (data: Buffer) => (output += data.toString()));
        child.stderr.on('data', (data: Buffer) => (output += data.toString()));
        await expect.poll(() => output, { timeout: 10_000 }).toMatch(/127\.0\.0\.1:(\d+) -> 80/);
        const port = Number(/127\.0\.0\.1:(\d+)/.exec(output)?.[1]);
        const ask = async (words: string): Promise<string> => {
          const socket = connect(port, '127.0.0.1');
          socket.write(words);
          return text(socket);
        };
        expect(await Promise.all(['a', 'b', 'c'].map(ask))).toEqual(['echo a', 'echo b', 'echo c']);
      } finally {
        child.kill();
      }
    });
  });

  it('reads logs', async () => {
    expect((await run(['logs', 'web', '--tail=3'])).out).toBe('logs of web/main tail 3\n');
    expect((await run(['logs', '-f', 'web'])).out).toBe('one\ntwo\nthree\n');
  });
  it('proxies to a kubelet', async () => {
    await server
      .inlineClient()
      .create({ ...pods, resource: 'nodes', kind: 'Node', namespaced: false }, { metadata: { name: 'n1' } });
    expect((await run(['get', '--raw', '/api/v1/nodes/n1/proxy/stats/summary?only=x'])).out).toBe(
      'n1 GET /stats/summary?only=x',
    );
  });
});
