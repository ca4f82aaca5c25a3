import { createServer as createHttpServer, type Server } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createManualClock } from '@nodeless/component-base/manual-clock';
import { directDialer } from '@nodeless/virtual-kubelet/probes/dialer';
import { probeGrpc } from '@nodeless/virtual-kubelet/probes/grpc-probe';
import { probeHttp } from '@nodeless/virtual-kubelet/probes/http-probe';
import { createRunHook } from '@nodeless/virtual-kubelet/probes/lifecycle-hook';
import { createProber } from '@nodeless/virtual-kubelet/probes/prober';
import type { ProbeResult } from '@nodeless/virtual-kubelet/probes/probe-result';
import { createRunProbe, httpTarget, resolvePort } from '@nodeless/virtual-kubelet/probes/run-probe';
import { probeTcp } from '@nodeless/virtual-kubelet/probes/tcp-probe';

let http: Server;
let httpPort = 0;
let closedPort = 0;
let seenHeaders: Record<string, unknown> = {};
const closers: (() => void)[] = [];

async function listen(server: {
  listen(port: number, host: string, done: () => void): unknown;
  address(): unknown;
  close(): unknown;
}): Promise<number> {
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  closers.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

beforeAll(async () => {
  http = createHttpServer((request, response) => {
    seenHeaders = request.headers;
    if (request.url === '/slow') return;
    if (request.url === '/redirect') response.writeHead(302, { location: 'http://example.com/' }).end('elsewhere');
    else if (request.url === '/big') response.writeHead(200).end('x'.repeat(100_000));
    else response.writeHead(request.url === '/bad' ? 503 : 200).end('fine');
  });
  httpPort = await listen(http);
  const free = createTcpServer();
  closedPort = await listen(free);
  free.close();
});
afterAll(() => {
  http.closeAllConnections();
  for (const close of closers) close();
});

describe('http', () => {
  const target = (path: string, port = httpPort) => ({
    scheme: 'http' as const,
    host: '127.0.0.1',
    port,
    path,
    headers: [],
  });
  const cases: [string, () => ReturnType<typeof probeHttp>, () => ProbeResult][] = [
    ['200', () => probeHttp(directDialer, target('/'), 2_000), () => ({ outcome: 'success', output: 'fine' })],
    [
      '503',
      () => probeHttp(directDialer, target('/bad'), 2_000),
      () => ({ outcome: 'failure', output: 'HTTP probe failed with statuscode: 503' }),
    ],
    [
      'a redirect',
      () => probeHttp(directDialer, target('/redirect'), 2_000),
      () => ({ outcome: 'warning', output: 'Probe terminated redirects, Response body: elsewhere' }),
    ],
    [
      'refused',
      () => probeHttp(directDialer, target('/x', closedPort), 2_000),
      () => ({
        outcome: 'failure',
        output: `Get "http://127.0.0.1:${closedPort}/x": dial tcp 127.0.0.1:${closedPort}: connect: connection refused`,
      }),
    ],
    [
      'no answer in time',
      () => probeHttp(directDialer, target('/slow'), 60),
      () => ({
        outcome: 'failure',
        output: `Get "http://127.0.0.1:${httpPort}/slow": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`,
      }),
    ],
  ];
  test.each(cases)('%s', async (_, run, want) => expect(await run()).toEqual(want()));

  test('a long body is cut', async () =>
    expect((await probeHttp(directDialer, target('/big'), 2_000)).output.length).toBe(10_240));

  test("headers are a probe's, and what the pod asks for", async () => {
    await probeHttp(
      directDialer,
      {
        ...target('/'),
        headers: [
          { name: 'X-A', value: 'b' },
          { name: 'Host', value: 'web' },
          { name: 'accept', value: '' },
        ],
      },
      2_000,
    );
    expect(seenHeaders).toMatchObject({
      'user-agent': 'kube-probe/1.36',
      'x-a': 'b',
      host: 'web',
      connection: 'close',
    });
    expect(seenHeaders).not.toHaveProperty('accept');
  });

  test('the target comes from the probe and the container', () => {
    const container = { name: 'c', ports: [{ name: 'web', containerPort: 8080 }] };
    expect(httpTarget({ port: 'web', path: 'health' }, container, '10.0.0.1')).toEqual({
      scheme: 'http',
      host: '10.0.0.1',
      port: 8080,
      path: '/health',
      headers: [],
    });
    expect(httpTarget({ port: 443, scheme: 'HTTPS', host: 'h' }, container, '10.0.0.1')).toMatchObject({
      scheme: 'https',
      host: 'h',
      port: 443,
      path: '/',
    });
    expect(resolvePort('81', container)).toBe(81);
    expect(() => resolvePort('nope', container)).toThrow("couldn't find port: nope");
    expect(() => resolvePort(70_000, container)).toThrow('invalid port number: 70000');
  });
});

test('tcp', async () => {
  expect(await probeTcp(directDialer, '127.0.0.1', httpPort, 1_000)).toEqual({ outcome: 'success', output: '' });
  expect(await probeTcp(directDialer, '127.0.0.1', closedPort, 1_000)).toEqual({
    outcome: 'failure',
    output: `dial tcp 127.0.0.1:${closedPort}: connect: connection refused`,
  });
  const never = () => new Promise<never>((_, reject) => setTimeout(() => reject(new Error('late')), 80));
  expect(await probeTcp(never, '10.0.0.1', 80, 20)).toEqual({
    outcome: 'failure',
    output: 'dial tcp 10.0.0.1:80: i/o timeout',
  });
});

describe('grpc', () => {
  let port = 0;
  beforeAll(async () => {
    const server = createHttp2Server();
    server.on('stream', (stream, headers) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const service = Buffer.concat(chunks).subarray(7).toString();
        if (headers[':path'] !== '/grpc.health.v1.Health/Check' || service === 'unknown') {
          stream.respond({
            ':status': 200,
            'content-type': 'application/grpc',
            'grpc-status': '12',
            'grpc-message': 'unknown%20service',
          });
          stream.end();
          return;
        }
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
        stream.end(Buffer.from([0, 0, 0, 0, 2, 8, service === 'down' ? 2 : 1]));
      });
    });
    port = await listen(server);
  });
  const cases: [string, string, ProbeResult][] = [
    ['serving', '', { outcome: 'success', output: 'service healthy' }],
    ['a named service', 'up', { outcome: 'success', output: 'service healthy' }],
    ['not serving', 'down', { outcome: 'failure', output: 'service unhealthy (responded with "NOT_SERVING")' }],
    [
      'not implemented',
      'unknown',
      {
        outcome: 'failure',
        output:
          'error: this server does not implement the grpc health protocol (grpc.health.v1.Health): unknown service',
      },
    ],
  ];
  test.each(cases)('%s', async (_, service, want) =>
    expect(await probeGrpc(directDialer, '127.0.0.1', port, service, 2_000)).toEqual(want),
  );
  test('nobody there', async () => {
    expect(await probeGrpc(directDialer, '127.0.0.1', closedPort, '', 1_000)).toEqual({
      outcome: 'failure',
      output: `timeout: failed to connect service "127.0.0.1:${closedPort}" within 1s: context deadline exceeded`,
    });
  });
});

