/** The HTTP side of the API server: what real and hostile clients send, over TLS, HTTP/1.1 and HTTP/2. */
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { Agent, request as httpsRequest } from 'node:https';
import { type TLSSocket, connect as connectTls } from 'node:tls';
import { text } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestApiServer, startApiServer } from '../builders/api-server.ts';

let server: TestApiServer;
const agent = new Agent({ keepAlive: true });
beforeAll(async () => {
  server = await startApiServer({ tokens: [{ token: 'bob-token', user: 'bob', groups: ['devs'] }] });
});
afterAll(async () => {
  agent.destroy();
  await server.close();
});

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: Buffer;
  readonly json: { message?: string; kind?: string; items?: unknown[] } & Record<string, unknown>;
}
interface Asked {
  readonly method?: string;
  readonly body?: string | Buffer;
  readonly headers?: Record<string, string | string[]>;
  readonly token?: string | null;
}

function ask(
  path: string,
  { method = 'GET', body, headers = {}, token = server.adminToken }: Asked = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const authorization: Record<string, string> = token === null ? {} : { authorization: `Bearer ${token}` };
    const request = httpsRequest(server.url + path, {
      method,
      agent,
      ca: server.ca.certificate,
      headers: { ...authorization, ...headers },
    });
    request.on('error', reject);
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const bytes = Buffer.concat(chunks);
        let json = {};
        try {
          json = JSON.parse(bytes.toString()) as object;
        } catch {
          // not every answer is JSON
        }
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: bytes, json });
      });
    });
    request.end(body);
  });
}

/** Writes bytes on a connection and gives what comes until it closes or `until` matches. */
async function raw(bytes: string, until: RegExp, timeoutMs = 5_000): Promise<string> {
  const socket = await tls();
  let seen = '';
  const done = new Promise<string>((resolve) => {
    const timer = setTimeout(() => resolve(`${seen}<timeout>`), timeoutMs);
    socket.on('data', (chunk) => {
      seen += chunk.toString('latin1');
      if (until.test(seen)) {
        clearTimeout(timer);
        resolve(seen);
      }
    });
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(`${seen}<closed>`);
    });
  });
  socket.write(bytes);
  const result = await done;
  socket.destroy();
  return result;
}
async function tls(): Promise<TLSSocket> {
  const socket = connectTls({
    port: server.listener.address.port,
    host: '127.0.0.1',
    ca: server.ca.certificate,
    ALPNProtocols: ['http/1.1'],
  });
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  return socket;
}
const configMap = (name: string, data: object = { a: 'b' }): string => JSON.stringify({ metadata: { name }, data });
const path = '/api/v1/namespaces/default/configmaps';

