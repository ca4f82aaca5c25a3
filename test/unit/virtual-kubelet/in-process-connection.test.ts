import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import type { ContainerStatus, Pod } from '@nodeless/apimachinery/generated/types/core/v1';
import {
  type ConnectedProvider,
  createInProcessConnection,
} from '@nodeless/virtual-kubelet/kubelet-api/in-process-connection';
import { ProviderError } from '@nodeless/virtual-kubelet/providers/provider';

const now = Date.UTC(2030, 0, 1);
const ref = { namespace: 'ns', name: 'web', uid: 'u' };
const read = async (stream: Readable): Promise<string> => {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text;
};

function setup(status: Partial<ContainerStatus> = {}, provider: Partial<ConnectedProvider> = {}) {
  const pod: Pod = {
    metadata: { ...ref },
    spec: { containers: [{ name: 'app' }] },
    status: {
      phase: 'Running',
      startTime: '2029-12-31T23:00:00Z',
      containerStatuses: [
        {
          name: 'app',
          ready: true,
          restartCount: 0,
          image: '',
          imageID: '',
          state: { running: { startedAt: '2029-12-31T23:00:01Z' } },
          ...status,
        },
      ],
    },
  };
  const view = {
    nodeName: 'node-1',
    find: (ns: string, name: string) => (ns === 'ns' && name === 'web' ? pod : undefined),
    list: () => [pod],
    now: () => now,
    startedAt: now - 1000,
  };
  const full = {
    name: 'fake',
    openLogs: async () => Readable.from(['the log']),
    exec: async () => ({ exitCode: 3 }),
    metrics: async () => ({ app: { cpuNanocores: 5, memoryBytes: 7 }, side: { cpuNanocores: 1, memoryBytes: 2 } }),
    ...provider,
  } as unknown as ConnectedProvider;
  return createInProcessConnection({ view: (name) => (name === 'node-1' ? view : undefined), provider: full });
}
const options = { container: 'app', follow: false, previous: false, timestamps: false };
const io = {
  stdin: undefined,
  stdout: undefined,
  stderr: undefined,
  tty: false,
  onResize: () => {},
  signal: new AbortController().signal,
};

describe('logs', () => {
  test('of a container that runs', async () =>
    expect(await read(await setup().logs('node-1', ref, options))).toBe('the log'));
  const refused: [string, Partial<ContainerStatus>, object, string][] = [
    ['another container', {}, { container: 'x' }, 'container "x" in pod "web" is not available'],
    ['no earlier run', {}, { previous: true }, 'previous terminated container "app" in pod "web" not found'],
    [
      'not yet there',
      { state: { waiting: { reason: 'ContainerCreating' } } },
      {},
      'container "app" in pod "web" is waiting to start: ContainerCreating',
    ],
    [
      'a failed pull',
      { state: { waiting: { reason: 'ErrImagePull' } } },
      {},
      'container "app" in pod "web" is waiting to start: image can\'t be pulled',
    ],
    [
      'a pull that waits',
      { state: { waiting: { reason: 'ImagePullBackOff' } } },
      {},
      'container "app" in pod "web" is waiting to start: trying and failing to pull image',
    ],
    [
      'ended without a trace',
      { state: { terminated: { exitCode: 137 } } },
      {},
      'container "app" in pod "web" is terminated',
    ],
  ];
  test.each(refused)('refused: %s', async (_, status, more, message) => {
    await expect(setup(status).logs('node-1', ref, { ...options, ...more })).rejects.toMatchObject({
      name: 'ApiError',
      code: 400,
      message,
    });
  });
  const allowed: [string, Partial<ContainerStatus>, object][] = [
    ['ended', { state: { terminated: { exitCode: 0, containerID: 'x' } } }, {}],
    [
      'backing off',
      {
        state: { waiting: { reason: 'CrashLoopBackOff' } },
        lastState: { terminated: { exitCode: 1, containerID: 'x' } },
      },
      {},
    ],
    ['the earlier run', { lastState: { terminated: { exitCode: 1, containerID: 'x' } } }, { previous: true }],
  ];
  test.each(allowed)('given: %s', async (_, status, more) =>
    expect(await read(await setup(status).logs('node-1', ref, { ...options, ...more }))).toBe('the log'),
  );
});