describe('exec', () => {
  const probe = { exec: { command: ['sh', '-c', 'x'] }, timeoutSeconds: 3 };
  const target = { id: 'c', container: { name: 'c' }, podIp: '' };
  const run = (outcome: { exitCode: number; output: string; timedOut: boolean }) =>
    createRunProbe({ exec: async () => outcome, dial: directDialer })(probe, target);
  test('by exit code', async () => {
    expect(await run({ exitCode: 0, output: 'ok', timedOut: false })).toEqual({ outcome: 'success', output: 'ok' });
    expect(await run({ exitCode: 2, output: 'no', timedOut: false })).toEqual({ outcome: 'failure', output: 'no' });
    expect(await run({ exitCode: -1, output: '', timedOut: true })).toEqual({
      outcome: 'failure',
      output: 'command timed out: "sh -c x" timed out after 3s',
    });
  });
  test('an engine that fails says nothing about the container', async () => {
    const failing = createRunProbe({ exec: () => Promise.reject(new Error('gone')), dial: directDialer });
    expect(await failing(probe, target)).toEqual({ outcome: 'unknown', output: 'gone' });
  });
});

describe('prober', () => {
  function setup(container: object, more: object = {}) {
    const clock = createManualClock();
    const results: Record<string, ProbeResult['outcome']> = {
      startup: 'success',
      liveness: 'success',
      readiness: 'success',
    };
    const tried: string[] = [];
    const reports: string[] = [];
    let changes = 0;
    const kindOf = (probe: object): string => (probe as { kind: string }).kind;
    const prober = createProber({
      clock,
      run: async (probe) => {
        tried.push(kindOf(probe));
        return { outcome: results[kindOf(probe)] as ProbeResult['outcome'], output: 'out' };
      },
      onChange: () => changes++,
    });
    const run = {
      id: 'c',
      container: { name: 'c', ...container },
      podIp: '',
      startedAt: clock.now(),
      wasStarted: false,
      wasReady: false,
      report: (type: string, reason: string, message: string) => void reports.push(`${type} ${reason} ${message}`),
      ...more,
    };
    prober.sync([run]);
    return { clock, prober, results, tried, reports, run, changes: () => changes };
  }
  const probe = (kind: string, more: object = {}) => ({ kind, periodSeconds: 1, failureThreshold: 2, ...more });

  test('without probes a container is started and ready', () => {
    expect(setup({}).prober.verdict('c')).toEqual({ started: true, ready: true, failed: undefined });
  });

  test('the first try waits for the initial delay', async () => {
    const h = setup({ readinessProbe: probe('readiness', { initialDelaySeconds: 5 }) });
    await h.clock.advance(4_999);
    expect(h.tried).toEqual([]);
    await h.clock.advance(1);
    expect(h.prober.verdict('c').ready).toBe(true);
  });

  test('the others wait for the startup probe', async () => {
    const h = setup({
      startupProbe: probe('startup', { failureThreshold: 3 }),
      livenessProbe: probe('liveness'),
      readinessProbe: probe('readiness'),
    });
    h.results['startup'] = 'failure';
    await h.clock.advance(1_000);
    expect(h.tried).toEqual(['startup', 'startup']);
    expect(h.prober.verdict('c')).toEqual({ started: false, ready: false, failed: undefined });
    h.results['startup'] = 'success';
    await h.clock.advance(1_000);
    expect(h.tried.slice(2)).toEqual(['startup', 'liveness', 'readiness']);
    expect(h.prober.verdict('c')).toEqual({ started: true, ready: true, failed: undefined });
  });

  test('a startup probe that never succeeds gives the container up, once', async () => {
    const h = setup({ startupProbe: probe('startup') });
    h.results['startup'] = 'failure';
    await h.clock.advance(10_000);
    expect(h.prober.verdict('c').failed).toBe('startup');
    expect(h.tried.length).toBe(2);
    expect(h.changes()).toBe(1);
  });

  test('thresholds count results in a row', async () => {
    const h = setup({ readinessProbe: probe('readiness', { successThreshold: 2, failureThreshold: 2 }) });
    await h.clock.advance(0);
    expect(h.prober.verdict('c').ready).toBe(false);
    await h.clock.advance(1_000);
    expect(h.prober.verdict('c').ready).toBe(true);
    h.results['readiness'] = 'failure';
    await h.clock.advance(1_000);
    h.results['readiness'] = 'success';
    await h.clock.advance(1_000);
    h.results['readiness'] = 'failure';
    await h.clock.advance(1_000);
    expect(h.prober.verdict('c').ready).toBe(true);
    await h.clock.advance(1_000);
    expect(h.prober.verdict('c').ready).toBe(false);
    expect(h.reports.at(-1)).toBe('Warning Unhealthy Readiness probe failed: out');
  });

  test('a warning is a success that is told of, an unknown result counts for nothing', async () => {
    const h = setup({ livenessProbe: probe('liveness') });
    h.results['liveness'] = 'unknown';
    await h.clock.advance(5_000);
    expect(h.prober.verdict('c').failed).toBeUndefined();
    h.results['liveness'] = 'warning';
    await h.clock.advance(1_000);
    expect([...new Set(h.reports)]).toEqual([
      'Warning Unhealthy Liveness probe errored and resulted in unknown state: out',
      'Warning ProbeWarning Liveness probe warning: out',
    ]);
  });

  test('what was ready stays ready until a probe says otherwise', () => {
    const h = setup(
      { startupProbe: probe('startup'), readinessProbe: probe('readiness') },
      { wasStarted: true, wasReady: true },
    );
    expect(h.prober.verdict('c')).toEqual({ started: true, ready: true, failed: undefined });
  });

  test('a container that is no more is not probed', async () => {
    const h = setup({ livenessProbe: probe('liveness') });
    h.prober.sync([]);
    await h.clock.advance(5_000);
    expect(h.tried).toEqual([]);
    expect(h.clock.pending()).toBe(0);
  });
});

