import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Container, Pod, PodSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import { isConflict } from '@nodeless/apimachinery/status';
import { configMaps, endpointSlices, events, pods, secrets, services } from '@nodeless/client/resource-types';
import { serviceLoopback } from '@nodeless/apimachinery/service-loopback';
import { createServiceDirectory } from '@nodeless/virtual-kubelet/agent-door/service-directory';
import { systemClock } from '@nodeless/component-base/clock';
import { agentContainer, agentContainerName, agentOverride } from '@nodeless/virtual-kubelet/agent/agent-container';
import { failedProbe, probeStatus } from '@nodeless/virtual-kubelet/agent/apply-report';
import { type AgentTiming, sharedVolumeName } from '@nodeless/virtual-kubelet/agent/agent-protocol';
import { agentVolumeNames } from '@nodeless/virtual-kubelet/agent-door/agent-volumes';
import { findEngine } from '@nodeless/virtual-kubelet/providers/docker/engine';
import type { NodeCapacity } from '@nodeless/virtual-kubelet/providers/provider';
import { planTask } from '@nodeless/virtual-kubelet/providers/fargate/task-definition';
import { readReferences } from '@nodeless/virtual-kubelet/pod-reads';
import { resolvePod } from '@nodeless/virtual-kubelet/resolve-pod';
import { build } from 'esbuild';
import { decodeJwt } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  type AgentCluster,
  createAgentCluster,
  type DoorServer,
  namespace,
  serveDoor,
} from '../builders/agent-door.ts';
import {
  bridgeAddress,
  type DockerTask,
  runDockerTask,
  type TaskOptions,
  taskOptionsOf,
} from '../builders/docker-task.ts';
import { fargateSettings } from '../builders/fargate.ts';
import { ensureNodeImage } from '../builders/node-image.ts';
import { probedApp, probedAppPath, probedAppPorts } from '../builders/probed-app.ts';
import { dockerProblem } from './docker-engine.ts';

const problem = await dockerProblem();
const { engine } = findEngine();
/** Everything faster than in AWS, nothing otherwise different. */
const timing: Partial<AgentTiming> = {
  volumes: { min: 300, max: 600 },
  services: { min: 300, max: 600 },
  metadata: { starting: 100, running: 200 },
  events: 500,
  gone: 300,
};
const second = { periodSeconds: 1, timeoutSeconds: 1, successThreshold: 1, failureThreshold: 1 };