describe('requests', () => {
  it('create, read, list and delete', async () => {
    const created = await ask(path, { method: 'POST', body: configMap('one') });
    expect(created.status).toBe(201);
    expect(created.body.at(-1)).toBe(0x0a);
    expect((await ask(`${path}/one`)).json).toMatchObject({ kind: 'ConfigMap', data: { a: 'b' } });
    expect((await ask(path)).json).toMatchObject({ kind: 'ConfigMapList', items: [{ metadata: { name: 'one' } }] });
    expect((await ask(`${path}/one`, { method: 'DELETE' })).json).toMatchObject({ kind: 'Status', status: 'Success' });
  });

  it('carry the headers of kube-apiserver', async () => {
    const { headers } = await ask(path, { headers: { 'audit-id': 'mine' } });
    expect(headers).toMatchObject({
      'audit-id': 'mine',
      'cache-control': 'no-cache, private',
      'content-type': 'application/json',
    });
    expect(headers['x-kubernetes-pf-flowschema-uid']).toMatch(/^[0-9a-f-]{36}$/);
  });

  it.each([
    ['HEAD', 'HEAD', `${path}/x`, 405],
    ['OPTIONS', 'OPTIONS', path, 405],
    ['unknown resource', 'GET', '/api/v1/zigs', 404],
    ['unknown group', 'GET', '/apis/zig/v1/things', 404],
    ['subresource that is not', 'GET', `${path}/x/zig`, 404],
    ['namespaced object without namespace', 'GET', '/api/v1/configmaps/x', 404],
    ['cluster-scoped object in a namespace', 'GET', '/api/v1/namespaces/default/nodes', 404],
  ])('%s', async (_, method, target, status) => {
    expect((await ask(target, { method })).status).toBe(status);
  });

  it('are refused without an answer in their form', async () => {
    expect((await ask(path, { headers: { accept: 'text/html' } })).json.message).toMatch(/^406: Not Acceptable/);
    expect((await ask(path, { method: 'POST', body: '{}', headers: { 'content-type': 'text/plain' } })).status).toBe(
      415,
    );
    const yaml = await ask(`${path}/nope`, { headers: { accept: 'application/yaml' } });
    expect(yaml.headers['content-type']).toBe('application/yaml');
    expect(yaml.body.toString()).toContain('message: configmaps "nope" not found\n');
    const protobuf = await ask(`${path}/nope`, { headers: { accept: 'application/vnd.kubernetes.protobuf' } });
    expect(protobuf.body.subarray(0, 4).toString('latin1')).toBe('k8s\0');
  });

  it('are pretty for people', async () => {
    expect((await ask(`${path}/nope`, { headers: { 'user-agent': 'curl/8' } })).body.toString()).toMatch(
      /^\{\n {2}"kind": "Status",\n/,
    );
    expect((await ask(`${path}/nope?pretty=true`)).body.toString()).toMatch(/^\{\n/);
    expect((await ask(`${path}/nope`)).body.toString()).toMatch(
      /^\{"kind":"Status","apiVersion":"v1","metadata":\{\},"status":"Failure"/,
    );
  });

  it('give warnings', async () => {
    const { headers } = await ask(`${path}?dryRun=All`, {
      method: 'POST',
      body: JSON.stringify({ metadata: { name: 'w' }, zig: 1, zäg: 2 }),
    });
    expect(headers.warning).toContain('299 - "unknown field \\"zig\\""');
  });

  it('are compressed when large', async () => {
    await ask(path, { method: 'POST', body: configMap('large', { a: 'x'.repeat(200_000) }) });
    const { headers, body } = await ask(`${path}/large`, { headers: { 'accept-encoding': 'gzip' } });
    expect(headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'Accept-Encoding' });
    expect(body.length).toBeLessThan(10_000);
    expect(JSON.parse(gunzipSync(body).toString())).toMatchObject({ data: { a: 'x'.repeat(200_000) } });
    const list = await ask(path, { headers: { 'accept-encoding': 'gzip' } });
    expect(list.headers['content-encoding']).toBe('gzip');
    expect((await ask(`${path}/large`)).headers['content-encoding']).toBeUndefined();
    await ask(`${path}/large`, { method: 'DELETE' });
  });
});

describe('who asks', () => {
  it('is somebody, nobody or refused', async () => {
    expect((await ask(path, { token: 'bad' })).json).toMatchObject({
      status: 'Failure',
      message: 'Unauthorized',
      reason: 'Unauthorized',
      code: 401,
    });
    expect((await ask(path, { token: null })).json.message).toBe(
      'configmaps is forbidden: User "system:anonymous" cannot list resource "configmaps" in API group "" in the namespace "default"',
    );
    expect((await ask('/version', { token: null })).json).toMatchObject({ major: '1', minor: '36' });
    expect((await ask('/api', { token: null })).json.message).toBe(
      'forbidden: User "system:anonymous" cannot get path "/api"',
    );
    expect((await ask('/api', { token: 'bob-token' })).status).toBe(200);
  });

  it('may act as another', async () => {
    const whoami = { method: 'POST', body: '{}' };
    const self = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
    const as = await ask(self, {
      ...whoami,
      headers: { 'impersonate-user': 'eve', 'impersonate-group': ['a', 'b'], 'impersonate-extra-scopes': 'x' },
    });
    expect(as.json.status).toEqual({
      userInfo: { username: 'eve', groups: ['a', 'b', 'system:authenticated'], extra: { scopes: ['x'] } },
    });
    const account = await ask(self, { ...whoami, headers: { 'impersonate-user': 'system:serviceaccount:ns:sa' } });
    expect(account.json.status).toMatchObject({
      userInfo: { groups: ['system:serviceaccounts', 'system:serviceaccounts:ns', 'system:authenticated'] },
    });
    expect((await ask(path, { headers: { 'impersonate-group': 'a' } })).json.message).toMatch(
      /without impersonating a user name$/,
    );
    expect((await ask(path, { token: 'bob-token', headers: { 'impersonate-user': 'eve' } })).json.message).toBe(
      'configmaps is forbidden: User "bob" cannot impersonate-on:user-info:list resource "configmaps" in API group "" in the namespace "default"',
    );
    expect((await ask(path, { headers: { 'impersonate-user': 'eve' } })).json.message).toMatch(
      /^configmaps is forbidden: User "eve" cannot list/,
    );
  });
});

describe('HTTP/2', () => {
  it('serves many requests of one connection, with repeated headers', async () => {
    const session = connectHttp2(server.url, { ca: server.ca.certificate });
    const one = async (target: string, headers: Record<string, string> = {}, body?: string) => {
      const stream = session.request({
        ':path': target,
        ':method': body === undefined ? 'GET' : 'POST',
        authorization: `Bearer ${server.adminToken}`,
        ...headers,
      });
      stream.end(body);
      const [response] = (await once(stream, 'response')) as [Record<string, string | string[]>];
      return { response, body: await text(stream) };
    };
    const all = await Promise.all(Array.from({ length: 50 }, () => one('/version')));
    expect(all.every(({ response }) => (response[':status'] as unknown) === 200)).toBe(true);
    const warned = await one(`${path}?dryRun=All`, {}, JSON.stringify({ metadata: { name: 'w' }, zig: 1, zag: 2 }));
    expect(warned.response.warning).toContain('zig');
    expect(String(warned.response.warning)).toContain('zag');
    session.close();
  });
});

describe('hostile clients', () => {
  it.each([
    ['/api/v1/namespaces/default/configmaps/%2e%2e', 400],
    ['/api/v1/namespaces/default%2fconfigmaps/x', 404],
    ['/api/v1/namespaces/..%2f..%2f/configmaps', 404],
    ['/api/v1/namespaces/default/configmaps/__proto__', 404],
    ['/api/v1/constructor', 404],
    ['/apis/__proto__/v1/x', 404],
    ['/api/v1/namespaces/default/pods/x/__proto__', 404],
    ['/%', 400],
    ['/%ff', 400],
    ['//api/v1', 404],
    ['/api/v1/watch', 500],
    ['/api/v1/namespaces/default/configmaps?limit=99999999999999999999', 400],
    ['/openapi/v3/__proto__', 404],
    ['/livez/__proto__', 404],
  ])('%s is answered with %i', async (target, status) => {
    const answer = await raw(
      `GET ${target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${server.adminToken}\r\nConnection: close\r\n\r\n`,
      /<never>/,
    );
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  });

  it('pollute nothing', async () => {
    const body =
      '{"metadata":{"name":"evil","labels":{"__proto__":"x","constructor":"y"}},"data":{"__proto__":"p","toString":"q"},"__proto__":{"polluted":1}}';
    await ask(path, { method: 'POST', body });
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
    const stored = (await ask(`${path}/evil`)).body.toString();
    if (stored.includes('"ConfigMap"')) expect(stored).toContain('"toString":"q"');
    await ask(`${path}/evil`, { method: 'DELETE' });
  });

  it('get 413 for what is too large, declared or not, and the connection goes on', async () => {
    const big = configMap('big', { a: 'x'.repeat(3_300_000) });
    expect((await ask(path, { method: 'POST', body: big })).json.message).toBe(
      'Request entity too large: limit is 3145728',
    );
    expect((await ask(path, { method: 'POST', body: big, headers: { 'transfer-encoding': 'chunked' } })).status).toBe(
      413,
    );
    expect((await ask('/version')).status).toBe(200);
  });

  it('get 400 for half a body', async () => {
    const socket = await tls();
    socket.write(
      `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${server.adminToken}\r\nContent-Length: 100\r\n\r\n{"half":`,
    );
    socket.resume();
    socket.end();
    await once(socket, 'close');
    expect((await ask('/version')).status).toBe(200);
  });

  it('may use methods that nobody knows', async () => {
    const head = (token: string): string =>
      `FOO ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Length: 0\r\n\r\n`;
    expect(await raw(head(server.adminToken), /<never>/)).toMatch(
      /^HTTP\/1\.1 405 [^]*"message":"the server does not allow this method on the requested resource"/,
    );
    expect(await raw(head('bad'), /<never>/)).toMatch(/^HTTP\/1\.1 401 /);
  });

  it('get 400 for what is not HTTP, 431 for endless heads', async () => {
    expect(await raw('nonsense\r\n\r\n', /<never>/)).toMatch(/^HTTP\/1\.1 400 /);
    const head = `GET /version HTTP/1.1\r\nHost: x\r\n${Array.from({ length: 1_200 }, (_, i) => `X-${i}: ${'y'.repeat(1_000)}`).join('\r\n')}\r\n\r\n`;
    expect(await raw(head, /<never>/)).toMatch(/^(?:HTTP\/1\.1 431 |<closed>)/);
    expect((await ask('/version', { headers: { 'x-long': 'y'.repeat(200_000) } })).status).toBe(200);
  });

  it('may pipeline', async () => {
    const one = (target: string): string =>
      `GET ${target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${server.adminToken}\r\n\r\n`;
    const answer = await raw(one(`${path}/a`) + one(`${path}/b`) + one('/version'), /"gitVersion"/);
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 404', 'HTTP/1.1 404', 'HTTP/1.1 200']);
    expect(answer.indexOf('\\"a\\"')).toBeLessThan(answer.indexOf('\\"b\\"'));
  });

  it('may ask for upgrades that are none', async () => {
    const head = `GET /version HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n`;
    expect(await raw(head, /<never>/)).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*"gitVersion"/);
  });

  it('do not hold others up by being slow', async () => {
    const slow = await Promise.all(
      Array.from({ length: 300 }, async (_, i) => {
        const socket = await tls();
        if (i % 3 === 0) socket.write('GET /version HT');
        if (i % 3 === 1)
          socket.write(
            `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${server.adminToken}\r\nContent-Length: 100\r\n\r\n{`,
          );
        return socket;
      }),
    );
    const started = performance.now();
    expect((await ask('/version')).status).toBe(200);
    expect((await ask(path, { method: 'POST', body: configMap('after') })).status).toBe(201);
    expect(performance.now() - started).toBeLessThan(2_000);
    for (const socket of slow) socket.destroy();
    await ask(`${path}/after`, { method: 'DELETE' });
  });
});

describe('limits', () => {
  it('answer 429 when too much is under way', async () => {
    // Slow bodies hold their places; masters are let through all the same.
    const policy = {
      subjects: [{ kind: 'User', name: 'bob' }],
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    };
    await server.inlineClient().create(
      {
        group: 'rbac.authorization.k8s.io',
        version: 'v1',
        resource: 'clusterrolebindings',
        kind: 'ClusterRoleBinding',
        namespaced: false,
      },
      { metadata: { name: 'bob' }, ...policy } as never,
    );
    const sockets = await Promise.all(
      Array.from({ length: 200 }, async () => {
        const socket = await tls();
        socket.write(
          `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer bob-token\r\nContent-Length: 100\r\n\r\n{`,
        );
        return socket;
      }),
    );
    await expect
      .poll(async () => (await ask(path, { method: 'POST', body: configMap('x'), token: 'bob-token' })).status, {
        timeout: 5_000,
      })
      .toBe(429);
    const busy = await ask(path, { method: 'POST', body: configMap('x'), token: 'bob-token' });
    expect(busy.headers).toMatchObject({ 'retry-after': '1', 'content-type': 'text/plain; charset=utf-8' });
    expect(busy.body.toString()).toBe('Too many requests, please try again later.\n');
    expect((await ask(path, { token: 'bob-token' })).status).toBe(200);
    expect((await ask(`${path}?dryRun=All`, { method: 'POST', body: configMap('x') })).status).toBe(201);
    for (const socket of sockets) socket.destroy();
    await expect
      .poll(
        async () =>
          (await ask(`${path}?dryRun=All`, { method: 'POST', body: configMap('x'), token: 'bob-token' })).status,
      )
      .toBe(201);
  });
});
