import { createControlPlane } from '@nodeless/apiserver/control-plane';
import { createStaticTokens } from '@nodeless/apiserver/authentication/static-token';
import type { ApiResponse, ResponseStream } from '@nodeless/apiserver/exchange';
import { toApiRequest } from '@nodeless/apiserver/function-url-door';
import type { StreamTerms, WatchAsked } from '@nodeless/apiserver/stream-terms';
import { tooManyRequests } from '@nodeless/apimachinery/status';
import { silentLogger } from '@nodeless/component-base/logger';
import { createManualClock, type ManualClock } from '@nodeless/component-base/manual-clock';
import { loadServiceAccountKeys } from '@nodeless/registry/subresources/token-issuer';
import { createMemoryStore } from '@nodeless/store/memory/memory-store';
import { generateKeyPairSync } from 'node:crypto';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const issuer = 'https://cluster';
const key = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  .privateKey.export({ type: 'pkcs8', format: 'pem' })
  .toString();

let clock: ManualClock;
let plane: Awaited<ReturnType<typeof createControlPlane>>;
let terms: { -readonly [name in keyof StreamTerms]: StreamTerms[name] };
let asked: WatchAsked[];
let released: number;
let log: Readable;
beforeEach(async () => {
  clock = createManualClock();
  asked = [];
  released = 0;
  const release = (): void => void released++;
  terms = {
    watch: (facts) => {
      asked.push(facts);
      return Promise.resolve({ ms: 30_000, release });
    },
    follow: () => Promise.resolve({ ms: 40, release }),
  };
  plane = await createControlPlane({
    store: createMemoryStore({ clock }),
    clock,
    log: silentLogger,
    issuer,
    serviceAccountKeys: await loadServiceAccountKeys(key),
    authenticators: [createStaticTokens([{ token: 'admin', user: 'admin', groups: ['system:masters'] }], [issuer])],
    anonymous: false,
    terms: { watch: (facts) => terms.watch(facts), follow: (facts) => terms.follow(facts) },
    nodes: {
      logs: () => Promise.resolve((log = new Readable({ read() {} }))),
    } as unknown as Parameters<typeof createControlPlane>[0]['nodes'],
  });
  await plane.bootstrap({ serviceCidr: '10.96.0.0/16' });
});
afterEach(() => plane.close());

async function ask(path: string, method = 'GET', body?: object, deadline?: number): Promise<ApiResponse> {
  const [rawPath = '', rawQueryString = ''] = path.split('?');
  return await plane.api.handle(
    toApiRequest(
      {
        rawPath,
        rawQueryString,
        headers: { authorization: 'Bearer admin', 'user-agent': 'own/1', 'content-type': 'application/json' },
        requestContext: { http: { method, sourceIp: '' } },
        body: body && JSON.stringify(body),
      },
      deadline,
    ),
  );
}
const textOf = ({ body }: ApiResponse): string =>
  typeof body === 'string' ? body : Buffer.concat(Array.isArray(body) ? body : [body as Uint8Array]).toString();

interface Held {
  readonly text: () => string;
  readonly ended: () => boolean;
}
/** Takes a streamed answer. */
function hold({ status, body }: ApiResponse): Held {
  expect(status).toBe(200);
  let text = '';
  let ended = false;
  const callbacks: (() => void)[] = [];
  const out: ResponseStream = {
    write: (chunk) => void (text += Buffer.from(chunk).toString()),
    end() {
      if (ended) return;
      ended = true;
      for (const callback of callbacks) callback();
    },
    destroy: () => out.end(),
    pendingBytes: 0,
    onClose: (callback) => void callbacks.push(callback),
  };
  (body as { stream: (to: ResponseStream) => void }).stream(out);
  return { text: () => text, ended: () => ended };
}
const revision = async (): Promise<string> =>
  (JSON.parse(textOf(await ask('/api/v1/configmaps'))) as { metadata: { resourceVersion: string } }).metadata
    .resourceVersion;

