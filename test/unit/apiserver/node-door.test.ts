import { ApiError } from '@nodeless/apimachinery/status';
import type { ApiServer } from '@nodeless/apiserver/apiserver';
import type { ApiRequest, ApiResponse } from '@nodeless/apiserver/exchange';
import { createNodeDoor } from '@nodeless/apiserver/node-door';
import { writeUpgradeResponse } from '@nodeless/apiserver/upgrade-response';
import { type Server, createServer } from 'node:http';
import { type Http2Server, connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import { type AddressInfo, type Socket, connect } from 'node:net';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';

const limits = { bodyMs: 100, takeMs: 100 };
const open: (Server | Http2Server)[] = [];
afterEach(() => {
  for (const server of open.splice(0)) server.close();
});

/** A server that answers as `handle` does; errors become their code. */
async function serve(
  handle: (request: ApiRequest) => ApiResponse | Promise<ApiResponse>,
  create: typeof createServer | typeof createHttp2Server = createServer,
): Promise<number> {
  const door = createNodeDoor({ handle: (request) => handle(request) } satisfies ApiServer, limits);
  const server = (create as typeof createServer)((request, response) => door.request(request, response));
  server.on('clientError', (error, socket) => door.clientError(error, socket));
  open.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}
const codeOf = (error: unknown): ApiResponse => ({
  status: error instanceof ApiError ? error.code : 500,
  headers: [],
  body: undefined,
});
const reading =
  (limit: number) =>
  async (request: ApiRequest): Promise<ApiResponse> =>
    request.readBody(limit).then((body) => ({ status: 200, headers: [], body }), codeOf);
function dial(port: number, bytes: string): Socket {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  socket.write(bytes);
  return socket;
}
const head = (length: number): string => `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n\r\n`;
const big = new Uint8Array(64 * 1024 * 1024);

describe('bodies', () => {
  it('arrive in pieces', async () => {
    const port = await serve(reading(10));
    const socket = dial(port, `${head(4)}ab`);
    setTimeout(() => socket.end('cd'), 20);
    expect(await text(socket)).toMatch(/^HTTP\/1.1 200 OK\r\n(.*\r\n)*\r\nabcd$/);
  });
  it('that are slow lose their connection', async () => {
    let code = 0;
    const port = await serve(async (request) => {
      const answer = await reading(10)(request);
      code = answer.status;
      return answer;
    });
    await text(dial(port, `${head(4)}ab`));
    expect(code).toBe(504);
  });
  it('that break off are unexpected ends', async () => {
    let code = 0;
    const port = await serve(async (request) => {
      const answer = await reading(10)(request);
      code = answer.status;
      return answer;
    });
    dial(port, `${head(4)}ab`).end();
    await expect.poll(() => code).toBe(400);
  });
  it.each([
    ['said to be too large', head(1_000_000)],
    ['found to be too large', 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n186a0\r\n'],
  ])('%s are answered, and not read for ever', async (_what, start) => {
    const port = await serve(reading(10_000));
    const socket = dial(port, start);
    const sending = setInterval(() => socket.write('x'.repeat(5_000)), 1);
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    await new Promise((resolve) => socket.once('close', resolve));
    clearInterval(sending);
    expect(answer).toMatch(/^HTTP\/1.1 413 /);
  });
});

describe('answers', () => {
  it('that nobody takes are broken off', async () => {
    const port = await serve(() => ({ status: 200, headers: [], body: big }));
    const socket = dial(port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await new Promise((resolve) => setTimeout(resolve, 300));
    // Only now does it read: there is an end to what the kernel's buffers hold.
    expect((await text(socket).catch(String)).length).toBeLessThan(big.byteLength);
  });
  it('that nobody takes are broken off in HTTP/2, but for them alone', async () => {
    const port = await serve(
      ({ target }) => ({ status: 200, headers: [], body: target === '/big' ? big : 'small' }),
      createHttp2Server,
    );
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    const stalled = session.request({ ':path': '/big' });
    stalled.on('error', () => {});
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(stalled.rstCode).toBe(8);
    expect(await text(session.request({ ':path': '/' }))).toBe('small');
    session.close();
  });
  it('that are taken are left alone', async () => {
    const port = await serve(() => ({
      status: 200,
      headers: [],
      body: [big.subarray(0, 1_000_000), big.subarray(0, 5)],
    }));
    const socket = dial(port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    let seen = 0;
    socket.on('data', (chunk: Buffer) => (seen += chunk.byteLength));
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(socket.closed).toBe(false);
    expect(seen).toBeGreaterThan(1_000_005);
    socket.destroy();
  });
  it('that are streamed to a client that has gone hear of it', async () => {
    let gone = false;
    const port = await serve(async () => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      return { status: 200, headers: [], body: { stream: (out) => out.onClose(() => (gone = true)) } };
    });
    const socket = dial(port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    setTimeout(() => socket.destroy(), 10);
    await expect.poll(() => gone).toBe(true);
  });
  it('that take over a connection that has gone hear of it', async () => {
    const socket = new PassThrough().destroy();
    const closed = new Promise((resolve) => {
      writeUpgradeResponse(
        { status: 101, headers: [], body: { upgraded: (taken) => taken.socket.once('close', resolve) } },
        socket,
        new Uint8Array(),
      );
    });
    await closed;
    await new Promise<void>((resolve) => {
      writeUpgradeResponse(
        { status: 200, headers: [], body: { stream: (out) => out.onClose(resolve) } },
        socket,
        new Uint8Array(),
      );
    });
  });
  it('that would upgrade a connection which cannot be are errors', async () => {
    const port = await serve(() => ({ status: 101, headers: [], body: { upgraded: () => {} } }));
    const socket = dial(port, 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    expect(await text(socket)).toMatch(/^HTTP\/1.1 500 .*connection cannot be upgraded\n$/s);
  });
  it('to what is no HTTP are hand-written', async () => {
    const port = await serve(() => ({ status: 200, headers: [], body: 'ok' }));
    expect(await text(dial(port, 'nonsense\r\n\r\n'))).toMatch(/^HTTP\/1.1 400 Bad Request\r\n/);
  });
});
