import { createClusterDoor } from '@nodeless/apiserver/cluster-door';
import { createDoorkeeper } from '@nodeless/apiserver/doorkeeper';
import { versionInfo } from '@nodeless/apiserver/version';
import { createManualClock } from '@nodeless/component-base/manual-clock';
import { silentLogger } from '@nodeless/component-base/logger';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';

function setUp() {
  const clock = createManualClock();
  const did: string[] = [];
  const state = { open: (): Promise<void> => Promise.resolve(), refresh: (): Promise<void> => Promise.resolve() };
  const oidc = { issuer: '', jwksUri: '', algorithms: [], jwks: {} };
  const keeper = createDoorkeeper({
    checks: [(token) => Promise.resolve(token === 'good' ? 'good' : 'bad')],
    version: versionInfo,
    oidc: () => Promise.resolve(oidc),
  });
  const door = createClusterDoor({
    keeper: () => Promise.resolve(keeper),
    open: async () => {
      did.push('open');
      await state.open();
      return {
        api: {
          handle: () => {
            did.push('handle');
            return { status: 200, headers: [], body: 'served' };
          },
        },
        refresh: async () => {
          did.push('refresh');
          await state.refresh();
        },
      };
    },
    settled: () => Promise.resolve(void did.push('settled')),
    clock,
    log: silentLogger,
  });
  const ask = async (token?: string, path = '/api/v1/pods'): Promise<{ status: number; body: string }> => {
    const out = new PassThrough();
    const chunks: Buffer[] = [];
    out.on('data', (chunk: Buffer) => chunks.push(chunk));
    let status = 0;
    await door.serve(
      {
        rawPath: path,
        rawQueryString: '',
        headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
        requestContext: { http: { method: 'GET', sourceIp: '203.0.113.10' } },
      },
      {
        begin: ({ statusCode }) => {
          status = statusCode;
          return out;
        },
        deadline: Infinity,
      },
    );
    return { status, body: Buffer.concat(chunks).toString() };
  };
  return { clock, did, state, ask };
}

describe('createClusterDoor', () => {
  it('opens nothing for who is not let in', async () => {
    const { did, ask } = setUp();
    expect((await ask()).status).toBe(401);
    expect((await ask('bad')).status).toBe(401);
    expect((await ask(undefined, '/livez')).body).toBe('ok');
    expect(did).toEqual(['settled', 'settled', 'settled']);
  });
  it('opens once, and refreshes at most once a second', async () => {
    const { clock, did, ask } = setUp();
    expect(await ask('good')).toEqual({ status: 200, body: 'served' });
    await ask('good');
    await clock.advance(1_000);
    await ask('good');
    await ask('good');
    expect(did.filter((what) => what !== 'settled')).toEqual([
      'open',
      'handle',
      'handle',
      'refresh',
      'handle',
      'handle',
    ]);
  });
  it('says what is wrong to who is let in, and tries again', async () => {
    const { did, state, ask } = setUp();
    state.open = () => Promise.reject(new Error('the table is gone'));
    const failed = await ask('good');
    expect(failed.status).toBe(503);
    expect(failed.body).toContain('the cluster’s store cannot be read: the table is gone');
    state.open = () => Promise.resolve();
    expect((await ask('good')).status).toBe(200);
    expect(did.filter((what) => what === 'open')).toHaveLength(2);
  });
  it('serves nothing by roles that may have changed', async () => {
    const { clock, did, state, ask } = setUp();
    await ask('good');
    await clock.advance(1_000);
    state.refresh = () => Promise.reject(new Error('throttled'));
    expect((await ask('good')).status).toBe(503);
    state.refresh = () => Promise.resolve();
    expect((await ask('good')).status).toBe(200);
    expect(did.filter((what) => what === 'handle')).toHaveLength(2);
  });
});