describe.skipIf(problem !== undefined)(`the agent in a task on Docker${problem ? ` (${problem})` : ''}`, () => {
  let image: string;
  let cluster: AgentCluster;
  let server: DoorServer;
  let address: string;
  let sequence = 0;
  const tasks: DockerTask[] = [];

  beforeAll(async () => {
    image = await ensureNodeImage(engine, 'nodeless-test-agent', { [probedAppPath]: probedApp });
    const entry = fileURLToPath(new URL('../../lambdas/virtual-kubelet/agent/main.ts', import.meta.url));
    const bundle = await build({
      entryPoints: [entry],
      bundle: true,
      minify: true,
      platform: 'node',
      format: 'esm',
      target: 'node24',
      write: false,
    });
    const program = bundle.outputFiles[0]?.text ?? '';
    expect(program.length).toBeGreaterThan(1000);
    expect(program.length).toBeLessThan(100 * 1024);
    cluster = await createAgentCluster({
      clock: systemClock,
      timing,
      program,
      services: (client) =>
        createServiceDirectory({ client, dataPaths: { byDefault: 'auto', agents: true, loadBalancers: false } }),
    });
    address = await bridgeAddress(engine);
    server = await serveDoor(cluster.door, address);
  }, 120_000);
  afterAll(async () => {
    await server?.close();
    await cluster?.close();
  }, 60_000);

  afterEach(async () => {
    await Promise.all(tasks.splice(0).map((task) => task.remove()));
  }, 60_000);

  interface Running {
    readonly name: string;
    readonly pod: Pod;
    readonly task: DockerTask;
    /** Asks the program in the container. */
    ask<T = Record<string, unknown>>(path: string): Promise<T>;
    ready(): Promise<string | undefined>;
  }

  /** A pod as API object and as a task, with what the kubelet would say of it once its containers run. */
  const run = async (
    spec: Partial<PodSpec>,
    more: Partial<TaskOptions> & {
      readonly token?: (pod: Pod) => Promise<string>;
      /** Makes the task out of the pod, in place of what follows. */
      readonly plan?: (pod: Pod, token: string) => Promise<TaskOptions>;
    } = {},
  ): Promise<Running> => {
    const name = `pod-${++sequence}`;
    const pod = await cluster.startPod(name, { automountServiceAccountToken: false, ...spec }, { waiting: true });
    const volumes = agentVolumeNames(pod).map(sharedVolumeName);
    const token = await (more.token ?? cluster.agentToken)(pod);
    const task = await runDockerTask(
      engine,
      (await more.plan?.(pod, token)) ?? {
        agent: agentContainer({ image, volumes }),
        agentEnvironment: agentOverride(`http://${address}:${server.port}`, token).environment,
        volumes,
        containers: (pod.spec?.containers ?? []).map((c) => ({
          name: c.name,
          image,
          command: ['node', probedAppPath],
          user: String(c.securityContext?.runAsUser ?? 0),
          environment: Object.fromEntries((c.env ?? []).map((e) => [e.name, e.value ?? ''])),
          mounts: (c.volumeMounts ?? []).map((m) => ({
            volume: sharedVolumeName(m.name),
            path: m.mountPath,
            readOnly: m.name !== 'scratch',
          })),
        })),
        ...more,
      },
    );
    tasks.push(task);
    await markRunning(pod, task);
    return {
      name,
      pod,
      task,
      ask: async <T>(path: string) =>
        (await retried(() => fetch(`http://${task.address}:${probedAppPorts.control}${path}`)).then((r) =>
          r.json(),
        )) as T,
      ready: async () => (await cluster.readPod(name)).status?.conditions?.find((c) => c.type === 'Ready')?.status,
    };
  };

  /** What the pod reconciler does when ECS says that the containers run. */
  const markRunning = async (pod: Pod, task: DockerTask): Promise<void> => {
    const ids = new Map<string, string>();
    for (const { name } of pod.spec?.containers ?? []) ids.set(name, await task.id(name));
    for (;;) {
      const now = await cluster.readPod(pod.metadata?.name ?? '');
      const containerStatuses = (now.spec?.containers ?? []).map((c) => ({
        name: c.name,
        image: c.image ?? '',
        imageID: '',
        containerID: `ecs://${ids.get(c.name)}`,
        restartCount: 0,
        ...probeStatus(now, c, ids.get(c.name) ?? ''),
        state: { running: { startedAt: new Date().toISOString().replace(/\.\d+/, '') } },
      }));
      try {
        await cluster
          .nodeClient()
          .update(
            pods,
            { ...now, status: { ...now.status, phase: 'Running', containerStatuses } },
            { subresource: 'status' },
          );
        return;
      } catch (error) {
        if (!isConflict(error)) throw error;
      }
    }
  };

  const app = (more: Partial<Container> = {}): Container => ({ name: 'app', image: 'app', ...more });
  const webProbe = (path: string) => ({ ...second, httpGet: { path, port: probedAppPorts.http } });

  test('volumes stand before the pod’s containers start, as the kubelet lays them out', async () => {
    await cluster.admin.create(configMaps, {
      metadata: { name: 'settings', namespace },
      data: { 'app.conf': 'color=red\n' },
    });
    await cluster.admin.create(secrets, {
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
    await cluster.admin.create(configMaps, {
      metadata: { name: 'edited', namespace },
      data: { a: 'one', gone: 'soon' },
    });
    const { ask } = await run({
      containers: [app({ volumeMounts: [{ name: 'v', mountPath: '/v' }] })],
      volumes: [{ name: 'v', configMap: { name: 'edited' } }],
    });
    expect(await ask('/look?path=/v/a')).toMatchObject({ content: 'one' });
    await cluster.admin.update(configMaps, {
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
    (await cluster.admin.list(events, { namespace })).items.filter((e) => e.involvedObject.name === name);

  test('until the startup probe has succeeded nothing else is probed and nothing is ready', async () => {
    const { ask, ready, name } = await run({
      containers: [
        app({
          startupProbe: { ...webProbe('/started'), failureThreshold: 100 },
          readinessProbe: webProbe('/ready'),
          livenessProbe: webProbe('/alive'),
        }),
      ],
    });
    await ask('/set?started=false&ready=true&alive=false');
    await until(async () => (await eventsOf(name)).some((e) => e.message?.startsWith('Startup probe failed')));
    expect(await ready()).not.toBe('True');
    expect((await cluster.readPod(name)).status?.containerStatuses?.[0]).toMatchObject({
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
        (await cluster.readPod(name)).status?.conditions?.some((c) => c.type === 'nodeless.dev/agent') ?? false,
    );
    expect(failedProbe(await cluster.readPod(name), 'app', runId)).toBeUndefined();
    await ask('/set?alive=false');
    await until(async () => failedProbe(await cluster.readPod(name), 'app', runId) !== undefined);
    expect(failedProbe(await cluster.readPod(name), 'app', runId)).toEqual({
      probe: 'liveness',
      message: 'Liveness probe failed: HTTP probe failed with statuscode: 503',
    });
    // Another run of it has done nothing wrong.
    expect(failedProbe(await cluster.readPod(name), 'app', 'another')).toBeUndefined();
  }, 60_000);

  test('a container that is started again begins as not ready', async () => {
    const { ask, ready, task, name, pod } = await run({ containers: [app({ readinessProbe: webProbe('/ready') })] });
    await ask('/set?ready=true');
    await until(async () => (await ready()) === 'True');
    await task.restart('app');
    await markRunning(pod, task);
    await until(async () => (await ready()) === 'False');
    await ask('/set?ready=true');
    await until(async () => (await ready()) === 'True');
    const condition = (await cluster.readPod(name)).status?.conditions?.find((c) => c.type === 'nodeless.dev/agent');
    expect(condition?.message).toContain('"restartCount":1');
  }, 60_000);

  test('tokens are renewed before four fifths of their life are over', async () => {
    let shortLived = 0;
    cluster.shortenTokens((audience) => (audience === 'vault' ? (++shortLived, 5) : undefined));
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
      cluster.shortenTokens(() => undefined);
    }
  }, 60_000);

  test('while the door is away the pod goes on, and what was missed is made up for', async () => {
    await cluster.admin.create(configMaps, { metadata: { name: 'missed', namespace }, data: { a: 'one' } });
    const { ask, ready, task } = await run({
      containers: [app({ readinessProbe: webProbe('/ready'), volumeMounts: [{ name: 'v', mountPath: '/v' }] })],
      volumes: [{ name: 'v', configMap: { name: 'missed' } }],
    });
    await until(async () => (await ready()) === 'False');
    await server.goAway();
    await ask('/set?ready=true');
    await cluster.admin.update(configMaps, { metadata: { name: 'missed', namespace }, data: { a: 'two' } });
    await delay(2_500);
    expect(await ready()).toBe('False');
    expect(await ask('/look?path=/v/a')).toMatchObject({ content: 'one' });
    expect(await task.isRunning(agentContainerName)).toBe(true);
    await server.comeBack();
    await until(async () => (await ready()) === 'True');
    await until(async () => (await ask('/look?path=/v/a'))['content'] === 'two');
  }, 60_000);

  test('the program and the boot document are waited for', async () => {
    await server.goAway();
    const back = delay(1_500).then(() => server.comeBack());
    const { ask } = await run({ containers: [app()] });
    await back;
    expect(await ask('/at-start')).toEqual({});
  }, 60_000);

  test('with a token that is not its own, or none of ours, the agent gives up and the pod does not start', async () => {
    const other = await cluster.startPod('not-mine', {}, { waiting: true });
    const token = await cluster.agentToken(other);
    await cluster.admin.delete(pods, { namespace, name: 'not-mine' }, { gracePeriodSeconds: 0 });
    const gone = run({ containers: [app()] }, { token: () => Promise.resolve(token) });
    await expect(gone).rejects.toThrow(/exit 1[^]*does not exist any more/);
    const forged = `${token.slice(0, -20)}${'A'.repeat(20)}`;
    const refused = run({ containers: [app()] }, { token: () => Promise.resolve(forged) });
    await expect(refused).rejects.toThrow(/exit 1[^]*Unauthorized/);
  }, 60_000);

  test('the agent ends with the pod that is gone', async () => {
    const { name, task } = await run({ containers: [app({ readinessProbe: webProbe('/ready') })] });
    await cluster.admin.delete(pods, { namespace, name }, { gracePeriodSeconds: 0 });
    await until(async () => !(await task.isRunning(agentContainerName)));
    expect(await task.exitCode(agentContainerName)).toBe(0);
  }, 60_000);

  test('the agent ends after the last container of a pod that ends', async () => {
    const { task } = await run({ restartPolicy: 'Never', containers: [app(), app({ name: 'other' })] }, {});
    await task.kill('app');
    await delay(1_000);
    expect(await task.isRunning(agentContainerName)).toBe(true);
    await task.kill('other');
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
    const condition = (await cluster.readPod(name)).status?.conditions?.find((c) => c.type === 'nodeless.dev/agent');
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
    const service = await cluster.admin.create(services, {
      metadata: { name: 'web', namespace },
      spec: { ports: [{ port: 80, targetPort: probedAppPorts.control }] },
    });
    const slice = await cluster.admin.create(endpointSlices, {
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
    await cluster.admin.update(endpointSlices, {
      ...slice,
      endpoints: [{ addresses: [server1.task.address], conditions: { ready: false } }],
    });
    // It is asked again where the pods are as soon as what is known is ten seconds old.
    await until(async () => (await get()) === 'ECONNRESET');
  }, 60_000);

  describe('as the Fargate provider plans it', () => {
    const families = new Set<string>();

    /** Task definition and overrides as RunTask gets them. */
    const plan = async (pod: Pod, token: string): Promise<TaskOptions> => {
      const client = cluster.nodeClient();
      const { pod: resolved, problems } = await resolvePod(
        pod,
        { capacity: {}, allocatable: {}, labels: {}, addresses: [], info: {} as NodeCapacity['info'] },
        {
          client,
          references: readReferences(client),
          tokens: { token: () => Promise.resolve(''), renewAt: () => undefined, forget: () => {} },
          services: () => [],
          dns: {
            nameservers: ['10.96.0.10'],
            domain: 'cluster.local',
            node: { nameservers: [], searches: [], options: [] },
          },
          withVolumes: true,
        },
      );
      expect(problems).toEqual([]);
      const secretValues = new Map<string, string>();
      const { definition, overrides } = planTask(
        resolved,
        { bootToken: token, roleArn: '', attempt: 0, architecture: 'amd64' },
        { ...fargateSettings, agentImage: image, kubeletEndpoint: `http://${address}:${server.port}` },
        {
          secretFor: (value) => {
            const place = `arn:aws:ssm:::parameter/${secretValues.size}`;
            secretValues.set(place, value);
            return place;
          },
          credentialsFor: () => undefined,
        },
      );
      families.add(definition.family ?? '');
      return taskOptionsOf(definition, overrides, secretValues);
    };
    const command = ['node', probedAppPath];

    test('files, environment, empty folders and exec probes come together', async () => {
      await cluster.admin.create(configMaps, { metadata: { name: 'planned', namespace }, data: { color: 'green' } });
      await cluster.admin.create(secrets, {
        metadata: { name: 'planned', namespace },
        data: { key: Buffer.from('s3cret').toString('base64') },
      });
      const spec: Partial<PodSpec> = {
        automountServiceAccountToken: true,
        containers: [
          {
            name: 'app',
            image,
            command,
            env: [
              {
                name: 'LOOK_AT',
                value: '/config/color,/var/run/secrets/kubernetes.io/serviceaccount/namespace,/scratch',
              },
              { name: 'KEY', valueFrom: { secretKeyRef: { name: 'planned', key: 'key' } } },
              { name: 'NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
            ],
            readinessProbe: { exec: { command: ['test', '-e', '/scratch/ready'] }, periodSeconds: 5 },
            volumeMounts: [
              { name: 'config', mountPath: '/config' },
              { name: 'scratch', mountPath: '/scratch' },
            ],
          },
        ],
        securityContext: { runAsUser: 1000 },
        volumes: [
          { name: 'config', configMap: { name: 'planned' } },
          { name: 'scratch', emptyDir: {} },
        ],
      };
      const { ask, ready, task, name } = await run(spec, { plan });
      expect(await ask('/at-start')).toEqual({
        '/config/color': 'green',
        '/var/run/secrets/kubernetes.io/serviceaccount/namespace': namespace,
        '/scratch': 'EISDIR',
      });
      expect(await task.exec('app', ['sh', '-c', 'echo $KEY $NAME'])).toBe(`s3cret ${name}`);
      await until(async () => (await ready()) === 'False');
      expect(await ask('/write?path=/scratch/ready')).toMatchObject({ uid: 1000 });
      await until(async () => (await ready()) === 'True');

      const other = await run(spec, { plan });
      expect(await other.task.exec('app', ['sh', '-c', 'echo $NAME'])).toBe(other.name);
      // One task definition for all pods of a template: registering is limited to one a second.
      expect(families.size).toBe(1);
    }, 60_000);

    test('the end of the last of several containers is the end of the task', async () => {
      const { task } = await run(
        {
          restartPolicy: 'Never',
          containers: ['a', 'b'].map((name) => ({ name, image, command: ['sleep', '1000'] })),
          volumes: [{ name: 'scratch', emptyDir: {} }],
        },
        { plan },
      );
      await task.kill('a');
      await task.kill('b');
      await until(async () => !(await task.isRunning(agentContainerName)));
      expect(await task.exitCode(agentContainerName)).toBe(0);
    }, 60_000);
  });

  test('it takes less memory than a task is charged for it', async () => {
    const { task } = await run({ containers: [app({ readinessProbe: webProbe('/ready') })] });
    await delay(1_500);
    const used = await task.memoryMib(agentContainerName);
    expect(used).toBeGreaterThan(5);
    expect(used).toBeLessThan(96);
  }, 60_000);
});

async function until(condition: () => Promise<boolean>, everyMs = 50, patienceMs = 20_000): Promise<void> {
  for (const deadline = Date.now() + patienceMs; ; await delay(everyMs)) {
    if (await condition()) return;
    if (Date.now() > deadline) throw new Error('it did not come to be in time');
  }
}

/** A program that has just been started may not listen yet. */
async function retried<T>(call: () => Promise<T>): Promise<T> {
  for (const deadline = Date.now() + 10_000; ; await delay(50)) {
    try {
      return await call();
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
  }
}