describe('a watch with terms', () => {
  const query = 'watch=1&allowWatchBookmarks=true&timeoutSeconds=400';

  it('ends when its time is up, with a bookmark', async () => {
    const from = await revision();
    const watch = hold(
      await ask(`/api/v1/configmaps?${query}&resourceVersion=${from}`, 'GET', undefined, clock.now() + 900_000),
    );
    expect(asked).toEqual([
      {
        userAgent: 'own/1',
        allowWatchBookmarks: true,
        timeoutSeconds: 400,
        prefix: '/configmaps/',
        resourceVersion: Number(from),
        remainingMs: 900_000,
      },
    ]);
    await clock.advance(29_000);
    expect([watch.text(), watch.ended(), released]).toEqual(['', false, 0]);
    await clock.advance(1_000);
    expect(JSON.parse(watch.text())).toMatchObject({
      type: 'BOOKMARK',
      object: { metadata: { resourceVersion: from } },
    });
    expect([watch.ended(), released]).toEqual([true, 1]);
  });
  it('ends when the client wants it, if that is before', async () => {
    const watch = hold(await ask(`/api/v1/configmaps?watch=1&timeoutSeconds=5&resourceVersion=${await revision()}`));
    await clock.advance(5_000);
    // Without bookmarks there is nothing to say.
    expect([watch.text(), watch.ended(), released]).toEqual(['', true, 1]);
  });
  it.each([
    ['nothing', ''],
    ['any revision', '&resourceVersion=0'],
    ['what exists', '&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=5'],
  ])('that begins with what exists is told by asking for %s', async (_, more) => {
    hold(await ask(`/api/v1/configmaps?${query}${more}`));
    expect(asked[0]?.resourceVersion).toBeUndefined();
  });
  it('is refused with the words and the time to wait', async () => {
    terms.watch = () => Promise.reject(tooManyRequests('come again', 7));
    const answer = await ask(`/api/v1/configmaps?${query}`);
    expect(answer.status).toBe(429);
    expect(answer.headers[answer.headers.indexOf('Retry-After') + 1]).toBe('7');
    expect(JSON.parse(textOf(answer))).toMatchObject({ reason: 'TooManyRequests', message: 'come again' });
  });
  it('gives its place back when it cannot begin', async () => {
    expect((await ask('/api/v1/configmaps?watch=1&labelSelector=%21%21')).status).toBe(400);
    expect(released).toBe(1);
  });
});

describe('a followed log with terms', () => {
  beforeEach(async () => {
    const pod = { metadata: { name: 'web' }, spec: { nodeName: 'n', containers: [{ name: 'main', image: 'i' }] } };
    await ask('/api/v1/namespaces/default/serviceaccounts', 'POST', { metadata: { name: 'default' } });
    expect((await ask('/api/v1/namespaces/default/pods', 'POST', pod)).status).toBe(201);
  });

  it('ends when its time is up, and lets the node go', async () => {
    const follow = hold(await ask('/api/v1/namespaces/default/pods/web/log?follow=true'));
    log.push('one\n');
    await expect.poll(follow.ended).toBe(true);
    expect([follow.text(), log.destroyed, released]).toEqual(['one\n', true, 1]);
  });
  it('is refused while no place is free', async () => {
    terms.follow = () => Promise.reject(tooManyRequests('come again', 5));
    expect((await ask('/api/v1/namespaces/default/pods/web/log?follow=true')).status).toBe(429);
  });
  it('is not asked about when it is not followed', async () => {
    terms.follow = () => Promise.reject(new Error('must not be asked'));
    const read = hold(await ask('/api/v1/namespaces/default/pods/web/log'));
    log.push('one\n');
    log.push(null);
    await expect.poll(read.ended).toBe(true);
    expect(read.text()).toBe('one\n');
  });
});
