/** The rig itself: what it makes of requests and of what functions do with them. */
import { request } from 'node:https';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { type StreamingHost, type StreamingHostOptions, startStreamingHost } from './rigs/streaming-host.ts';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).toReversed()) await step();
});

/** A host of a function whose handler has this body; `event`, `stream`, `context`, `begin` and `wait` are there. */
async function hosting(body: string, options: Partial<StreamingHostOptions> = {}): Promise<StreamingHost> {
  const folder = mkdtempSync(join(tmpdir(), 'nodeless-host-'));
  undo.push(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, 'index.mjs'),
    `const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
     let count = 0;
     export const handler = awslambda.streamifyResponse(async (event, stream, context) => {
       count++;
       const begin = (head = { statusCode: 200, headers: { 'content-type': 'text/plain' } }) => awslambda.HttpResponseStream.from(stream, head);
       ${body}
     });`,
  );
  const host = await startStreamingHost({ name: 'test', folder, environment: { OWN: 'x' }, ...options });
  undo.push(() => host.stop());
  return host;
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
  /** What came, and when, in milliseconds from the start. */
  readonly pieces: readonly { readonly text: string; readonly at: number }[];
}

function ask(
  host: StreamingHost,
  options: { path?: string; method?: string; headers?: Record<string, string>; body?: string | Buffer } = {},
): Promise<Answer> & { leave: () => void } {
  const { path = '/', method = 'GET', headers = {}, body } = options;
  const began = Date.now();
  const pieces: { text: string; at: number }[] = [];
  let leave = (): void => {};
  const answer = new Promise<Answer>((resolve, reject) => {
    const sent = request(`${host.url}${path}`, { method, headers, ca: host.ca }, (response) => {
      response.setEncoding('utf8').on('data', (text: string) => pieces.push({ text, at: Date.now() - began }));
      response.on('error', reject).on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text: pieces.map(({ text }) => text).join(''),
          pieces,
        }),
      );
    });
    leave = () => sent.destroy();
    sent.on('error', reject).end(body);
  });
  return Object.assign(answer, { leave: () => leave() });
}

describe('the event', () => {
  const echo = 'const out = begin(); out.write(JSON.stringify(event)); out.end();';
  it('has payload format 2.0', async () => {
    const host = await hosting(echo);
    const { text } = await ask(host, {
      path: '/a%2Fb/c?x=1&x=2&y',
      headers: { 'X-Own': 'a', cookie: 'a=1; b=2', authorization: 'Bearer t' },
    });
    expect(JSON.parse(text)).toMatchObject({
      version: '2.0',
      rawPath: '/a%2Fb/c',
      rawQueryString: 'x=1&x=2&y',
      queryStringParameters: { x: '1,2', y: '' },
      cookies: ['a=1', 'b=2'],
      headers: { 'x-own': 'a', authorization: 'Bearer t', host: new URL(host.url).host, 'x-forwarded-proto': 'https' },
      requestContext: { http: { method: 'GET', path: '/a%2Fb/c', sourceIp: '203.0.113.10' }, stage: '$default' },
      isBase64Encoded: false,
    });
    expect(JSON.parse(text)).not.toHaveProperty('body');
  });
  it.each([
    ['application/json', '{"ä":1}', false],
    ['text/plain; charset=utf-8', 'ä', false],
    ['application/strategic-merge-patch+json', '{}', true],
    ['application/vnd.kubernetes.protobuf', Buffer.from([0, 255]), true],
  ])('carries a body of %s', async (type, body, encoded) => {
    const { text } = await ask(await hosting(echo), { method: 'POST', headers: { 'content-type': type }, body });
    const event = JSON.parse(text) as { body: string; isBase64Encoded: boolean };
    expect(event.isBase64Encoded).toBe(encoded);
    expect(Buffer.from(event.body, encoded ? 'base64' : 'utf8')).toEqual(Buffer.from(body));
  });
  it('has 6 MB at most', async () => {
    const { status } = await ask(await hosting(echo), { method: 'POST', body: Buffer.alloc(6 * 2 ** 20, 'x') });
    expect(status).toBe(413);
  });
});