describe('what is not there', () => {
  test('a pod, its earlier self, a node', async () => {
    await expect(setup().logs('node-1', { ...ref, name: 'x' }, options)).rejects.toMatchObject({ code: 404 });
    await expect(setup().logs('node-1', { ...ref, uid: 'old' }, options)).rejects.toMatchObject({ code: 404 });
    await expect(setup().logs('node-9', ref, options)).rejects.toMatchObject({ code: 503 });
  });
  test('a container that runs', async () => {
    await expect(setup({ state: { waiting: {} } }).exec('node-1', ref, 'app', ['x'], io)).rejects.toMatchObject({
      code: 404,
      message: 'container not found ("app")',
    });
    expect(await setup().exec('node-1', ref, 'app', ['x'], io)).toEqual({ exitCode: 3 });
  });
  test('what the provider cannot do', async () => {
    await expect(setup().portForward('node-1', ref, 80)).rejects.toMatchObject({
      code: 501,
      message: 'port-forward is not supported by the fake pod provider',
    });
    await expect(setup().attach('node-1', ref, 'app', io)).rejects.toMatchObject({ code: 501 });
  });
  const errors: [ConstructorParameters<typeof ProviderError>[0], number][] = [
    ['not-found', 404],
    ['invalid', 400],
    ['unavailable', 503],
    ['capacity', 500],
  ];
  test.each(errors)("a provider's error: %s", async (code, status) => {
    await expect(
      setup({}, { exec: () => Promise.reject(new ProviderError(code, 'text')) }).exec('node-1', ref, 'app', ['x'], io),
    ).rejects.toMatchObject({ name: 'ApiError', code: status });
  });
});

describe('endpoints', () => {
  const ask = async (path: string, method = 'GET') => {
    const { status, headers, body } = await setup().proxy('node-1', { method, path, headers: {}, body: undefined });
    return { status, type: headers['content-type'], text: await read(body) };
  };
  test('health', async () => expect(await ask('/healthz')).toMatchObject({ status: 200, text: 'ok' }));
  test('pods', async () =>
    expect(JSON.parse((await ask('/pods/')).text)).toMatchObject({
      kind: 'PodList',
      items: [{ metadata: { name: 'web' } }],
    }));
  test('summary', async () => {
    expect(JSON.parse((await ask('/stats/summary?only_cpu_and_memory=true')).text)).toMatchObject({
      node: { nodeName: 'node-1', cpu: { usageNanoCores: 6 }, memory: { workingSetBytes: 9 } },
      pods: [
        {
          podRef: ref,
          cpu: { usageNanoCores: 6 },
          containers: [
            { name: 'app', cpu: { usageNanoCores: 5 }, startTime: '2029-12-31T23:00:01Z' },
            { name: 'side' },
          ],
        },
      ],
    });
  });
  test('resource metrics', async () => {
    const { text, type } = await ask('/metrics/resource');
    expect(type).toContain('version=0.0.4');
    expect(text).toContain(`container_memory_working_set_bytes{container="app",namespace="ns",pod="web"} 7 ${now}\n`);
    expect(text).toContain(`node_memory_working_set_bytes 9 ${now}\n`);
  });
  test('its own metrics', async () => expect((await ask('/metrics')).text).toContain('kubelet_running_pods 1\n'));
  test('logs of a container', async () => {
    expect(await ask('/containerLogs/ns/web/app?tailLines=5')).toMatchObject({ status: 200, text: 'the log' });
    expect(await ask('/containerLogs/ns/nope/app')).toMatchObject({ status: 404, text: 'pod does not exist' });
  });
  test('nothing else, and only reading', async () => {
    expect((await ask('/run/ns/web/app')).status).toBe(404);
    expect((await ask('/pods', 'POST')).status).toBe(405);
  });
});
