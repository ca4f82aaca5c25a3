/** pods/proxy and services/proxy to real HTTP servers; the fetch door; documents. */
import type { ClusterDialer } from '@nodeless/client/cluster-dialer';
import { once } from 'node:events';
import { type IncomingMessage, type Server, createServer } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestApiServer, startApiServer } from '../builders/api-server.ts';

let server: TestApiServer;
let backend: Server;
const dialed: string[] = [];
const dialer: ClusterDialer = {
  async connect(address, port) {
    dialed.push(`${address}:${port}`);
    if (port === 9) throw Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
    const socket = connect((backend.address() as AddressInfo).port, '127.0.0.1');
    await once(socket, 'connect');
    return socket;
  },
};

const type = (resource: string, kind: string) => ({ group: '', version: 'v1', resource, kind, namespaced: true });

beforeAll(async () => {
  backend = createServer((request, response) => {
    void text(request).then((body) => {
      if (request.url === '/redirect') response.writeHead(302, { location: '/elsewhere' }).end();
      else if (request.url === '/slow') setTimeout(() => response.end('late'), 50);
      else
        response
          .writeHead(203, { 'x-own': 'yes', 'content-type': 'application/json' })
          .end(JSON.stringify({ method: request.method, url: request.url, body, headers: request.headers }));
    });
  });
  backend.on('upgrade', (_request: IncomingMessage, socket: Duplex) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n');
    socket.on('data', (data: Buffer) => socket.write(`echo ${data.toString()}`));
    socket.on('end', () => socket.end());
  });
  backend.listen(0, '127.0.0.1');
  server = await startApiServer({ dialer });
  const client = server.inlineClient();
  await client.create(type('serviceaccounts', 'ServiceAccount'), {
    metadata: { name: 'default', namespace: 'default' },
  });
  await client.create(type('pods', 'Pod'), {
    metadata: { name: 'web', namespace: 'default' },
    spec: { containers: [{ name: 'c', image: 'i', ports: [{ containerPort: 8080 }] }] },
  } as never);
  await client.patch(
    type('pods', 'Pod'),
    { namespace: 'default', name: 'web' },
    'merge',
    { status: { podIP: '10.1.0.5', podIPs: [{ ip: '10.1.0.5' }] } },
    { subresource: 'status' },
  );
  await client.create(type('services', 'Service'), {
    metadata: { name: 'web', namespace: 'default' },
    spec: { ports: [{ name: 'http', port: 80 }] },
  } as never);
  await client.create(type('endpoints', 'Endpoints'), {
    metadata: { name: 'web', namespace: 'default' },
    subsets: [{ addresses: [{ ip: '10.1.0.6' }], ports: [{ name: 'http', port: 8080 }] }],
  } as never);
});
afterAll(async () => {
  await server.close();
  backend.close();
});

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

function ask(
  path: string,
  options: { method?: string; body?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { method = 'GET', body, headers = {} } = options;
    const request = httpsRequest(server.url + path, {
      method,
      agent: false,
      ca: server.ca.certificate,
      headers: { authorization: `Bearer ${server.adminToken}`, ...headers },
    });
    request.on('error', reject);
    request.on(
      'response',
      (response) =>
        void text(response).then((all) =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: all }),
        ),
    );
    request.end(body);
  });
}
const pod = '/api/v1/namespaces/default/pods/web';
const service = '/api/v1/namespaces/default/services';

