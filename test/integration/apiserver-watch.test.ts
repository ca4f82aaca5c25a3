/** Watches over HTTP: frames, forms, ends, and clients that do not read. */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KubernetesObject } from '@nodeless/apimachinery/object';
import { type TestApiServer, startApiServer } from '../builders/api-server.ts';

let server: TestApiServer;
beforeAll(async () => {
  server = await startApiServer();
});
afterAll(() => server.close());

const configMaps = { group: '', version: 'v1', resource: 'configmaps', kind: 'ConfigMap', namespaced: true };
const path = '/api/v1/namespaces/default/configmaps';
const make = (name: string, labels: Record<string, string> = {}) =>
  server
    .inlineClient()
    .create(configMaps, { metadata: { name, namespace: 'default', labels }, data: { a: 'b' } } as KubernetesObject);
const remove = (name: string) => server.inlineClient().delete(configMaps, { namespace: 'default', name });

interface Event {
  readonly type: string;
  readonly object: {
    readonly kind: string;
    readonly metadata: {
      readonly name?: string;
      readonly resourceVersion: string;
      annotations?: Record<string, string>;
    };
    [field: string]: unknown;
  };
}

interface OpenWatch {
  readonly response: IncomingMessage;
  readonly events: Event[];
  /** Pieces as they arrived: one a write, mostly. */
  readonly chunks: string[];
  until(count: number): Promise<Event[]>;
  readonly ended: Promise<unknown>;
  close(): void;
}

async function watch(query: string, headers: Record<string, string> = {}, target = path): Promise<OpenWatch> {
  const request = httpsRequest(`${server.url}${target}?watch=1&${query}`, {
    ca: server.ca.certificate,
    headers: { authorization: `Bearer ${server.adminToken}`, ...headers },
  });
  request.on('error', () => {});
  request.end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const events: Event[] = [];
  const chunks: string[] = [];
  let rest = '';
  response.on('data', (chunk: Buffer) => {
    chunks.push(chunk.toString());
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() as string;
    for (const line of lines) events.push(JSON.parse(line) as Event);
  });
  return {
    response,
    events,
    chunks,
    async until(count) {
      await expect.poll(() => events.length, { timeout: 5_000, interval: 5 }).toBeGreaterThanOrEqual(count);
      return events.slice(0, count);
    },
    ended: new Promise((resolve) => response.on('error', () => {}).on('close', resolve)),
    close: () => request.destroy(),
  };
}
const shown = (events: readonly Event[]): string[] =>
  events.map(({ type, object }) => `${type} ${object.metadata.name ?? ''}`);

describe('a watch', () => {
  it('shows what is there and what comes, a line each', async () => {
    await make('first', { t: '1' });
    const open = await watch('labelSelector=t%3D1');
    expect(open.response.headers).toMatchObject({ 'content-type': 'application/json', 'transfer-encoding': 'chunked' });
    await open.until(1);
    await make('second', { t: '1' });
    await make('other', { t: '2' });
    await remove('first');
    expect(shown(await open.until(3))).toEqual(['ADDED first', 'ADDED second', 'DELETED first']);
    open.close();
    await Promise.all([remove('second'), remove('other')]);
  });

  it('goes on after a revision', async () => {
    const { metadata } = await make('a', { t: '3' });
    await make('b', { t: '3' });
    const open = await watch(`labelSelector=t%3D3&resourceVersion=${metadata?.resourceVersion}`);
    expect(shown(await open.until(1))).toEqual(['ADDED b']);
    open.close();
    await Promise.all([remove('a'), remove('b')]);
  });

  it('ends in time, with a bookmark where one is wanted', async () => {
    const open = await watch('timeoutSeconds=1&allowWatchBookmarks=true&labelSelector=none');
    await open.ended;
    expect(open.response.complete).toBe(true);
    expect(open.events.at(-1)).toMatchObject({
      type: 'BOOKMARK',
      object: { kind: 'ConfigMap', metadata: { resourceVersion: expect.stringMatching(/^\d+$/) as string } },
    });
  });

  it('sends initial events and says when they are over', async () => {
    await make('here', { t: '4' });
    const open = await watch(
      'labelSelector=t%3D4&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true',
    );
    const [added, bookmark] = await open.until(2);
    expect(added).toMatchObject({ type: 'ADDED', object: { metadata: { name: 'here' } } });
    expect(bookmark).toMatchObject({
      type: 'BOOKMARK',
      object: { metadata: { annotations: { 'k8s.io/initial-events-end': 'true' } } },
    });
    open.close();
    await remove('here');
  });

  it('gives tables, with columns once, and metadata alone', async () => {
    await make('x', { t: '5' });
    const table = await watch('labelSelector=t%3D5', {
      accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json',
    });
    const partial = await watch('labelSelector=t%3D5', {
      accept: 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json',
    });
    await table.until(1);
    await partial.until(1);
    await make('y', { t: '5' });
    const [first, second] = (await table.until(2)).map(
      ({ object }) => object as unknown as { columnDefinitions: unknown[] | null; rows: { cells: unknown[] }[] },
    );
    expect(first?.columnDefinitions?.length).toBeGreaterThan(1);
    expect(second?.columnDefinitions).toBeNull();
    expect(second?.rows[0]?.cells[0]).toBe('y');
    const [, last] = await partial.until(2);
    expect(last?.object).toMatchObject({ kind: 'PartialObjectMetadata', metadata: { name: 'y' } });
    expect(last?.object).not.toHaveProperty('data');
    table.close();
    partial.close();
    await Promise.all([remove('x'), remove('y')]);
  });

  it('writes many events at once', async () => {
    const open = await watch('labelSelector=t%3D6');
    await Promise.all(Array.from({ length: 50 }, (_, i) => make(`many-${i}`, { t: '6' })));
    await open.until(50);
    expect(open.chunks.length).toBeLessThan(25);
    open.close();
    await server.inlineClient().deleteCollection(configMaps, { namespace: 'default', labelSelector: 't=6' });
  });

  it('says 410 of what has been forgotten, before or within', async () => {
    const open = await watch('resourceVersion=1');
    const [event] = await open.until(1);
    expect(event).toMatchObject({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } });
    await open.ended;
  });

  it('is refused in forms that cannot be streamed', async () => {
    const open = await watch('', { accept: 'application/yaml' });
    expect(open.response.statusCode).toBe(406);
    open.close();
  });
});