describe('the response', () => {
  it('has the head that the function says, and cookies', async () => {
    const host = await hosting(
      "const out = begin({ statusCode: 418, headers: { 'x-own': process.env.OWN }, cookies: ['a=1', 'b=2'] }); out.write('short'); out.end();",
    );
    expect(await ask(host)).toMatchObject({
      status: 418,
      headers: { 'x-own': 'x', 'set-cookie': ['a=1', 'b=2'] },
      text: 'short',
    });
  });
  it('is streamed as it is written', async () => {
    const { pieces } = await ask(
      await hosting("const out = begin(); out.write('a'); await wait(300); out.write('b'); out.end();"),
    );
    expect(pieces.map(({ text }) => text)).toEqual(['a', 'b']);
    expect((pieces[1]?.at ?? 0) - (pieces[0]?.at ?? 0)).toBeGreaterThan(200);
  });
  it('can be held back by one write', async () => {
    const body = "const out = begin(); out.write('a'); await wait(300); out.write(' '); await wait(300); out.end('b');";
    const { pieces, text } = await ask(await hosting(body, { holdsLastWrite: true }));
    expect(text).toBe('a b');
    expect(pieces[0]?.text).toBe('a');
    expect(pieces[0]?.at).toBeGreaterThan(280);
  });
  it.each([
    ['has no head, because nothing was written', 'begin().end();'],
    ['is an error that was thrown', "throw new Error('no');"],
    ['never comes, because the process ends', 'process.exit(1);'],
    ['never comes, because nothing is left to wait for', 'await new Promise(() => {});'],
  ])('is 502 where it %s', async (_, body) => {
    expect((await ask(await hosting(body))).status).toBe(502);
  });
  it('breaks off when the time of the invocation is over', async () => {
    const host = await hosting("const out = begin(); out.write('a'); await wait(10_000);", { timeoutSeconds: 1 });
    await expect(ask(host)).rejects.toThrow();
  });
});

describe('environments', () => {
  it('are used again, one request at a time, and frozen between', async () => {
    const body = `globalThis.ticks ??= 0; globalThis.timer ??= setInterval(() => globalThis.ticks++, 20);
      const out = begin(); out.write(count + ' ' + globalThis.ticks); await wait(50); out.end();`;
    const host = await hosting(body);
    expect((await ask(host)).text).toBe('1 0');
    await delay(1_000);
    const second = (await ask(host)).text.split(' ').map(Number);
    expect(second[0]).toBe(2);
    // Fifty would have fired.
    expect(second[1]).toBeLessThan(15);
    expect(host.figures()).toMatchObject({ invocations: 2, coldStarts: 1 });
    await Promise.all([ask(host), ask(host), ask(host)]);
    expect(host.figures()).toMatchObject({ invocations: 5, coldStarts: 3, peak: 3 });
    // An answer is complete a little before its environment is free.
    await delay(300);
    await host.recycle();
    expect((await ask(host)).text).toMatch(/^1 /);
  });
  it('are no more than the concurrency', async () => {
    const host = await hosting("const out = begin(); out.write(''); await wait(400); out.end();", { concurrency: 1 });
    const [one, two] = await Promise.all([ask(host), ask(host)]);
    expect([one?.status, two?.status].sort()).toEqual([200, 429]);
    expect(host.figures().throttled).toBe(1);
  });
  it('go on, and are billed, when the client has gone', async () => {
    const host = await hosting("const out = begin(); out.write('a'); await wait(600); out.write('b'); out.end();");
    const asked = ask(host);
    asked.catch(() => {});
    await delay(300);
    asked.leave();
    await expect.poll(() => host.figures().billedAfterClientMs, { timeout: 3_000 }).toBeGreaterThan(200);
  });
});
