import { setTimeout as delay } from 'node:timers/promises';
import type { Container } from '@nodeless/apimachinery/generated/types/core/v1';
import { configMaps, endpointSlices, events, pods, secrets, services } from '@nodeless/client/resource-types';
import { serviceLoopback } from '@nodeless/apimachinery/service-loopback';
import { agentContainerName } from '@nodeless/virtual-kubelet/agent/agent-container';
import { failedProbe } from '@nodeless/virtual-kubelet/agent/apply-report';
import { decodeJwt } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { namespace } from '../builders/agent-door.ts';
import { type AgentPods, createAgentPods, until } from '../builders/agent-pods.ts';
import { probedAppPorts } from '../builders/probed-app.ts';
import { dockerProblem } from './docker-engine.ts';

const problem = await dockerProblem();
const second = { periodSeconds: 1, timeoutSeconds: 1, successThreshold: 1, failureThreshold: 1 };

describe.skipIf(problem !== undefined)(`the agent in a task on Docker${problem ? ` (${problem})` : ''}`, () => {
  let agentPods: AgentPods;
  beforeAll(async () => {
    agentPods = await createAgentPods();
  }, 120_000);
  afterAll(() => agentPods?.close(), 60_000);
  afterEach(() => agentPods.removeTasks(), 60_000);
  const run: AgentPods['run'] = (...given) => agentPods.run(...given);

  const app = (more: Partial<Container> = {}): Container => ({ name: 'app', image: 'app', ...more });
  const webProbe = (path: string) => ({ ...second, httpGet: { path, port: probedAppPorts.http } });

  test('its program is small', () => {
    expect(agentPods.program.length).toBeGreaterThan(1000);
    expect(agentPods.program.length).toBeLessThan(100 * 1024);
  });

  test('volumes stand before the pod’s containers start, as the kubelet lays them out', async () => {
    await agentPods.cluster.admin.create(configMaps, {
      metadata: { name: 'settings', namespace },
      data: { 'app.conf': 'color=red\n' },
    });
    await agentPods.cluster.admin.create(secrets, {
      metadata: { name: 'keys', namespace },
      data: { key: Buffer.from('s3cret').toString('base64') },
    });
    const { ask, task, pod } = await run({
      automountServiceAccountToken: true,
      securityContext: { runAsUser: 1000, fsGroup: 3000 },
      containers: [
        app({
          securityContext: { runAsUser: 1000 },
          env: [
            {
              name: 'LOOK_AT',
              value:
                '/settings/app.conf,/keys/deep/key,/about/name,/var/run/secrets/kubernetes.io/serviceaccount/namespace',
            },
          ],
          volumeMounts: [
            { name: 'settings', mountPath: '/settings' },
            { name: 'keys', mountPath: '/keys' },
            { name: 'about', mountPath: '/about' },
            { name: 'scratch', mountPath: '/scratch' },
          ],
        }),
      ],
      volumes: [
        { name: 'settings', configMap: { name: 'settings' } },
        { name: 'keys', secret: { secretName: 'keys', defaultMode: 0o400, items: [{ key: 'key', path: 'deep/key' }] } },
        { name: 'about', downwardAPI: { items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' } }] } },
        { name: 'scratch', emptyDir: {} },
      ],
    });
    expect(await ask('/at-start')).toEqual({
      '/settings/app.conf': 'color=red\n',
      '/keys/deep/key': 's3cret',
      '/about/name': pod.metadata?.name,
      '/var/run/secrets/kubernetes.io/serviceaccount/namespace': namespace,
    });
    // The pod's group owns them, and its user, who cannot be put into the group here.
    expect(await ask('/look?path=/keys/deep/key')).toEqual({ content: 's3cret', mode: '440', uid: 1000, gid: 3000 });
    const token = await ask('/look?path=/var/run/secrets/kubernetes.io/serviceaccount/token');
    expect(token).toMatchObject({ mode: '640', uid: 1000, gid: 3000 });
    // Others than root can write in an empty folder.
    expect(await ask('/write?path=/scratch/x')).toMatchObject({ content: 'x', uid: 1000, gid: 3000 });
    expect(await task.exec('app', ['sh', '-c', 'cd /settings; readlink app.conf; readlink ..data'])).toMatch(
      /^\.\.data\/app\.conf\n\.\.\d{4}_\d\d_\d\d_\S+$/,
    );
    expect(await ask('/write?path=/settings/x')).toEqual({ error: expect.stringMatching(/EROFS|EACCES/) as string });
  }, 60_000);

  test('an edit of a ConfigMap arrives in the container that runs', async () => {
    await agentPods.cluster.admin.create(configMaps, {
      metadata: { name: 'edited', namespace },
      data: { a: 'one', gone: 'soon' },
    });
    const { ask } = await run({
      containers: [app({ volumeMounts: [{ name: 'v', mountPath: '/v' }] })],
      volumes: [{ name: 'v', configMap: { name: 'edited' } }],
    });
    expect(await ask('/look?path=/v/a')).toMatchObject({ content: 'one' });
    await agentPods.cluster.admin.update(configMaps, {
      metadata: { name: 'edited', namespace },
      data: { a: 'two', fresh: 'new' },
    });
    await until(async () => (await ask('/look?path=/v/a'))['content'] === 'two');
    expect(await ask('/look?path=/v/fresh')).toMatchObject({ content: 'new' });
    expect(await ask('/look?path=/v/gone')).toEqual({ error: 'ENOENT' });
  }, 60_000);

  for (const [kind, readinessProbe, on, off] of [
    ['http', webProbe('/ready'), '/set?ready=true', '/set?ready=false'],
    ['tcp', { ...second, tcpSocket: { port: probedAppPorts.tcp } }, '/set?tcp=true', '/set?tcp=false'],
    ['grpc', { ...second, grpc: { port: probedAppPorts.grpc } }, '/set?grpc=true', '/set?grpc=false'],
  ] as const) {
    test(`${kind} readiness becomes the pod’s within a second of the probe’s period`, async () => {
      const { ask, ready, name } = await run({ containers: [app({ readinessProbe })] });
      await until(async () => (await eventsOf(name)).some((e) => e.reason === 'Unhealthy'));
      expect(await ready()).toBe('False');
      for (const [path, expected] of [
        [on, 'True'],
        [off, 'False'],
        [on, 'True'],
      ] as const) {
        await ask(path);
        const since = Date.now();
        await until(async () => (await ready()) === expected, 20);
        expect(Date.now() - since).toBeLessThan(2_000);
      }
    }, 60_000);
  }

  const eventsOf = async (name: string) =>
    (await agentPods.cluster.admin.list(events, { namespace })).items.filter((e) => e.involvedObject.name === name);

  test('until the startup probe has succeeded nothing else is probed and nothing is ready', async () => {
    const { ask, ready, name } = await run({
      containers: [
        app({
          env: [{ name: 'STATE', value: '{"started":false,"ready":true,"alive":false}' }],
          startupProbe: { ...webProbe('/started'), failureThreshold: 100 },
          readinessProbe: webProbe('/ready'),
          livenessProbe: webProbe('/alive'),
        }),
      ],
    });
    await until(async () => (await eventsOf(name)).some((e) => e.message?.startsWith('Startup probe failed')));
    expect(await ready()).not.toBe('True');
    expect((await agentPods.cluster.readPod(name)).status?.containerStatuses?.[0]).toMatchObject({
      started: false,
      ready: false,
    });
    await ask('/set?alive=true');
    await ask('/set?started=true');
    await until(async () => (await ready()) === 'True');
    const messages = (await eventsOf(name)).map((e) => e.message ?? '');
    expect(messages.some((m) => m.startsWith('Liveness'))).toBe(false);
  }, 60_000);

  test('a liveness probe that fails is told, for the kubelet to stop the task', async () => {
    const { ask, task, name } = await run({
      containers: [app({ livenessProbe: { ...webProbe('/alive'), failureThreshold: 3 } })],
    });
    const runId = await task.id('app');
    await until(
      async () =>
        (await agentPods.cluster.readPod(name)).status?.conditions?.some((c) => c.type === 'nodeless.dev/agent') ??
        false,
    );
    expect(failedProbe(await agentPods.cluster.readPod(name), 'app', runId)).toBeUndefined();
    await ask('/set?alive=false');
    await until(async () => failedProbe(await agentPods.cluster.readPod(name), 'app', runId) !== undefined);
    expect(failedProbe(await agentPods.cluster.readPod(name), 'app', runId)).toEqual({
      probe: 'liveness',
      message: 'Liveness probe failed: HTTP probe failed with statuscode: 503',
    });
    // Another run of it has done nothing wrong.
    expect(failedProbe(await agentPods.cluster.readPod(name), 'app', 'another')).toBeUndefined();
  }, 60_000);

  test('a container that is started again begins as not ready', async () => {
    const { ask, ready, task, name, pod } = await run({ containers: [app({ readinessProbe: webProbe('/ready') })] });
    await ask('/set?ready=true');
    await until(async () => (await ready()) === 'True');
    await task.restart('app');
    await agentPods.markRunning(pod, task);
    await until(async () => (await ready()) === 'False');
    await ask('/set?ready=true');
    await until(async () => (await ready()) === 'True');
    const condition = (await agentPods.cluster.readPod(name)).status?.conditions?.find(
      (c) => c.type === 'nodeless.dev/agent',
    );
    expect(condition?.message).toContain('"restartCount":1');
  }, 60_000);

  test('tokens are renewed before four fifths of their life are over', async () => {
    let shortLived = 0;
    agentPods.cluster.shortenTokens((audience) => (audience === 'vault' ? (++shortLived, 5) : undefined));
    try {
      const { ask } = await run({
        containers: [app({ volumeMounts: [{ name: 'v', mountPath: '/v' }] })],
        volumes: [
          {
            name: 'v',
            projected: {
              sources: [{ serviceAccountToken: { path: 'token', audience: 'vault', expirationSeconds: 600 } }],
            },
          },
        ],
      });
      const read = async () => decodeJwt(String((await ask('/look?path=/v/token'))['content']));
      const first = await read();
      await until(async () => (await read()).jti !== first.jti);
      const second = await read();
      expect(second).toMatchObject({ aud: ['vault'], sub: 'system:serviceaccount:default:default' });
      expect((second.iat ?? 0) - (first.iat ?? 0)).toBeLessThanOrEqual(5);
      expect(shortLived).toBeGreaterThanOrEqual(2);
    } finally {
      agentPods.cluster.shortenTokens(() => undefined);
    }
  }, 60_000);

  test('while the door is away the pod goes on, and what was missed is made up for', async () => {
    await agentPods.cluster.admin.create(configMaps, { metadata: { name: 'missed', namespace }, data: { a: 'one' } });
    const { ask, ready, task } = await run({
      containers: [app({ readinessProbe: webProbe('/ready'), volumeMounts: [{ name: 'v', mountPath: '/v' }] })],
      volumes: [{ name: 'v', configMap: { name: 'missed' } }],
    });
    await until(async () => (await ready()) === 'False');
    await agentPods.server.goAway();
    await ask('/set?ready=true');
    await agentPods.cluster.admin.update(configMaps, { metadata: { name: 'missed', namespace }, data: { a: 'two' } });
    await delay(2_500);
    expect(await ready()).toBe('False');
    expect(await ask('/look?path=/v/a')).toMatchObject({ content: 'one' });
    expect(await task.isRunning(agentContainerName)).toBe(true);
    await agentPods.server.comeBack();
    await until(async () => (await ready()) === 'True');
    await until(async () => (await ask('/look?path=/v/a'))['content'] === 'two');
  }, 60_000);

  test('the program and the boot document are waited for', async () => {
    await agentPods.server.goAway();
    const back = delay(1_500).then(() => agentPods.server.comeBack());
    const { ask } = await run({ containers: [app()] });
    await back;
    expect(await ask('/at-start')).toEqual({});
  }, 60_000);

  test('with a token that is not its own, or none of ours, the agent gives up and the pod does not start', async () => {
    const other = await agentPods.cluster.startPod('not-mine', {}, { waiting: true });
    const token = await agentPods.cluster.agentToken(other);
    await agentPods.cluster.admin.delete(pods, { namespace, name: 'not-mine' }, { gracePeriodSeconds: 0 });
    const gone = run({ containers: [app()] }, { token: () => Promise.resolve(token) });
    await expect(gone).rejects.toThrow(/exit 1[^]*does not exist any more/);
    const forged = `${token.slice(0, -20)}${'A'.repeat(20)}`;
    const refused = run({ containers: [app()] }, { token: () => Promise.resolve(forged) });
    await expect(refused).rejects.toThrow(/exit 1[^]*Unauthorized/);
  }, 60_000);

  test('the agent ends with the pod that is gone', async () => {
    const { name, task } = await run({ containers: [app({ readinessProbe: webProbe('/ready') })] });
    await agentPods.cluster.admin.delete(pods, { namespace, name }, { gracePeriodSeconds: 0 });
    await until(async () => !(await task.isRunning(agentContainerName)));
    expect(await task.exitCode(agentContainerName)).toBe(0);
  }, 60_000);

  test('on SIGTERM it says a last word and ends at once, without an error', async () => {
    const { ask, ready, task, name } = await run({ containers: [app({ readinessProbe: webProbe('/ready') })] });
    await ask('/set?ready=true');
    await until(async () => (await ready()) === 'True');
    const since = Date.now();
    await task.stop();
    expect(Date.now() - since).toBeLessThan(5_000);
    expect(await task.exitCode(agentContainerName)).toBe(0);
    expect(await task.logs(agentContainerName)).not.toMatch(/"level":"error"/);
    const condition = (await agentPods.cluster.readPod(name)).status?.conditions?.find(
      (c) => c.type === 'nodeless.dev/agent',
    );
    expect(condition?.message).toContain('"state":"ended"');
  }, 60_000);

  test('without the metadata endpoint probes work all the same', async () => {
    const { ask, ready } = await run(
      { containers: [app({ readinessProbe: webProbe('/ready') })] },
      { withoutMetadata: true },
    );
    await ask('/set?ready=true');
    await until(async () => (await ready()) === 'True');
  }, 60_000);

  test('a Service is reached at its loopback address, with its own port, where its ready pods are', async () => {
    const server1 = await run({ containers: [app()] });
    const service = await agentPods.cluster.admin.create(services, {
      metadata: { name: 'web', namespace },
      spec: { ports: [{ port: 80, targetPort: probedAppPorts.control }] },
    });
    const slice = await agentPods.cluster.admin.create(endpointSlices, {
      metadata: { name: 'web-1', namespace, labels: { 'kubernetes.io/service-name': 'web' } },
      addressType: 'IPv4',
      endpoints: [{ addresses: [server1.task.address], conditions: { ready: true } }],
      ports: [{ name: '', port: probedAppPorts.control, protocol: 'TCP' }],
    });
    const client = await run({ containers: [app()] });
    const url = `http://${serviceLoopback(service.spec?.clusterIP ?? '')}/at-start`;
    const get = () =>
      client.task.exec('app', [
        'node',
        '-e',
        `fetch('${url}').then((r) => r.text()).then(console.log, (e) => console.log(e.cause.code))`,
      ]);
    expect(await get()).toBe('{}');
    await agentPods.cluster.admin.update(endpointSlices, {
      ...slice,
      endpoints: [{ addresses: [server1.task.address], conditions: { ready: false } }],
    });
    // It is asked again where the pods are as soon as what is known is ten seconds old.
    await until(async () => (await get()) === 'ECONNRESET');
  }, 60_000);

  test('it takes less memory than a task is charged for it', async () => {
    const { task } = await run({ containers: [app({ readinessProbe: webProbe('/ready') })] });
    await delay(1_500);
    const used = await task.memoryMib(agentContainerName);
    expect(used).toBeGreaterThan(5);
    expect(used).toBeLessThan(96);
  }, 60_000);
});
