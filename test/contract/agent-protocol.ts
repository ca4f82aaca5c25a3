/** What every door of the virtual kubelet does for agents: the specification in agent-protocol.ts, as cases. */
import type { Pod, PodSpec } from '@nodeless/apimachinery/generated/types/core/v1';
import { configMaps, events, pods, secrets } from '@nodeless/client/resource-types';
import {
  agentAudience,
  type AgentReport,
  type AgentVolume,
  type BootDocument,
  type ContainerReport,
  maxReportBytes,
  paths,
  type TokenResponse,
  type VolumesResponse,
} from '@nodeless/virtual-kubelet/agent/agent-protocol';
import { decodeJwt } from 'jose';
import { expect } from 'vitest';
import { type AgentCluster, issuer, namespace } from '../builders/agent-door.ts';

export interface DoorHarness {
  readonly cluster: AgentCluster;
  /** One request at the door. */
  call(method: string, path: string, options?: CallOptions): Promise<Response>;
  dispose(): Promise<void>;
}

export interface CallOptions {
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** A case of the contract: it fails by throwing. */
export type DoorCases = Readonly<Record<string, (harness: DoorHarness) => Promise<void>>>;

const mount = (name: string) => ({ name, mountPath: `/${name}` });

/** A pod that has a bit of everything that agents look after. */
function fullSpec(): Partial<PodSpec> {
  return {
    securityContext: { fsGroup: 2000 },
    containers: [
      {
        name: 'app',
        image: 'app',
        ports: [{ name: 'web', containerPort: 8080 }],
        readinessProbe: { httpGet: { path: '/ready', port: 'web' }, periodSeconds: 1 },
        volumeMounts: [mount('settings'), mount('keys'), mount('about'), mount('scratch'), mount('mixed')],
      },
    ],
    volumes: [
      { name: 'settings', configMap: { name: 'settings' } },
      { name: 'keys', secret: { secretName: 'keys', defaultMode: 0o400, items: [{ key: 'a', path: 'deep/er/a' }] } },
      {
        name: 'about',
        downwardAPI: {
          items: [
            { path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } },
            { path: 'cpu', resourceFieldRef: { containerName: 'app', resource: 'limits.cpu' } },
          ],
        },
      },
      { name: 'scratch', emptyDir: {} },
      {
        name: 'mixed',
        projected: {
          sources: [
            { serviceAccountToken: { path: 'vault', audience: 'vault', expirationSeconds: 1200 } },
            { configMap: { name: 'settings', items: [{ key: 'color', path: 'color' }] } },
          ],
        },
      },
    ],
  };
}

async function fullPod(cluster: AgentCluster, name = 'full'): Promise<Pod> {
  await cluster.admin.create(configMaps, { metadata: { name: 'settings', namespace }, data: { color: 'red' } });
  await cluster.admin.create(secrets, { metadata: { name: 'keys', namespace }, data: { a: 'AAEC' } });
  return cluster.startPod(name, fullSpec());
}

export function containerReport(more: Partial<ContainerReport> = {}): ContainerReport {
  return {
    name: 'app',
    runId: 'run-app',
    state: 'running',
    started: true,
    ready: true,
    changedAt: '2030-01-01T00:00:00.000Z',
    ...more,
  };
}

export function agentReport(pod: Pod, sequence: number, more: Partial<AgentReport> = {}): AgentReport {
  return {
    protocol: 1,
    agent: { version: '1.0.0', capabilities: ['volumes'] },
    podUid: pod.metadata?.uid ?? '',
    bootedAt: 1_000,
    sequence,
    at: '2030-01-01T00:00:00.000Z',
    volumesRevision: 'r1',
    containers: [containerReport()],
    events: [],
    ...more,
  };
}

const statusOf = async (answer: Response): Promise<{ code: number; reason: string | undefined; message: string }> => {
  const body = (await answer.json()) as { kind: string; code: number; reason?: string; message: string };
  expect(body.kind).toBe('Status');
  expect(body.code).toBe(answer.status);
  return { code: answer.status, reason: body.reason, message: body.message };
};
const ok = async <T>(answer: Response): Promise<T> => {
  const text = await answer.text();
  expect(answer.status, text).toBe(200);
  return JSON.parse(text) as T;
};
const isReady = async (cluster: AgentCluster, name: string): Promise<string | undefined> =>
  (await cluster.readPod(name)).status?.conditions?.find((c) => c.type === 'Ready')?.status;