describe('a watch over a WebSocket', () => {
  const asked = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  };
  async function open(
    query: string,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; protocol?: string; socket?: Duplex; frames: { opcode: number; text: string }[] }> {
    const request = httpsRequest(`${server.url}${path}?watch=1&${query}`, {
      ca: server.ca.certificate,
      headers: { authorization: `Bearer ${server.adminToken}`, ...asked, ...headers },
    });
    request.end();
    const frames: { opcode: number; text: string }[] = [];
    const [response, socket, head] = await new Promise<[IncomingMessage, Duplex?, Buffer?]>((resolve, reject) => {
      request.on('upgrade', (...all) => resolve(all));
      request.on('response', (refusal) => resolve([refusal.resume()]));
      request.on('error', reject);
    });
    let bytes = head ?? Buffer.alloc(0);
    const read = (): void => {
      while (bytes.length >= 2) {
        const short = bytes[1] as number;
        const at = short === 126 ? 4 : 2;
        if (bytes.length < at) return;
        const end = at + (short === 126 ? bytes.readUInt16BE(2) : short);
        if (bytes.length < end) return;
        frames.push({ opcode: (bytes[0] as number) & 15, text: bytes.toString('utf8', at, end) });
        bytes = bytes.subarray(end);
      }
    };
    read();
    socket?.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      read();
    });
    return { status: response.statusCode ?? 0, protocol: response.headers['sec-websocket-protocol'], socket, frames };
  }

  it('has a message an event', async () => {
    const { status, protocol, frames, socket } = await open('labelSelector=t%3D8', {
      'sec-websocket-protocol': 'base64.binary.k8s.io, base64url.bearer.authorization.k8s.io.eA',
    });
    expect([status, protocol]).toEqual([101, 'base64.binary.k8s.io']);
    await make('w', { t: '8' });
    await expect.poll(() => frames.length).toBe(1);
    expect(frames[0]?.opcode).toBe(1);
    expect(JSON.parse(frames[0]?.text ?? '')).toMatchObject({
      type: 'ADDED',
      object: { kind: 'ConfigMap', metadata: { name: 'w' } },
    });
    socket?.destroy();
    await remove('w');
  });
  it('is closed when its time is over', async () => {
    const { frames, socket } = await open('labelSelector=none&timeoutSeconds=1');
    await once(socket as Duplex, 'end');
    expect(frames.map(({ opcode }) => opcode)).toEqual([8]);
  });
  it.each([
    ['more than one protocol', { 'sec-websocket-protocol': 'a, b' }],
    ['another version', { 'sec-websocket-version': '8' }],
  ])('is refused with %s', async (_what, headers) => {
    expect((await open('', headers)).status).toBe(400);
  });
});

describe('clients that do not read', () => {
  it('are cut off, and cost the others nothing', async () => {
    const socket = connectTls({ port: server.listener.address.port, host: '127.0.0.1', ca: server.ca.certificate });
    socket.on('error', () => {});
    await once(socket, 'secureConnect');
    socket.write(
      `GET ${path}?watch=1&labelSelector=t%3D7 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${server.adminToken}\r\n\r\n`,
    );
    socket.pause();
    const reading = await watch('labelSelector=t%3D7');
    const big = 'x'.repeat(900_000);
    await server.inlineClient().create(configMaps, {
      metadata: { name: 'big', namespace: 'default', labels: { t: '7' } },
      data: { big },
    } as never);
    for (let i = 0; i < 40; i++) {
      await server.inlineClient().update(configMaps, {
        metadata: { name: 'big', namespace: 'default', labels: { t: '7' } },
        data: { big: big + i },
      } as never);
      await reading.until(i + 2);
    }
    const closed = once(socket, 'close');
    socket.resume();
    await closed;
    expect(reading.events).toHaveLength(41);
    expect(reading.response.complete).toBe(false);
    reading.close();
    await remove('big');
  });

  it('leave nothing behind when they go', async () => {
    const gauge = async (): Promise<number> => {
      const response = await fetchMetrics();
      return Number(/^apiserver_registered_watchers\{\} (\d+)$/m.exec(response)?.[1]);
    };
    const before = await gauge();
    const open = await Promise.all(Array.from({ length: 20 }, () => watch('')));
    expect(await gauge()).toBe(before + 20);
    for (const one of open) one.close();
    await expect.poll(gauge).toBe(before);
  });
});

async function fetchMetrics(): Promise<string> {
  const request = httpsRequest(`${server.url}/metrics`, {
    ca: server.ca.certificate,
    headers: { authorization: `Bearer ${server.adminToken}` },
  });
  request.end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  let body = '';
  for await (const chunk of response) body += String(chunk);
  return body;
}
