import { PassThrough, Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { settingsOf } from '@nodeless/virtual-kubelet/providers/fargate/read-settings';
import { send, toRequest, type UrlEvent } from '@nodeless/virtual-kubelet/url-events';

const event: UrlEvent = {
  rawPath: '/agent/v1/report',
  rawQueryString: 'a=1&b=%2F',
  headers: { authorization: 'Bearer t', 'content-type': 'application/json', missing: undefined },
  requestContext: { http: { method: 'POST' }, domainName: 'x.lambda-url.us-east-1.on.aws' },
  body: Buffer.from('{"ü":1}').toString('base64'),
  isBase64Encoded: true,
};

describe('an event of a Function URL', () => {
  test('becomes a request', async () => {
    const request = toRequest(event, new AbortController().signal);
    expect(request.url).toBe('https://x.lambda-url.us-east-1.on.aws/agent/v1/report?a=1&b=%2F');
    expect(request.method).toBe('POST');
    expect(Object.fromEntries(request.headers)).toEqual({
      authorization: 'Bearer t',
      'content-type': 'application/json',
    });
    expect(await request.json()).toEqual({ ü: 1 });
  });

  test('without a body, and one whose body is text', async () => {
    const signal = new AbortController().signal;
    const http = { method: 'GET' };
    expect(toRequest({ ...event, requestContext: { http } }, signal).body).toBeNull();
    expect(await toRequest({ ...event, body: 'plain', isBase64Encoded: false }, signal).text()).toBe('plain');
  });
});

describe('a response', () => {
  const collect = (): {
    stream: PassThrough;
    text: () => string;
    head: () => unknown;
    begin: (head: unknown) => PassThrough;
  } => {
    const stream = new PassThrough();
    let text = '';
    let given: unknown;
    stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
    return { stream, text: () => text, head: () => given, begin: (head) => ((given = head), stream) };
  };

  test('is written with its head', async () => {
    const out = collect();
    await send(new Response('hello', { status: 201, headers: { etag: '"1"' } }), out.begin);
    expect(out.head()).toEqual({
      statusCode: 201,
      headers: { 'content-type': 'text/plain;charset=UTF-8', etag: '"1"' },
    });
    expect(out.text()).toBe('hello');
  });

  test('without a body ends', async () => {
    const out = collect();
    await send(new Response(null, { status: 304 }), out.begin);
    expect(out.stream.writableFinished).toBe(true);
  });

  test('whose reader goes away lets go of its source', async () => {
    const out = collect();
    const source = new Readable({ read() {} });
    source.push('a line\n');
    const sent = send(new Response(Readable.toWeb(source) as ReadableStream<Uint8Array>), out.begin);
    await new Promise((resolve) => {
      out.stream.once('data', resolve);
    });
    out.stream.destroy();
    await sent;
    expect(source.destroyed).toBe(true);
  });
});

describe('the settings of the function', () => {
  const environment = {
    AWS_REGION: 'eu-west-1',
    NODELESS_ECS_CLUSTER: 'arn:aws:ecs:eu-west-1:1:cluster/c',
    NODELESS_SUBNETS: '[{"id":"subnet-1","zone":"eu-west-1a"}]',
    NODELESS_SECURITY_GROUPS: 'sg-1,sg-2',
    NODELESS_ASSIGN_PUBLIC_IP: 'ENABLED',
    NODELESS_EXECUTION_ROLE: 'arn:aws:iam::1:role/e',
    NODELESS_LOG_GROUP: '/nodeless/c/pods',
    NODELESS_AGENT_IMAGE: 'node:24',
    NODELESS_ARCHITECTURE: 'arm64',
  };
  const read = (change: NodeJS.ProcessEnv = {}) =>
    settingsOf({ cluster: 'c', kubeletEndpoint: 'https://k' }, { ...environment, ...change });

  test('are those of its environment', () => {
    expect(read()).toMatchObject({
      subnets: [{ id: 'subnet-1', zone: 'eu-west-1a' }],
      securityGroups: ['sg-1', 'sg-2'],
      taskRole: '',
      defaultArchitecture: 'arm64',
    });
  });
  test.each([
    ['NODELESS_EXECUTION_ROLE', undefined],
    ['NODELESS_ASSIGN_PUBLIC_IP', 'yes'],
    ['NODELESS_ARCHITECTURE', 'riscv'],
    ['NODELESS_SUBNETS', '{}'],
    ['NODELESS_SUBNETS', '[{"id":1}]'],
  ])('%s must not be %s', (name, value) => {
    expect(() => read({ [name]: value })).toThrow(name);
  });
});