const volumeOf = (from: BootDocument | VolumesResponse, name: string): AgentVolume | undefined =>
  ('protocol' in from ? from.volumes : from).volumes.find((v) => v.name === name);

export const doorCases: DoorCases = {
  async 'nothing is told to who shows no token, or none of ours'({ cluster, call }) {
    const pod = await cluster.startPod('a', {});
    const good = await cluster.agentToken(pod);
    const [head, payload, signature] = good.split('.') as [string, string, string];
    const tampered = Buffer.from(JSON.stringify({ ...decodeJwt(good), aud: ['other'] })).toString('base64url');
    const none = Buffer.from('{"alg":"none"}').toString('base64url');
    const tokens = [undefined, '', 'x', `${head}.${tampered}.${signature}`, `${none}.${payload}.`, 'x'.repeat(9_000)];
    for (const token of tokens) {
      for (const path of [...Object.values(paths), '/agent/v1/nothing', '/healthz', '/nodes/n/pods', '/']) {
        const answer = await call('GET', path, { token });
        expect(await statusOf(answer)).toEqual({ code: 401, reason: 'Unauthorized', message: 'Unauthorized' });
      }
    }
    expect((await call('GET', paths.boot, { token: good })).status).toBe(200);
  },

  async 'tokens for another audience or without a pod are none of ours'({ cluster, call }) {
    const pod = await cluster.startPod('a', {});
    for (const token of [
      await cluster.agentToken(pod, 600, ''),
      await cluster.agentToken(pod, 600, 'vault'),
      await cluster.kubeletToken(),
    ])
      expect((await call('GET', paths.boot, { token })).status).toBe(401);
  },

  async 'an agent has no way to what the API server reads'({ cluster, call }) {
    const pod = await cluster.startPod('a', {});
    for (const audience of [agentAudience, 'nodeless-kubelet']) {
      const token = await cluster.agentToken(pod, 600, audience);
      for (const path of ['/healthz', '/nodes/x/pods', `/nodes/x/containerLogs/${namespace}/a/app`])
        expect((await call('GET', path, { token })).status).toBe(401);
    }
  },

  async 'a pod that is gone, or replaced by another of its name, is 410'({ cluster, call }) {
    const pod = await cluster.startPod('a', {});
    const token = await cluster.agentToken(pod);
    await cluster.admin.delete(pods, { namespace, name: 'a' }, { gracePeriodSeconds: 0 });
    expect(await statusOf(await call('GET', paths.boot, { token }))).toMatchObject({ code: 410, reason: 'Gone' });
    await cluster.startPod('a', {});
    for (const path of [paths.boot, paths.program, paths.volumes])
      expect((await call('GET', path, { token })).status).toBe(410);
    expect((await call('POST', paths.report, { token, body: agentReport(pod, 1) })).status).toBe(410);
    expect(await isReady(cluster, 'a')).not.toBe('True');
  },

  async 'the program comes with a tag, and not again'({ cluster, call }) {
    const token = await cluster.agentToken(await cluster.startPod('a', {}));
    const first = await call('GET', paths.program, { token });
    expect(first.headers.get('content-type')).toContain('text/javascript');
    expect(await first.text()).toContain('the agent');
    const etag = first.headers.get('etag') ?? '';
    expect(etag).toMatch(/^".+"$/);
    const second = await call('GET', paths.program, { token, headers: { 'if-none-match': etag } });
    expect(second.status).toBe(304);
    expect(await second.text()).toBe('');
  },

  async 'the boot document holds what the pod needs to start'({ cluster, call }) {
    const pod = await fullPod(cluster);
    const boot = await ok<BootDocument>(await call('GET', paths.boot, { token: await cluster.agentToken(pod) }));
    expect(boot.protocol).toBe(1);
    expect(boot.pod).toMatchObject({ namespace, name: 'full', uid: pod.metadata?.uid, serviceAccountName: 'default' });
    expect(boot.containers).toEqual([
      {
        name: 'app',
        fieldPath: 'spec.containers{app}',
        ports: [{ name: 'web', containerPort: 8080, protocol: 'TCP' }],
        readinessProbe: {
          httpGet: { path: '/ready', port: 'web', scheme: 'HTTP' },
          periodSeconds: 1,
          timeoutSeconds: 1,
          successThreshold: 1,
          failureThreshold: 3,
        },
      },
    ]);
    expect(boot.emptyDirs).toEqual([{ name: 'scratch', mode: 0o2777, gid: 2000 }]);
    expect(boot.dns.searches).toEqual(['default.svc.cluster.local', 'svc.cluster.local', 'cluster.local']);
    expect(boot.endsWith).toEqual([]);
    expect(boot.timing.volumes.max).toBeGreaterThan(0);
    expect(volumeOf(boot, 'settings')).toEqual({
      name: 'settings',
      gid: 2000,
      files: [{ path: 'color', mode: 0o644, content: 'cmVk' }],
    });
    expect(volumeOf(boot, 'keys')?.files).toEqual([{ path: 'deep/er/a', mode: 0o444, content: 'AAEC' }]);
    expect(volumeOf(boot, 'mixed')?.files).toEqual([
      { path: 'vault', mode: 0o644, token: { audience: 'vault', expirationSeconds: 1200 } },
      { path: 'color', mode: 0o644, content: 'cmVk' },
    ]);
    const access = boot.volumes.volumes.find((v) => v.name.startsWith('kube-api-access-'));
    expect(access?.files.map((f) => f.path)).toEqual(['token', 'ca.crt', 'namespace']);
    expect(boot.tokens.map(({ audience, expirationSeconds }) => [audience, expirationSeconds])).toEqual(
      expect.arrayContaining([
        ['vault', 1200],
        ['', 3607],
      ]),
    );
    const vault = boot.tokens.find((t) => t.audience === 'vault') as TokenResponse;
    expect(decodeJwt(vault.token)).toMatchObject({ aud: ['vault'], sub: 'system:serviceaccount:default:default' });
    expect(Date.parse(vault.renewAt) - cluster.clock.now()).toBe(960_000);
  },

  async 'a pod that ends names the containers that it ends with'({ cluster, call }) {
    for (const [restartPolicy, ends] of [
      ['Never', ['app']],
      ['OnFailure', ['app']],
    ] as const) {
      const pod = await cluster.startPod(restartPolicy.toLowerCase(), { restartPolicy });
      const boot = await ok<BootDocument>(await call('GET', paths.boot, { token: await cluster.agentToken(pod) }));
      expect(boot.endsWith).toEqual(ends);
    }
  },

  async 'booting waits for what is missing, and says for what'({ cluster, call }) {
    const pod = await cluster.startPod('a', { volumes: [{ name: 'v', configMap: { name: 'later' } }] });
    const token = await cluster.agentToken(pod);
    expect(await statusOf(await call('GET', paths.boot, { token }))).toEqual({
      code: 409,
      reason: 'Conflict',
      message: 'MountVolume.SetUp failed for volume "v" : configmap "later" not found',
    });
    await cluster.admin.create(configMaps, { metadata: { name: 'later', namespace }, data: { a: 'b' } });
    expect((await call('GET', paths.boot, { token })).status).toBe(200);
  },

  async 'volumes are told only when they have changed'({ cluster, call }) {
    const pod = await fullPod(cluster);
    const token = await cluster.agentToken(pod);
    const boot = await ok<BootDocument>(await call('GET', paths.boot, { token }));
    const headers = { 'if-none-match': `"${boot.volumes.revision}"` };
    expect((await call('GET', paths.volumes, { token, headers })).status).toBe(304);
    await cluster.admin.update(configMaps, { metadata: { name: 'settings', namespace }, data: { color: 'blue' } });
    const answer = await call('GET', paths.volumes, { token, headers });
    const fresh = await ok<VolumesResponse>(answer);
    expect(fresh.revision).not.toBe(boot.volumes.revision);
    expect(answer.headers.get('etag')).toBe(`"${fresh.revision}"`);
    expect(volumeOf(fresh, 'settings')?.files[0]?.content).toBe('Ymx1ZQ==');
    await cluster.admin.update(configMaps, { metadata: { name: 'settings', namespace }, data: { color: 'red' } });
    const back = await ok<VolumesResponse>(await call('GET', paths.volumes, { token }));
    expect(back).toEqual(boot.volumes);
  },

  async 'labels and annotations that change come through, the agent’s own reports do not'({ cluster, call }) {
    const pod = await fullPod(cluster);
    const token = await cluster.agentToken(pod);
    const before = await ok<VolumesResponse>(await call('GET', paths.volumes, { token }));
    await ok(await call('POST', paths.report, { token, body: agentReport(pod, 1) }));
    const headers = { 'if-none-match': `"${before.revision}"` };
    expect((await call('GET', paths.volumes, { token, headers })).status).toBe(304);
    await cluster.admin.patch(pods, { namespace, name: 'full' }, 'merge', { metadata: { labels: { tier: 'gold' } } });
    const after = await ok<VolumesResponse>(await call('GET', paths.volumes, { token, headers }));
    const labels = volumeOf(after, 'about')?.files.find((f) => f.path === 'labels');
    expect(Buffer.from(labels?.content ?? '', 'base64').toString()).toBe('tier="gold"');
  },

  async 'a pod cannot make the door take its ConfigMap for a token'({ cluster, call }) {
    const data = { a: '0'.repeat(32) + '0', b: '{"audience":"vault"}' };
    await cluster.admin.create(configMaps, { metadata: { name: 'settings', namespace }, data });
    await cluster.admin.create(secrets, { metadata: { name: 'keys', namespace }, data: { a: 'AAEC' } });
    const pod = await cluster.startPod('a', { volumes: [{ name: 'v', configMap: { name: 'settings' } }] });
    const volumes = await ok<VolumesResponse>(
      await call('GET', paths.volumes, { token: await cluster.agentToken(pod) }),
    );
    expect(volumeOf(volumes, 'v')?.files.every((f) => f.token === undefined)).toBe(true);
  },

  async 'tokens are given for what the pod’s volumes project, and the agent itself'({ cluster, call }) {
    const pod = await fullPod(cluster);
    const token = await cluster.agentToken(pod);
    const ask = (body: unknown) => call('POST', paths.token, { token, body });
    const vault = await ok<TokenResponse>(await ask({ audience: 'vault', expirationSeconds: 1200 }));
    expect(decodeJwt(vault.token)).toMatchObject({ aud: ['vault'], iss: issuer });
    const own = await ok<TokenResponse>(await ask({ audience: agentAudience, expirationSeconds: 86_400 }));
    expect((await call('GET', paths.boot, { token: own.token })).status).toBe(200);
    for (const body of [
      { audience: 'vault', expirationSeconds: 86_400 },
      { audience: 'other', expirationSeconds: 1200 },
      { audience: 'nodeless-kubelet', expirationSeconds: 1200 },
    ])
      expect(await statusOf(await ask(body))).toMatchObject({ code: 403, reason: 'Forbidden' });
    for (const body of [{}, { audience: 'vault' }, { audience: 1, expirationSeconds: 1 }, [], null, 'vault'])
      expect(await statusOf(await ask(body))).toMatchObject({ code: 400, reason: 'BadRequest' });
  },

  async 'a report becomes the pod’s readiness'({ cluster, call }) {
    const pod = await fullPod(cluster);
    const token = await cluster.agentToken(pod);
    const send = async (sequence: number, more: Partial<ContainerReport>) =>
      ok<{ accepted: boolean }>(
        await call('POST', paths.report, {
          token,
          body: agentReport(pod, sequence, { containers: [containerReport(more)] }),
        }),
      );
    expect(await send(1, { ready: false })).toEqual({ accepted: true });
    expect(await isReady(cluster, 'full')).toBe('False');
    expect(await send(2, { ready: true })).toEqual({ accepted: true });
    const after = await cluster.readPod('full');
    expect(after.status?.containerStatuses?.[0]).toMatchObject({ ready: true, started: true });
    expect(after.status?.conditions?.map((c) => [c.type, c.status])).toEqual(
      expect.arrayContaining([
        ['ContainersReady', 'True'],
        ['Ready', 'True'],
      ]),
    );
    expect(await send(3, { ready: false })).toEqual({ accepted: true });
    expect(await isReady(cluster, 'full')).toBe('False');
  },

  async 'late reports are dropped, repeated ones change nothing, a new run of the agent starts again'({
    cluster,
    call,
  }) {
    const pod = await fullPod(cluster);
    const token = await cluster.agentToken(pod);
    const send = async (bootedAt: number, sequence: number, ready: boolean) =>
      ok<{ accepted: boolean }>(
        await call('POST', paths.report, {
          token,
          body: agentReport(pod, sequence, { bootedAt, containers: [containerReport({ ready })] }),
        }),
      );
    await send(1000, 5, true);
    const { resourceVersion } = (await cluster.readPod('full')).metadata ?? {};
    expect(await send(1000, 4, false)).toEqual({ accepted: false });
    expect(await send(999, 9, false)).toEqual({ accepted: false });
    expect(await send(1000, 5, true)).toEqual({ accepted: true });
    expect((await cluster.readPod('full')).metadata?.resourceVersion).toBe(resourceVersion);
    expect(await isReady(cluster, 'full')).toBe('True');
    expect(await send(2000, 1, false)).toEqual({ accepted: true });
    expect(await isReady(cluster, 'full')).toBe('False');
  },

  async 'a report that meets another writer of the status is applied to what that one wrote'({ cluster, call }) {
    const pod = await fullPod(cluster);
    const token = await cluster.agentToken(pod);
    const node = cluster.nodeClient();
    cluster.meanwhile(async () => {
      const now = await node.get(pods, { namespace, name: 'full' });
      await node.update(pods, { ...now, status: { ...now.status, message: 'other' } }, { subresource: 'status' });
    });
    expect(await ok(await call('POST', paths.report, { token, body: agentReport(pod, 1) }))).toEqual({
      accepted: true,
    });
    expect((await cluster.readPod('full')).status?.message).toBe('other');
    expect(await isReady(cluster, 'full')).toBe('True');
  },

  async 'a report that meets the end of its pod is 410, and the next pod of that name has nothing of it'({
    cluster,
    call,
  }) {
    const pod = await fullPod(cluster);
    const token = await cluster.agentToken(pod);
    cluster.meanwhile(async () => {
      await cluster.admin.delete(pods, { namespace, name: 'full' }, { gracePeriodSeconds: 0 });
      await cluster.startPod('full', fullSpec());
    });
    expect((await call('POST', paths.report, { token, body: agentReport(pod, 1) })).status).toBe(410);
    const next = await cluster.readPod('full');
    expect(next.status?.conditions?.some((c) => c.type === 'nodeless.dev/agent')).not.toBe(true);
  },

  async 'a late report that meets a later one is dropped'({ cluster, call }) {
    const pod = await fullPod(cluster);
    const token = await cluster.agentToken(pod);
    const send = async (sequence: number, ready: boolean) =>
      ok(
        await call('POST', paths.report, {
          token,
          body: agentReport(pod, sequence, { containers: [containerReport({ ready })] }),
        }),
      );
    cluster.meanwhile(() => send(2, true));
    expect(await send(1, false)).toEqual({ accepted: false });
    expect(await isReady(cluster, 'full')).toBe('True');
  },

  async 'events are written once, with their count, however often they are sent'({ cluster, call }) {
    const pod = await fullPod(cluster);
    const token = await cluster.agentToken(pod);
    const event = (count: number, lastAt: string) => ({
      type: 'Warning' as const,
      reason: 'Unhealthy',
      message: 'Readiness probe failed: HTTP probe failed with statuscode: 503',
      fieldPath: 'spec.containers{app}',
      count,
      firstAt: '2030-01-01T00:00:00.123Z',
      lastAt,
    });
    const send = async (sequence: number, count: number, lastAt: string) =>
      ok(
        await call('POST', paths.report, {
          token,
          body: agentReport(pod, sequence, { events: [event(count, lastAt)] }),
        }),
      );
    await send(1, 1, '2030-01-01T00:00:00.123Z');
    await send(1, 1, '2030-01-01T00:00:00.123Z');
    await send(2, 7, '2030-01-01T00:01:00.000Z');
    const found = (await cluster.admin.list(events, { namespace })).items.filter((e) => e.reason === 'Unhealthy');
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({
      count: 7,
      type: 'Warning',
      message: event(1, '').message,
      firstTimestamp: '2030-01-01T00:00:00Z',
      lastTimestamp: '2030-01-01T00:01:00Z',
      involvedObject: { kind: 'Pod', name: 'full', uid: pod.metadata?.uid, fieldPath: 'spec.containers{app}' },
      source: { component: 'kubelet' },
    });
  },

  async 'reports that are malformed, too large or about others are refused'({ cluster, call }) {
    const pod = await fullPod(cluster);
    const other = await cluster.startPod('other', {});
    const token = await cluster.agentToken(pod);
    const good = agentReport(pod, 1);
    const longEvent = {
      type: 'Warning' as const,
      reason: 'Unhealthy',
      message: '',
      fieldPath: '',
      count: 1,
      firstAt: good.at,
      lastAt: good.at,
    };
    const bad: unknown[] = [
      null,
      [],
      'report',
      {},
      { ...good, protocol: 2 },
      { ...good, sequence: 0 },
      { ...good, sequence: 1.5 },
      { ...good, sequence: '1' },
      { ...good, bootedAt: -1 },
      { ...good, containers: {} },
      { ...good, containers: [null] },
      { ...good, containers: [{ ...containerReport(), ready: 'yes' }] },
      { ...good, containers: [{ ...containerReport(), state: 'sleeping' }] },
      { ...good, containers: Array.from({ length: 65 }, () => containerReport()) },
      { ...good, events: Array.from({ length: 51 }, () => ({})) },
      { ...good, at: 'yesterday' },
      { ...good, agent: { version: 'x'.repeat(65), capabilities: [] } },
      { ...good, containers: [containerReport({ runId: 'x'.repeat(129) })] },
      { ...good, containers: [containerReport({ failed: { probe: 'readiness' as 'liveness', message: '' } })] },
      { ...good, events: [{ ...longEvent, message: 'x'.repeat(1025) }] },
      { ...good, events: [{ ...longEvent, reason: 'not a reason' }] },
      { ...good, events: [{ ...longEvent, count: 0 }] },
      agentReport(other, 1),
    ];
    for (const body of bad) {
      const answer = await call('POST', paths.report, { token, body });
      expect(await statusOf(answer), JSON.stringify(body)?.slice(0, 200)).toMatchObject({ code: 400 });
    }
    const large = await call('POST', paths.report, { token, body: { ...good, filler: 'x'.repeat(maxReportBytes) } });
    expect(await statusOf(large)).toMatchObject({ code: 413, reason: 'RequestEntityTooLarge' });
    expect(await isReady(cluster, 'full')).not.toBe('True');
  },

  async 'an agent cannot speak of containers that the pod has not, nor under names that mean something'({
    cluster,
    call,
  }) {
    const pod = await fullPod(cluster);
    const token = await cluster.agentToken(pod);
    const names = ['__proto__', 'constructor', 'nobody'];
    const containers = [...names.map((name) => containerReport({ name })), containerReport()];
    await ok(await call('POST', paths.report, { token, body: agentReport(pod, 1, { containers }) }));
    const message = (await cluster.readPod('full')).status?.conditions?.find(
      (c) => c.type === 'nodeless.dev/agent',
    )?.message;
    expect(Object.keys((JSON.parse(message ?? '{}') as { containers: object }).containers)).toEqual(['app']);
    expect(({} as { ready?: unknown }).ready).toBeUndefined();
  },

  async 'paths and methods that do not exist are said so, to agents only'({ cluster, call }) {
    const token = await cluster.agentToken(await cluster.startPod('a', {}));
    expect(await statusOf(await call('GET', '/agent/v1/nothing', { token }))).toMatchObject({ code: 404 });
    expect(await statusOf(await call('GET', '/agent/v2/boot', { token }))).toMatchObject({ code: 404 });
    expect(await statusOf(await call('GET', paths.report, { token }))).toMatchObject({ code: 405 });
    expect(await statusOf(await call('POST', paths.boot, { token, body: {} }))).toMatchObject({ code: 405 });
  },
};
