import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answered, ask } from '../builders/https.ts';
import { type RunningCluster, startRunningCluster } from '../builders/running-cluster.ts';

/** What nobody well-meaning sends: each gets the right status, and the server goes on as if nothing had been. */
let cluster: RunningCluster;
beforeAll(async () => {
  cluster = await startRunningCluster({ nodes: 1 });
}, 90_000);
afterAll(async () => {
  // The process that took all of this is the one that was started.
  expect((await ask(cluster, { path: '/readyz' })).text).toBe('ok');
  expect((await cluster.stop()).code).toBe(0);
});

const maps = '/api/v1/namespaces/default/configmaps';
const send = (
  method: string,
  path: string,
  body: string | Uint8Array | undefined,
  type = 'application/json',
): Promise<Answered> => ask(cluster, { method, path, body, headers: { 'content-type': type } });
const post = (body: string | Uint8Array, type?: string): Promise<Answered> => send('POST', maps, body, type);
const named = (name: string, rest = ''): string =>
  `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"${name}"}${rest}}`;

async function expectStatus(answer: Promise<Answered>, status: number, message?: RegExp): Promise<void> {
  const { status: got, text } = await answer;
  expect({ got, text: text.slice(0, 400) }).toMatchObject({ got: status });
  const body = JSON.parse(text) as { kind?: string; code?: number; message?: string };
  expect(body).toMatchObject({ kind: 'Status', code: status });
  if (message) expect(body.message).toMatch(message);
}

describe('bodies', () => {
  it.each([
    ['nothing', '', 400, /unexpected end of JSON input|couldn't get version\/kind|Object 'Kind' is missing/],
    ['no JSON', 'hello', 400, /invalid character/],
    ['half of an object', '{"apiVersion":"v1","kind":"ConfigMap"', 400, /unexpected end of JSON input/],
    ['two objects', `${named('a')}${named('b')}`, 400, /./],
    ['a list', '[]', 400, /./],
    ['null', 'null', 422, /name or generateName is required/],
    ['a number', '7', 400, /./],
    ['bytes that are not UTF-8', Buffer.from([0x7b, 0xff, 0xfe, 0x7d]), 400, /./],
    ['zero bytes', Buffer.alloc(100), 400, /./],
    [
      'a name of another type',
      '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":{}}}',
      400,
      /cannot unmarshal object into Go struct field/,
    ],
    [
      'data of another type',
      named('x', ',"data":[1]'),
      400,
      /cannot unmarshal array into Go struct field ConfigMap\.data of type map\[string\]string/,
    ],
    [
      'metadata of another type',
      '{"apiVersion":"v1","kind":"ConfigMap","metadata":"x"}',
      400,
      /cannot unmarshal string into Go struct field ConfigMap\.metadata/,
    ],
    [
      'a number that no integer holds',
      '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x","generation":1e400}}',
      400,
      /./,
    ],
    ['a kind of no string', '{"apiVersion":"v1","kind":7,"metadata":{"name":"x"}}', 400, /./],
    ['no name', named(''), 422, /name or generateName is required/],
    ['a name with a path in it', named('../secrets'), 422, /metadata\.name: Invalid value: "\.\.\/secrets"/],
    ['a name of a megabyte', named('x'.repeat(1_000_000)), 422, /metadata\.name: Invalid value/],
  ] as [string, string | Uint8Array, number, RegExp][])('of %s', async (_, body, status, message) => {
    await expectStatus(post(body), status, message);
  });

  it('of 3 MiB and more', async () => {
    await expectStatus(
      post(named('big', `,"data":{"a":"${'x'.repeat(3 * 1024 * 1024)}"}`)),
      413,
      /^Request entity too large: limit is 3145728$/,
    );
    // What the head promises is enough to refuse it.
    await expectStatus(send('PATCH', `${maps}/nope`, 'x'.repeat(4 * 1024 * 1024), 'application/merge-patch+json'), 413);
    // Under the limit of requests, over the limit of ConfigMaps.
    await expectStatus(
      post(named('big', `,"data":{"a":"${'x'.repeat(2 * 1024 * 1024)}"}`)),
      422,
      /Too long: may not be more than 1048576 bytes/,
    );
  });

  it('that nest deeply', async () => {
    const deep = (levels: number): string => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;
    // Go's decoder stops at 10,000 levels; below that an unknown field is only left out.
    expect((await post(named('deep', `,"x":${deep(9_000)}`))).status).toBe(201);
    for (const levels of [10_001, 100_000, 500_000])
      await expectStatus(post(named('deeper', `,"x":${deep(levels)}`)), 400, /exceeded max depth/);
    await expectStatus(post('['.repeat(1_000_000)), 400);
    await expectStatus(post(`a: ${'['.repeat(20_000)}${']'.repeat(20_000)}`, 'application/yaml'), 400);
    await expectStatus(send('PATCH', '/api/v1/namespaces/default', deep(200_000), 'application/merge-patch+json'), 400);
    await expectStatus(
      send('PATCH', '/api/v1/namespaces/default', deep(200_000), 'application/strategic-merge-patch+json'),
      400,
    );
    await expectStatus(
      send('PATCH', '/api/v1/namespaces/default?fieldManager=me', deep(200_000), 'application/apply-patch+yaml'),
      400,
    );
  });

  it('of YAML that grows', async () => {
    const bomb = [
      'a: &a [x,x,x,x,x,x,x,x,x]',
      ...'bcdefghi'.split('').map((name, i) => `${name}: &${name} [${Array(9).fill(`*${'abcdefgh'[i]}`).join(',')}]`),
    ].join('\n');
    await expectStatus(post(bomb, 'application/yaml'), 400);
    await expectStatus(post('a: &a {b: *a}', 'application/yaml'), 400);
    await expectStatus(post('<<: *nowhere', 'application/yaml'), 400);
  });

  it('of protobuf that is none', async () => {
    const type = 'application/vnd.kubernetes.protobuf';
    for (const body of [
      Buffer.from('k8s\0'),
      Buffer.from('nope'),
      Buffer.concat([Buffer.from('k8s\0'), Buffer.alloc(64, 0xff)]),
      Buffer.concat([Buffer.from('k8s\0'), Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f])]),
    ])
      await expectStatus(post(body, type), 400);
  });

  it('in encodings and types that are not known', async () => {
    await expectStatus(post(named('x'), 'text/plain'), 415);
    await expectStatus(post(named('x'), ';;;'), 415);
    await expectStatus(send('PATCH', `${maps}/kube-root-ca.crt`, '{}', 'application/json'), 415);
    const gzipped = await ask(cluster, {
      method: 'POST',
      path: maps,
      body: named('x'),
      headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
    });
    expect([201, 400, 415]).toContain(gzipped.status);
    await send('DELETE', `${maps}/x`, undefined);
  });
});