describe('proxies', () => {
  it('carry method, path, query, body and headers, but no credentials', async () => {
    dialed.length = 0;
    const answer = await ask(`${pod}/proxy/a/b%2Fc?x=1&x=2`, {
      method: 'PATCH',
      body: 'hello',
      headers: { 'x-mine': '1', 'impersonate-user': 'admin', 'impersonate-group': 'system:masters' },
    });
    expect(answer.status).toBe(203);
    expect(answer.headers).toMatchObject({ 'x-own': 'yes', 'audit-id': expect.any(String) as string });
    const seen = JSON.parse(answer.body) as { headers: Record<string, string> };
    expect(seen).toMatchObject({
      method: 'PATCH',
      url: '/a/b%2Fc?x=1&x=2',
      body: 'hello',
      headers: { 'x-mine': '1', host: '10.1.0.5:8080', 'x-forwarded-for': '127.0.0.1' },
    });
    expect(
      Object.keys(seen.headers).filter((name) => name === 'authorization' || name.startsWith('impersonate')),
    ).toEqual([]);
    expect(dialed).toEqual(['10.1.0.5:8080']);
  });
  it('reach ports and Services', async () => {
    dialed.length = 0;
    await ask('/api/v1/namespaces/default/pods/http:web:99/proxy/');
    expect((await ask(`${service}/web:http/proxy/x`)).status).toBe(203);
    expect((await ask(`${service}/web:80/proxy/x`)).status).toBe(203);
    expect(dialed).toEqual(['10.1.0.5:99', '10.1.0.6:8080', '10.1.0.6:8080']);
  });
  it('lead redirects back through themselves', async () => {
    expect(await ask(`${pod}/proxy/redirect`)).toMatchObject({
      status: 302,
      headers: { location: `${pod}/proxy/elsewhere` },
    });
    expect(await ask(`${pod}/proxy?a=b`)).toMatchObject({ status: 301, headers: { location: `${pod}/proxy/?a=b` } });
    expect((await ask(`${pod}/proxy/slow`)).body).toBe('late');
    expect((await ask(`${pod}/proxy/x`, { method: 'HEAD' })).status).toBe(203);
  });
  it('say what they cannot reach', async () => {
    const message = async (path: string): Promise<[number, string]> => {
      const { status, body } = await ask(path);
      return [status, (JSON.parse(body) as { message: string }).message];
    };
    expect(await message('/api/v1/namespaces/default/pods/web:9/proxy/')).toEqual([
      503,
      'error trying to reach service: dial tcp 10.1.0.5:9: connect: connection refused',
    ]);
    expect(await message(`${service}/web:zig/proxy/`)).toEqual([503, 'no endpoints available for service "web:zig"']);
    expect(await message(`${service}/nope/proxy/`)).toEqual([404, 'services "nope" not found']);
    expect(await message('/api/v1/namespaces/default/pods/a:b:c:d/proxy/')).toEqual([
      400,
      'invalid pod request "a:b:c:d"',
    ]);
    expect(await message('/api/v1/nodes/n/proxy/stats')).toEqual([404, 'nodes "n" not found']);
  });
  it('let connections be upgraded', async () => {
    const request = httpsRequest(`${server.url}${pod}/proxy/socket`, {
      agent: false,
      ca: server.ca.certificate,
      headers: { authorization: `Bearer ${server.adminToken}`, connection: 'Upgrade', upgrade: 'echo' },
    });
    request.end();
    const [response, socket] = (await once(request, 'upgrade')) as [IncomingMessage, Duplex];
    expect(response.headers.upgrade).toBe('echo');
    socket.write('hi');
    expect(String(((await once(socket, 'data')) as [Buffer])[0])).toBe('echo hi');
    socket.destroy();
  });
});

describe('documents', () => {
  it('are kept by clients', async () => {
    const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
    const first = await ask('/apis', { headers: { accept } });
    expect(first.headers).toMatchObject({ 'content-type': accept, vary: 'Accept', 'cache-control': 'public' });
    const again = await ask('/apis', { headers: { accept, 'if-none-match': first.headers.etag as string } });
    expect(again).toMatchObject({ status: 304, body: '' });
    const index = JSON.parse((await ask('/openapi/v3')).body) as {
      paths: Record<string, { serverRelativeURL: string }>;
    };
    const url = index.paths['apis/apps/v1']?.serverRelativeURL as string;
    const document = await ask(url);
    expect(document.headers['cache-control']).toBe('public, immutable');
    expect(await ask(url, { headers: { 'if-none-match': document.headers.etag as string } })).toMatchObject({
      status: 304,
    });
    expect(await ask('/openapi/v3/apis/apps/v1?hash=OLD')).toMatchObject({ status: 301, headers: { location: url } });
    expect(
      (await ask('/openapi/v2', { headers: { accept: 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf' } }))
        .headers['content-type'],
    ).toMatch(/protobuf$/);
  });
  it('tell of health', async () => {
    expect((await ask('/livez?verbose&exclude=etcd&exclude=zig')).body).toBe(
      '[+]ping ok\n[+]etcd excluded: ok\nwarn: some health checks cannot be excluded: no matches for "zig"\nlivez check passed\n',
    );
    expect((await ask('/readyz/etcd')).body).toBe('ok');
    expect((await ask('/readyz/nope')).status).toBe(404);
  });
  it('count requests', async () => {
    await ask('/api/v1/namespaces/default');
    const { body, headers } = await ask('/metrics');
    expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(body).toMatch(
      /^apiserver_request_total\{code="\d+",component="apiserver",.*verb="GET",version="v1"\} \d+$/m,
    );
    expect(body).toMatch(/^apiserver_request_duration_seconds_bucket\{.*le="\+Inf"\} \d+$/m);
  });
});
