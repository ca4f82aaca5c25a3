import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask } from '../builders/https.ts';
import { type RunningCluster, startRunningCluster } from '../builders/running-cluster.ts';

/** Ten thousand connections that do nothing: whoever has something to do is served beside them, and memory comes back. */
const idle = 10_000;
const atOnce = 500;
/** Each connection is a file in this process and one in the server's. */
const limit = Number(
  execFileSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).replace('unlimited', String(Number.MAX_SAFE_INTEGER)),
);
const unable =
  limit > idle + 500
    ? undefined
    : `ten thousand connections need more open files than this machine allows (ulimit -n is ${limit})`;

let cluster: RunningCluster;
const sockets: Socket[] = [];
beforeEach(async (context) => {
  context.skip(unable !== undefined, unable);
  cluster = await startRunningCluster({ nodes: 1 });
}, 90_000);
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await cluster?.stop();
});

async function open(count: number, one: () => Promise<Socket>): Promise<void> {
  for (let i = 0; i < count; i += atOnce) {
    const batch = await Promise.all(Array.from({ length: Math.min(atOnce, count - i) }, one));
    for (const socket of batch) socket.on('error', () => {});
    sockets.push(...batch);
  }
}
const openTcp = (): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect(cluster.port, '127.0.0.1', () => resolve(socket)).once('error', reject);
  });
const openTls = (session?: Buffer): Promise<TLSSocket> =>
  new Promise((resolve, reject) => {
    const socket = connectTls(
      { port: cluster.port, host: '127.0.0.1', ca: cluster.ca, servername: 'localhost', session },
      () => resolve(socket),
    ).once('error', reject);
  });

/** The server's resident memory in MiB; undefined where /proc is not. */
function residentMiB(): number | undefined {
  try {
    const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${cluster.pid}/status`, 'utf8'))?.[1];
    return kib === undefined ? undefined : Number(kib) / 1024;
  } catch {
    return undefined;
  }
}

async function serves(name: string): Promise<void> {
  const path = '/api/v1/namespaces/default/configmaps';
  expect(
    (
      await ask(cluster, {
        method: 'POST',
        path,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ metadata: { name } }),
      })
    ).status,
  ).toBe(201);
  expect((await ask(cluster, { path: `${path}/${name}` })).status).toBe(200);
  expect((await ask(cluster, { path: '/readyz' })).text).toBe('ok');
}

describe('ten thousand idle connections', () => {
  it('before their first byte', { timeout: 120_000 }, async () => {
    await open(idle, openTcp);
    await serves('beside');
    for (const socket of sockets.splice(0)) socket.destroy();
    await serves('after');
  });

  it('after their handshake, half of them signed in', { timeout: 180_000 }, async () => {
    await open(idle / 10, openTls);
    for (const [i, socket] of sockets.entries())
      if (i % 2 === 0)
        socket.write(
          `GET /api/v1/namespaces/default HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${cluster.token}\r\n\r\n`,
        );
    await open(idle - idle / 10, openTcp);
    await serves('beside');
    const full = residentMiB();
    // What a connection costs is counted in kilobytes.
    if (full !== undefined) expect(full).toBeLessThan(900);
    for (const socket of sockets.splice(0)) socket.destroy();
    await serves('after');
  });
});