describe('keys of prototypes', () => {
  const keys = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf'];
  const hostile = `{${keys.map((key) => `"${key}":"mine"`).join(',')}}`;

  it('are data like any other', async () => {
    const created = await post(named('proto', `,"data":${hostile}`));
    expect(created.status).toBe(201);
    const { text } = await ask(cluster, { path: `${maps}/proto` });
    for (const key of keys) expect(text).toContain(`"${key}":"mine"`);
    expect(
      (
        await send(
          'PATCH',
          `${maps}/proto`,
          '{"data":{"__proto__":"yours","constructor":null}}',
          'application/merge-patch+json',
        )
      ).status,
    ).toBe(200);
    expect(
      (
        await send(
          'PATCH',
          `${maps}/proto`,
          '[{"op":"add","path":"/data/__proto__","value":"ours"},{"op":"remove","path":"/data/prototype"}]',
          'application/json-patch+json',
        )
      ).status,
    ).toBe(200);
    const after = await ask(cluster, { path: `${maps}/proto` });
    expect(after.text).toContain('"__proto__":"ours"');
    for (const gone of ['constructor', 'prototype']) expect(after.text).not.toContain(`"${gone}":`);
    expect(
      (
        await send(
          'PATCH',
          `${maps}/proto?fieldManager=me&force=true`,
          named('proto', `,"data":${hostile}`),
          'application/apply-patch+yaml',
        )
      ).status,
    ).toBe(200);
  });

  it('as fields and patches reach nothing else', async () => {
    for (const body of [
      `{"apiVersion":"v1","kind":"ConfigMap","__proto__":{"data":{"polluted":"yes"}},"metadata":{"name":"clean","__proto__":{"polluted":"yes"},"constructor":{"prototype":{"polluted":"yes"}}}}`,
    ]) {
      const answer = await post(body);
      expect(answer.status).toBe(201);
      expect(answer.text).not.toContain('polluted');
    }
    for (const path of [
      '/__proto__/polluted',
      '/constructor/prototype/polluted',
      '/metadata/__proto__/polluted',
      '/data/__proto__/polluted',
    ]) {
      expect(
        (
          await send(
            'PATCH',
            `${maps}/clean`,
            `[{"op":"add","path":"${path}","value":"yes"}]`,
            'application/json-patch+json',
          )
        ).status,
        path,
      ).toBeGreaterThanOrEqual(400);
    }
    for (const type of ['merge-patch+json', 'strategic-merge-patch+json'])
      await send(
        'PATCH',
        `${maps}/clean`,
        '{"__proto__":{"polluted":"yes"},"constructor":{"prototype":{"polluted":"yes"}},"metadata":{"__proto__":{"polluted":"yes"}}}',
        `application/${type}`,
      );
    await expectStatus(
      send(
        'PATCH',
        '/api/v1/namespaces/default',
        '{"metadata":{"labels":{"__proto__":"x"}}}',
        'application/merge-patch+json',
      ),
      422,
    );
    await expectStatus(ask(cluster, { path: '/api/v1/pods?labelSelector=__proto__%3Dx' }), 400);
    for (const path of [`${maps}/clean`, '/api/v1/namespaces/default', '/version', '/api/v1/nodes'])
      expect((await ask(cluster, { path })).text, path).not.toContain('polluted');
    for (const path of [
      '/api/v1/namespaces/default/__proto__',
      '/apis/__proto__/v1/constructor',
      '/api/v1/constructor',
      '/apis/constructor',
      '/__proto__',
      '/api/v1/namespaces/__proto__/pods/constructor',
    ])
      expect((await ask(cluster, { path })).status, path).toBe(404);
  });
});

