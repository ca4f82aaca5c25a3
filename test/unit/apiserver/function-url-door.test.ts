import type { ApiRequest, ApiResponse, ResponseStream } from '@nodeless/apiserver/exchange';
import {
  type FunctionUrlEvent,
  type ResponseHead,
  createFunctionUrlDoor,
  toApiRequest,
} from '@nodeless/apiserver/function-url-door';
import { createManualClock } from '@nodeless/component-base/manual-clock';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';

const event = (more: Partial<FunctionUrlEvent> & { method?: string } = {}): FunctionUrlEvent => ({
  rawPath: '/api/v1/pods',
  rawQueryString: '',
  headers: { host: 'x' },
  requestContext: { http: { method: more.method ?? 'GET', sourceIp: '203.0.113.10' } },
  ...more,
});

describe('toApiRequest', () => {
  it('reads method, target, headers and address', () => {
    const request = toApiRequest(
      event({
        method: 'PATCH',
        rawPath: '/api/v1/namespaces/default/pods/a%2Fb',
        rawQueryString: 'fieldManager=x&dryRun=All',
        headers: { 'impersonate-group': 'a,b, c', accept: 'application/json' },
      }),
      17,
    );
    expect(request).toMatchObject({
      method: 'PATCH',
      target: '/api/v1/namespaces/default/pods/a%2Fb?fieldManager=x&dryRun=All',
      remoteAddress: '203.0.113.10',
      deadline: 17,
    });
    expect(request.header('accept')).toBe('application/json');
    expect(request.header('toString')).toBeUndefined();
    expect(request.headerValues('impersonate-group')).toEqual(['a', 'b', 'c']);
    expect(request.headerValues('accept-encoding')).toEqual([]);
    expect(request.rawHeaders()).toEqual(['impersonate-group', 'a,b, c', 'accept', 'application/json']);
  });
  it.each([
    ['text', { body: '{"ä":1}' }, '{"ä":1}'],
    ['base64', { body: Buffer.from([0, 255, 128]).toString('base64'), isBase64Encoded: true }, '\0\xff\x80'],
    ['none', {}, ''],
  ])('reads a body: %s', async (form, more, text) => {
    const bytes = await toApiRequest(event(more)).readBody(100);
    expect(Buffer.from(bytes).toString(form === 'text' ? 'utf8' : 'latin1')).toBe(text);
  });
  it('refuses a body that is too large', async () => {
    await expect(toApiRequest(event({ body: 'x'.repeat(11) })).readBody(10)).rejects.toMatchObject({ code: 413 });
  });
});

/** Serves one answer and keeps what is written. */
function serve(answer: ApiResponse | ((request: ApiRequest) => ApiResponse), of = event(), deadline = Infinity) {
  const clock = createManualClock(0);
  const out = new PassThrough();
  const writes: string[] = [];
  const write = out.write.bind(out);
  out.write = ((chunk: string | Buffer, ...rest: []) => {
    writes.push(chunk.toString());
    return write(chunk, ...rest);
  }) as typeof out.write;
  out.resume();
  let head: ResponseHead | undefined;
  const door = createFunctionUrlDoor(
    { handle: (request) => (typeof answer === 'function' ? answer(request) : answer) },
    { clock, heartbeatMs: 15_000 },
  );
  const done = door.serve(of, {
    begin: (given) => {
      head = given;
      return out;
    },
    deadline,
  });
  return { clock, out, writes, done, head: () => head, text: () => writes.join('') };
}
const json = (body: ApiResponse['body'], status = 200): ApiResponse => ({
  status,
  headers: ['Content-Type', 'application/json'],
  body,
});

describe('createFunctionUrlDoor', () => {
  it('sends head and body', async () => {
    const { done, head, text } = serve({
      status: 201,
      headers: ['Content-Type', 'application/json', 'Warning', '299 - "a"', 'Warning', '299 - "ü"'],
      body: '{}',
    });
    await done;
    expect(head()).toEqual({
      statusCode: 201,
      headers: { 'content-type': 'application/json', warning: '299 - "a", 299 - "?"' },
    });
    expect(text()).toBe('{}');
  });
  it.each<[string, ApiResponse, FunctionUrlEvent]>([
    ['HEAD', json('{}'), event({ method: 'HEAD' })],
    ['304', json(undefined, 304), event()],
  ])('writes once and nothing for %s, so that the head leaves', async (_, answer, of) => {
    const { done, writes } = serve(answer, of);
    await done;
    expect(writes).toEqual(['']);
  });
  it('sends a body of pieces in order', async () => {
    const { done, text } = serve(json([Buffer.from('a'), Buffer.from('b'.repeat(100_000)), Buffer.from('c')]));
    await done;
    expect(text()).toBe(`a${'b'.repeat(100_000)}c`);
  });
  it('upgrades nothing', async () => {
    const { done, head } = serve({ status: 101, headers: [], body: { upgraded: () => {} } });
    await done;
    expect(head()?.statusCode).toBe(501);
  });

  const streaming = (blanks: boolean | undefined, deadline?: number) => {
    let stream: ResponseStream | undefined;
    let closed = 0;
    const served = serve(
      json({
        stream: (out) => {
          stream = out;
          out.onClose(() => closed++);
        },
        blanks,
      }),
      event(),
      deadline,
    );
    return { ...served, stream: () => stream as ResponseStream, closed: () => closed };
  };
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

  it('writes the head at once, and what comes in one turn together', async () => {
    const { clock, done, writes, stream } = streaming(false);
    await clock.advance(0);
    expect(writes).toEqual(['']);
    stream().write(Buffer.from('a\n'));
    stream().write(Buffer.from('b\n'));
    expect(stream().pendingBytes).toBe(4);
    await turn();
    expect(writes).toEqual(['', 'a\nb\n']);
    stream().write(Buffer.from('c\n'));
    stream().end();
    stream().write(Buffer.from('lost'));
    await done;
    expect(writes).toEqual(['', 'a\nb\n', 'c\n']);
  });
  it('sends a blank after each event, which may be held back otherwise, and while nothing happens', async () => {
    const { clock, done, writes, stream } = streaming(true);
    await clock.advance(0);
    stream().write(Buffer.from('a\n'));
    await turn();
    await clock.advance(20);
    expect(writes).toEqual(['', 'a\n', ' ']);
    await clock.advance(30_000);
    expect(writes).toEqual(['', 'a\n', ' ', ' ', ' ']);
    stream().end();
    await done;
    await clock.advance(60_000);
    expect(writes).toHaveLength(5);
  });
  it('puts no blanks where they would mean something', async () => {
    const { clock, done, writes, stream } = streaming(undefined);
    await clock.advance(60_000);
    expect(writes).toEqual(['']);
    stream().end();
    await done;
  });
  it('ends before the function is ended', async () => {
    const { clock, done, closed, out } = streaming(true, 60_000);
    await clock.advance(56_000);
    expect(out.writableEnded).toBe(false);
    await clock.advance(1_500);
    await done;
    expect(closed()).toBe(1);
  });
  it('says once that it is over, also to who asks later', async () => {
    const { clock, done, stream, closed } = streaming(false);
    await clock.advance(0);
    stream().destroy();
    await done;
    let late = 0;
    stream().onClose(() => late++);
    expect([closed(), late]).toEqual([1, 1]);
  });
});