describe('lifecycle hooks', () => {
  const clock = createManualClock();
  const target = { containerId: 'c', container: { name: 'c' }, podIp: '127.0.0.1' };
  const hook = (exitCode: number) =>
    createRunHook({ exec: async () => ({ exitCode, output: 'text', timedOut: false }), dial: directDialer, clock });
  const live = new AbortController().signal;
  test('exec', async () => {
    await hook(0)({ exec: { command: ['a', 'b'] } }, target, live);
    await expect(hook(3)({ exec: { command: ['a', 'b'] } }, target, live)).rejects.toThrow(
      "command 'a b' exited with 3: text",
    );
  });
  test('httpGet takes any answer, but wants one', async () => {
    await hook(0)({ httpGet: { port: httpPort, path: '/bad' } }, target, live);
    await expect(hook(0)({ httpGet: { port: closedPort } }, target, live)).rejects.toThrow(
      `Get "http://127.0.0.1:${closedPort}/": dial tcp 127.0.0.1:${closedPort}: connect: connection refused`,
    );
  });
  test('sleep, which ends when it is told to', async () => {
    const controller = new AbortController();
    const sleeping = hook(0)({ sleep: { seconds: 60 } }, target, controller.signal);
    controller.abort(new Error('enough'));
    await expect(sleeping).rejects.toThrow('enough');
  });
});