describe('paths and queries', () => {
  it.each(
    [
      '/api/v1/namespaces/default/configmaps/../secrets',
      '/api/v1/namespaces/default/configmaps/..%2fsecrets',
      '/api/v1/namespaces/default/configmaps/%2e%2e/secrets',
      '/api/v1/namespaces/..%2f..%2fapi/configmaps/x',
      '/api/v1/namespaces/default/configmaps/%00',
      '/api/v1/namespaces/default/configmaps/%ff%fe',
      '/api/v1/namespaces/default/configmaps/%zz',
      '/api/v1/namespaces/default//configmaps',
      '//api/v1/namespaces',
      '/api/v1/namespaces/default/configmaps/a/b/c/d/e',
      '/apis/apps/v1/namespaces/default/configmaps',
      `/${'a/'.repeat(4_000)}`,
      `/api/v1/namespaces/${'a'.repeat(60_000)}`,
      '/api/v1/namespaces/default/configmaps/x?timeoutSeconds=1#fragment',
    ].map((path) => [path.slice(0, 60), path] as const),
  )('%s', async (_, path) => {
    const answer = await ask(cluster, { path });
    expect({ status: answer.status, text: answer.text.slice(0, 300) }).toMatchObject({
      status: expect.toSatisfy((status: number) => status === 301 || (status >= 400 && status < 500)),
    });
    expect(answer.text).not.toMatch(/"kind":"(Secret|ConfigMap|Namespace)/);
  });

  it.each(
    [
      ['limit=abc', 400],
      ['limit=-1', 200],
      ['continue=nonsense', 400],
      ['resourceVersion=abc', 400],
      ['resourceVersionMatch=Sideways&resourceVersion=1', 422],
      ['labelSelector=((((', 400],
      [`labelSelector=${encodeURIComponent(`a in (${'x,'.repeat(3000)}x)`)}`, 200],
      ['fieldSelector=spec.nope%3Dx', 400],
      ['fieldSelector=%3D%3D%3D', 400],
      ['allowWatchBookmarks=7&watch=1&timeoutSeconds=abc', 400],
      ['timeoutSeconds=99999999999999999999', 400],
      ['watch=true&resourceVersion=abc', 500],
      ['watch=true&sendInitialEvents=true', 422],
      ['fieldValidation=Loud', 200],
      ['pretty=perhaps', 200],
      ['%=%&&&==', 200],
    ].map(([query, status]) => [String(query).slice(0, 60), query, status] as [string, string, number]),
  )('?%s', async (_, query, status) => {
    const answer = await ask(cluster, { path: `${maps}?${query}` });
    expect({ status: answer.status, text: answer.text.slice(0, 300) }).toMatchObject({ status });
  });

  it('of writes', async () => {
    for (const query of [
      'fieldValidation=Loud',
      'dryRun=Some',
      'fieldManager=%00',
      `fieldManager=${'x'.repeat(200)}`,
    ]) {
      const answer = await send('POST', `${maps}?${query}`, named('q'));
      expect([400, 422], query).toContain(answer.status);
    }
    await expectStatus(
      send(
        'DELETE',
        `${maps}/clean`,
        '{"apiVersion":"v1","kind":"DeleteOptions","gracePeriodSeconds":-5,"propagationPolicy":"Sideways"}',
      ),
      422,
    );
    await expectStatus(send('DELETE', `${maps}/clean`, 'nonsense'), 400);
  });
});

describe('connections', () => {
  const open = (): Promise<TLSSocket> =>
    new Promise((resolve, reject) => {
      const socket = connectTls(
        { host: '127.0.0.1', port: cluster.port, ca: cluster.ca, servername: 'localhost' },
        () => resolve(socket),
      );
      socket.on('error', reject);
    });
  /** What the server says to these bytes, until it closes or an answer's end is there. */
  const talk = async (text: string, until = /\r\n\r\n/): Promise<string> => {
    const socket = await open();
    let got = '';
    socket.on('error', () => {});
    const over = new Promise<void>((resolve) => {
      socket.on('data', (chunk: Buffer) => {
        got += chunk.toString('latin1');
        if (until.test(got)) resolve();
      });
      socket.on('close', () => resolve());
    });
    socket.write(text, 'latin1');
    await over;
    socket.destroy();
    return got;
  };
  const auth = (): string => `Authorization: Bearer ${cluster.token}\r\nHost: localhost\r\n`;

  it.each([
    ['no HTTP', 'hello\r\n\r\n', /^HTTP\/1\.1 400 /],
    [
      'a head of two megabytes',
      `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(2 * 1024 * 1024)}\r\n\r\n`,
      /^HTTP\/1\.1 431 /,
    ],
    [
      'two lengths',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello',
      /^HTTP\/1\.1 400 /,
    ],
    [
      'a length and chunks',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      /^HTTP\/1\.1 400 /,
    ],
    [
      'chunks that are none',
      `POST ${maps} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n`,
      /^HTTP\/1\.1 40[0-9] /,
    ],
    ['a null in a header', 'GET / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n', /^HTTP\/1\.1 400 /],
    ['no host', 'GET /version HTTP/1.1\r\n\r\n', /^HTTP\/1\.1 400 /],
    ['an unknown method', 'FROB /version HTTP/1.1\r\nHost: x\r\n\r\n', /^HTTP\/1\.1 40[0-9] /],
    ["a proxy's request", 'CONNECT example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n', /^HTTP\/1\.1 40[0-9] |^$/],
    [
      'an upgrade to nothing',
      `GET ${maps} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: nonsense\r\n\r\n`,
      /^HTTP\/1\.1 40[0-9] /,
    ],
  ] as [string, string, RegExp][])('with %s', async (_, text, expected) => {
    expect((await talk(text)).slice(0, 200)).toMatch(expected);
  });

  it('that break off in a body, or never send it', async () => {
    const head = `POST ${maps} HTTP/1.1\r\n${auth()}Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"metadata":{"name":"half"`;
    const sockets = await Promise.all(Array.from({ length: 100 }, open));
    for (const [i, socket] of sockets.entries()) {
      socket.on('error', () => {});
      socket.write(head);
      if (i % 2 === 0) socket.destroy();
    }
    // They hold nothing that others need.
    const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => post(named(`beside-${i}`))));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 201));
    for (const socket of sockets) socket.destroy();
    expect((await ask(cluster, { path: `${maps}/half` })).status).toBe(404);
  });

  it('that are slow to send a body are served when it is there', async () => {
    const body = named('slow');
    const socket = await open();
    let got = '';
    socket.on('data', (chunk: Buffer) => (got += chunk.toString()));
    socket.write(
      `POST ${maps} HTTP/1.1\r\n${auth()}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`,
    );
    for (const byte of body) {
      socket.write(byte);
      // A request of another client goes through between any two bytes.
      if (byte === '"') expect((await ask(cluster, { path: '/livez' })).status).toBe(200);
    }
    await expect.poll(() => got, { timeout: 10_000 }).toMatch(/^HTTP\/1\.1 201 /);
    socket.destroy();
  });

  it('that ask and do not read are not waited for', async () => {
    const sockets = await Promise.all(Array.from({ length: 20 }, open));
    for (const socket of sockets) {
      socket.on('error', () => {});
      socket.pause();
      socket.write(`GET /openapi/v2 HTTP/1.1\r\n${auth()}\r\n`.repeat(5));
    }
    const began = await Promise.all(
      Array.from({ length: 20 }, () => ask(cluster, { path: '/api/v1/namespaces/default' })),
    );
    expect(began.every(({ status }) => status === 200)).toBe(true);
    for (const socket of sockets) socket.destroy();
  });
});
